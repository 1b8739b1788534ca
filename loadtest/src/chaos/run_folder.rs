//! The folder of one run: the log of every process, and the data of NATS.
//!
//! It goes with a run that ends in peace, and stays where somebody has to look for a reason.

use std::path::Path;

use anyhow::Context as _;
use tempfile::TempDir;

/// A folder that stays unless it is discarded; when it stays, standard error says where.
#[derive(Debug)]
pub struct RunFolder {
    folder: TempDir,
    stays: bool,
}

impl RunFolder {
    /// Makes one among the temporary files.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn create() -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("starling-chaos-")
            .disable_cleanup(true)
            .tempdir()
            .context("cannot make a temporary folder")?;
        Ok(Self { folder, stays: true })
    }

    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Removes it.
    ///
    /// # Errors
    /// When something in it cannot be removed.
    pub fn discard(mut self) -> anyhow::Result<()> {
        self.stays = false;
        let path = self.path();
        std::fs::remove_dir_all(path).with_context(|| format!("cannot remove {}", path.display()))
    }
}

impl Drop for RunFolder {
    fn drop(&mut self) {
        if self.stays {
            eprintln!("the logs of this run are in {}", self.path().display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stays_until_it_is_discarded() {
        let folder = RunFolder::create().unwrap();
        let path = folder.path().to_owned();
        drop(folder);
        assert!(path.is_dir());
        std::fs::remove_dir(path).unwrap();

        let folder = RunFolder::create().unwrap();
        let path = folder.path().to_owned();
        std::fs::write(path.join("node-1.log"), "x").unwrap();
        folder.discard().unwrap();
        assert!(!path.exists());
    }
}
