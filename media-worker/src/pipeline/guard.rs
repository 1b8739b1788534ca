//! The wall around the decoders: a thread of their own, and no panic gets past it.

use std::thread;

use super::{Limits, Media, Refusal};

/// Enough for every decoder; a runaway recursion ends here and not in the caller's stack.
const STACK_BYTES: usize = 8 << 20;

/// Makes renditions of an upload, or says why not. Blocks for up to [`Limits::time`]: call it where
/// blocking is allowed.
///
/// # Errors
/// The [`Refusal`] that the sender is to be told; also when a decoder panics.
pub fn process(bytes: &[u8], limits: &Limits) -> Result<Media, Refusal> {
    guarded(|| super::work(bytes, limits))
}

fn guarded<T: Send>(work: impl FnOnce() -> Result<T, Refusal> + Send) -> Result<T, Refusal> {
    thread::scope(|scope| {
        let builder = thread::Builder::new().name("media".to_owned()).stack_size(STACK_BYTES);
        // A panic ends the thread, and `join` tells of it.
        let thread = builder.spawn_scoped(scope, work).map_err(|error| {
            Refusal::too_large(format!("No thread could be started for the file ({error})"))
        })?;
        thread.join().unwrap_or_else(|_| {
            Err(Refusal::broken(
                "The file cannot be opened, it is damaged: save it anew and send that",
            ))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::ErrorCode;

    #[test]
    fn a_panic_becomes_a_refusal() {
        let refusal = guarded::<()>(|| panic!("a bug in a decoder")).unwrap_err();
        assert_eq!(refusal.code, ErrorCode::Invalid);
        // What libjpeg's fatal errors do: unwind without the panic hook.
        let refusal = guarded::<()>(|| std::panic::resume_unwind(Box::new("fatal".to_owned())));
        assert_eq!(refusal.unwrap_err().code, ErrorCode::Invalid);
        assert_eq!(guarded(|| Ok(7)), Ok(7));
    }
}
