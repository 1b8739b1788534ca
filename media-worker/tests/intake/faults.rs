//! An S3 that answers 500, says nothing, trickles, is gone or has no such bucket: jobs wait and stay with
//! their worker, clients are told to try again, probes are told why.

use std::num::NonZeroU16;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, header};
use futures_util::StreamExt as _;
use local_stack::s3_server::S3Kind;
use local_stack::service::Service;
use media_worker::Config;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use wire::media::{DeadJob, UploadDone};
use wire::{ErrorCode, stream, subject};

use crate::at_once::STEPS;
use crate::direct::{SECRET, ask, complete, grant, token, wish};
use crate::fault_proxy::Fault;
use crate::make::jpeg;
use crate::servers::against_each_s3;
use crate::web::{Answer, get, send};
use crate::world::{World, failure, job, next, node, room, until};

/// Shorter than the time in which a job is worked on below, and longer than from one word of progress to
/// the next.
const ACK_WAIT: Duration = Duration::from_secs(4);

against_each_s3! {
    a_bucket_that_is_not_there_or_forbidden_is_named
}

/// Gives up on S3 soon, so that what happens then is seen soon.
fn hasty(config: Config) -> Config {
    Config { s3_timeout: NonZeroU16::MIN, ..config }
}

fn url(worker: &Service, path: &str) -> String {
    format!("http://{}{path}", worker.address())
}

async fn count(worker: &Service, series: &str) -> u64 {
    let answer = get(&url(worker, "/metrics")).await;
    let text = answer.text();
    let line = text.lines().find_map(|line| line.strip_prefix(series));
    line.unwrap_or_else(|| panic!("no {series} in {text}")).trim().parse().unwrap()
}

async fn a_job_stays_with_its_worker_through(fault: Fault) {
    let world = World::start(S3Kind::Embedded).await;
    world.forget_jobs_after(ACK_WAIT).await;
    let mut failures = world.client.subscribe(subject::media_failure(&node())).await.unwrap();
    let words = format!("$JS.ACK.{}.{}.>", stream::MEDIA, stream::MEDIA_CONSUMER);
    let mut words = world.client.subscribe(words).await.unwrap();
    let worker = world.worker_of(hasty(world.config())).await;
    // A second one, that would take the job if it came again.
    let other = world.worker_of(hasty(world.config())).await;
    world.proxy.set(fault);
    world.queue(&job("m-1"), &jpeg(64, 48)).await;
    // Each 3 s after the last, so the job is older than the server would wait for it in silence.
    for _ in 0..2 {
        assert_eq!(words.next().await.unwrap().payload, "+WPI");
    }
    assert_eq!((world.count(stream::MEDIA).await, world.redelivered().await), (1, 0));
    assert!(world.files(&room("general")).await.is_empty());

    world.proxy.set(Fault::None);
    world.idle().await;
    assert_eq!(world.files(&room("general")).await.len(), 1);
    assert_eq!(world.count(stream::MEDIA_DEAD).await, 0);
    let both = async |series| count(&worker, series).await + count(&other, series).await;
    assert_eq!(both("starling_media_redeliveries_total").await, 0);
    assert!(both("starling_media_retries_total").await > 0);
    assert!(both("starling_media_s3_failures_total{operation=\"get\"}").await > 0);
    worker.stop().await.unwrap();
    other.stop().await.unwrap();
    failures.unsubscribe().await.unwrap();
    assert!(failures.next().await.is_none(), "a sender was told of a failure");
}

#[tokio::test]
async fn a_job_stays_with_its_worker_while_s3_fails() {
    a_job_stays_with_its_worker_through(Fault::Fails).await;
}

#[tokio::test]
async fn a_job_stays_with_its_worker_while_s3_says_nothing() {
    a_job_stays_with_its_worker_through(Fault::Silent).await;
}

#[tokio::test]
async fn a_job_stays_with_its_worker_while_s3_trickles() {
    a_job_stays_with_its_worker_through(Fault::Trickles).await;
}

#[tokio::test]
async fn a_job_stays_with_its_worker_while_s3_is_gone() {
    a_job_stays_with_its_worker_through(Fault::Refuses).await;
}

#[tokio::test]
async fn a_job_that_s3_keeps_from_its_end_is_given_up_and_the_next_one_done() {
    let world = World::start(S3Kind::Embedded).await;
    let mut failures = world.client.subscribe(subject::media_failure(&node())).await.unwrap();
    let mut dead = world.client.subscribe(subject::MEDIA_DEAD).await.unwrap();
    let config = Config { give_up_after: 2, ..hasty(world.config()) };
    let worker = world.worker_of(config).await;
    world.proxy.set(Fault::Fails);
    world.queue(&job("m-1"), &jpeg(64, 48)).await;
    let buried: DeadJob = next(&mut dead).await;
    assert!(buried.reason.contains("s old: cannot read records/m-1.json"), "{}", buried.reason);
    let failed = failure(&world, &mut failures).await;
    assert_eq!((&*failed.error.media_id, failed.error.code), ("m-1", ErrorCode::Unavailable));
    world.idle().await;
    world.proxy.set(Fault::None);
    world.queue(&job("m-2"), &jpeg(64, 48)).await;
    world.idle().await;
    let files = world.files(&room("general")).await;
    assert_eq!(files.iter().map(|file| &*file.media_id).collect::<Vec<_>>(), ["m-2"]);

    let jobs = "starling_media_jobs_total{way=\"queue\",result=";
    for (series, expected) in [
        (format!("{jobs}\"given_up\"}}"), 1),
        (format!("{jobs}\"published\"}}"), 1),
        ("starling_media_dead_letters_total".to_owned(), 1),
        ("starling_media_refusals_total{way=\"queue\",code=\"unavailable\"}".to_owned(), 1),
        ("starling_media_job_seconds_count{way=\"queue\"}".to_owned(), 2),
        ("starling_media_queue_wait_seconds_count".to_owned(), 2),
        ("starling_media_in_bytes_total".to_owned(), jpeg(64, 48).len() as u64),
        ("starling_media_in_flight".to_owned(), 0),
    ] {
        // Counted just after the job has left the queue.
        until(async || count(&worker, &series).await == expected).await;
    }
    assert!(count(&worker, "starling_media_out_bytes_total").await >= files[0].size);
    worker.stop().await.unwrap();
}

#[tokio::test]
async fn a_file_that_members_see_is_not_given_up() {
    let world = World::start(S3Kind::Embedded).await;
    let mut failures = world.client.subscribe(subject::media_failure(&node())).await.unwrap();
    let config = Config { give_up_after: 2, ..hasty(world.config()) };
    let worker = world.worker_of(config).await;
    // All but the last word: that the message is in the room.
    world.proxy.set(Fault::FailsAfter(STEPS - 1));
    world.queue(&job("m-1"), &jpeg(400, 300)).await;
    world.idle().await;
    world.proxy.requests(STEPS).await;
    assert_eq!(world.files(&room("general")).await.len(), 1);
    assert_eq!(world.count(stream::MEDIA_DEAD).await, 0);
    world.proxy.set(Fault::None);
    world.queue_again(&job("m-1")).await;
    world.idle().await;
    assert_eq!(world.files(&room("general")).await.len(), 1);
    worker.stop().await.unwrap();
    failures.unsubscribe().await.unwrap();
    assert!(failures.next().await.is_none(), "a sender was told of a failure");
}

#[tokio::test]
async fn a_file_that_cannot_be_shown_just_now_is_not_called_unstored() {
    let world = World::start(S3Kind::Embedded).await;
    let router = media_worker::router(&hasty(world.config())).await.unwrap();
    world.proxy.set(Fault::Fails);
    let path = "/media/9b2c6a5e-52c0-4b1f-8f3c-0d6f2a7b1c55/main.jpg";
    let answer = ask(&router, Request::get(path).body(Body::empty()).unwrap()).await;
    told_to_try_again(&answer, Fault::Fails);
    let said = &answer.read::<serde_json::Value>()["message"];
    assert_eq!(said, "The file cannot be read just now: try again");
}

#[tokio::test]
async fn a_client_that_never_ends_its_request_does_not_keep_the_worker() {
    let world = World::start(S3Kind::Embedded).await;
    let worker = world.worker().await;
    let (good, bad) = (token("u-1", SECRET), token("u-1", "another secret than the worker's own"));
    let mut clients = Vec::new();
    // Who has no good token is not waited for. The second is said by a worker that waits for the body.
    for (token, answer) in [(bad, "HTTP/1.1 401 Unauthorized"), (good, "HTTP/1.1 100 Continue")] {
        let mut client = TcpStream::connect(worker.address()).await.unwrap();
        let head = format!(
            "POST /media/uploads HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
            content-type: application/json\r\ncontent-length: 100\r\nexpect: 100-continue\r\n\r\n"
        );
        client.write_all(head.as_bytes()).await.unwrap();
        let mut said = vec![0; answer.len()];
        client.read_exact(&mut said).await.unwrap();
        assert_eq!(String::from_utf8_lossy(&said), answer);
        clients.push(client);
    }
    worker.stop().await.unwrap();
}

#[tokio::test]
async fn a_browser_is_told_to_try_again_whatever_is_wrong_with_s3() {
    let world = World::start(S3Kind::Embedded).await;
    let router = media_worker::router(&hasty(world.config())).await.unwrap();
    let photo = jpeg(64, 48);
    for fault in [Fault::Fails, Fault::Silent, Fault::Trickles, Fault::Refuses] {
        let ticket = grant(&router, "u-1", &wish("image/jpeg", photo.len())).await;
        assert!(send(&ticket.url, &ticket.fields, &photo).await.is_success());
        world.proxy.set(fault);
        let answer = complete(&router, "u-1", &ticket.upload_id).await;
        told_to_try_again(&answer, fault);
        world.proxy.set(Fault::None);
        complete(&router, "u-1", &ticket.upload_id).await.read::<UploadDone>();
    }
    assert_eq!(world.files(&room("team-1")).await.len(), 4);
}

fn told_to_try_again(answer: &Answer, fault: Fault) {
    assert_eq!((answer.status.as_u16(), &*answer.code()), (503, "unavailable"), "{fault:?}");
    assert!(answer.read::<serde_json::Value>()["retryAfter"].as_u64().is_some_and(|ms| ms > 0));
    let seconds: u64 = answer.headers[header::RETRY_AFTER].to_str().unwrap().parse().unwrap();
    assert!(seconds > 0, "{fault:?}");
}

#[tokio::test]
async fn a_worker_is_ready_while_s3_answers() {
    let world = World::start(S3Kind::Embedded).await;
    let worker = world.worker().await;
    let ready = async || get(&url(&worker, "/readyz")).await;
    until(async || ready().await.status == 200).await;
    for fault in [Fault::Silent, Fault::Refuses] {
        world.proxy.set(fault);
        until(async || ready().await.status == 503).await;
        let said = ready().await;
        assert!(
            said.text().contains("the bucket starling-media does not answer"),
            "{}",
            said.text()
        );
        assert_eq!(get(&url(&worker, "/healthz")).await.status, 200);
        world.proxy.set(Fault::None);
        until(async || ready().await.status == 200).await;
    }
    assert!(count(&worker, "starling_media_s3_failures_total{operation=\"check\"}").await >= 2);
    worker.stop().await.unwrap();
}

async fn a_bucket_that_is_not_there_or_forbidden_is_named(world: World) {
    let missing = Config { s3_bucket: "nobody-has-this".to_owned(), ..world.config() };
    let forbidden = Config { s3_secret_key: Some("another-secret".to_owned()), ..world.config() };
    for (config, name) in [(missing, "nobody-has-this"), (forbidden, "starling-media")] {
        let worker = world.worker_of(config).await;
        let said = format!("the bucket {name} does not answer: ");
        until(async || {
            let answer = get(&url(&worker, "/readyz")).await;
            answer.status == 503 && answer.text().starts_with(&said)
        })
        .await;
        worker.stop().await.unwrap();
    }
}
