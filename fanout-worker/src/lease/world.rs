//! Several workers and one bucket, over a network that loses, delays and pauses; only [`Claims`] is real.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use proptest::prelude::*;

use super::tests::{millis, partition, winner, worker};
use super::*;

use self::fate::{Event, Fate, Requests, fate};

mod fate;

const WORKERS: usize = 3;
const PARTITIONS: u16 = 3;
/// How long the bucket keeps a marker. Short, so that it is often gone before somebody looks.
const MARKER_TTL: Duration = Duration::from_secs(4);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Session(usize),
    Lease(u16),
}

/// `by` is `None` for a marker.
#[derive(Debug, Clone, Copy)]
struct Stored {
    revision: u64,
    by: Option<usize>,
    expires: Option<Instant>,
}

#[derive(Debug, Clone, Copy)]
enum Seen {
    Again,
    Record(Key, u64, Option<usize>),
    All,
}

struct World {
    now: Instant,
    start: Instant,
    revision: u64,
    bucket: BTreeMap<Key, Stored>,
    /// What the network still has, although nobody waits for an answer any more.
    late: VecDeque<(usize, Request, u64)>,
    actors: Vec<Actor>,
    /// The highest epoch of each partition.
    epochs: HashMap<Partition, Epoch>,
}

struct Actor {
    claims: Claims,
    /// What the watch has yet to show.
    watch: VecDeque<Seen>,
    answers: VecDeque<(Request, u64, Answer, Instant)>,
    /// Until when each of its sessions gives the right to act; never again once that is past.
    rights: Vec<Instant>,
    /// The owners, each with the session by whose right it acts.
    acting: BTreeMap<Partition, (Epoch, usize)>,
    draining: BTreeSet<Partition>,
    leaving: bool,
}

impl World {
    fn new() -> Self {
        let start = Instant::now();
        let actor = |n| Actor {
            claims: Claims::new(worker(n), (0..PARTITIONS).map(partition)),
            watch: VecDeque::from([Seen::All]),
            answers: VecDeque::new(),
            rights: Vec::new(),
            acting: BTreeMap::new(),
            draining: BTreeSet::new(),
            leaving: false,
        };
        Self {
            now: start,
            start,
            revision: 0,
            bucket: BTreeMap::new(),
            late: VecDeque::new(),
            actors: (0..WORKERS).map(actor).collect(),
            epochs: HashMap::new(),
        }
    }

    fn write(&mut self, key: Key, by: Option<usize>) -> u64 {
        self.revision += 1;
        let expires = match (key, by) {
            (_, None) => Some(self.now + MARKER_TTL),
            (Key::Session(_), Some(_)) => Some(self.now + SESSION_TTL),
            (Key::Lease(_), Some(_)) => None,
        };
        self.bucket.insert(key, Stored { revision: self.revision, by, expires });
        for actor in &mut self.actors {
            actor.watch.push_back(Seen::Record(key, self.revision, by));
        }
        self.revision
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        let now = self.now;
        let outlived = |stored: &Stored| stored.expires.is_some_and(|expires| now >= expires);
        self.bucket.retain(|_, stored| stored.by.is_some() || !outlived(stored));
        let expired: Vec<Key> = self
            .bucket
            .iter()
            .filter(|(_, stored)| outlived(stored))
            .map(|(key, _)| *key)
            .collect();
        for key in expired {
            self.write(key, None);
        }
    }

    fn arrive(&mut self, n: usize, request: &Request, expected: u64) -> Answer {
        let (key, by) = match request {
            Request::Session => (Key::Session(n), Some(n)),
            Request::EndSession => (Key::Session(n), None),
            Request::Bury(other) => (Key::Session(index(other)), None),
            Request::Take(partition) => (Key::Lease(partition.number()), Some(n)),
            Request::Release(partition) => (Key::Lease(partition.number()), None),
        };
        let current = self.bucket.get(&key).map_or(0, |stored| stored.revision);
        if current == expected { Answer::Written(self.write(key, by)) } else { Answer::Refused }
    }

    fn ask(&mut self, n: usize, request: Request, expected: u64, fate: Fate) {
        let answer = match fate.requests {
            Requests::Answered => self.arrive(n, &request, expected),
            Requests::AnswerLost => {
                self.arrive(n, &request, expected);
                Answer::Unknown
            }
            Requests::Late => {
                self.late.push_back((n, request.clone(), expected));
                Answer::Unknown
            }
            Requests::Lost => Answer::Unknown,
        };
        self.actors[n].answers.push_back((request, expected, answer, self.now));
    }

    fn carry_out(&mut self, n: usize, actions: Vec<Action>, fate: Fate) {
        let now = self.now;
        for action in actions {
            let actor = &mut self.actors[n];
            match action {
                Action::Ask { request, expected } => self.ask(n, request, expected, fate),
                Action::Begin { until } => actor.rights.push(until),
                Action::Extend { until } => {
                    let right = actor.rights.last_mut().unwrap();
                    assert!(now < *right, "a right that has ended comes back");
                    *right = until;
                }
                Action::Lost => {
                    let right = actor.rights.last_mut().unwrap();
                    *right = now.min(*right);
                }
                Action::Start { partition, epoch } => {
                    actor.acting.insert(partition, (epoch, actor.rights.len() - 1));
                    let highest = self.epochs.insert(partition, epoch);
                    assert!(highest.is_none_or(|highest| highest < epoch), "epochs only grow");
                }
                Action::Drain { partition } => {
                    actor.draining.insert(partition);
                }
                Action::Stop { partition } => {
                    actor.acting.remove(&partition);
                    actor.draining.remove(&partition);
                }
                Action::Resync => self.read_again(n),
            }
        }
    }

    /// The last record of each key, as of now; what is replaced before it is shown comes after the rest.
    fn read_again(&mut self, n: usize) {
        let mut records: Vec<_> = self.bucket.iter().collect();
        records.sort_by_key(|(_, stored)| stored.revision);
        let records =
            records.into_iter().map(|(key, stored)| Seen::Record(*key, stored.revision, stored.by));
        let watch = std::iter::once(Seen::Again).chain(records).chain([Seen::All]).collect();
        self.actors[n].watch = watch;
    }

    fn hear_answers(&mut self, n: usize, fate: Fate) {
        for _ in 0..fate.answers {
            let answers = &mut self.actors[n].answers;
            let next = if fate.newest_first { answers.pop_back() } else { answers.pop_front() };
            let Some((request, expected, answer, sent)) = next else { return };
            let claims = &mut self.actors[n].claims;
            let actions = claims.answered(&request, expected, answer, sent, self.now);
            self.carry_out(n, actions, fate);
        }
    }

    fn watch(&mut self, n: usize, fate: Fate) {
        for _ in 0..fate.shown {
            let now = self.now;
            let actor = &mut self.actors[n];
            let Some(seen) = actor.watch.pop_front() else { return };
            let actions = match seen {
                Seen::Again => {
                    actor.claims.forget();
                    Vec::new()
                }
                Seen::All => {
                    actor.claims.all_shown(now);
                    Vec::new()
                }
                Seen::Record(key, revision, _)
                    if fate.replaced
                        && self.bucket.get(&key).is_none_or(|last| last.revision != revision) =>
                {
                    Vec::new()
                }
                Seen::Record(Key::Session(other), revision, by) => {
                    actor.claims.session_shown(&worker(other), revision, by.is_some(), now)
                }
                Seen::Record(Key::Lease(number), revision, by) => {
                    actor.claims.lease_shown(partition(number), revision, by.map(worker), now)
                }
            };
            self.carry_out(n, actions, fate);
        }
    }

    fn step(&mut self, fate: Fate) {
        self.pass(millis(fate.pass));
        if fate.requests != Requests::Late
            && let Some((n, request, expected)) = self.late.pop_front()
        {
            self.arrive(n, &request, expected);
        }
        match fate.event {
            Event::None => {}
            Event::Reopened(n) => self.read_again(n),
            Event::Leaves => {
                let last = &mut self.actors[WORKERS - 1];
                last.leaving = true;
                let actions = last.claims.leave();
                self.carry_out(WORKERS - 1, actions, fate);
            }
        }
        for n in 0..WORKERS {
            if fate.awake & (1 << n) != 0 {
                self.act(n, fate);
            }
        }
    }

    fn act(&mut self, n: usize, fate: Fate) {
        if fate.watch_first {
            self.watch(n, fate);
        }
        self.hear_answers(n, fate);
        self.watch(n, fate);
        for partition in std::mem::take(&mut self.actors[n].draining) {
            let actor = &mut self.actors[n];
            if let Some((epoch, _)) = actor.acting.remove(&partition) {
                let actions = actor.claims.owner_ended(partition, epoch, false, self.now);
                self.carry_out(n, actions, fate);
            }
        }
        let winners: Vec<WorkerId> =
            (0..PARTITIONS).map(|partition| worker(self.winner(partition, fate))).collect();
        let (start, now) = (self.start, self.now);
        let won = |partition: Partition| {
            winners.get(usize::from(partition.number())).map(|worker| winner(worker, start))
        };
        let actions = self.actors[n].claims.tick(won, Some(start), now);
        self.carry_out(n, actions, fate);
    }

    fn winner(&self, partition: u16, fate: Fate) -> usize {
        let staying = WORKERS - usize::from(self.actors[WORKERS - 1].leaving);
        (fate.winner + usize::from(partition)) % staying
    }

    /// Who may act on a partition now, by their own clocks.
    fn acting(&self, partition: Partition) -> Vec<usize> {
        let acts = |actor: &Actor| {
            let own = actor.acting.get(&partition);
            own.is_some_and(|(_, right)| self.now < actor.rights[*right])
        };
        (0..WORKERS).filter(|n| acts(&self.actors[*n])).collect()
    }
}

fn index(worker: &WorkerId) -> usize {
    worker.as_str().trim_start_matches("worker-").parse().unwrap()
}

proptest! {
    #[test]
    fn no_two_ever_act_and_peace_brings_the_winners(fates in prop::collection::vec(fate(), 1..160)) {
        let mut world = World::new();
        let all = || (0..PARTITIONS).map(partition);
        for fate in fates {
            world.step(fate);
            for partition in all() {
                let acting = world.acting(partition);
                prop_assert!(acting.len() <= 1, "{:?} act on {} at once", acting, partition);
            }
        }
        let calm = Fate {
            pass: 100,
            awake: 0xff,
            requests: Requests::Answered,
            answers: usize::MAX,
            shown: usize::MAX,
            newest_first: false,
            watch_first: false,
            replaced: false,
            winner: 1,
            event: Event::None,
        };
        for _ in 0..150 {
            world.step(calm);
            for partition in all() {
                prop_assert!(world.acting(partition).len() <= 1);
            }
        }
        for partition in all() {
            prop_assert_eq!(world.acting(partition), [world.winner(partition.number(), calm)]);
        }
        let left = &world.actors[WORKERS - 1];
        prop_assert_eq!(left.claims.is_over(), left.leaving);
    }
}
