//! The faults: each starts a system, lets clients talk, breaks something, and waits for the truth.
//!
//! Owns the list of faults. What each does lies in the file of the part that it breaks, what all have
//! in common in [`stage`].

mod clients;
mod clock;
mod nats;
mod network;
mod node;
mod overload;
mod roll;
pub mod soak;
pub mod stage;
mod worker;

use clap::ValueEnum;

use self::stage::Scale;
use super::outcome::Outcome;

/// What can be done to a running system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ValueEnum)]
pub enum Fault {
    /// No fault, for comparison.
    None,
    /// SIGKILL to the worker that owns the most busy rooms; started again later.
    KillWorker,
    /// SIGSTOP to that worker for longer than its session lasts, then SIGCONT: it must not act on what it
    /// believes to own.
    PauseWorker,
    /// SIGKILL to a node: its clients recover elsewhere, and who stays away is gone from presence.
    KillNode,
    /// SIGTERM to a node: unready first, then its connections are closed one after the other.
    StopNode,
    /// SIGTERM to the only NATS server, and a start.
    RestartNats,
    /// SIGKILL to the only NATS server with messages in its hands, and a start.
    KillNats,
    /// SIGSTOP to the only NATS server for longer than a message waits for its ack, then SIGCONT: what was
    /// sent again meanwhile must not stand twice.
    PauseNats,
    /// SIGKILL to one of three NATS servers, which does not lead the log.
    KillNatsFollower,
    /// SIGKILL to that of three NATS servers that leads the log.
    KillNatsLeader,
    /// SIGSTOP and SIGCONT to the only NATS server, again and again, while nodes may have next to nothing in
    /// flight: what they do not take they refuse at once.
    Overload,
    /// A node's network to NATS swallows everything for a while.
    CutNode,
    /// A node is cut from NATS for less time than anybody notices, while clients elsewhere come and go.
    BlinkNode,
    /// Some clients stop reading while their rooms are busy.
    SlowClient,
    /// All clients drop their connections and come back at once.
    DropAll,
    /// Some clients, each in many rooms, are away while much is said, and come back at once.
    LongAbsence,
    /// Every worker and every node is stopped and started, one by one.
    Deploy,
    /// The clocks of workers and nodes jump an hour ahead, then two hours back.
    ClockJump,
}

impl Fault {
    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// What it does, in a sentence.
    #[must_use]
    pub fn help(self) -> String {
        let value = self.to_possible_value();
        value.and_then(|value| value.get_help().map(ToString::to_string)).unwrap_or_default()
    }

    /// Lets it happen.
    ///
    /// # Errors
    /// When the run cannot be made; that a guarantee broke is in the outcome.
    pub async fn run(self, scale: &Scale) -> anyhow::Result<Outcome> {
        let name = self.name();
        match self {
            Self::None => clients::undisturbed(&name, scale).await,
            Self::KillWorker => worker::kill(&name, scale).await,
            Self::PauseWorker => worker::pause(&name, scale).await,
            Self::KillNode => node::kill(&name, scale).await,
            Self::StopNode => node::stop(&name, scale).await,
            Self::RestartNats => nats::restart(&name, scale, false).await,
            Self::KillNats => nats::restart(&name, scale, true).await,
            Self::PauseNats => nats::pause(&name, scale).await,
            Self::KillNatsFollower => nats::kill_of_three(&name, scale, false).await,
            Self::KillNatsLeader => nats::kill_of_three(&name, scale, true).await,
            Self::Overload => overload::little_in_flight(&name, scale).await,
            Self::CutNode => network::cut(&name, scale).await,
            Self::BlinkNode => network::blink(&name, scale).await,
            Self::SlowClient => clients::slow(&name, scale).await,
            Self::DropAll => clients::drop_all(&name, scale).await,
            Self::LongAbsence => clients::absence(&name, scale).await,
            Self::Deploy => roll::deploy(&name, scale).await,
            Self::ClockJump => clock::jump(&name, scale).await,
        }
    }
}
