//! Which nodes have members in which rooms of a partition, as the log tells it.
//!
//! Pure. Interest records and messages stand in one log, so this is exact at every sequence. Rooms
//! without members are not kept: what is stored there is nobody's to deliver.

use std::collections::HashMap;

use wire::{NodeId, RoomName, Seq, ephemeral::Interest};

/// The rooms of one partition that have members.
#[derive(Debug, Default)]
pub struct Membership {
    rooms: HashMap<RoomName, Room>,
    /// In how many rooms each node is interested; never 0.
    nodes: HashMap<NodeId, usize>,
}

#[derive(Debug)]
struct Room {
    /// The room has no message between this and the next one that the log will show.
    last: Seq,
    members: Vec<Member>,
}

/// One node's interest in one room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub node: NodeId,
    /// The sequence of the record that says so.
    pub joined: Seq,
}

/// What a record changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// The node is new in the room; `first` when it had no other room in this partition.
    Joined { first: bool },
    /// The node is gone from the room; `emptied` when it was the last.
    Left { emptied: bool },
    /// Nothing: a record that was seen before, or said what was known.
    None,
}

impl Membership {
    /// Applies the record at `seq`. Where that makes a room, its next message will say that it has
    /// no other one since `since`.
    pub fn apply(
        &mut self,
        room: &RoomName,
        node: &NodeId,
        interest: Interest,
        seq: Seq,
        since: Seq,
    ) -> Change {
        match interest {
            Interest::Joined => self.join(room, node, seq, since),
            Interest::Left => self.leave(room, node, seq),
        }
    }

    fn join(&mut self, room: &RoomName, node: &NodeId, seq: Seq, since: Seq) -> Change {
        let state = self
            .rooms
            .entry(room.clone())
            .or_insert_with(|| Room { last: since, members: Vec::new() });
        if let Some(member) = state.members.iter_mut().find(|member| member.node == *node) {
            member.joined = member.joined.max(seq);
            return Change::None;
        }
        state.members.push(Member { node: node.clone(), joined: seq });
        let rooms = self.nodes.entry(node.clone()).or_default();
        *rooms += 1;
        Change::Joined { first: *rooms == 1 }
    }

    fn leave(&mut self, room: &RoomName, node: &NodeId, seq: Seq) -> Change {
        let Some(state) = self.rooms.get_mut(room) else { return Change::None };
        let found = state.members.iter().position(|m| m.node == *node && m.joined < seq);
        let Some(index) = found else { return Change::None };
        state.members.swap_remove(index);
        let emptied = state.members.is_empty();
        if emptied {
            self.rooms.remove(room);
        }
        if let Some(rooms) = self.nodes.get_mut(node) {
            *rooms -= 1;
            if *rooms == 0 {
                self.nodes.remove(node);
            }
        }
        Change::Left { emptied }
    }

    /// Takes note of the room's message at `seq`: who is to get it, and the `prev` to say with it.
    /// `None` when nobody is.
    pub fn message(&mut self, room: &RoomName, seq: Seq) -> Option<(Seq, &[Member])> {
        let state = self.rooms.get_mut(room)?;
        let prev = std::mem::replace(&mut state.last, seq);
        Some((prev, &state.members))
    }

    /// The nodes with members in the room.
    pub fn members(&self, room: &RoomName) -> &[Member] {
        self.rooms.get(room).map_or(&[], |state| &state.members)
    }

    pub fn is_member(&self, room: &RoomName, node: &NodeId) -> bool {
        self.members(room).iter().any(|member| member.node == *node)
    }

    /// Whether the node has members in any room of this partition.
    pub fn has_node(&self, node: &NodeId) -> bool {
        self.nodes.contains_key(node)
    }

    /// Every node with members in some room.
    pub fn nodes(&self) -> impl Iterator<Item = &NodeId> {
        self.nodes.keys()
    }

    /// Every room with members.
    pub fn rooms(&self) -> impl Iterator<Item = (&RoomName, &[Member])> {
        self.rooms.iter().map(|(room, state)| (room, state.members.as_slice()))
    }

    /// How many rooms have members, and how many nodes they have, summed over the rooms.
    pub fn size(&self) -> (usize, usize) {
        (self.rooms.len(), self.nodes.values().sum())
    }

    /// The lowest sequence of the records that hold.
    pub fn oldest_record(&self) -> Option<Seq> {
        self.rooms.values().flat_map(|room| &room.members).map(|member| member.joined).min()
    }

    /// Says of every room that it has no message between `since` and its next one.
    pub fn follow_from(&mut self, since: Seq) {
        for room in self.rooms.values_mut() {
            room.last = since;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn room(n: u8) -> RoomName {
        RoomName::parse(&format!("room-{n}")).unwrap()
    }

    fn node(n: u8) -> NodeId {
        NodeId::parse(&format!("node-{n}")).unwrap()
    }

    #[test]
    fn first_and_last_are_edges() {
        let mut membership = Membership::default();
        let table = [
            (1, 1, Interest::Joined, Change::Joined { first: true }),
            (2, 1, Interest::Joined, Change::Joined { first: false }),
            (1, 2, Interest::Joined, Change::Joined { first: true }),
            (1, 1, Interest::Joined, Change::None),
            (1, 1, Interest::Left, Change::Left { emptied: false }),
            (1, 1, Interest::Left, Change::None),
            (1, 2, Interest::Left, Change::Left { emptied: true }),
            (2, 1, Interest::Left, Change::Left { emptied: true }),
            (3, 1, Interest::Left, Change::None),
        ];
        for (seq, (r, n, interest, expected)) in (1..).zip(table) {
            assert_eq!(membership.apply(&room(r), &node(n), interest, seq, 0), expected, "{seq}");
        }
        assert_eq!(membership.rooms().count() + membership.nodes().count(), 0);
    }

    #[test]
    fn a_message_knows_the_one_before() {
        let mut membership = Membership::default();
        membership.apply(&room(1), &node(1), Interest::Joined, 5, 3);
        let prev = |membership: &mut Membership, seq| membership.message(&room(1), seq).unwrap().0;
        assert_eq!(prev(&mut membership, 7), 3);
        assert_eq!(prev(&mut membership, 9), 7);
        assert!(membership.message(&room(2), 8).is_none());
        // A room that was empty in between starts from the join that filled it.
        membership.apply(&room(1), &node(1), Interest::Left, 10, 10);
        membership.apply(&room(1), &node(2), Interest::Joined, 20, 20);
        assert_eq!(prev(&mut membership, 21), 20);
    }

    #[test]
    fn an_older_leave_does_not_undo_a_later_join() {
        let mut membership = Membership::default();
        membership.apply(&room(1), &node(1), Interest::Joined, 9, 0);
        assert_eq!(membership.apply(&room(1), &node(1), Interest::Left, 8, 0), Change::None);
        assert!(membership.is_member(&room(1), &node(1)));
        assert_eq!(membership.oldest_record(), Some(9));
    }

    proptest! {
        #[test]
        fn follows_the_last_record_of_each_pair(records in prop::collection::vec((0_u8..4, 0_u8..4, any::<bool>()), 0..60)) {
            let mut membership = Membership::default();
            let mut model = BTreeMap::new();
            for (seq, (r, n, joined)) in (1_u64..).zip(records) {
                let interest = if joined { Interest::Joined } else { Interest::Left };
                membership.apply(&room(r), &node(n), interest, seq, seq);
                model.insert((r, n), joined);
            }
            for ((r, n), joined) in &model {
                prop_assert_eq!(membership.is_member(&room(*r), &node(*n)), *joined);
            }
            for n in 0..4 {
                let in_some = model.iter().any(|((_, of), joined)| *of == n && *joined);
                prop_assert_eq!(membership.has_node(&node(n)), in_some);
            }
            let pairs: Vec<u8> = model.iter().filter(|(_, joined)| **joined).map(|((r, _), _)| *r).collect();
            let rooms: std::collections::BTreeSet<&u8> = pairs.iter().collect();
            prop_assert_eq!(membership.size(), (rooms.len(), pairs.len()));
        }
    }
}
