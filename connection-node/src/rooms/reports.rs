//! What this node owes a partition's owner: who came and went, gathered between two ticks.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use wire::{
    NodeId, RoomName, User,
    ephemeral::{PresenceReport, RoomPresence},
};

/// How long an owner has to acknowledge a report (in a digest) before all is told again.
const UNCONFIRMED: Duration = Duration::from_millis(1_500);

/// The presence reports of one partition.
#[derive(Debug, Default)]
pub struct Reports {
    /// Counts reports over the life of the node.
    counter: u64,
    sent_at: Option<Instant>,
    /// The next report names everyone.
    full: bool,
    /// Per room: users that came (`Some`) or went (`None`) since the last report.
    changes: HashMap<RoomName, HashMap<Arc<str>, Option<User>>>,
}

impl Reports {
    /// A user's first socket entered a room here.
    pub fn joined(&mut self, room: &RoomName, user: &User) {
        let room = self.changes.entry(room.clone()).or_default();
        room.insert(user.user_id.clone(), Some(user.clone()));
    }

    /// A user's last socket left a room here.
    pub fn left(&mut self, room: &RoomName, user_id: &Arc<str>) {
        self.changes.entry(room.clone()).or_default().insert(user_id.clone(), None);
    }

    /// The owner does not know what this node holds.
    pub fn tell_all(&mut self) {
        self.full = true;
    }

    /// The owner has applied reports up to `counter`.
    pub fn confirmed(&mut self, counter: u64, now: Instant) {
        let waited = self.sent_at.is_some_and(|at| now.duration_since(at) >= UNCONFIRMED);
        if counter != self.counter && waited {
            self.full = true;
        }
    }

    /// Whether [`Reports::take`] would say anything.
    pub fn is_due(&self) -> bool {
        self.full || !self.changes.is_empty()
    }

    /// The report that is due. `everyone` lists, for a full report, the users of each room.
    pub fn take(
        &mut self,
        node: &NodeId,
        now: Instant,
        everyone: impl FnOnce() -> Vec<RoomPresence>,
    ) -> PresenceReport {
        let full = std::mem::take(&mut self.full);
        let changes = std::mem::take(&mut self.changes);
        let rooms = if full {
            everyone()
        } else {
            changes
                .into_iter()
                .map(|(room, users)| {
                    let (mut joined, mut left) = (Vec::new(), Vec::new());
                    for (user_id, user) in users {
                        match user {
                            Some(user) => joined.push(user),
                            None => left.push(user_id),
                        }
                    }
                    RoomPresence { room, joined, left }
                })
                .collect()
        };
        self.counter += 1;
        self.sent_at = Some(now);
        PresenceReport { node: node.clone(), counter: self.counter, full, rooms }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_change_of_a_user_counts() {
        let now = Instant::now();
        let node = NodeId::parse("node-1").unwrap();
        let room = RoomName::parse("r").unwrap();
        let user = User { user_id: "u".into(), username: "U".into() };
        let mut reports = Reports::default();
        assert!(!reports.is_due());
        reports.joined(&room, &user);
        reports.left(&room, &user.user_id);
        reports.joined(&room, &user);
        let report = reports.take(&node, now, Vec::new);
        assert_eq!((report.counter, report.full), (1, false));
        assert_eq!(
            report.rooms,
            [RoomPresence { room: room.clone(), joined: vec![user], left: vec![] }]
        );
        assert!(!reports.is_due());

        // A digest that lags a little is no loss; one that stays behind is.
        reports.confirmed(0, now);
        assert!(!reports.is_due());
        reports.confirmed(1, now + UNCONFIRMED);
        assert!(!reports.is_due());
        reports.confirmed(0, now + UNCONFIRMED);
        assert!(reports.is_due());
        let all = vec![RoomPresence { room, joined: vec![], left: vec![] }];
        let report = reports.take(&node, now, || all.clone());
        assert_eq!((report.counter, report.full, report.rooms), (2, true, all));
    }
}
