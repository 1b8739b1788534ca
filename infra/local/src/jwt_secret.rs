//! The secret that signs the development tokens, kept so that they outlive a restart.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::{Context as _, ensure};
use uuid::Uuid;

/// Reads the secret in `file`, or makes one (244 random bits) that only this user can read.
///
/// # Errors
/// When the file cannot be read or written, or is empty.
pub fn read_or_make(file: &Path) -> anyhow::Result<String> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(file) {
        Ok(mut made) => {
            let secret = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
            made.write_all(secret.as_bytes())
                .with_context(|| format!("cannot write {}", file.display()))?;
            Ok(secret)
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let secret = std::fs::read_to_string(file)
                .with_context(|| format!("cannot read {}", file.display()))?;
            ensure!(
                !secret.trim().is_empty(),
                "{} is empty: remove it, and a new secret is made",
                file.display()
            );
            Ok(secret.trim().to_owned())
        }
        Err(error) => Err(error).with_context(|| format!("cannot write {}", file.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn it_is_made_once_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("jwt-secret");
        let made = read_or_make(&file).unwrap();
        assert_eq!(made.len(), 64);
        assert_eq!(read_or_make(&file).unwrap(), made);
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn an_empty_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("jwt-secret");
        std::fs::write(&file, "\n").unwrap();
        assert!(read_or_make(&file).unwrap_err().to_string().contains("is empty"));
    }
}
