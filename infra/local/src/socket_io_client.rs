//! The browser's Socket.IO client: found in `node_modules` beside the page, or installed there by npm.
//!
//! `package.json` there pins its version; the node serves the files, so that no CDN is asked.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::Context as _;
use serde_json::Value;
use service_shell::BadConfiguration;
use tokio::process::Command;

use crate::{file_lock, progress};

const PACKAGE: &str = "socket.io-client";

/// The folder with the client's built files, installed into `public` first if they are missing or of
/// another version than `public/package.json` pins.
///
/// # Errors
/// [`BadConfiguration`] when npm is missing or fails, or `public` is not the page's folder.
pub async fn find_or_install(public: &Path) -> Result<PathBuf, BadConfiguration> {
    let manifest = public.join("package.json");
    let wanted = pinned(&manifest).map_err(|error| {
        BadConfiguration(format!(
            "{} does not hold the browser client ({error:#}): name its folder with --public",
            public.display()
        ))
    })?;
    install(public, &manifest, &wanted).await.map_err(|error| {
        BadConfiguration(format!(
            "{PACKAGE} {wanted} cannot be installed ({error:#}): install Node.js 20 or newer with npm, \
             and run `npm ci` in {}",
            public.display()
        ))
    })
}

async fn install(public: &Path, manifest: &Path, wanted: &str) -> anyhow::Result<PathBuf> {
    let package = public.join("node_modules").join(PACKAGE);
    let dist = package.join("dist");
    if installed(&package).as_deref() == Some(wanted) {
        return Ok(dist);
    }
    let turns = File::open(manifest).context("cannot read package.json")?;
    let _turn = file_lock::wait(turns).await.context("cannot lock package.json")?;
    if installed(&package).as_deref() == Some(wanted) {
        return Ok(dist);
    }
    progress::say(format_args!("installing {PACKAGE} {wanted} ..."));
    npm_ci(public).await?;
    anyhow::ensure!(
        installed(&package).as_deref() == Some(wanted),
        "npm installed another version"
    );
    Ok(dist)
}

async fn npm_ci(public: &Path) -> anyhow::Result<()> {
    let mut npm = Command::new("npm");
    npm.args(["ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"])
        .current_dir(public)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let output = npm.output().await.context("npm cannot be run")?;
    let complaints = String::from_utf8_lossy(&output.stderr);
    let complaint = complaints.lines().find(|line| line.starts_with("npm error"));
    anyhow::ensure!(output.status.success(), "{}", complaint.unwrap_or("npm ci failed"));
    Ok(())
}

/// The version that the manifest asks for.
fn pinned(manifest: &Path) -> anyhow::Result<String> {
    let text =
        std::fs::read_to_string(manifest).with_context(|| format!("no {}", manifest.display()))?;
    let manifest: Value = serde_json::from_str(&text).context("its package.json is not JSON")?;
    let version = manifest["dependencies"][PACKAGE].as_str();
    version.map(str::to_owned).with_context(|| format!("its package.json does not name {PACKAGE}"))
}

/// The version in `node_modules`, if the built files are there.
fn installed(package: &Path) -> Option<String> {
    let text = std::fs::read_to_string(package.join("package.json")).ok()?;
    let manifest: Value = serde_json::from_str(&text).ok()?;
    let built = package.join("dist").is_dir();
    manifest["version"].as_str().filter(|_| built).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(manifest: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("package.json"), manifest).unwrap();
        folder
    }

    const PINS: &str = r#"{"dependencies":{"socket.io-client":"4.8.4"}}"#;

    #[tokio::test]
    async fn an_installed_client_is_found() {
        let page = page(PINS);
        let package = page.path().join("node_modules/socket.io-client");
        std::fs::create_dir_all(package.join("dist")).unwrap();
        std::fs::write(package.join("package.json"), r#"{"version":"4.8.4"}"#).unwrap();
        assert_eq!(find_or_install(page.path()).await.unwrap(), package.join("dist"));
    }

    #[test]
    fn another_version_or_a_half_installed_one_does_not_count() {
        let table = [
            (Some(r#"{"version":"4.7.0"}"#), true, Some("4.7.0")),
            (Some(r#"{"version":"4.8.4"}"#), false, None),
            (Some("{"), true, None),
            (None, true, None),
        ];
        for (manifest, built, expected) in table {
            let package = tempfile::tempdir().unwrap();
            if built {
                std::fs::create_dir(package.path().join("dist")).unwrap();
            }
            if let Some(manifest) = manifest {
                std::fs::write(package.path().join("package.json"), manifest).unwrap();
            }
            assert_eq!(installed(package.path()).as_deref(), expected, "{manifest:?} {built}");
        }
    }

    #[tokio::test]
    async fn a_folder_that_is_not_the_page_is_named() {
        let table = [("{}", "does not name"), ("{", "not JSON")];
        for (manifest, expected) in table {
            let page = page(manifest);
            let sentence = find_or_install(page.path()).await.unwrap_err().to_string();
            assert!(sentence.contains(expected) && sentence.contains("--public"), "{sentence}");
        }
        let nowhere = tempfile::tempdir().unwrap();
        let sentence = find_or_install(nowhere.path()).await.unwrap_err().to_string();
        assert!(sentence.contains("package.json") && sentence.contains("--public"), "{sentence}");
    }
}
