//! More than one region, and more than one server: JetStream is asked through a leaf, and three servers
//! are one cluster by certificates.

use std::future::Future;
use std::time::Duration;

use local_stack::data_folder::DataFolder;
use local_stack::nats_keys::NatsKeys;
use local_stack::nats_process::{NatsOptions, NatsProcess, NatsSettings};
use local_stack::provision::{ProvisionOptions, provision};
use local_stack::service::Service;
use local_stack::{external_nats, port, readiness};
use serde_json::{Value, json};
use service_shell::token::{Secret, TokenArgs};
use service_shell::{Link, NatsAccess, NatsArgs};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use wire::{NatsRole, RoomName, event, stream, subject};

use crate::client::{Client, token};
use crate::nats_guarded::{Prober, args, keys};
use crate::nats_whole::{PICTURE, stats};

/// By which tokens are signed.
const SECRET: &str = "for these tests and nothing else";
const DEADLINE: Duration = Duration::from_mins(1);
/// A server that stores and that leaves reach: as `hub.conf`, without a cluster.
const HUB: &str = "include \"./single.conf\"\ninclude \"./leaves.conf\"\n";

async fn start(settings: NatsSettings) -> NatsProcess {
    let options = NatsOptions { data: DataFolder::temporary().unwrap(), port: None };
    NatsProcess::start_with(options, settings).await.unwrap()
}

fn settings(keys: &NatsKeys, config: &str, variable: (&'static str, String)) -> NatsSettings {
    let mut settings = keys.server(config).unwrap();
    settings.environment.push(variable);
    settings
}

async fn link(args: &NatsArgs, role: NatsRole) -> Link {
    service_shell::connect(args, role, "test", 64).await.unwrap()
}

/// Waits until the leaf passes requests on.
async fn until_joined(link: &Link) {
    let jetstream = link.jetstream.context(link.client.clone());
    let joined = async {
        while jetstream.get_stream(stream::ROOMS).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(DEADLINE, joined).await.expect("the leaf does not reach the hub");
}

/// A hub that stores, provisioned, and a leaf that passes on to it.
struct Regions {
    hub: NatsProcess,
    leaf: NatsProcess,
    keys: NatsKeys,
    _folder: TempDir,
}

impl Regions {
    async fn start() -> Self {
        let (folder, keys) = keys();
        std::fs::write(folder.path().join("hub-alone.conf"), HUB).unwrap();
        let door = port::candidate();
        let listen = ("NATS_LEAF_LISTEN", format!("\"127.0.0.1:{door}\""));
        let hub = start(settings(&keys, "hub-alone.conf", listen)).await;
        let urls = ("NATS_HUB_URLS", format!("[\"tls://localhost:{door}\"]"));
        let leaf = start(settings(&keys, "leaf.conf", urls)).await;
        let regions = Self { hub, leaf, keys, _folder: folder };
        let admin = external_nats::connect(&regions.at_hub(NatsRole::Admin)).await.unwrap();
        provision(&admin, &ProvisionOptions::default()).await.unwrap();
        until_joined(&link(&regions.at_leaf(NatsRole::Node), NatsRole::Node).await).await;
        regions
    }

    fn at_hub(&self, role: NatsRole) -> NatsArgs {
        args(&self.hub, self.keys.access(role))
    }

    fn at_leaf(&self, role: NatsRole) -> NatsArgs {
        let nats_domain = Some("hub".parse().unwrap());
        args(&self.leaf, NatsAccess { nats_domain, ..self.keys.access(role) })
    }

    fn undenied(&self) {
        let denied = [&self.hub, &self.leaf].map(|server| server.refusals().unwrap());
        assert_eq!(denied, [vec![], vec![]] as [Vec<String>; 2]);
    }
}

#[tokio::test]
async fn a_leaf_passes_what_a_node_may_ask_and_nothing_else() {
    let regions = Regions::start().await;
    let node = link(&regions.at_leaf(NatsRole::Node), NatsRole::Node).await;
    let jetstream = node.jetstream.context(node.client.clone());
    let room = RoomName::parse("general").unwrap();
    let publishing = jetstream.publish(subject::message(&room), "hello".into());
    let stored = publishing.await.unwrap().await.unwrap();
    let rooms = jetstream.get_stream_no_info(stream::ROOMS).await.unwrap();
    assert_eq!(rooms.direct_get(stored.sequence).await.unwrap().payload, "hello");
    regions.undenied();

    // Whoever takes the leaf over is still a node to the hub: the admin's own request ends at the door.
    let at_leaf = regions.at_leaf(NatsRole::Admin);
    let mut prober = Prober::connect(&at_leaf, NatsRole::Admin).await;
    assert!(prober.may_publish("$JS.hub.API.STREAM.DELETE.ROOMS").await, "the leaf lets it in");
    let asked = link(&at_leaf, NatsRole::Admin).await;
    let asked = asked.jetstream.context(asked.client.clone());
    assert!(asked.delete_stream(stream::ROOMS).await.is_err());
    assert_eq!(rooms.direct_get(stored.sequence).await.unwrap().payload, "hello");
}

/// A node on a free port.
async fn node(nats: NatsArgs) -> Service {
    let tokens = TokenArgs::of_secret(Secret::own(SECRET));
    let config =
        connection_node::Config { nats, tokens, ..connection_node::Config::local("nats://unused") };
    let serve = |listener, stop| connection_node::run(config, listener, stop);
    ready("a node", port::listen_anywhere().await.unwrap(), serve).await
}

/// A fan-out worker.
async fn worker(nats: NatsArgs) -> Service {
    let config = fanout_worker::Config { nats, ..fanout_worker::Config::local("nats://unused") };
    let serve = |listener, stop| fanout_worker::run(config, listener, stop);
    ready("a worker", port::listen_anywhere().await.unwrap(), serve).await
}

async fn ready<F, S>(name: &str, listener: TcpListener, serve: S) -> Service
where
    F: Future<Output = anyhow::Result<()>> + Send + 'static,
    S: FnOnce(TcpListener, CancellationToken) -> F + Send + 'static,
{
    let service = Service::start(name, listener, serve).unwrap();
    readiness::wait(name, service.address(), DEADLINE).await.unwrap();
    service
}

fn url(node: &Service) -> String {
    format!("http://{}", node.address())
}

async fn user(node: &Service, name: &str, seen: Value) -> Client {
    let auth = json!({ "token": token(SECRET, name, "user"), "rooms": seen });
    Client::enter(&url(node), "", auth).await.unwrap()
}

async fn admin(node: &Service) -> Client {
    let auth = json!({ "token": token(SECRET, "root", "admin") });
    Client::enter(&url(node), "/admin,", auth).await.unwrap()
}

#[tokio::test]
async fn a_node_behind_a_leaf_is_as_good_as_another() {
    let regions = Regions::start().await;
    let worker = worker(regions.at_hub(NatsRole::Fanout)).await;
    let (here, there) =
        (node(regions.at_hub(NatsRole::Node)).await, node(regions.at_leaf(NatsRole::Node)).await);
    let mut near = user(&here, "near", json!({})).await;
    near.event(event::USER_LIST).await;
    let mut far = user(&there, "far", json!({})).await;
    assert_eq!(far.event(event::USER_LIST).await["count"], 2);
    for (content, from_far) in [("hello", true), ("hello back", false)] {
        let (writer, reader) = if from_far { (&mut far, &mut near) } else { (&mut near, &mut far) };
        let ack = writer.ask(event::CHAT_MESSAGE, json!({ "content": content })).await;
        assert_eq!(ack["status"], "success", "{ack}");
        while reader.event(event::CHAT_MESSAGE).await["content"] != content {}
    }
    let queued = far.send_file(PICTURE, json!({})).await;
    assert_eq!(queued["status"], "success", "{queued}");
    let mut again = user(&there, "again", json!({ "general": 0 })).await;
    let recovered = again.event(event::RECOVERED).await;
    assert_eq!(recovered["complete"], true, "{recovered}");

    // Everyone is asked from both sides, and a ban of one holds on the other.
    for (asked, other, name, client) in [(&here, &there, "far", far), (&there, &here, "near", near)]
    {
        let mut admin = admin(asked).await;
        let stats = stats(&mut admin).await;
        assert_eq!(stats["nodes"].as_array().map(Vec::len), Some(2), "{stats}");
        let told = admin.ask(event::BROADCAST_MESSAGE, json!({ "content": "hear" })).await;
        assert_eq!(told["nodes"], 2, "{told}");
        ban(&mut admin, other, name, client).await;
    }
    regions.undenied();
    for service in [here, there, worker] {
        service.stop().await.unwrap();
    }
}

/// A user of another node is sent away, kept away, and let in again.
async fn ban(admin: &mut Client, node: &Service, name: &str, mut client: Client) {
    let banned = admin.ask(event::BAN, json!({ "userId": name })).await;
    assert_eq!(banned["status"], "success", "{banned}");
    client.event(event::AUTH_ERROR).await;
    client.ended().await;
    let auth = json!({ "token": token(SECRET, name, "user") });
    assert!(Client::enter(&url(node), "", auth.clone()).await.is_err());
    let lifted = admin.ask(event::UNBAN, json!({ "userId": name })).await;
    assert_eq!(lifted["status"], "success", "{lifted}");
    let again = async { while Client::enter(&url(node), "", auth.clone()).await.is_err() {} };
    tokio::time::timeout(DEADLINE, again).await.expect("the ban goes on");
}

#[tokio::test]
async fn three_servers_are_one_by_their_certificates() {
    let (_folder, keys) = keys();
    let (_strangers, strangers) = crate::nats_guarded::keys();
    let ports: Vec<u16> = (0..3).map(|_| port::candidate()).collect();
    let routes: Vec<String> =
        ports.iter().map(|port| format!("\"nats://localhost:{port}\"")).collect();
    let routes = format!("[{}]", routes.join(","));
    let member = |keys: &NatsKeys, port: u16| {
        let mut settings = settings(keys, "cluster.conf", ("NATS_ROUTES", routes.clone()));
        settings.arguments = vec!["--cluster".to_owned(), format!("nats://127.0.0.1:{port}")];
        settings
    };
    let mut servers = Vec::new();
    for port in &ports {
        servers.push(start(member(&keys, *port)).await);
    }
    // One whose certificate another authority signed stays outside.
    let _outside = start(member(&strangers, port::candidate())).await;
    let urls: Vec<String> = servers.iter().map(NatsProcess::url).collect();
    let nats_url = urls.join(",").parse().unwrap();
    let admin = NatsArgs { nats_url, access: keys.access(NatsRole::Admin) };
    let client = external_nats::connect(&admin).await.unwrap();
    let options = ProvisionOptions { replicas: Some(3), ..ProvisionOptions::default() };
    let provisioned = async {
        while provision(&client, &options).await.is_err() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(DEADLINE, provisioned).await.expect("the servers are no cluster");
    let jetstream = async_nats::jetstream::new(client.clone());
    let rooms = jetstream.get_stream(stream::ROOMS).await.unwrap();
    let cluster = rooms.cached_info().cluster.clone().unwrap();
    assert_eq!(cluster.replicas.len(), 2, "{cluster:?}");
    let known = client.server_info().connect_urls;
    assert!(known.is_empty(), "bare addresses that no certificate names: {known:?}");
}
