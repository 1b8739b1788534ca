//! Everybody talks, at an even rate, whatever the answers.

use std::{rc::Rc, time::Duration};

use tokio::task::JoinHandle;

use super::fleet::Fleet;

/// Everybody talks until this is stopped.
#[derive(Debug)]
pub struct Talk {
    fleet: Rc<Fleet>,
    task: JoinHandle<()>,
}

impl Talk {
    /// No more is said, and silences count no longer; what is queued still is said.
    pub fn stop(self) {
        let shared = &self.fleet.shared;
        shared.history.borrow_mut().load(false, shared.now());
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Fleet {
    /// Has everybody talk from now on, `rate` messages a second over all rooms, until this is stopped.
    #[must_use]
    pub fn talk(self: &Rc<Self>, rate: f64) -> Talk {
        let fleet = self.clone();
        self.shared.history.borrow_mut().load(true, self.shared.now());
        let task = tokio::task::spawn_local(async move {
            // Late ticks are made up for: an open loop does not slow down with what it measures.
            let mut ticks = tokio::time::interval(Duration::from_secs_f64(1.0 / rate));
            for n in 0.. {
                ticks.tick().await;
                fleet.say(n);
            }
        });
        Talk { fleet: self.clone(), task }
    }
}
