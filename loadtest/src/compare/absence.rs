//! Messages lost across a dropped connection.
//!
//! Half of all clients lose their connections for some seconds, in the middle of a stream of messages, and
//! come back with what their contender lets them show. Everyone should then have every message once.

use std::{cell::RefCell, collections::HashMap, rc::Rc, time::Duration, time::Instant};

use futures_util::future::try_join_all;
use tokio::time::sleep;
use uuid::Uuid;

use super::{
    attendee::{Attendee, Seat},
    figures::AbsenceFigures,
    plan::AbsencePlan,
    system::System,
};
use crate::{fleet::user_of, pace::Pace, pass::ROOM_PREFIX};

/// The length of a message's content in bytes.
pub const CONTENT: usize = super::plan::CONTENT;
/// How long the last messages are waited for since anything came.
const QUIET: Duration = Duration::from_secs(3);
const POLL: Duration = Duration::from_millis(20);

/// Who has what.
#[derive(Debug, Default)]
pub struct Attendance {
    room_size: usize,
    /// The room of each message that was sent.
    sent: HashMap<u64, usize>,
    answered: HashMap<u64, bool>,
    /// How often a message came to a client.
    seen: HashMap<(usize, u64), u32>,
    /// How much has come in all, to tell when nothing comes any more.
    arrivals: u64,
}

impl Attendance {
    fn sent(&mut self, index: u64, room: usize) {
        self.sent.insert(index, room);
    }

    /// The ack of a message has come.
    pub fn answered(&mut self, index: u64, stored: bool) {
        self.arrivals += 1;
        self.answered.insert(index, stored);
    }

    /// A message has come to a client.
    pub fn arrived(&mut self, client: usize, index: u64) {
        self.arrivals += 1;
        *self.seen.entry((client, index)).or_default() += 1;
    }

    /// Counts what every client should have.
    fn figures(&self, clients: usize, dropped: usize) -> AbsenceFigures {
        let stored = |index: &u64| self.answered.get(index) == Some(&true);
        let mut figures = AbsenceFigures { clients, dropped, ..AbsenceFigures::default() };
        for (index, room) in &self.sent {
            if !stored(index) {
                figures.unacknowledged += 1;
                continue;
            }
            figures.acknowledged += 1;
            for client in room * self.room_size..(room + 1) * self.room_size {
                figures.expected += 1;
                let seen = self.seen.get(&(client, *index)).copied().unwrap_or_default();
                figures.lost += u64::from(seen == 0);
                figures.twice += u64::from(seen.saturating_sub(1));
            }
        }
        figures
    }
}

/// Lets half of the clients be away in the middle of a stream of messages, and counts.
///
/// # Errors
/// When a client cannot enter, or cannot come back.
pub async fn measure(system: &System, plan: &AbsencePlan) -> anyhow::Result<AbsenceFigures> {
    let AbsencePlan { clients, room_size, rate, away } = *plan;
    let attendance = Rc::new(RefCell::new(Attendance { room_size, ..Attendance::default() }));
    let attendees = gather(system, plan, &attendance).await?;
    // Two of every four leave, the others stay and talk: each room and each of two nodes has some of either.
    let leaves = |number: usize| number / 2 % 2 == 1;
    let staying: Vec<usize> = (0..clients).filter(|number| !leaves(*number)).collect();
    let leaving: Vec<&Attendee> = attendees
        .iter()
        .enumerate()
        .filter_map(|(number, attendee)| leaves(number).then_some(attendee))
        .collect();
    let talk = async {
        let pace = Pace::new(rate, away * 3);
        let mut ticks = pace.ticks(Instant::now());
        for index in 1..=pace.count {
            if ticks.recv().await.is_none() {
                break;
            }
            let turn = usize::try_from(index)? % staying.len();
            attendance.borrow_mut().sent(index, staying[turn] / room_size);
            // One that cannot gets no ack.
            let _ = attendees[staying[turn]].say(index);
        }
        anyhow::Ok(())
    };
    let absence = async {
        sleep(away).await;
        for attendee in &leaving {
            attendee.leave().await;
        }
        sleep(away).await;
        try_join_all(leaving.iter().map(|attendee| attendee.come_back())).await?;
        anyhow::Ok(())
    };
    tokio::try_join!(talk, absence)?;
    quiet(&attendance).await;
    let figures = attendance.borrow().figures(clients, leaving.len());
    Ok(figures)
}

async fn gather(
    system: &System,
    plan: &AbsencePlan,
    attendance: &Rc<RefCell<Attendance>>,
) -> anyhow::Result<Vec<Attendee>> {
    let target = system.target();
    let run = Uuid::new_v4().simple().to_string();
    let mut attendees = Vec::new();
    for number in 0..plan.clients {
        let user = user_of(&run, number);
        let seat = Seat {
            number,
            token: target.pass.token(&target.nodes[0], user).await?,
            nodes: target.nodes.clone(),
            room: format!("{ROOM_PREFIX}{run}-{}", number / plan.room_size),
            recovery: system.contender.recovery(),
        };
        attendees.push(Attendee::enter(seat, attendance.clone()).await?);
    }
    Ok(attendees)
}

/// Waits until nothing has come for a while.
async fn quiet(attendance: &RefCell<Attendance>) {
    let (mut count, mut since) = (0, Instant::now());
    while since.elapsed() < QUIET {
        sleep(POLL).await;
        let now = attendance.borrow().arrivals;
        if now != count {
            (count, since) = (now, Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_member_is_owed_every_acknowledged_message_once() {
        let mut attendance = Attendance { room_size: 2, ..Attendance::default() };
        for (index, room) in [(1, 0), (2, 0), (3, 1), (4, 1)] {
            attendance.sent(index, room);
        }
        attendance.answered(1, true);
        attendance.answered(2, true);
        attendance.answered(3, false);
        for (client, index) in [(0, 1), (1, 1), (0, 2), (0, 2), (2, 3)] {
            attendance.arrived(client, index);
        }
        let expected = AbsenceFigures {
            clients: 4,
            dropped: 2,
            acknowledged: 2,
            unacknowledged: 2,
            expected: 4,
            lost: 1,
            twice: 1,
        };
        assert_eq!(attendance.figures(4, 2), expected);
    }
}
