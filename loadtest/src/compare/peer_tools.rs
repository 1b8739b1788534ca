//! Node.js and the npm packages of the peers.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context as _, ensure};
use tokio::process::Command;

/// The oldest Node.js that the packages run on.
const OLDEST_NODE: u32 = 20;
const ADVICE: &str =
    "install Node.js 20 or newer with npm, or leave Socket.IO out with --only starling";

/// Where the peers' server and its package.json are.
#[must_use]
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("compare/peers")
}

/// Checks Node.js, and installs the packages unless those of this `package-lock.json` are there.
///
/// # Errors
/// When Node.js is missing or too old, or npm cannot fetch the packages.
pub async fn prepare() -> anyhow::Result<()> {
    let output = Command::new("node").arg("--version").output().await;
    let output = output.with_context(|| format!("node cannot be run: {ADVICE}"))?;
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    ensure!(is_new_enough(&version), "node --version says {version:?}: {ADVICE}");
    let folder = folder();
    let modified = |file: &str| folder.join(file).metadata().and_then(|file| file.modified());
    let wanted = modified("package-lock.json");
    let wanted =
        wanted.with_context(|| format!("there is no lock file in {}", folder.display()))?;
    if modified("node_modules/.package-lock.json").is_ok_and(|installed| installed >= wanted) {
        return Ok(());
    }
    eprintln!("installing the npm packages of {} ...", folder.display());
    let status = Command::new("npm")
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        .current_dir(&folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .status()
        .await;
    let status = status.with_context(|| format!("npm cannot be run: {ADVICE}"))?;
    ensure!(status.success(), "`npm ci` in {} failed: see above", folder.display());
    Ok(())
}

fn is_new_enough(version: &str) -> bool {
    let major = version.trim_start_matches('v').split('.').next().unwrap_or_default();
    major.parse::<u32>().is_ok_and(|major| major >= OLDEST_NODE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        for (version, enough) in
            [("v20.1.0", true), ("v24.0.0", true), ("v18.9.1", false), ("", false)]
        {
            assert_eq!(is_new_enough(version), enough, "{version}");
        }
    }
}
