//! What becomes of a job after an attempt. Decides; the queue acts.

use std::time::Duration;

use wire::ErrorCode;

use crate::intake::Trouble;
use crate::pipeline::Refusal;

/// Deliveries after which a job is taken for one that kills its worker. Waiting for S3 or NATS costs
/// none, but each worker that stops gives its jobs back, and that counts as well: the bound leaves room
/// for several restarts of all workers while S3 is away.
pub(crate) const MAX_DELIVERIES: u64 = 20;
/// The pauses between attempts grow from the first to the second.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// How a job ends.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The message is in the log: remove the upload and the job.
    Done,
    /// The sender is told; remove the upload and the job.
    Refuse(Refusal),
    /// The sender is told and a dead-letter record written; remove the job. The upload stays for who reads the record.
    GiveUp { refusal: Refusal, reason: String },
}

/// What to do now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    End(Verdict),
    /// No more work on its bytes, for this reason. It is given up unless it was as good as done.
    LastLook(String),
    /// Try again after this.
    Again(Duration),
}

/// Why a delivery is not to be tried at all, if it is not: it gets a last look.
pub(crate) fn on_delivery(deliveries: u64) -> Option<String> {
    (deliveries > MAX_DELIVERIES)
        .then(|| format!("delivered {deliveries} times, and no worker came to an end with it"))
}

/// The step after attempt number `attempt`, from 0, at a job of this age. One that is `too_old` is not
/// tried again.
pub(crate) fn on_attempt(
    outcome: Result<(), Trouble>,
    attempt: u32,
    age: Duration,
    too_old: Duration,
) -> Step {
    match outcome {
        Ok(()) => Step::End(Verdict::Done),
        Err(Trouble::Refused(refusal)) => Step::End(Verdict::Refuse(refusal)),
        Err(trouble @ Trouble::Missing) => Step::LastLook(trouble.to_string()),
        Err(trouble @ (Trouble::Busy | Trouble::Unavailable(_))) if age >= too_old => {
            Step::LastLook(format!("{} s old: {trouble}", age.as_secs()))
        }
        Err(Trouble::Busy | Trouble::Unavailable(_)) => Step::Again(pause(attempt)),
    }
}

/// The step after a last look, which `ended` the job or found that nothing was done for it. Members may
/// see a file that S3 or NATS keeps from being found, so that is waited out like any other trouble.
pub(crate) fn on_last_look(
    ended: Result<bool, Trouble>,
    reason: &str,
    attempt: u32,
    age: Duration,
    too_old: Duration,
) -> Step {
    match ended {
        Ok(true) => Step::End(Verdict::Done),
        Err(Trouble::Refused(refusal)) => Step::End(Verdict::Refuse(refusal)),
        Err(Trouble::Busy | Trouble::Unavailable(_)) if age < too_old => {
            Step::Again(pause(attempt))
        }
        Ok(false) | Err(Trouble::Missing | Trouble::Busy | Trouble::Unavailable(_)) => {
            Step::End(give_up(reason.to_owned()))
        }
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

    fn away<T>() -> Result<T, Trouble> {
        Err(Trouble::Unavailable(anyhow::anyhow!("S3 is away")))
    }

    #[test]
    fn trouble_is_waited_out_until_the_bytes_expire() {
        for (attempt, millis) in [(0, 250), (1, 500), (3, 2_000), (6, 10_000), (99, 10_000)] {
            let again = Step::Again(Duration::from_millis(millis));
            assert_eq!(on_attempt(away(), attempt, Duration::ZERO, TOO_OLD), again, "{attempt}");
            let looked = on_last_look(away(), "poison", attempt, Duration::ZERO, TOO_OLD);
            assert_eq!(looked, again, "{attempt}");
        }
        let busy = on_attempt(Err(Trouble::Busy), 0, Duration::ZERO, TOO_OLD);
        assert!(matches!(busy, Step::Again(_)));
        let old = on_attempt(away(), 9, TOO_OLD, TOO_OLD);
        assert_eq!(old, Step::LastLook("3000 s old: S3 is away".to_owned()));
    }

    #[test]
    fn ends_are_told_apart() {
        let refusal = Refusal { code: ErrorCode::TooLarge, message: "too large".to_owned() };
        let refused =
            on_attempt(Err(Trouble::Refused(refusal.clone())), 0, Duration::ZERO, TOO_OLD);
        assert_eq!(refused, Step::End(Verdict::Refuse(refusal)));
        assert_eq!(on_attempt(Ok(()), 0, TOO_OLD, TOO_OLD), Step::End(Verdict::Done));
        let missing = on_attempt(Err(Trouble::Missing), 0, Duration::ZERO, TOO_OLD);
        assert_eq!(missing, Step::LastLook("the file is not there".to_owned()));
        assert_eq!(on_delivery(MAX_DELIVERIES), None);
        assert!(on_delivery(MAX_DELIVERIES + 1).is_some());
    }

    #[test]
    fn nothing_is_given_up_that_is_as_good_as_done() {
        let look = |ended, age| on_last_look(ended, "poison", 0, age, TOO_OLD);
        let refusal = Refusal { code: ErrorCode::TooLarge, message: "too large".to_owned() };
        for age in [Duration::ZERO, TOO_OLD] {
            assert_eq!(look(Ok(true), age), Step::End(Verdict::Done));
            let refused = look(Err(Trouble::Refused(refusal.clone())), age);
            assert_eq!(refused, Step::End(Verdict::Refuse(refusal.clone())));
            let given_up = look(Ok(false), age);
            let Step::End(Verdict::GiveUp { refusal, reason }) = given_up else {
                panic!("{given_up:?}")
            };
            assert_eq!((refusal.code, &*reason), (ErrorCode::Unavailable, "poison"));
        }
        assert!(matches!(look(away(), TOO_OLD), Step::End(Verdict::GiveUp { .. })));
    }
}
