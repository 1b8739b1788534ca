//! The browser that the tests need on this machine.

use std::{env, path::PathBuf};

use anyhow::{bail, ensure};

/// Names the browser, for this harness and for the tests.
pub const CHROMIUM: &str = "CHROMIUM";
const BROWSERS: [&str; 4] =
    ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

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
