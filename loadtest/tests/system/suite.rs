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
    socket_io_client,
    stack::Stack,
    stack_options::{StackOptions, default_public},
};
use tokio::process::Command;

use crate::{
    control::{self, Control},
    strict_node,
};

/// Names the test files to run by a part of their names, for one who works on some of them.
const ONLY: &str = "STARLING_ONLY";

/// Starts a stack of two nodes and two workers and runs every test file of `folder` against it.
pub async fn run(folder: &str, environment: &[(&str, &OsStr)]) -> anyhow::Result<()> {
    node_js::check_node()?;
    node_js::install_packages()?;
    let files = test_files(&node_js::folder().join(folder))?;
    let public = default_public();
    let client = socket_io_client::find_or_install(&public).await?;
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
        let mut node = node(file, &stack, &control)?;
        node.envs(environment.iter().copied());
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
    let stopped = stack.stop().await.context("the stack did not stop well");
    ensure!(failed.is_empty(), "failed, as told above: {}", failed.join(", "));
    ensure!(refused.is_empty(), "NATS refused what a service needs:\n{}", refused.join("\n"));
    stopped
}

/// The files `*.test.mjs` of a folder that are asked for, in alphabetical order.
fn test_files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
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

/// One file at a time: `node --test` would run several at once, some of which restart the nodes.
fn node(file: &Path, stack: &Stack, control: &Control) -> anyhow::Result<Command> {
    let nodes: Vec<_> = (0..stack.nodes()).map(|node| stack.node_url(node)).collect();
    let mut command = Command::new("node");
    command
        .args(["--test", "--test-reporter=spec"])
        .arg(file)
        .current_dir(node_js::folder())
        .env("STARLING_NODES", nodes.join(","))
        .env("STARLING_CONTROL", &control.url)
        .env("STARLING_JWT_SECRET", stack.jwt_secret())
        .env("STARLING_EXPIRED_TOKEN", expired_token(stack.jwt_secret())?)
        .kill_on_drop(true);
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
