//! Node.js and the npm packages of this crate, for real JavaScript clients.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context as _, ensure};

/// The oldest Node.js whose test runner does.
const OLDEST_NODE: u32 = 20;

/// The folder of this crate, where `package.json` is.
#[must_use]
pub fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Checks that Node.js is there and new enough.
///
/// # Errors
/// When it is not, with what to do.
pub fn check_node() -> anyhow::Result<()> {
    let advice = format!("install Node.js {OLDEST_NODE} or newer with npm");
    let output = Command::new("node").arg("--version").output();
    let output = output.with_context(|| format!("node cannot be run: {advice}"))?;
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let major = version.trim_start_matches('v').split('.').next().unwrap_or_default();
    let new_enough = major.parse::<u32>().is_ok_and(|major| major >= OLDEST_NODE);
    ensure!(new_enough, "node --version says {version:?}: {advice}");
    Ok(())
}

/// Installs the npm packages, unless those of this `package-lock.json` are there.
///
/// # Errors
/// When npm is missing or fails.
pub fn install_packages() -> anyhow::Result<()> {
    let modified = |file: &str| folder().join(file).metadata().and_then(|file| file.modified());
    let wanted = modified("package-lock.json").context("there is no loadtest/package-lock.json")?;
    if modified("node_modules/.package-lock.json").is_ok_and(|installed| installed >= wanted) {
        return Ok(());
    }
    eprintln!("installing the npm packages of loadtest/ ...");
    let status = Command::new("npm")
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        .current_dir(folder())
        .stdin(Stdio::null())
        .status()
        .context("npm cannot be run: install Node.js with npm")?;
    ensure!(status.success(), "`npm ci` in loadtest/ failed: see above");
    Ok(())
}
