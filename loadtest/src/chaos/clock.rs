//! A clock that jumps, for the processes that run under it.
//!
//! `libfaketime` (<https://github.com/wolfcw/libfaketime>) stands before the C library's clock; it reads
//! its offset from a file on each question. Only the time of day jumps: the monotonic clock, by which
//! timers run, stays true, as where an operator or NTP sets a machine's clock.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};

/// Where distributions put the library.
const ROOTS: [&str; 3] = ["/usr/lib", "/usr/lib64", "/usr/local/lib"];
const LIBRARY: &str = "faketime/libfaketimeMT.so.1";

/// A clock that starts at the true time.
#[derive(Debug)]
pub struct FakeClock {
    library: PathBuf,
    file: PathBuf,
}

impl FakeClock {
    /// Makes the clock, with its file in `folder`.
    ///
    /// # Errors
    /// When the library is not installed.
    pub fn start(folder: &Path) -> anyhow::Result<Self> {
        let Some(library) = find(ROOTS.map(Path::new)) else {
            bail!("there is no {LIBRARY} to make a clock jump with: apt-get install faketime");
        };
        let clock = Self { library, file: folder.join("clock") };
        clock.jump(0)?;
        Ok(clock)
    }

    /// Sets it to `offset_seconds` from the true time, back or forth.
    ///
    /// # Errors
    /// When its file cannot be written.
    pub fn jump(&self, offset_seconds: i64) -> anyhow::Result<()> {
        // Whoever looks at the clock meanwhile sees the old file or the new one.
        let draft = self.file.with_extension("draft");
        fs::write(&draft, format!("{offset_seconds:+}\n"))
            .and_then(|()| fs::rename(&draft, &self.file))
            .with_context(|| format!("cannot set the clock {}", self.file.display()))
    }

    /// Variables of the environment that make a program live by it.
    #[must_use]
    pub fn environment(&self) -> Vec<(String, String)> {
        let set = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        vec![
            set("LD_PRELOAD", &self.library.to_string_lossy()),
            set("FAKETIME_TIMESTAMP_FILE", &self.file.to_string_lossy()),
            set("FAKETIME_NO_CACHE", "1"),
            set("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ]
    }
}

/// Removes what the library leaves behind of a process that was killed; a later process with the same id
/// would stumble over it.
pub fn sweep(pid: u32) {
    for file in [format!("faketime_shm_{pid}"), format!("sem.faketime_sem_{pid}")] {
        // Mostly there is none.
        let _ = fs::remove_file(Path::new("/dev/shm").join(file));
    }
}

/// The library below one of `roots`, or below a folder for a kind of machine in one of them.
fn find(roots: impl IntoIterator<Item = impl AsRef<Path>>) -> Option<PathBuf> {
    roots.into_iter().find_map(|root| {
        let root = root.as_ref();
        let machines = fs::read_dir(root).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
        std::iter::once(root.to_owned())
            .chain(machines)
            .map(|folder| folder.join(LIBRARY))
            .find(|library| library.is_file())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_is_found_below_a_folder_for_the_machine() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(find([root.path()]), None);
        let library = root.path().join("x86_64-linux-gnu").join(LIBRARY);
        fs::create_dir_all(library.parent().unwrap()).unwrap();
        fs::write(&library, "").unwrap();
        assert_eq!(find([Path::new("/no/such/root"), root.path()]), Some(library));
    }

    #[test]
    fn a_jump_is_an_offset_with_its_sign() {
        let folder = tempfile::tempdir().unwrap();
        let clock = FakeClock { library: PathBuf::new(), file: folder.path().join("clock") };
        for (offset, text) in [(0, "+0\n"), (3_600, "+3600\n"), (-5, "-5\n")] {
            clock.jump(offset).unwrap();
            assert_eq!(fs::read_to_string(folder.path().join("clock")).unwrap(), text);
        }
    }
}
