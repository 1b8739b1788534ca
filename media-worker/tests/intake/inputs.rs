//! Files that are sent to do harm, by both ways in. What the pipeline says of each is its own tests'; here
//! the sender hears of it, nothing is kept, and the worker takes the next file.

use aws_sdk_s3::primitives::ByteStream;
use local_stack::s3::BUCKET;
use local_stack::s3_server::S3Kind;
use wire::event::MAX_FILE_BYTES;
use wire::media::UploadDone;
use wire::{ErrorCode, stream, subject};

use crate::direct::{complete, grant, wish};
use crate::make::{gif, huge_png, jpeg};
use crate::servers::against_each_s3;
use crate::world::{World, failure, job, node, room};

against_each_s3! {
    a_browser_hears_what_is_wrong_with_its_file
}

/// What it is, its bytes, and what the sender hears.
fn bad_files() -> Vec<(&'static str, Vec<u8>, ErrorCode)> {
    let svg = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>";
    let photo = jpeg(64, 48);
    let mut damaged = photo.clone();
    // The length of the first table: libjpeg unwinds out of what follows.
    let table = damaged.windows(2).position(|pair| pair == [0xFF, 0xDB]).unwrap();
    damaged[table + 3] = 3;
    vec![
        ("pixels", huge_png(50_000, 50_000), ErrorCode::TooLarge),
        ("frames", gif(8, 8, 10_000), ErrorCode::TooLarge),
        ("truncated", photo[..photo.len() / 2].to_vec(), ErrorCode::Invalid),
        ("damaged", damaged, ErrorCode::Invalid),
        ("svg", svg.to_vec(), ErrorCode::UnsupportedMedia),
        ("html", b"<!doctype html><script>alert(1)</script>".to_vec(), ErrorCode::UnsupportedMedia),
        ("large", vec![0; MAX_FILE_BYTES + 1], ErrorCode::TooLarge),
        ("empty", Vec::new(), ErrorCode::Invalid),
    ]
}

#[tokio::test]
async fn a_sender_hears_what_is_wrong_with_its_file() {
    let world = World::start(S3Kind::Embedded).await;
    let worker = world.worker().await;
    let mut failures = world.client.subscribe(subject::media_failure(&node())).await.unwrap();
    for (what, bytes, code) in bad_files() {
        world.queue(&job(what), &bytes).await;
        let failed = failure(&world, &mut failures).await;
        assert_eq!((&*failed.error.media_id, failed.error.code), (what, code));
    }
    world.queue(&job("good"), &jpeg(64, 48)).await;
    world.idle().await;
    assert_eq!(world.files(&room("general")).await.len(), 1);
    assert_eq!(world.keys("media/").await.len(), 1);
    assert_eq!(world.count(stream::MEDIA_DEAD).await, 0);
    worker.stop().await.unwrap();
}

async fn a_browser_hears_what_is_wrong_with_its_file(world: World) {
    let router = media_worker::router(&world.config()).await.unwrap();
    for (what, bytes, code) in bad_files() {
        // It says that it is a JPEG; and what the policy of S3 would refuse got in by another way.
        let ticket = grant(&router, "u-1", &wish("image/jpeg", 1_000)).await;
        let put = world.s3.put_object().bucket(BUCKET).key(&ticket.fields["key"]);
        put.content_type("image/jpeg").body(ByteStream::from(bytes)).send().await.unwrap();
        let answer = complete(&router, "u-1", &ticket.upload_id).await;
        let status = match code {
            ErrorCode::TooLarge => 413,
            ErrorCode::UnsupportedMedia => 415,
            _ => 400,
        };
        assert_eq!(answer.status, status, "{what}");
        assert_eq!(serde_json::json!(answer.code()), serde_json::json!(code), "{what}");
    }
    assert!(world.keys("media/").await.is_empty() && world.keys("uploads/").await.is_empty());
    assert!(world.files(&room("team-1")).await.is_empty());

    // A type that lies is no harm: the bytes decide.
    let ticket = grant(&router, "u-1", &wish("image/png", 1_000)).await;
    let put = world.s3.put_object().bucket(BUCKET).key(&ticket.fields["key"]);
    put.content_type("image/png").body(ByteStream::from(jpeg(64, 48))).send().await.unwrap();
    complete(&router, "u-1", &ticket.upload_id).await.read::<UploadDone>();
    assert_eq!(&*world.files(&room("team-1")).await[0].mime, "image/jpeg");
}
