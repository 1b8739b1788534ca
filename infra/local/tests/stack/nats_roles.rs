//! Least privilege: every subject of the contract is for the roles that need it, and for no other; every
//! request to JetStream likewise.

use std::collections::BTreeSet;

use wire::NatsRole::{self, Admin, Fanout, Media, Node};
use wire::{NodeId, Partition, RoomName, WorkerId, admin, kv, subject};

use crate::nats_guarded::{Guarded, Prober};

/// Who publishes a subject, and who subscribes to it. Of one with wildcards only the latter is asked.
struct Row {
    /// The function or constant of `wire` that spells it; empty where `wire` has none.
    name: &'static str,
    subject: String,
    publish: &'static [NatsRole],
    subscribe: &'static [NatsRole],
}

fn row(
    name: &'static str,
    subject: impl Into<String>,
    publish: &'static [NatsRole],
    subscribe: &'static [NatsRole],
) -> Row {
    Row { name, subject: subject.into(), publish, subscribe }
}

fn subjects() -> Vec<Row> {
    let room = RoomName::parse("a b").unwrap();
    let node = NodeId::parse("node-1").unwrap();
    let worker = WorkerId::parse("worker-1").unwrap();
    let partition = Partition::of_room("general");
    vec![
        row("message", subject::message(&room), &[Node, Media], &[]),
        row("interest", subject::interest(&room, &node), &[Node, Fanout], &[]),
        // What is read of the log comes through consumers, see below.
        row("partition_log", subject::partition_log(partition), &[], &[]),
        row("partition_interest", subject::partition_interest(partition), &[], &[]),
        row("ALL_MESSAGES", subject::ALL_MESSAGES, &[], &[]),
        row("delivery", subject::delivery(&node), &[Fanout], &[Node]),
        row("ephemeral", subject::ephemeral(partition), &[Node], &[Fanout]),
        row("node_heartbeat", subject::node_heartbeat(&node), &[Node], &[Fanout]),
        row("ALL_NODE_HEARTBEATS", subject::ALL_NODE_HEARTBEATS, &[], &[Fanout]),
        row("worker_heartbeat", subject::worker_heartbeat(&worker), &[Fanout], &[Fanout]),
        row("ALL_WORKER_HEARTBEATS", subject::ALL_WORKER_HEARTBEATS, &[], &[Fanout]),
        row("media_job", subject::media_job(&node), &[Node], &[]),
        row("media_failure", subject::media_failure(&node), &[Media], &[Node]),
        row("media_answers", subject::media_answers("x"), &[Node], &[Media]),
        row("MEDIA_DEAD", subject::MEDIA_DEAD, &[Media], &[]),
        row("lease_key", kv::subject(&kv::lease_key(partition)), &[Fanout], &[]),
        row("session_key", kv::subject(&kv::session_key(&worker)), &[Fanout], &[]),
        row("ALL_LEASES", kv::subject(kv::ALL_LEASES), &[], &[]),
        row("checkpoint_key", kv::subject(&kv::checkpoint_key(partition)), &[Fanout], &[]),
        row("ban_key", kv::subject(&admin::ban_key("u.1 *")), &[Node], &[]),
        row("ALL_BANS", kv::subject(admin::ALL_BANS), &[], &[]),
        row("subject", kv::subject("other"), &[], &[]),
        row("ADMIN_ORDER", subject::ADMIN_ORDER, &[Node], &[Node]),
        row("ADMIN_STATS", subject::ADMIN_STATS, &[Node], &[Node, Fanout]),
        row("admin_answers", subject::admin_answers("x"), &[Node, Fanout], &[Node]),
        row("", "$O.uploads.C.chunk", &[Node], &[]),
        row("", "$O.uploads.M.name", &[Node, Media], &[]),
        row("", "$JS.ACK.MEDIA.media.1.2.3.4.5", &[Media], &[]),
        row("", "_INBOX_node.x", &[], &[Node]),
        row("", "_INBOX_fanout.x", &[], &[Fanout]),
        row("", "_INBOX_media.x", &[], &[Media]),
        row("", "_INBOX_admin.x", &[], &[Admin]),
        row("", "_INBOX.x", &[], &[]),
        // All nodes listen to the same pattern: an id is made anew for each run.
        row("", "dlv.*", &[], &[Node]),
        // In a list of NATS `*` stands for `>` too, which covers nothing more of the contract.
        row("", "dlv.>", &[], &[Node]),
        row("", "med.>", &[], &[Node]),
        row("", "dlv.x.y", &[], &[]),
        row("", "adm.>", &[], &[Node]),
        row("", ">", &[], &[]),
        row("", "*.>", &[], &[]),
        row("", "rt.>", &[], &[]),
        row("", "hb.>", &[], &[]),
        row("", "eph.>", &[], &[Fanout]),
        row("", "media.job.*", &[], &[]),
        row("", "media.told.*", &[], &[Media]),
        row("", "$KV.>", &[], &[]),
        row("", "$O.>", &[], &[]),
        row("", "$JS.>", &[], &[]),
        row("", "$SYS.>", &[], &[]),
    ]
}

/// The names of functions that make a subject or key, and of constants that are one.
fn spelled(source: &str) -> BTreeSet<&str> {
    source.lines().filter_map(name).collect()
}

fn name(line: &str) -> Option<&str> {
    let function = line.strip_prefix("pub fn ").filter(|rest| rest.ends_with("-> String {"));
    let constant = line.strip_prefix("pub const ").filter(|rest| rest.contains(": &str = "));
    function.or(constant)?.split(['(', ':']).next()
}

#[test]
fn every_subject_of_the_contract_is_in_the_table() {
    let sources = [
        include_str!("../../../../wire/src/subject.rs"),
        include_str!("../../../../wire/src/kv.rs"),
        include_str!("../../../../wire/src/admin.rs"),
    ];
    let spelled: BTreeSet<&str> = sources.into_iter().flat_map(spelled).collect();
    assert!(spelled.contains("message") && spelled.contains("ALL_LEASES"), "{spelled:?}");
    let rows = subjects();
    let known = rows.iter().map(|row| row.name).filter(|name| !name.is_empty()).collect();
    assert_eq!(
        spelled, known,
        "a subject is new or gone: say in this table who needs it, and in infra/nats/roles.conf"
    );
}

#[tokio::test]
async fn subjects_are_for_the_roles_that_need_them() {
    let guarded = Guarded::start().await;
    let mut wrong = Vec::new();
    for role in NatsRole::ALL {
        let mut prober = Prober::connect(&guarded.args(role), role).await;
        for Row { subject, publish, subscribe, .. } in subjects() {
            if !subject.contains(['*', '>']) {
                let may = prober.may_publish(&subject).await;
                if may != publish.contains(&role) {
                    wrong.push(format!("{role:?} publishes {subject}: {may}"));
                }
            }
            let may = prober.may_subscribe(&subject).await;
            if may != subscribe.contains(&role) {
                wrong.push(format!("{role:?} subscribes to {subject}: {may}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Requests to JetStream, without its prefix, and who may make them beside the admin.
fn requests() -> Vec<(String, &'static [NatsRole])> {
    let mut rows: Vec<(String, &[NatsRole])> = Vec::new();
    for name in ["ROOMS", "KV_RT", "MEDIA", "MEDIA_DEAD", "OBJ_uploads", "NEW"] {
        let changes = [
            "STREAM.CREATE",
            "STREAM.UPDATE",
            "STREAM.DELETE",
            "STREAM.SNAPSHOT",
            "STREAM.RESTORE",
            "STREAM.MSG.DELETE",
            "STREAM.MSG.GET",
            "STREAM.PEER.REMOVE",
            "STREAM.LEADER.STEPDOWN",
            "CONSUMER.NAMES",
            "CONSUMER.LIST",
        ];
        rows.extend(changes.map(|change| (format!("{change}.{name}"), &[][..])));
        for (request, roles) in [
            ("STREAM.PURGE", (name == "OBJ_uploads").then_some(&[Media][..])),
            ("CONSUMER.CREATE", (name == "OBJ_uploads").then_some(&[Media][..])),
        ] {
            rows.push((format!("{request}.{name}"), roles.unwrap_or_default()));
        }
        let several_filters: &[NatsRole] = if name == "ROOMS" { &[Fanout] } else { &[] };
        rows.push((format!("CONSUMER.CREATE.{name}.x"), several_filters));
        for request in ["CONSUMER.DURABLE.CREATE.{}.x", "CONSUMER.INFO.{}.x"] {
            rows.push((request.replace("{}", name), &[]));
        }
    }
    let table: [(&str, &[NatsRole]); 38] = [
        ("INFO", &[]),
        ("STREAM.NAMES", &[]),
        ("STREAM.LIST", &[]),
        ("ACCOUNT.PURGE.STARLING", &[]),
        ("META.LEADER.STEPDOWN", &[]),
        ("SERVER.REMOVE", &[]),
        ("STREAM.INFO.ROOMS", &[Node]),
        ("STREAM.INFO.KV_RT", &[Node]),
        ("STREAM.INFO.OBJ_uploads", &[Node, Media]),
        ("STREAM.INFO.MEDIA", &[]),
        ("STREAM.INFO.MEDIA_DEAD", &[]),
        ("DIRECT.GET.ROOMS", &[Node, Media]),
        ("DIRECT.GET.ROOMS.rt.1.m.general", &[Fanout, Media]),
        ("DIRECT.GET.ROOMS.rt.1.j.general.node-1", &[Fanout]),
        ("DIRECT.GET.KV_RT", &[]),
        ("DIRECT.GET.KV_RT.$KV.RT.lease.1", &[]),
        ("DIRECT.GET.KV_RT.$KV.RT.ckpt.1", &[Fanout]),
        ("DIRECT.GET.KV_RT.$KV.RT.ban.u-1", &[Node, Media]),
        ("DIRECT.GET.OBJ_uploads", &[]),
        ("DIRECT.GET.OBJ_uploads.$O.uploads.M.name", &[Node, Media]),
        ("DIRECT.GET.OBJ_uploads.$O.uploads.C.chunk", &[]),
        ("DIRECT.GET.MEDIA_DEAD.media.dead", &[]),
        ("CONSUMER.CREATE.ROOMS.x.rt.1.>", &[Fanout]),
        ("CONSUMER.CREATE.ROOMS.x.rt.1.j.*.*", &[Fanout]),
        ("CONSUMER.CREATE.KV_RT.x.$KV.RT.lease.>", &[Fanout]),
        ("CONSUMER.CREATE.KV_RT.x.$KV.RT.ban.>", &[Node]),
        ("CONSUMER.CREATE.KV_RT.x.$KV.RT.>", &[]),
        ("CONSUMER.CREATE.MEDIA.x.media.job.*", &[]),
        ("CONSUMER.CREATE.OBJ_uploads.x.$O.uploads.C.chunk", &[Media]),
        ("CONSUMER.CREATE.OBJ_uploads.x.$O.uploads.M.>", &[]),
        ("CONSUMER.DELETE.ROOMS.x", &[Fanout]),
        ("CONSUMER.DELETE.KV_RT.x", &[Node, Fanout]),
        ("CONSUMER.DELETE.OBJ_uploads.x", &[Media]),
        ("CONSUMER.DELETE.MEDIA.media", &[]),
        ("CONSUMER.PAUSE.MEDIA.media", &[]),
        ("CONSUMER.INFO.MEDIA.media", &[Media]),
        ("CONSUMER.MSG.NEXT.MEDIA.media", &[Media]),
        ("CONSUMER.MSG.NEXT.ROOMS.x", &[]),
    ];
    rows.extend(table.map(|(request, roles)| (request.to_owned(), roles)));
    rows
}

#[tokio::test]
async fn requests_to_jetstream_are_for_the_roles_that_need_them() {
    let guarded = Guarded::start().await;
    let mut wrong = Vec::new();
    for role in [Node, Fanout, Media] {
        let mut prober = Prober::connect(&guarded.args(role), role).await;
        for (request, roles) in requests() {
            for api in ["$JS.API", "$JS.hub.API"] {
                let may = prober.may_publish(&format!("{api}.{request}")).await;
                if may != roles.contains(&role) {
                    wrong.push(format!("{role:?} asks {api}.{request}: {may}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
