//! Who is to hear of a file that fails, and when.
//!
//! Pure. A file may fail before its sender has been told its id: then the sender hears of the failure
//! after that. It may be sent again under the same id: then one failure stands for all attempts.

use std::collections::{HashMap, VecDeque};

use wire::{ErrorCode, Failure, client::FileError};

use crate::rooms::port::SocketKey;

/// Files that one socket may have on their way into the queue.
const MAX_UNANSWERED: usize = 4;
/// Files of one socket that are remembered; of older ones it does not hear again.
const MAX_REMEMBERED: usize = 256;
/// How long a sender is asked to wait, in milliseconds.
const RETRY: u64 = 500;

/// The sockets that have sent files; `P` is the way to one.
pub struct Senders<P> {
    by_socket: HashMap<SocketKey, Sender<P>>,
}

struct Sender<P> {
    peer: P,
    /// Oldest first.
    files: VecDeque<File>,
}

struct File {
    media_id: String,
    /// Attempts that are not in the queue yet, as far as the sender knows.
    unanswered: usize,
    /// Whether the sender was told that one is.
    queued: bool,
    /// What the sender is to hear once it has its answers.
    failed: Option<FileError>,
}

impl<P> Default for Senders<P> {
    fn default() -> Self {
        Self { by_socket: HashMap::new() }
    }
}

impl<P: Clone> Senders<P> {
    /// A socket sends a file.
    ///
    /// # Errors
    /// `rate_limited` where several are on their way already.
    pub fn add(&mut self, key: SocketKey, peer: &P, media_id: &str) -> Result<(), Failure> {
        let sender = self
            .by_socket
            .entry(key)
            .or_insert_with(|| Sender { peer: peer.clone(), files: VecDeque::new() });
        if sender.files.iter().map(|file| file.unanswered).sum::<usize>() >= MAX_UNANSWERED {
            let message =
                format!("{MAX_UNANSWERED} of your files are on their way; wait for an answer");
            return Err(Failure::retry(ErrorCode::RateLimited, message, RETRY));
        }
        if let Some(at) = sender.position(media_id) {
            sender.files[at].unanswered += 1;
            return Ok(());
        }
        if sender.files.len() >= MAX_REMEMBERED {
            // Of one without an answer the sender does not know yet.
            let oldest = sender.files.iter().position(|file| file.unanswered == 0);
            oldest.and_then(|at| sender.files.remove(at));
        }
        let media_id = media_id.to_owned();
        sender.files.push_back(File { media_id, unanswered: 1, queued: false, failed: None });
        Ok(())
    }

    /// The sender was told of an attempt whether it is `queued`; what it is to be told next.
    pub fn answered(
        &mut self,
        key: SocketKey,
        media_id: &str,
        queued: bool,
    ) -> Option<(P, FileError)> {
        let sender = self.by_socket.get_mut(&key)?;
        let at = sender.position(media_id)?;
        let file = &mut sender.files[at];
        file.unanswered = file.unanswered.saturating_sub(1);
        file.queued |= queued;
        if file.unanswered > 0 || (file.queued && file.failed.is_none()) {
            return None;
        }
        let error = sender.files.remove(at).filter(|file| file.queued)?.failed?;
        Some((sender.peer.clone(), error))
    }

    /// No message will come of a file; whom to tell now. Said again, nobody.
    pub fn failed(&mut self, key: SocketKey, error: FileError) -> Option<(P, FileError)> {
        let sender = self.by_socket.get_mut(&key)?;
        let at = sender.position(&error.media_id)?;
        if sender.files[at].unanswered > 0 {
            sender.files[at].failed = Some(error);
            return None;
        }
        sender.files.remove(at);
        Some((sender.peer.clone(), error))
    }

    /// The socket is gone.
    pub fn gone(&mut self, key: SocketKey) {
        self.by_socket.remove(&key);
    }
}

impl<P> Sender<P> {
    fn position(&self, media_id: &str) -> Option<usize> {
        self.files.iter().position(|file| file.media_id == media_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANA: SocketKey = 1;

    fn senders(files: &[&str]) -> Senders<&'static str> {
        let mut senders = Senders::default();
        for file in files {
            senders.add(ANA, &"ana", file).unwrap();
        }
        senders
    }

    fn error(media_id: &str) -> FileError {
        let (code, message) = (ErrorCode::Invalid, "broken".to_owned());
        FileError { media_id: media_id.to_owned(), code, message }
    }

    #[test]
    fn a_failure_is_told_once() {
        let mut senders = senders(&["a"]);
        assert_eq!(senders.answered(ANA, "a", true), None);
        assert_eq!(senders.failed(ANA, error("a")), Some(("ana", error("a"))));
        assert_eq!(senders.failed(ANA, error("a")), None);
    }

    #[test]
    fn a_failure_waits_for_the_answer() {
        let mut senders = senders(&["a", "b"]);
        assert_eq!(senders.failed(ANA, error("a")), None);
        assert_eq!(senders.failed(ANA, error("a")), None);
        assert_eq!(senders.answered(ANA, "b", true), None);
        assert_eq!(senders.answered(ANA, "a", true), Some(("ana", error("a"))));
        assert_eq!(senders.answered(ANA, "a", true), None);
    }

    #[test]
    fn a_file_that_is_sent_again_fails_once() {
        // The answers of two attempts, and whether the sender hears of the failure between them.
        for (first, second) in [(true, true), (true, false), (false, true)] {
            let mut senders = senders(&["a", "a"]);
            assert_eq!(senders.answered(ANA, "a", first), None);
            assert_eq!(senders.failed(ANA, error("a")), None, "an attempt has no answer yet");
            assert_eq!(senders.answered(ANA, "a", second), Some(("ana", error("a"))));
            assert_eq!(senders.failed(ANA, error("a")), None);
        }
        let mut senders = senders(&["a"]);
        senders.answered(ANA, "a", true);
        senders.failed(ANA, error("a"));
        senders.add(ANA, &"ana", "a").unwrap();
        assert_eq!(senders.answered(ANA, "a", true), None);
        assert_eq!(senders.failed(ANA, error("a")), Some(("ana", error("a"))));
    }

    #[test]
    fn nobody_hears_of_what_is_not_theirs() {
        let mut senders = senders(&["a", "b"]);
        assert_eq!(senders.answered(ANA, "a", false), None);
        assert_eq!(senders.failed(ANA, error("a")), None);
        assert_eq!(senders.failed(2, error("b")), None);
        senders.gone(ANA);
        assert_eq!(senders.answered(ANA, "b", true), None);
        assert_eq!(senders.failed(ANA, error("b")), None);
    }

    #[test]
    fn what_a_socket_has_is_bounded() {
        let mut senders = senders(&["a", "b", "c", "d"]);
        let refusal = senders.add(ANA, &"ana", "e").unwrap_err();
        assert_eq!((refusal.code, refusal.retry_after), (ErrorCode::RateLimited, Some(RETRY)));
        for n in 0..10 * MAX_REMEMBERED {
            let last = if n == 0 { "a".to_owned() } else { (n - 1).to_string() };
            senders.answered(ANA, &last, true);
            senders.add(ANA, &"ana", &n.to_string()).unwrap();
        }
        assert_eq!(senders.by_socket[&ANA].files.len(), MAX_REMEMBERED);
    }

    #[test]
    fn a_file_without_an_answer_is_not_forgotten() {
        let mut senders = senders(&["slow"]);
        for n in 0..2 * MAX_REMEMBERED {
            senders.add(ANA, &"ana", &n.to_string()).unwrap();
            senders.answered(ANA, &n.to_string(), true);
        }
        assert_eq!(senders.by_socket[&ANA].files.len(), MAX_REMEMBERED);
        assert_eq!(senders.failed(ANA, error("slow")), None);
        assert_eq!(senders.answered(ANA, "slow", true), Some(("ana", error("slow"))));
    }
}
