//! One folder of JavaScript tests against a stack of its own.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, ensure};
use jsonwebtoken::{EncodingKey, Header};
use loadtest::node_js;
use local_stack::{
    s3::S3Options,
    socket_io_client,
    stack::Stack,
    stack_options::{StackOptions, default_public},
};
use tokio::process::Command;

use crate::{
    control::{self, Control},
    logs, strict_node,
};

/// Names the test files to run by a part of their names, for one who works on some of them.
const ONLY: &str = "STARLING_ONLY";

/// Starts a stack of two nodes and two workers and runs every test file of `folder` against it. In the end
/// nothing private may stand in the logs.
pub async fn run(folder: &str, environment: &[(&str, &OsStr)]) -> anyhow::Result<()> {
    node_js::check_node()?;
    node_js::install_packages()?;
    let files = test_files(&node_js::folder().join(folder))?;
    let private = logs::private_of(folder)?;
    let public = default_public();
    let client = socket_io_client::find_or_install(&public).await?;
    let s3_secret = S3Options::default().secret_key;
    // Each service gets into NATS as its own role, as in production: what a role lacks fails here.
    let keys = tempfile::tempdir().context("cannot make a temporary folder")?;
    let options = StackOptions {
        public,
        socket_io_client: Some(client),
        nats_keys: Some(keys.path().to_owned()),
        ..StackOptions::default()
    };
    let mut stack = Stack::start(options).await.context("the stack does not start")?;
    let mut control = Control::serve().await?;

    let mut failed = Vec::new();
    for file in &files {
        let name = file.strip_prefix(node_js::folder()).unwrap_or(file).display().to_string();
        eprintln!("\n── {name}");
        let mut node = on_stack(file, &stack, &control)?;
        node.env(logs::PRIVATE, &private).envs(environment.iter().copied());
        // A third node is there for those tests alone: others count the nodes.
        let mut strict = None;
        if file.ends_with(strict_node::TESTS) {
            let slot = strict_node::start(&stack).await?;
            node.env(strict_node::URL, slot.url());
            strict = Some(slot);
        }
        let passed = passes(node, &mut stack, &mut control).await?;
        if let Some(mut strict) = strict {
            strict.stop().await.context("the node with limits did not stop well")?;
        }
        if !passed {
            failed.push(name);
        }
    }
    drop(control);
    let refused = stack.nats_process()?.refusals()?;
    let secrets = [stack.jwt_secret(), &s3_secret];
    let silent = logs::check(&private, &secrets, stack.data());
    let stopped = stack.stop().await.context("the stack did not stop well");
    ensure!(failed.is_empty(), "failed, as told above: {}", failed.join(", "));
    ensure!(refused.is_empty(), "NATS refused what a service needs:\n{}", refused.join("\n"));
    silent?;
    stopped
}

/// The files `*.test.mjs` of a folder that are asked for, in alphabetical order.
pub fn test_files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let paths = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    let only = std::env::var(ONLY).unwrap_or_default();
    let is_test = |path: &PathBuf| {
        let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
        name.ends_with(".test.mjs") && name.contains(&only)
    };
    let mut files: Vec<_> = paths.into_iter().filter(is_test).collect();
    files.sort();
    ensure!(!files.is_empty(), "there are no tests {only:?} in {}", folder.display());
    Ok(files)
}

/// The command that runs one file: `node --test` would run several at once, some of which restart the
/// nodes, or measure time.
pub fn node(file: &Path) -> Command {
    let mut command = Command::new("node");
    command
        .args(["--test", "--test-reporter=spec"])
        .arg(file)
        .current_dir(node_js::folder())
        .kill_on_drop(true);
    command
}

/// The same, for a file that wants a stack.
fn on_stack(file: &Path, stack: &Stack, control: &Control) -> anyhow::Result<Command> {
    let nodes: Vec<_> = (0..stack.nodes()).map(|node| stack.node_url(node)).collect();
    let mut command = node(file);
    command
        .env("STARLING_NODES", nodes.join(","))
        .env("STARLING_CONTROL", &control.url)
        .env("STARLING_JWT_SECRET", stack.jwt_secret())
        .env("STARLING_EXPIRED_TOKEN", expired_token(stack.jwt_secret())?);
    Ok(command)
}

/// Runs it to its end and meanwhile does what it asks for.
async fn passes(
    mut node: Command,
    stack: &mut Stack,
    control: &mut Control,
) -> anyhow::Result<bool> {
    let mut child = node.spawn().context("node cannot be run")?;
    loop {
        tokio::select! {
            status = child.wait() => return Ok(status?.success()),
            Some((order, outcome)) = control.requests.recv() => {
                // A test that has ended meanwhile does not wait for the outcome.
                let _ = outcome.send(control::act(stack, order).await);
            }
        }
    }
}

/// A token that the nodes signed long ago, as far as they can tell.
fn expired_token(secret: &str) -> anyhow::Result<String> {
    let claims = serde_json::json!({ "sub": "u-expired", "name": "Expired", "exp": 1_000_000_000 });
    let key = EncodingKey::from_secret(secret.as_bytes());
    Ok(jsonwebtoken::encode(&Header::default(), &claims, &key)?)
}
