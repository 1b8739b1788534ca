//! More than one region, and more than one server: JetStream is asked through a leaf, and three servers
//! are one cluster by certificates.

use std::time::Duration;

use local_stack::data_folder::DataFolder;
use local_stack::external_nats;
use local_stack::nats_keys::NatsKeys;
use local_stack::nats_process::{NatsOptions, NatsProcess, NatsSettings};
use local_stack::port;
use local_stack::provision::{ProvisionOptions, provision};
use service_shell::{Link, NatsAccess, NatsArgs};
use wire::{NatsRole, RoomName, stream, subject};

use crate::nats_guarded::{Prober, args, keys};
use crate::nats_whole::bans;

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

#[tokio::test]
async fn a_leaf_passes_what_a_node_may_ask_and_nothing_else() {
    let (folder, keys) = keys();
    std::fs::write(folder.path().join("hub-alone.conf"), HUB).unwrap();
    let door = port::candidate();
    let listen = ("NATS_LEAF_LISTEN", format!("\"127.0.0.1:{door}\""));
    let hub = start(settings(&keys, "hub-alone.conf", listen)).await;
    let urls = ("NATS_HUB_URLS", format!("[\"tls://localhost:{door}\"]"));
    let leaf = start(settings(&keys, "leaf.conf", urls)).await;
    let at_hub = |role| args(&hub, keys.access(role));
    let at_leaf = |role| {
        let nats_domain = Some("hub".parse().unwrap());
        args(&leaf, NatsAccess { nats_domain, ..keys.access(role) })
    };
    let admin = external_nats::connect(&at_hub(NatsRole::Admin)).await.unwrap();
    provision(&admin, &ProvisionOptions::default()).await.unwrap();

    let node = link(&at_leaf(NatsRole::Node), NatsRole::Node).await;
    until_joined(&node).await;
    let fanout = link(&at_hub(NatsRole::Fanout), NatsRole::Fanout).await;
    let room = RoomName::parse("general").unwrap();

    // The log: written through the leaf, and read by direct get.
    let jetstream = node.jetstream.context(node.client.clone());
    let publishing = jetstream.publish(subject::message(&room), "hello".into());
    let stored = publishing.await.unwrap().await.unwrap();
    let rooms = jetstream.get_stream_no_info(stream::ROOMS).await.unwrap();
    assert_eq!(rooms.direct_get(stored.sequence).await.unwrap().payload, "hello");

    // Core subjects, in both directions.
    let mut deliveries = node.client.subscribe("dlv.node-1").await.unwrap();
    let mut words = fanout.client.subscribe("eph.1").await.unwrap();
    fanout.client.flush().await.unwrap();
    let delivered = async {
        // The hub learns of the leaf's subscription a moment later.
        loop {
            fanout.client.publish("dlv.node-1", "delivery".into()).await.unwrap();
            let waiting = futures_util::StreamExt::next(&mut deliveries);
            if tokio::time::timeout(Duration::from_millis(100), waiting).await.is_ok() {
                return;
            }
        }
    };
    tokio::time::timeout(DEADLINE, delivered).await.unwrap();
    let told = async {
        loop {
            node.client.publish("eph.1", "word".into()).await.unwrap();
            let waiting = futures_util::StreamExt::next(&mut words);
            if tokio::time::timeout(Duration::from_millis(100), waiting).await.is_ok() {
                return;
            }
        }
    };
    tokio::time::timeout(DEADLINE, told).await.unwrap();

    // The object store and the bucket.
    let uploads = jetstream.get_object_store(stream::UPLOADS_BUCKET).await.unwrap();
    uploads.put("m-1", &mut &b"bytes"[..]).await.unwrap();
    let media = link(&at_hub(NatsRole::Media), NatsRole::Media).await;
    let store = media.jetstream.context(media.client.clone());
    let store = store.get_object_store(stream::UPLOADS_BUCKET).await.unwrap();
    let mut bytes = Vec::new();
    let mut object = store.get("m-1").await.unwrap();
    tokio::io::AsyncReadExt::read_to_end(&mut object, &mut bytes).await.unwrap();
    assert_eq!(bytes, b"bytes");
    let other = link(&at_hub(NatsRole::Node), NatsRole::Node).await;
    bans(&other, &node).await;
    assert_eq!(
        [&hub, &leaf].map(|server| server.refusals().unwrap()),
        [vec![], vec![]] as [Vec<String>; 2]
    );

    // Whoever takes the leaf over is still a node to the hub: the admin's own request ends at the door.
    let mut prober = Prober::connect(&at_leaf(NatsRole::Admin), NatsRole::Admin).await;
    assert!(prober.may_publish("$JS.hub.API.STREAM.DELETE.ROOMS").await, "the leaf lets it in");
    let asked = link(&at_leaf(NatsRole::Admin), NatsRole::Admin).await;
    let asked = asked.jetstream.context(asked.client.clone());
    assert!(asked.delete_stream(stream::ROOMS).await.is_err());
    assert_eq!(rooms.direct_get(stored.sequence).await.unwrap().payload, "hello");
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
