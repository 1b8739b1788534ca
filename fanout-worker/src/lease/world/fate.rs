//! What becomes of requests, answers, time and workers in one step of the world.

use proptest::prelude::*;

#[derive(Debug, Clone, Copy)]
pub struct Fate {
    /// Time that passes before the step, in milliseconds.
    pub pass: u64,
    /// Who acts in this step; the others are paused.
    pub awake: u8,
    /// What becomes of requests and their answers.
    pub requests: Requests,
    /// How many answers come, and how many records of the watch.
    pub answers: usize,
    pub shown: usize,
    /// Whether the answer to what was asked last comes first.
    pub newest_first: bool,
    /// Whether the watch comes before the answers.
    pub watch_first: bool,
    /// Whether the server is late with the watch: what was replaced meanwhile is never shown.
    pub replaced: bool,
    pub winner: usize,
    pub event: Event,
}

#[derive(Debug, Clone, Copy)]
pub enum Event {
    None,
    /// The watch of this worker begins anew, as after a new connection.
    Reopened(usize),
    /// The last worker is told to leave.
    Leaves,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requests {
    Answered,
    AnswerLost,
    Late,
    Lost,
}

pub fn fate() -> impl Strategy<Value = Fate> {
    let requests = prop_oneof![
        12 => Just(Requests::Answered),
        3 => Just(Requests::AnswerLost),
        2 => Just(Requests::Late),
        2 => Just(Requests::Lost),
    ];
    let some = || prop_oneof![2 => Just(0_usize), 3 => 1_usize..8, 5 => Just(64)];
    let order = (any::<bool>(), any::<bool>(), prop::bool::weighted(0.3));
    let event = prop_oneof![
        190 => Just(Event::None),
        9 => (0_usize..3).prop_map(Event::Reopened),
        1 => Just(Event::Leaves),
    ];
    (0_u64..900, any::<u8>(), requests, (some(), some()), order, 0_usize..3, event).prop_map(
        |(pass, awake, requests, (answers, shown), order, winner, event)| {
            let (newest_first, watch_first, replaced) = order;
            Fate {
                pass,
                awake,
                requests,
                answers,
                shown,
                newest_first,
                watch_first,
                replaced,
                winner,
                event,
            }
        },
    )
}
