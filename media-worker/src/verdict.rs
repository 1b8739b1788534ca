//! What becomes of a job after an attempt. Decides; the queue acts.

use std::time::Duration;

use wire::ErrorCode;

use crate::intake::Trouble;
use crate::pipeline::Refusal;

/// Deliveries after which a job is taken for one that kills its worker. Waiting for S3 or NATS costs
/// none: a worker keeps its job meanwhile.
pub(crate) const MAX_DELIVERIES: u64 = 5;
/// The pauses between attempts grow from the first to the second.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// What to do now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The message is in the log: remove the upload and the job.
    Done,
    /// The sender is told; remove the upload and the job.
    Refuse(Refusal),
    /// The sender is told and a dead-letter record written; remove the job.
    GiveUp { refusal: Refusal, reason: String },
    /// Try again after this.
    Again(Duration),
}

/// The verdict on a delivery that is not to be tried at all.
pub(crate) fn on_delivery(deliveries: u64) -> Option<Verdict> {
    (deliveries > MAX_DELIVERIES).then(|| {
        give_up(format!("delivered {deliveries} times, and no worker came to an end with it"))
    })
}

/// The verdict on attempt number `attempt`, from 0, at a job of this age. One that is `too_old` is given
/// up.
pub(crate) fn on_attempt(
    outcome: Result<(), Trouble>,
    attempt: u32,
    age: Duration,
    too_old: Duration,
) -> Verdict {
    match outcome {
        Ok(()) => Verdict::Done,
        Err(Trouble::Refused(refusal)) => Verdict::Refuse(refusal),
        Err(trouble @ Trouble::Missing) => give_up(trouble.to_string()),
        Err(trouble @ (Trouble::Busy | Trouble::Unavailable(_))) if age >= too_old => {
            give_up(format!("{} s old: {trouble}", age.as_secs()))
        }
        Err(Trouble::Busy | Trouble::Unavailable(_)) => Verdict::Again(pause(attempt)),
    }
}

fn give_up(reason: String) -> Verdict {
    let message = "The file could not be stored: send it again".to_owned();
    Verdict::GiveUp { refusal: Refusal { code: ErrorCode::Unavailable, message }, reason }
}

fn pause(attempt: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(attempt)).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOO_OLD: Duration = Duration::from_mins(50);

    #[test]
    fn trouble_is_waited_out_until_the_bytes_expire() {
        let away = || Err(Trouble::Unavailable(anyhow::anyhow!("S3 is away")));
        for (attempt, millis) in [(0, 250), (1, 500), (3, 2_000), (6, 10_000), (99, 10_000)] {
            let again = Verdict::Again(Duration::from_millis(millis));
            assert_eq!(on_attempt(away(), attempt, Duration::ZERO, TOO_OLD), again, "{attempt}");
        }
        assert!(matches!(
            on_attempt(Err(Trouble::Busy), 0, Duration::ZERO, TOO_OLD),
            Verdict::Again(_)
        ));
        let Verdict::GiveUp { refusal, reason } = on_attempt(away(), 9, TOO_OLD, TOO_OLD) else {
            panic!("not given up")
        };
        assert_eq!(refusal.code, ErrorCode::Unavailable);
        assert_eq!(reason, "3000 s old: S3 is away");
    }

    #[test]
    fn ends_are_told_apart() {
        let refusal = Refusal { code: ErrorCode::TooLarge, message: "too large".to_owned() };
        let refused =
            on_attempt(Err(Trouble::Refused(refusal.clone())), 0, Duration::ZERO, TOO_OLD);
        assert_eq!(refused, Verdict::Refuse(refusal));
        assert_eq!(on_attempt(Ok(()), 0, TOO_OLD, TOO_OLD), Verdict::Done);
        let missing = on_attempt(Err(Trouble::Missing), 0, Duration::ZERO, TOO_OLD);
        assert!(matches!(missing, Verdict::GiveUp { .. }));
        assert_eq!(on_delivery(MAX_DELIVERIES), None);
        assert!(matches!(on_delivery(MAX_DELIVERIES + 1), Some(Verdict::GiveUp { .. })));
    }
}
