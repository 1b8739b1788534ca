//! Which S3 servers the tests run against: each test against each of them.
//!
//! Where they differ, as far as the worker meets it (`SeaweedFS` 4.48, s3s-fs 0.14):
//!
//! | | `SeaweedFS` | embedded |
//! | --- | --- | --- |
//! | put with `If-None-Match: *` | of several at once one succeeds | looks first, then writes: two may |
//! | form against its policy | 400 for the size, 403 otherwise | 4xx |
//! | CORS | names the page's origin | `*`, which the stack adds |
//! | rules of expiry | kept | refused, and raw uploads stay |
//! | just restarted | has the bucket, and answers 500 for objects for some seconds | all is there |
//! | `HeadBucket` with a wrong key | 403 | 403 |
//!
//! So the worker takes any 4xx of a form for S3's own word to the browser, and a conditional put that is
//! not one costs no more than the log's own window of deduplication.

use std::io::Write as _;
use std::sync::Once;

use local_stack::places::Places;
use local_stack::s3_server::S3Kind;
use local_stack::{search_path, weed};

/// Runs each of these tests, which are functions of a [`crate::world::World`], against each server.
macro_rules! against_each_s3 {
    ($($test:ident)*) => {
        mod embedded {
            $(#[tokio::test]
            async fn $test() {
                let kind = local_stack::s3_server::S3Kind::Embedded;
                super::$test(crate::world::World::start(kind).await).await;
            })*
        }
        mod weed {
            $(#[tokio::test]
            async fn $test() {
                let kind = crate::servers::weed().await;
                super::$test(crate::world::World::start(kind).await).await;
            })*
        }
        mod minio {
            $(#[tokio::test]
            async fn $test() {
                if let Some(kind) = crate::servers::minio() {
                    super::$test(crate::world::World::start(kind).await).await;
                }
            })*
        }
    };
}
pub(crate) use against_each_s3;

/// `SeaweedFS`, fetched where it is not installed.
pub async fn weed() -> S3Kind {
    let found = weed::find(&Places::of_this_machine()).await;
    S3Kind::Seaweed(found.unwrap_or_else(|sentence| panic!("{sentence}")))
}

/// MinIO where it is installed: nothing fetches it, and where it is not, that is said.
pub fn minio() -> Option<S3Kind> {
    static SAID: Once = Once::new();
    let found = search_path::find("minio", &Places::of_this_machine().path);
    if found.is_none() {
        SAID.call_once(|| say("NOT TESTED against MinIO: there is no minio on PATH"));
    }
    found.map(S3Kind::Minio)
}

/// Tells whoever runs the tests. Not by a macro, whose words the test runner keeps to itself.
pub fn say(words: &str) {
    std::io::stderr().write_all(format!("{words}\n").as_bytes()).unwrap();
}
