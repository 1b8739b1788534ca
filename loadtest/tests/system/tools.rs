//! What the tests need on this machine: Node.js, the npm packages, a browser.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, bail, ensure};

/// The oldest Node.js whose test runner does.
const OLDEST_NODE: u32 = 20;
/// Names the browser, for this harness and for the tests.
pub const CHROMIUM: &str = "CHROMIUM";
const BROWSERS: [&str; 4] =
    ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// The folder of this crate, where `package.json` is.
pub fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Checks that Node.js is there and new enough.
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

/// The browser: `$CHROMIUM`, or one on PATH.
pub fn chromium() -> anyhow::Result<PathBuf> {
    if let Some(named) = env::var_os(CHROMIUM).filter(|named| !named.is_empty()) {
        let browser = PathBuf::from(named);
        ensure!(browser.is_file(), "CHROMIUM names {}, which is no file", browser.display());
        return Ok(browser);
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let folders: Vec<_> = env::split_paths(&path).collect();
    let candidates =
        BROWSERS.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    match candidates.into_iter().find(|candidate| candidate.is_file()) {
        Some(browser) => Ok(browser),
        None => bail!(
            "there is no Chromium on PATH: `apt-get install chromium`, or set CHROMIUM to its path"
        ),
    }
}
