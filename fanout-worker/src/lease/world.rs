//! Several workers and one bucket, over a network that loses, delays and pauses.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::tests::{millis, winner, worker};
use super::*;

/// The bucket, the network and several workers; only what [`Lease`] does is real.
struct World {
    now: Instant,
    start: Instant,
    revision: u64,
    record: Option<(u64, Option<usize>, Instant)>,
    actors: Vec<Actor>,
}

struct Actor {
    lease: Lease,
    /// What the watch has yet to show.
    watch: VecDeque<(u64, Option<usize>)>,
    answers: VecDeque<(Action, Answer, Instant)>,
    acting: Option<(Epoch, Instant)>,
    draining: bool,
}

#[derive(Debug, Clone, Copy)]
struct Fate {
    /// Time that passes before the step, in milliseconds.
    pass: u64,
    /// Who acts in this step; the others are paused.
    awake: u8,
    /// Whether requests reach the bucket, and their answers the worker.
    reaches: bool,
    answered: bool,
    /// Whether answers and the watch are delivered.
    delivered: bool,
    winner: usize,
}

impl World {
    fn new(actors: usize) -> Self {
        let start = Instant::now();
        let actor = |n| {
            let mut lease = Lease::new(worker(n));
            lease.absent(start);
            let (watch, answers) = (VecDeque::new(), VecDeque::new());
            Actor { lease, watch, answers, acting: None, draining: false }
        };
        Self {
            now: start,
            start,
            revision: 0,
            record: None,
            actors: (0..actors).map(actor).collect(),
        }
    }

    fn write(&mut self, holder: Option<usize>) -> u64 {
        self.revision += 1;
        self.record = Some((self.revision, holder, self.now + LEASE_TTL));
        for actor in &mut self.actors {
            actor.watch.push_back((self.revision, holder));
        }
        self.revision
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        if let Some((_, Some(_), expires)) = self.record
            && self.now >= expires
        {
            self.write(None);
        }
    }

    fn request(&mut self, n: usize, action: Action, fate: Fate) {
        let (expected, holder) = match action {
            Action::Take { expected } | Action::Renew { expected } => (expected, Some(n)),
            Action::Release { expected } => (expected, None),
            _ => unreachable!("not a request"),
        };
        let sent = self.now;
        let current = self.record.map_or(0, |(revision, ..)| revision);
        let mut answer = Answer::Unknown;
        if fate.reaches {
            answer = if current == expected {
                Answer::Written(self.write(holder))
            } else {
                Answer::Refused
            };
        }
        let answer = if fate.answered { answer } else { Answer::Unknown };
        self.actors[n].answers.push_back((action, answer, sent));
    }

    fn carry_out(&mut self, n: usize, actions: Vec<Action>, fate: Fate) {
        for action in actions {
            match action {
                Action::Take { .. } | Action::Renew { .. } | Action::Release { .. } => {
                    self.request(n, action, fate);
                }
                Action::Start { epoch, until } => self.actors[n].acting = Some((epoch, until)),
                Action::Extend { until } => {
                    if let Some(acting) = &mut self.actors[n].acting {
                        acting.1 = until;
                    }
                }
                Action::Drain => self.actors[n].draining = true,
                Action::Stop => {
                    self.actors[n].acting = None;
                    self.actors[n].draining = false;
                }
                Action::Resync => {
                    let now = self.now;
                    let record = self.record;
                    let lease = &mut self.actors[n].lease;
                    lease.forget_record();
                    match record {
                        None => lease.absent(now),
                        Some((revision, holder, _)) => {
                            self.actors[n].watch.clear();
                            self.actors[n].watch.push_back((revision, holder));
                        }
                    }
                }
            }
        }
    }

    fn step(&mut self, fate: Fate) {
        self.pass(millis(fate.pass));
        for n in 0..self.actors.len() {
            if fate.awake & (1 << n) == 0 {
                continue;
            }
            if fate.delivered {
                while let Some((action, answer, sent)) = self.actors[n].answers.pop_front() {
                    let now = self.now;
                    let lease = &mut self.actors[n].lease;
                    let actions = match action {
                        Action::Take { expected } => lease.taken(expected, answer, sent, now),
                        Action::Renew { expected } => lease.renewed(expected, answer, sent, now),
                        Action::Release { expected } => {
                            lease.released(expected, answer, now);
                            Vec::new()
                        }
                        _ => unreachable!("not a request"),
                    };
                    self.carry_out(n, actions, fate);
                }
                while let Some((revision, holder)) = self.actors[n].watch.pop_front() {
                    let now = self.now;
                    let actions = self.actors[n].lease.observed(revision, holder.map(worker), now);
                    self.carry_out(n, actions, fate);
                }
            }
            if std::mem::take(&mut self.actors[n].draining)
                && let Some((epoch, _)) = self.actors[n].acting.take()
            {
                let actions = self.actors[n].lease.ended(epoch, false, self.now);
                self.carry_out(n, actions, fate);
            }
            let won = worker(fate.winner % self.actors.len());
            let (start, now) = (self.start, self.now);
            let actions = self.actors[n].lease.tick(Some(winner(&won, start)), Some(start), now);
            self.carry_out(n, actions, fate);
        }
    }

    /// Who may act now, by their own clocks.
    fn acting(&self) -> Vec<usize> {
        let acts = |actor: &Actor| actor.acting.is_some_and(|(_, until)| self.now < until);
        (0..self.actors.len()).filter(|n| acts(&self.actors[*n])).collect()
    }
}

fn fate() -> impl Strategy<Value = Fate> {
    (
        0_u64..900,
        any::<u8>(),
        prop::bool::weighted(0.8),
        prop::bool::weighted(0.8),
        prop::bool::weighted(0.7),
        0_usize..3,
    )
        .prop_map(|(pass, awake, reaches, answered, delivered, winner)| Fate {
            pass,
            awake,
            reaches,
            answered,
            delivered,
            winner,
        })
}

proptest! {
    #[test]
    fn no_two_ever_act_and_peace_brings_the_winner(fates in prop::collection::vec(fate(), 1..120)) {
        let mut world = World::new(3);
        for fate in fates {
            world.step(fate);
            prop_assert!(world.acting().len() <= 1, "{:?} act at once", world.acting());
        }
        let calm = Fate { pass: 100, awake: 0xff, reaches: true, answered: true, delivered: true, winner: 1 };
        for _ in 0..150 {
            world.step(calm);
            prop_assert!(world.acting().len() <= 1);
        }
        prop_assert_eq!(world.acting(), [1]);
    }
}
