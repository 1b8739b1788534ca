//! Jobs of the queue.

use async_nats::header::NATS_MESSAGE_ID;
use async_nats::jetstream::AckKind;
use aws_sdk_s3::primitives::ByteStream;
use local_stack::s3::BUCKET;
use wire::media::{DeadJob, FileFailed, message_id};
use wire::stream;
use wire::{ErrorCode, MediaJob, NodeId, subject};

use crate::fault_proxy::Fault;
use crate::make::{Jpeg, exif_marker, has, jpeg, quarters};
use crate::servers::against_each_s3;
use crate::world::{FORGOTTEN, World, failure, job, next, node, room};

against_each_s3! {
    a_job_makes_one_message_and_two_renditions_without_metadata
    a_job_that_comes_again_makes_no_second_message_whatever_the_log_remembers
    what_a_killed_worker_had_another_does
    jobs_wait_for_an_s3_that_is_away_or_broken
    refusals_go_to_the_senders_node
    a_refusal_is_told_until_the_node_has_taken_it
    who_loses_a_race_changes_nothing_of_what_the_winner_made
    jobs_that_can_never_be_done_are_buried
    a_job_that_kills_its_workers_is_buried_unread
    a_job_that_is_as_good_as_done_is_not_buried
}

/// After as many a job is taken for one that kills its workers.
const MAX_DELIVERIES: u64 = 20;

async fn a_job_makes_one_message_and_two_renditions_without_metadata(world: World) {
    let worker = world.worker().await;
    let photo = Jpeg { markers: vec![exif_marker(6)], ..Jpeg::default() };
    let photo = photo.write(800, 600, &quarters(800, 600));
    assert!(has(&photo, b"Exif"));
    world.queue(&job("m-1"), &photo).await;
    world.idle().await;

    let files = world.files(&room("general")).await;
    let [file] = &files[..] else { panic!("{files:?}") };
    assert_eq!((&*file.id, &*file.media_id), (&*message_id("m-1"), "m-1"));
    assert_eq!((&*file.author.username, file.filename.as_deref()), ("Ada", Some("a cat.png")));
    // Turned by its EXIF.
    assert_eq!((file.width, file.height, &*file.mime), (Some(600), Some(800), "image/jpeg"));
    assert!(file.blurhash.as_ref().is_some_and(|hash| hash.len() > 20));
    let (main, headers) = world.rendition(&file.url).await;
    assert_eq!(main.len() as u64, file.size);
    let disposition = "inline; filename=\"a cat.jpg\"; filename*=UTF-8''a%20cat.jpg";
    assert_eq!(headers, ["image/jpeg", "public, max-age=31536000, immutable", disposition]);
    let (thumbnail, _) = world.rendition(file.thumbnail_url.as_ref().unwrap()).await;
    assert!(thumbnail.len() < main.len());
    assert!(!has(&main, b"Exif") && !has(&thumbnail, b"Exif"));
    assert_eq!(world.keys("media/").await.len(), 2);
    assert!(!file.url.contains("m-1"), "the URL can be guessed: {}", file.url);
    assert!(world.uploads().await.get("m-1").await.is_err(), "the upload was left behind");
    worker.stop().await.unwrap();
}

async fn a_job_that_comes_again_makes_no_second_message_whatever_the_log_remembers(world: World) {
    world.forget_ids().await;
    let worker = world.worker().await;
    world.queue(&job("m-1"), &jpeg(400, 300)).await;
    world.idle().await;
    world.queue_again(&job("m-1")).await;
    world.idle().await;
    let files = world.files(&room("general")).await;
    assert_eq!(files.len(), 1);

    // As a worker leaves it that ends between the message and the record of it.
    let record = serde_json::json!({
        "stored": { "room": "general", "message": files[0], "after": 0 }
    });
    let body = ByteStream::from(record.to_string().into_bytes());
    let put = world.s3.put_object().bucket(BUCKET).key("records/m-1.json").body(body);
    put.send().await.unwrap();
    tokio::time::sleep(FORGOTTEN).await;
    world.queue_again(&job("m-1")).await;
    world.idle().await;
    assert_eq!(world.files(&room("general")).await, files);
    assert_eq!(world.count(stream::MEDIA_DEAD).await, 0);

    // And one that ended before the message.
    let record = record.to_string().replace(&*files[0].id, "another-id");
    let body = ByteStream::from(record.into_bytes());
    let put = world.s3.put_object().bucket(BUCKET).key("records/m-1.json").body(body);
    put.send().await.unwrap();
    world.queue_again(&job("m-1")).await;
    world.idle().await;
    let ids: Vec<_> = world.files(&room("general")).await.into_iter().map(|file| file.id).collect();
    assert_eq!(ids, [files[0].id.clone(), "another-id".into()]);
    worker.stop().await.unwrap();
}

async fn what_a_killed_worker_had_another_does(mut world: World) {
    world.kill_s3().await;
    let first = world.worker().await;
    world.queue(&job("m-1"), &jpeg(400, 300)).await;
    world.at_work().await;
    first.kill().await;
    world.start_s3().await;
    assert_eq!(world.count(stream::MEDIA).await, 1);
    let second = world.worker().await;
    world.idle().await;
    assert_eq!(world.files(&room("general")).await.len(), 1);
    second.stop().await.unwrap();
}

async fn jobs_wait_for_an_s3_that_is_away_or_broken(mut world: World) {
    world.kill_s3().await;
    let worker = world.worker().await;
    let mut failures = world.client.subscribe(subject::media_failure(&node())).await.unwrap();
    for n in 0..5 {
        world.queue(&job(&format!("m-{n}")), &jpeg(64, 48)).await;
    }
    world.at_work().await;
    world.proxy.set(Fault::Fails);
    world.proxy.requests(6).await;
    world.proxy.set(Fault::Refuses);
    world.start_s3().await;
    assert_eq!(world.count(stream::MEDIA).await, 5);
    world.proxy.set(Fault::None);
    world.idle().await;
    let mut files: Vec<_> =
        world.files(&room("general")).await.into_iter().map(|file| file.media_id).collect();
    files.sort();
    assert_eq!(files, ["m-0", "m-1", "m-2", "m-3", "m-4"]);
    failures.unsubscribe().await.unwrap();
    assert!(futures_util::StreamExt::next(&mut failures).await.is_none(), "a sender was told");
    worker.stop().await.unwrap();
}

async fn refusals_go_to_the_senders_node(world: World) {
    let worker = world.worker().await;
    let mut failures = world.client.subscribe(subject::media_failure(&node())).await.unwrap();
    let large = vec![0; wire::event::MAX_FILE_BYTES + 1];
    let table: [(&str, &[u8], ErrorCode); 3] = [
        ("text", b"Hello, this is no picture.", ErrorCode::UnsupportedMedia),
        ("broken", &jpeg(64, 48)[..200], ErrorCode::Invalid),
        ("large", &large, ErrorCode::TooLarge),
    ];
    for (media_id, bytes, code) in table {
        world.queue(&job(media_id), bytes).await;
        let failed = failure(&world, &mut failures).await;
        assert_eq!((&*failed.error.media_id, failed.error.code), (media_id, code));
        assert_eq!((&*failed.user_id, failed.socket), ("u-1", Some(7)));
    }
    // Again, as after a worker that ended before the acknowledgement: the answer is the same.
    world.idle().await;
    world.queue_again(&job("text")).await;
    let failed = failure(&world, &mut failures).await;
    assert_eq!(failed.error.code, ErrorCode::UnsupportedMedia);
    world.idle().await;
    assert!(world.files(&room("general")).await.is_empty());
    assert_eq!(world.count(stream::MEDIA_DEAD).await, 0);
    worker.stop().await.unwrap();
}

async fn a_refusal_is_told_until_the_node_has_taken_it(world: World) {
    let mut words = world.client.subscribe(subject::media_failure(&node())).await.unwrap();
    let worker = world.worker().await;
    world.queue(&job("text"), b"Hello, this is no picture.").await;
    let first = next::<FileFailed>(&mut words).await;
    let again = failure(&world, &mut words).await;
    assert_eq!(again, first);
    world.idle().await;
    // A node that is gone has no sender to tell.
    let orphan = MediaJob { node: Some(NodeId::parse("gone").unwrap()), ..job("orphan") };
    world.queue(&orphan, b"Hello, this is no picture.").await;
    world.idle().await;
    worker.stop().await.unwrap();
    words.unsubscribe().await.unwrap();
    assert!(futures_util::StreamExt::next(&mut words).await.is_none(), "told a third time");
}

async fn who_loses_a_race_changes_nothing_of_what_the_winner_made(world: World) {
    let worker = world.worker().await;
    world.queue(&job("m-1"), &jpeg(400, 300)).await;
    world.idle().await;
    let files = world.files(&room("general")).await;
    let made = world.rendition(&files[0].url).await;
    let small = world.rendition(files[0].thumbnail_url.as_ref().unwrap()).await;

    // The loser found no record when it began.
    let record = "records/m-1.json";
    world.s3.delete_object().bucket(BUCKET).key(record).send().await.unwrap();
    let other = MediaJob { object: "other".to_owned(), ..job("m-1") };
    world.queue(&other, &jpeg(300, 400)).await;
    world.idle().await;
    assert_eq!(world.keys("media/").await.len(), 4);
    assert_eq!(world.files(&room("general")).await, files);
    assert_eq!(world.rendition(&files[0].url).await, made);
    assert_eq!(world.rendition(files[0].thumbnail_url.as_ref().unwrap()).await, small);

    // The same bytes leave nothing behind, however often they are worked on.
    world.s3.delete_object().bucket(BUCKET).key(record).send().await.unwrap();
    world.queue(&job("m-1"), &jpeg(400, 300)).await;
    world.idle().await;
    assert_eq!(world.keys("media/").await.len(), 4);
    worker.stop().await.unwrap();
}

async fn jobs_that_can_never_be_done_are_buried(world: World) {
    let worker = world.worker().await;
    let mut failures = world.client.subscribe(subject::media_failure(&node())).await.unwrap();
    let mut dead = world.client.subscribe(subject::MEDIA_DEAD).await.unwrap();
    world.queue_raw(b"not JSON").await;
    let buried: DeadJob = next(&mut dead).await;
    assert_eq!((&*buried.job, buried.deliveries), ("not JSON", 1));
    world.queue_again(&job("expired")).await;
    let buried: DeadJob = next(&mut dead).await;
    assert_eq!(buried.reason, "the file is not there");
    let failed = failure(&world, &mut failures).await;
    assert_eq!((&*failed.error.media_id, failed.error.code), ("expired", ErrorCode::Unavailable));
    world.idle().await;
    assert_eq!(world.count(stream::MEDIA_DEAD).await, 2);
    // By which the stream knows a record that is written again.
    let dead = world.jetstream.get_stream(stream::MEDIA_DEAD).await.unwrap();
    for place in [1, 2] {
        let record = dead.get_raw_message(place).await.unwrap();
        let id = record.headers.get(NATS_MESSAGE_ID).unwrap();
        assert_eq!(id.as_str(), format!("media-job-{place}"));
    }
    worker.stop().await.unwrap();
}

async fn a_job_that_kills_its_workers_is_buried_unread(world: World) {
    let mut failures = world.client.subscribe(subject::media_failure(&node())).await.unwrap();
    let mut dead = world.client.subscribe(subject::MEDIA_DEAD).await.unwrap();
    world.queue(&job("deadly"), &jpeg(64, 48)).await;
    fail_as_often_as_allowed(&world).await;
    let worker = world.worker().await;
    let buried: DeadJob = next(&mut dead).await;
    assert_eq!(buried.deliveries, MAX_DELIVERIES + 1);
    let failed = failure(&world, &mut failures).await;
    assert_eq!(&*failed.error.media_id, "deadly");
    world.idle().await;
    // The record names it, for whoever looks into it.
    assert!(world.uploads().await.get("deadly").await.is_ok(), "the upload is gone");
    assert!(world.files(&room("general")).await.is_empty());
    worker.stop().await.unwrap();
}

async fn a_job_that_is_as_good_as_done_is_not_buried(world: World) {
    let mut failures = world.client.subscribe(subject::media_failure(&node())).await.unwrap();
    let worker = world.worker().await;
    world.queue(&job("m-1"), &jpeg(64, 48)).await;
    world.idle().await;
    worker.stop().await.unwrap();
    world.queue_again(&job("m-1")).await;
    fail_as_often_as_allowed(&world).await;
    let worker = world.worker().await;
    world.idle().await;
    worker.stop().await.unwrap();
    assert_eq!(world.files(&room("general")).await.len(), 1);
    assert_eq!(world.count(stream::MEDIA_DEAD).await, 0);
    failures.unsubscribe().await.unwrap();
    assert!(futures_util::StreamExt::next(&mut failures).await.is_none(), "a sender was told");
}

/// Does what as many workers do as are allowed to end without an end of the job.
async fn fail_as_often_as_allowed(world: &World) {
    for _ in 0..MAX_DELIVERIES {
        let message = world.delivery().await;
        message.ack_with(AckKind::Nak(None)).await.unwrap();
    }
}
