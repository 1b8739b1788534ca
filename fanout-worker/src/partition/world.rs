//! A world in which frames get lost, owners change and nodes fall silent.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::tests::{TIMING, joined, message, millis, node, partition, room, sends, view};
use super::*;

/// The stream, rolled up as the server does.
#[derive(Default)]
struct Log {
    records: Vec<Record>,
    end: Seq,
}

impl Log {
    fn store(&mut self, record: impl FnOnce(Seq) -> Record) -> Seq {
        self.end += 1;
        let record = record(self.end);
        if let Entry::Interest { room, node, .. } = &record.entry {
            self.records.retain(|old| {
                !matches!(&old.entry, Entry::Interest { room: r, node: n, .. } if r == room && n == node)
            });
        }
        self.records.push(record);
        self.end
    }

    /// The room's messages after `last`.
    fn messages(&self, room: &RoomName, last: Seq) -> Vec<Seq> {
        let in_room = |record: &&Record| {
            record.seq > last
                && matches!(&record.entry, Entry::Message { room: r, .. } if r == room)
        };
        self.records.iter().filter(in_room).map(|record| record.seq).collect()
    }

    fn membership(&self) -> Membership {
        let mut membership = Membership::default();
        for record in &self.records {
            if let Entry::Interest { room, node, interest } = &record.entry {
                membership.apply(room, node, *interest, record.seq, 0);
            }
        }
        membership
    }
}

/// A node that follows the delivery rule.
#[derive(Default)]
struct Follower {
    rooms: BTreeMap<RoomName, (Seq, Vec<Seq>)>,
    epoch: Epoch,
    counter: u64,
    /// Rooms it has left: from where on, and what it emitted.
    past: Vec<(RoomName, Seq, Vec<Seq>)>,
    joined: BTreeMap<RoomName, Seq>,
}

impl Follower {
    fn hear(&mut self, item: &ToNode, log: &Log) {
        match item {
            ToNode::Messages(messages) => {
                if !self.accept(messages.epoch, messages.counter - 1, log) {
                    return;
                }
                self.counter = messages.counter;
                for message in &messages.messages {
                    self.message(message, log);
                }
            }
            ToNode::Digest(digest) => {
                self.accept(digest.epoch, digest.counter, log);
            }
            _ => {}
        }
    }

    fn accept(&mut self, epoch: Epoch, counter: u64, log: &Log) -> bool {
        if epoch < self.epoch {
            return false;
        }
        if (epoch, counter) != (self.epoch, self.counter) {
            (self.epoch, self.counter) = (epoch, counter);
            let rooms: Vec<RoomName> = self.rooms.keys().cloned().collect();
            for room in &rooms {
                self.repair(room, log);
            }
        }
        true
    }

    fn message(&mut self, message: &Delivered, log: &Log) {
        let Some((last, emitted)) = self.rooms.get_mut(&message.room) else { return };
        if message.seq <= *last {
            return;
        }
        if message.prev > *last {
            return self.repair(&message.room, log);
        }
        *last = message.seq;
        emitted.push(message.seq);
    }

    fn repair(&mut self, room: &RoomName, log: &Log) {
        let Some((last, emitted)) = self.rooms.get_mut(room) else { return };
        let missed = log.messages(room, *last);
        *last = missed.last().copied().unwrap_or(*last);
        emitted.extend(missed);
    }
}

#[derive(Debug, Clone)]
enum Step {
    Publish {
        room: u8,
    },
    Join {
        node: u8,
        room: u8,
    },
    Again {
        node: u8,
        room: u8,
    },
    Leave {
        node: u8,
        room: u8,
    },
    /// The owner reads up to this many records, and these of its frames arrive.
    Read {
        records: usize,
        arrive: Vec<bool>,
    },
    Pass {
        millis: u64,
        arrive: Vec<bool>,
    },
    Alive {
        nodes: BTreeSet<u8>,
    },
    /// Another owner starts from so much before what this one has read.
    NewOwner {
        back: u64,
        arrive: Vec<bool>,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let arrive = || prop::collection::vec(prop::bool::weighted(0.6), 1..8);
    prop_oneof![
        6 => (0_u8..3).prop_map(|room| Step::Publish { room }),
        2 => (1_u8..4, 0_u8..3).prop_map(|(node, room)| Step::Join { node, room }),
        1 => (1_u8..4, 0_u8..3).prop_map(|(node, room)| Step::Again { node, room }),
        1 => (1_u8..4, 0_u8..3).prop_map(|(node, room)| Step::Leave { node, room }),
        5 => (1_usize..6, arrive()).prop_map(|(records, arrive)| Step::Read { records, arrive }),
        2 => (0_u64..3_000, arrive()).prop_map(|(millis, arrive)| Step::Pass { millis, arrive }),
        1 => prop::collection::btree_set(1_u8..4, 0..4).prop_map(|nodes| Step::Alive { nodes }),
        1 => (0_u64..6, arrive()).prop_map(|(back, arrive)| Step::NewOwner { back, arrive }),
    ]
}

struct World {
    log: Log,
    now: Instant,
    core: PartitionCore,
    epoch: Epoch,
    followers: BTreeMap<NodeId, Follower>,
    nodes: Arc<View<NodeId>>,
}

impl World {
    fn new() -> Self {
        let now = Instant::now();
        let nodes = view(&[1, 2, 3]);
        let core = PartitionCore::new(
            (partition(), 1),
            Membership::default(),
            0,
            nodes.clone(),
            TIMING,
            now,
        );
        let followers = (1..4).map(|n| (node(n), Follower::default())).collect();
        Self { log: Log::default(), now, core, epoch: 1, followers, nodes }
    }

    fn deliver(&mut self, effects: Vec<Effect>, arrive: &[bool]) {
        let mut arrive = arrive.iter().cycle();
        for (to, item) in sends(effects) {
            assert!(self.nodes.is_alive(&to), "sent to a dead node");
            if *arrive.next().unwrap_or(&true) {
                self.followers.get_mut(&to).unwrap().hear(&item, &self.log);
            }
        }
    }

    fn read(&mut self, records: usize, arrive: &[bool]) {
        let from = self.core.processed();
        let unread = self.log.records.iter().filter(|record| record.seq > from);
        let batch: Vec<Record> = unread.take(records).cloned().collect();
        let effects = self.core.handle(Input::Log(batch), self.now);
        self.deliver(effects, arrive);
    }

    fn pass(&mut self, millis: u64, arrive: &[bool]) {
        let until = self.now + self::millis(millis);
        while let Some(wake) = self.core.next_wake().filter(|wake| *wake <= until) {
            self.now = self.now.max(wake);
            let effects = self.core.handle(Input::Wake, self.now);
            self.deliver(effects, arrive);
        }
        self.now = until;
    }

    fn join(&mut self, n: u8, r: u8) {
        let seq = self.log.store(|seq| joined(seq, r, n));
        let follower = self.followers.get_mut(&node(n)).unwrap();
        follower.rooms.entry(room(r)).or_insert_with(|| (seq, Vec::new()));
        follower.joined.entry(room(r)).or_insert(seq);
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Publish { room: r } => {
                self.log.store(|seq| message(seq, r));
            }
            Step::Join { node: n, room: r } => {
                if !self.followers[&node(n)].rooms.contains_key(&room(r)) {
                    self.join(n, r);
                }
            }
            Step::Again { node: n, room: r } => {
                // A node says from time to time what it has said before.
                if self.followers[&node(n)].rooms.contains_key(&room(r)) {
                    self.join(n, r);
                    // The new record took the place of the old one, which the owner may not have
                    // read yet: what lies between them is the node's to look up.
                    self.followers.get_mut(&node(n)).unwrap().repair(&room(r), &self.log);
                }
            }
            Step::Leave { node: n, room: r } => {
                let follower = self.followers.get_mut(&node(n)).unwrap();
                if let Some((_, emitted)) = follower.rooms.remove(&room(r)) {
                    let joined = follower.joined.remove(&room(r)).unwrap();
                    follower.past.push((room(r), joined, emitted));
                    let (room, node) = (room(r), node(n));
                    let interest = Interest::Left;
                    self.log.store(|seq| Record {
                        seq,
                        entry: Entry::Interest { room, node, interest },
                    });
                }
            }
            Step::Read { records, arrive } => self.read(records, &arrive),
            Step::Pass { millis, arrive } => self.pass(millis, &arrive),
            Step::Alive { nodes } => {
                self.nodes = view(&Vec::from_iter(nodes));
                let effects = self.core.handle(Input::Nodes(self.nodes.clone()), self.now);
                self.deliver(effects, &[true, false]);
            }
            Step::NewOwner { back, arrive } => {
                self.epoch += 1;
                let from = self.core.processed().saturating_sub(back);
                let own = (partition(), self.epoch);
                let (membership, nodes) = (self.log.membership(), self.nodes.clone());
                self.core = PartitionCore::new(own, membership, from, nodes, TIMING, self.now);
                let effects = self.core.handle(Input::Wake, self.now);
                self.deliver(effects, &arrive);
            }
        }
    }

    /// Everyone lives, everything is read, everything arrives.
    fn calm_down(&mut self) {
        self.step(Step::Alive { nodes: [1, 2, 3].into() });
        while self.core.processed() < self.log.end {
            self.read(4, &[true]);
        }
        self.pass(6_000, &[true]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// Whatever is lost, a node that follows the rule ends with exactly the log, in order.
    #[test]
    fn every_member_ends_with_the_log(steps in prop::collection::vec(step(), 0..80)) {
        let mut world = World::new();
        for step in steps {
            world.step(step);
        }
        world.calm_down();
        for (node, follower) in &world.followers {
            for (room, (_, emitted)) in &follower.rooms {
                let expected = world.log.messages(room, follower.joined[room]);
                prop_assert_eq!(emitted, &expected, "{} in {}", node, room);
            }
            for (room, joined, emitted) in &follower.past {
                let all = world.log.messages(room, *joined);
                prop_assert!(all.starts_with(emitted), "{} in {}, then", node, room);
            }
        }
    }

    /// Without losses nobody ever has to look into the log.
    #[test]
    fn nothing_is_repaired_where_nothing_is_lost(rooms in prop::collection::vec((0_u8..3, 1_usize..5), 1..60)) {
        let mut world = World::new();
        (1..4).for_each(|n| world.join(n, n - 1));
        (2..4).for_each(|n| world.join(n, 0));
        // An empty log to repair from: whatever is emitted came as a delivery.
        let mut followers = std::mem::take(&mut world.followers);
        let nothing = Log::default();
        for (r, records) in rooms {
            world.log.store(|seq| message(seq, r));
            let from = world.core.processed();
            let unread = world.log.records.iter().filter(|record| record.seq > from);
            let batch = unread.take(records).cloned().collect();
            for (to, item) in sends(world.core.handle(Input::Log(batch), world.now)) {
                followers.get_mut(&to).unwrap().hear(&item, &nothing);
            }
        }
        while world.core.processed() < world.log.end {
            let from = world.core.processed();
            let batch = world.log.records.iter().filter(|record| record.seq > from).cloned().collect();
            for (to, item) in sends(world.core.handle(Input::Log(batch), world.now)) {
                followers.get_mut(&to).unwrap().hear(&item, &nothing);
            }
        }
        for follower in followers.values() {
            for (room, (_, emitted)) in &follower.rooms {
                prop_assert_eq!(emitted, &world.log.messages(room, follower.joined[room]));
            }
        }
    }
}
