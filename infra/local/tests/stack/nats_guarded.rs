//! A guarded nats-server, made of the very files of `infra/nats`, and connections in each role.

use std::path::Path;
use std::time::Duration;

use async_nats::Client;
use async_nats::Event;
use local_stack::data_folder::DataFolder;
use local_stack::external_nats;
use local_stack::nats_keys::{NatsKeys, SINGLE, here};
use local_stack::nats_process::{NatsOptions, NatsProcess};
use local_stack::provision::{ProvisionOptions, provision};
use service_shell::{BadConfiguration, Link, NatsAccess, NatsArgs};
use tempfile::TempDir;
use tokio::sync::mpsc;
use wire::NatsRole;

/// Messages of a subscription that may wait.
const QUEUE: usize = 1_024;
/// No role may publish this.
pub const FORBIDDEN: &str = "forbidden.to.all";

pub struct Guarded {
    pub server: NatsProcess,
    pub keys: NatsKeys,
    /// Where the keys are.
    pub folder: TempDir,
}

impl Guarded {
    /// One server, provisioned by the role that may.
    pub async fn start() -> Self {
        let (folder, keys) = keys();
        let server = serve(&keys, SINGLE).await;
        let guarded = Self { server, keys, folder };
        let admin = external_nats::connect(&guarded.args(NatsRole::Admin)).await.unwrap();
        provision(&admin, &ProvisionOptions::default()).await.unwrap();
        guarded
    }

    pub fn args(&self, role: NatsRole) -> NatsArgs {
        args(&self.server, self.keys.access(role))
    }

    pub async fn link(&self, role: NatsRole) -> Link {
        service_shell::connect(&self.args(role), role, "test", QUEUE).await.unwrap()
    }

    /// Why a service of `role` does not get in with `access`.
    async fn refusal(&self, role: NatsRole, access: NatsAccess) -> String {
        refusal(&args(&self.server, access), role).await
    }
}

pub fn keys() -> (TempDir, NatsKeys) {
    let folder = tempfile::tempdir().unwrap();
    let keys = NatsKeys::make(folder.path(), &here()).unwrap();
    (folder, keys)
}

pub async fn serve(keys: &NatsKeys, config: &str) -> NatsProcess {
    let options = NatsOptions { data: DataFolder::temporary().unwrap(), port: None };
    NatsProcess::start_with(options, keys.server(config).unwrap()).await.unwrap()
}

pub fn args(server: &NatsProcess, access: NatsAccess) -> NatsArgs {
    NatsArgs { nats_url: server.url().parse().unwrap(), access }
}

async fn refusal(args: &NatsArgs, role: NatsRole) -> String {
    let Err(error) = service_shell::connect(args, role, "test", QUEUE).await else {
        panic!("{args:?} got in")
    };
    error.downcast_ref::<BadConfiguration>().expect("bad configuration").to_string()
}

/// A connection that asks for things to see what is denied.
pub struct Prober {
    pub client: Client,
    errors: mpsc::UnboundedReceiver<String>,
}

impl Prober {
    pub async fn connect(args: &NatsArgs, role: NatsRole) -> Self {
        let (tell, errors) = mpsc::unbounded_channel();
        let options = args.access.options(role).unwrap().event_callback(move |event| {
            if let Event::ServerError(error) = event {
                let _ = tell.send(error.to_string());
            }
            std::future::ready(())
        });
        Self { client: options.connect(args.nats_url.servers()).await.unwrap(), errors }
    }

    pub async fn may_publish(&mut self, subject: &str) -> bool {
        // The client refuses to publish to what no server would take.
        self.client.publish(subject.to_owned(), "".into()).await.unwrap();
        self.was_taken(&format!("Publish to \"{subject}\"")).await
    }

    pub async fn may_subscribe(&mut self, subject: &str) -> bool {
        let subscription = self.client.subscribe(subject.to_owned()).await.unwrap();
        let taken = self.was_taken(&format!("Subscription to \"{subject}\"")).await;
        drop(subscription);
        taken
    }

    /// Waits for the denial of something else, which comes after that of what was asked for before.
    async fn was_taken(&mut self, asked: &str) -> bool {
        // A server that stores judges, and names, what a request to its domain stands for.
        let meant = asked.replace("$JS.hub.API.", "$JS.API.");
        self.client.publish(FORBIDDEN, "".into()).await.unwrap();
        self.client.flush().await.unwrap();
        let mut taken = true;
        loop {
            let waiting = tokio::time::timeout(Duration::from_secs(10), self.errors.recv());
            let error = waiting.await.expect("no word from the server").unwrap();
            if error.contains(FORBIDDEN) {
                return taken;
            }
            assert!(
                error.contains(asked) || error.contains(&meant),
                "{asked} was answered: {error}"
            );
            taken = false;
        }
    }
}

#[tokio::test]
async fn who_has_no_key_or_another_is_told_so_at_once() {
    let guarded = Guarded::start().await;
    let (strangers, stranger) = keys();
    let ca = guarded.keys.access(NatsRole::Node).nats_ca_file;
    let keyless = NatsAccess { nats_ca_file: ca.clone(), ..NatsAccess::default() };
    let foreign = NatsAccess { nats_ca_file: ca.clone(), ..stranger.access(NatsRole::Node) };
    for access in [keyless, foreign] {
        let sentence = guarded.refusal(NatsRole::Node, access).await;
        assert!(
            sentence.contains("does not let this process in; expected a key of the role node"),
            "{sentence}"
        );
    }
    let sentence = guarded.refusal(NatsRole::Node, guarded.keys.access(NatsRole::Fanout)).await;
    assert!(sentence.contains("_INBOX_node.>; expected a key of the role node"), "{sentence}");

    let seed = guarded.keys.access(NatsRole::Node);
    let unknown = NatsAccess { nats_ca_file: None, ..seed.clone() };
    let other = Some(strangers.path().join("ca.pem"));
    let other = NatsAccess { nats_ca_file: other, ..seed };
    for access in [unknown, other] {
        let sentence = guarded.refusal(NatsRole::Node, access).await;
        assert!(sentence.contains("is not to be trusted"), "{sentence}");
        assert!(sentence.contains("NATS_CA_FILE"), "{sentence}");
    }
}

#[tokio::test]
async fn a_certificate_for_another_host_is_not_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let keys = NatsKeys::make(folder.path(), &["elsewhere.example".to_owned()]).unwrap();
    let server = serve(&keys, SINGLE).await;
    let sentence = refusal(&args(&server, keys.access(NatsRole::Node)), NatsRole::Node).await;
    assert!(sentence.contains("is not to be trusted"), "{sentence}");
}

#[tokio::test]
async fn an_authority_makes_tls_a_must() {
    let open = NatsProcess::start_temp().await.unwrap();
    let (_folder, keys) = keys();
    let access = keys.access(NatsRole::Node);
    let sentence = refusal(&args(&open, access), NatsRole::Node).await;
    assert!(sentence.contains("cannot reach a NATS server"), "{sentence}");
}

#[tokio::test]
async fn a_key_is_replaced_while_everything_runs() {
    let mut guarded = Guarded::start().await;
    let old = guarded.link(NatsRole::Node).await;
    let (new_folder, new) = keys();
    // Both count for a while.
    let users = guarded.folder.path().join("users.conf");
    let text = std::fs::read_to_string(&users).unwrap();
    let old_line = line(&users, "# node");
    let both = format!("{old_line}\n{}", line(&new_folder.path().join("users.conf"), "# node"));
    reload(&guarded.server, &users, &text.replace(&old_line, &both));
    let ca = guarded.keys.access(NatsRole::Node).nats_ca_file;
    let access = NatsAccess { nats_ca_file: ca, ..new.access(NatsRole::Node) };
    let new_args = args(&guarded.server, access);
    until_in(&new_args).await;
    old.client.flush().await.unwrap();
    // And then the new one alone.
    let new_line = line(&new_folder.path().join("users.conf"), "# node");
    reload(&guarded.server, &users, &text.replace(&old_line, &new_line));
    let mut gone = old.down_since.clone();
    let parted = gone.wait_for(Option::is_some);
    tokio::time::timeout(Duration::from_secs(10), parted).await.unwrap().unwrap();
    until_in(&new_args).await;
    assert!(guarded.server.exited().is_none());
}

/// The line of a file with `mark` in it.
fn line(file: &Path, mark: &str) -> String {
    let text = std::fs::read_to_string(file).unwrap();
    text.lines().find(|line| line.contains(mark)).unwrap().to_owned()
}

fn reload(server: &NatsProcess, users: &Path, text: &str) {
    std::fs::write(users, text).unwrap();
    crate::process::send("HUP", server.pid().unwrap());
}

/// The server reads its files a moment after it is told to.
async fn until_in(args: &NatsArgs) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while let Err(error) = service_shell::connect(args, NatsRole::Node, "test", QUEUE).await {
        assert!(tokio::time::Instant::now() < deadline, "{error:#}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
