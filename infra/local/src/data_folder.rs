//! Where a server keeps its files: a folder that stays, or one that goes with its owner.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use tempfile::TempDir;

/// A folder for data.
#[derive(Debug)]
pub enum DataFolder {
    /// Made if it is missing, and left in place.
    Kept(PathBuf),
    /// Removed with all it holds when this value is dropped.
    Temporary(TempDir),
}

impl DataFolder {
    /// Opens the folder `path`, making it if it is missing.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn kept(path: impl Into<PathBuf>) -> anyhow::Result<Self> {
        let path = path.into();
        std::fs::create_dir_all(&path)
            .with_context(|| format!("cannot create the folder {}", path.display()))?;
        Ok(Self::Kept(path))
    }

    /// Makes a fresh temporary folder.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn temporary() -> anyhow::Result<Self> {
        TempDir::with_prefix("starling-")
            .map(Self::Temporary)
            .context("cannot make a temporary folder")
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        match self {
            Self::Kept(path) => path,
            Self::Temporary(folder) => folder.path(),
        }
    }
}
