//! Everything that the stack logs, and whether something stands there that is nobody's business.
//!
//! The services run in this process and log at `debug` into one file; nats-server and the S3 server write
//! theirs beside their data. What is private the tests write down: see `e2e/support/private.mjs`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    sync::LazyLock,
};

use aho_corasick::AhoCorasick;
use anyhow::{Context as _, bail, ensure};
use service_shell::telemetry::{LogFormat, log_to};
use tempfile::TempDir;
use tracing_subscriber::EnvFilter;

/// Where the tests write down what is private.
pub const PRIVATE: &str = "STARLING_PRIVATE";

/// The filter: all that anybody would ever turn on to find a fault.
const LEVEL: &str = "debug";

/// The most findings that are told.
const TOLD: usize = 20;

/// What this process logs, from its first use until it ends.
static LOGS: LazyLock<Result<TempDir, String>> =
    LazyLock::new(|| record().map_err(|error| format!("{error:#}")));

fn record() -> anyhow::Result<TempDir> {
    let folder = tempfile::tempdir()?;
    let file = File::create(folder.path().join("services.log"))?;
    // As every service logs, whose filter is part of what is tested.
    log_to(file, EnvFilter::new(LEVEL), LogFormat::Human, true)
        .context("the log cannot be recorded")?;
    Ok(folder)
}

/// Begins to record, where that has not begun, and says where the tests of `suite` are to write down
/// what is private.
pub fn private_of(suite: &str) -> anyhow::Result<PathBuf> {
    match &*LOGS {
        Ok(folder) => Ok(folder.path().join(format!("{suite}.private"))),
        Err(error) => bail!("{error}"),
    }
}

/// Fails if a log holds one of the texts in `private`, the signature of a token, or one of `secrets`.
/// `data` is the stack's folder, with the logs of what runs beside it.
pub fn check(private: &Path, secrets: &[&str], data: &Path) -> anyhow::Result<()> {
    let mut texts: BTreeSet<(String, String)> =
        secrets.iter().map(|text| ("secret".to_owned(), (*text).to_owned())).collect();
    ensure!(texts.iter().all(|(_, text)| text.len() >= 8), "a secret is too short to look for");
    if private.exists() {
        for line in BufReader::new(File::open(private)?).lines() {
            let (kind, text): (String, String) = serde_json::from_str(&line?)?;
            if kind == "token"
                && let Some((_, signature)) = text.rsplit_once('.')
                && signature.len() >= 20
            {
                texts.insert(("a token's signature".to_owned(), signature.to_owned()));
            }
            texts.insert((kind, text));
        }
    }
    let texts: Vec<_> = texts.into_iter().collect();
    let search = AhoCorasick::new(texts.iter().map(|(_, text)| text))?;
    let logs = private.parent().into_iter().chain([data]).map(logs_in);
    let logs = logs.collect::<anyhow::Result<Vec<_>>>()?.concat();
    ensure!(logs.len() >= 2, "there are logs of the services and of nats-server, but not {logs:?}");
    let mut found = Vec::new();
    let mut by_place = BTreeMap::new();
    let mut lines = 0_u64;
    for log in &logs {
        for line in BufReader::new(File::open(log)?).split(b'\n') {
            let line = line?;
            lines += 1;
            if let Some(hit) = search.find(&line) {
                let (kind, text) = &texts[hit.pattern().as_usize()];
                let line = String::from_utf8_lossy(&line);
                // The target is the first word with a colon at its end.
                let place = line.split_whitespace().find(|word| word.ends_with(':'));
                let place = place.unwrap_or("another").to_owned();
                *by_place.entry(place).or_insert(0) += 1;
                let line: String = line.chars().take(400).collect();
                found.push(format!("{kind} {text:.40}… in {}: {line}", log.display()));
            }
        }
    }
    eprintln!(
        "\n── {lines} lines of {} logs searched for {} private texts",
        logs.len(),
        texts.len()
    );
    ensure!(lines > 1_000, "hardly anything was logged: {lines} lines");
    let all = found.len();
    found.truncate(TOLD);
    ensure!(
        found.is_empty(),
        "{all} lines hold what is private, by {by_place:?}:\n{}",
        found.join("\n")
    );
    Ok(())
}

/// The files `*.log` below a folder.
fn logs_in(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut logs = Vec::new();
    let entries = fs::read_dir(folder).with_context(|| format!("{}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            // What comes and goes there while this looks is no log.
            logs.extend(logs_in(&path).unwrap_or_default());
        } else if path.extension().is_some_and(|extension| extension == "log") {
            logs.push(path);
        }
    }
    Ok(logs)
}
