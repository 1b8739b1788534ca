//! How much memory a process holds, from Linux' `/proc` (proc(5)).

/// The resident set of a process in bytes; `None` where it cannot be read.
#[must_use]
pub fn resident(pid: u32) -> Option<u64> {
    let _ = pid;
    todo!()
}
