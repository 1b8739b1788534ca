//! Looks programs up as a shell does.

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

/// The first executable file `name` in the folders of `path`, which has the form of the variable PATH.
pub fn find(name: &str, path: &OsStr) -> Option<PathBuf> {
    let executable = |file: &PathBuf| {
        file.metadata()
            .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
    };
    std::env::split_paths(path).map(|folder| folder.join(name)).find(executable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn the_first_executable_file_is_found() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let make = |folder: &Path, mode: u32| {
            let file = folder.join("program");
            std::fs::write(&file, "").unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
            file
        };
        let path = std::env::join_paths([one.path(), other.path()]).unwrap();
        assert_eq!(find("program", &path), None);
        std::fs::create_dir(one.path().join("folder")).unwrap();
        assert_eq!(find("folder", &path), None, "a folder is no program");
        make(one.path(), 0o644);
        let second = make(other.path(), 0o755);
        assert_eq!(find("program", &path), Some(second));
        let first = make(one.path(), 0o700);
        assert_eq!(find("program", &path), Some(first));
        assert_eq!(find("program", OsStr::new("")), None);
    }
}
