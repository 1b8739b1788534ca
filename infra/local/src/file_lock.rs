//! Exclusive locks on files, by which processes take turns. A lock ends with its handle or its process.

use std::fs::{File, TryLockError};

/// Waits for the exclusive lock of an open file.
///
/// # Errors
/// When the file system has no locks.
pub async fn wait(file: File) -> std::io::Result<File> {
    let locked = tokio::task::spawn_blocking(move || file.lock().map(|()| file));
    locked.await.map_err(std::io::Error::other)?
}

/// Takes the exclusive lock of an open file, or `None` where another holds it.
///
/// # Errors
/// When the file system has no locks.
pub fn take(file: File) -> std::io::Result<Option<File>> {
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_holds_it_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let open = || File::create(folder.path().join("lock")).unwrap();
        let held = wait(open()).await.unwrap();
        assert!(take(open()).unwrap().is_none());
        drop(held);
        assert!(take(open()).unwrap().is_some());
    }
}
