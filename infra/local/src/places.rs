//! Where programs are looked for on this machine, and where fetched ones are kept.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Where to look.
#[derive(Debug, Clone)]
pub struct Places {
    /// Folders to search for programs, in the form of the variable PATH.
    pub path: OsString,
    /// Where a fetched program is kept for the next time.
    pub cache: PathBuf,
}

impl Places {
    /// PATH, and `$XDG_CACHE_HOME/starling` or `~/.cache/starling` (XDG Base Directory Specification);
    /// where neither is set, a folder for temporary files.
    pub fn of_this_machine() -> Self {
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let caches = set("XDG_CACHE_HOME")
            .map(PathBuf::from)
            .or_else(|| set("HOME").map(|home| Path::new(&home).join(".cache")))
            .unwrap_or_else(std::env::temp_dir);
        Self { path: set("PATH").unwrap_or_default(), cache: caches.join("starling") }
    }
}
