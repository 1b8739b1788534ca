//! The S3 of the stack through the client that the services use.

use std::ffi::OsStr;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::LifecycleRule;
use local_stack::places::Places;
use local_stack::s3::{BUCKET, S3, S3Options, client, make_bucket};
use local_stack::s3_server::{S3Kind, S3Server};
use local_stack::weed;

use crate::process::executable;

async fn put(client: &Client, key: &str, bytes: &'static [u8]) {
    let body = ByteStream::from_static(bytes);
    client
        .put_object()
        .bucket(BUCKET)
        .key(key)
        .content_type("image/png")
        .body(body)
        .send()
        .await
        .unwrap();
}

#[tokio::test]
async fn embedded_what_is_put_can_be_got_after_a_restart() {
    let data = tempfile::tempdir().unwrap();
    let options = S3Options::default();
    let first = S3::start(&options, data.path(), OsStr::new("")).await.unwrap();
    assert_eq!(first.kind(), "embedded");
    put(&client(first.endpoint(), &options), "a/b.png", b"pixels").await;
    first.stop().await.unwrap();

    let second = S3::start(&options, data.path(), OsStr::new("")).await.unwrap();
    let client = client(second.endpoint(), &options);
    let object = client.get_object().bucket(BUCKET).key("a/b.png").send().await.unwrap();
    assert_eq!(object.content_type(), Some("image/png"));
    assert_eq!(object.body.collect().await.unwrap().to_vec(), b"pixels");
    second.stop().await.unwrap();
}

#[tokio::test]
async fn embedded_refuses_other_keys() {
    let data = tempfile::tempdir().unwrap();
    let s3 = S3::start(&S3Options::default(), data.path(), OsStr::new("")).await.unwrap();
    let forged = S3Options { secret_key: "another-secret".to_owned(), ..S3Options::default() };
    let refusal =
        client(s3.endpoint(), &forged).list_objects_v2().bucket(BUCKET).send().await.unwrap_err();
    assert_eq!(refusal.raw_response().unwrap().status().as_u16(), 403);
}

#[tokio::test]
async fn an_external_one_is_given_the_bucket_and_left_running() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let theirs = S3::start(&S3Options::default(), there.path(), OsStr::new("")).await.unwrap();
    let options = S3Options { endpoint: Some(theirs.endpoint().clone()), ..S3Options::default() };
    let ours = S3::start(&options, here.path(), OsStr::new("")).await.unwrap();
    assert_eq!((ours.kind(), ours.endpoint()), ("external", theirs.endpoint()));
    ours.stop().await.unwrap();
    put(&client(theirs.endpoint(), &options), "still", b"there").await;
}

#[tokio::test]
async fn weed_keeps_what_is_put_and_is_told_what_expires() {
    let data = tempfile::tempdir().unwrap();
    let kind = S3Kind::Seaweed(weed::find(&Places::of_this_machine()).await.unwrap());
    let (options, port) = (S3Options::default(), S3Server::free_port().await.unwrap());
    for start in 0..2 {
        let starting = S3Server::start(&kind, port, &options, data.path());
        let mut server = starting.await.unwrap();
        let endpoint = server.endpoint();
        make_bucket(&endpoint, &options, Some(&mut server)).await.unwrap();
        let client = client(&endpoint, &options);
        if start == 0 {
            put(&client, "a/b.png", b"pixels").await;
        }
        // It knows the bucket before it has found the objects again, and says 500 meanwhile.
        let get = || client.get_object().bucket(BUCKET).key("a/b.png").send();
        let found = async {
            loop {
                if let Ok(object) = get().await {
                    break object;
                }
            }
        };
        let object = tokio::time::timeout(Duration::from_mins(1), found).await.unwrap();
        assert_eq!(object.body.collect().await.unwrap().to_vec(), b"pixels");
        let asking = client.get_bucket_lifecycle_configuration().bucket(BUCKET);
        let rules = asking.send().await.unwrap();
        let days = |prefix| {
            let of = |rule: &&LifecycleRule| rule.filter().unwrap().prefix() == Some(prefix);
            rules.rules().iter().find(of).unwrap().expiration().unwrap().days()
        };
        assert_eq!((days("uploads/"), days("records/")), (Some(1), Some(7)));
        server.kill().await.unwrap();
    }
}

/// A `minio` that answers every request with 200, after writing down how it was called.
const STAND_IN: &str = r#"#!/bin/sh
echo "$@ as $MINIO_ROOT_USER with $MINIO_ROOT_PASSWORD" > "$(dirname "$0")/called"
exec python3 -c '
import http.server, sys
class Always(http.server.BaseHTTPRequestHandler):
    def do_HEAD(self):
        self.send_response(200)
        self.end_headers()
    def log_message(self, *args):
        pass
host, port = sys.argv[1].split(":")
http.server.HTTPServer((host, int(port)), Always).serve_forever()
' "$4"
"#;

#[tokio::test]
async fn minio_on_path_is_started_over_the_data() {
    let (data, bin) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    executable(bin.path(), "minio", STAND_IN);
    let s3 = S3::start(&S3Options::default(), data.path(), bin.path().as_os_str()).await.unwrap();
    assert_eq!(s3.kind(), "minio");
    let called = std::fs::read_to_string(bin.path().join("called")).unwrap();
    let address = s3.endpoint().as_str().strip_prefix("http://").unwrap().to_owned();
    let folder = data.path().join("minio");
    let expected = format!(
        "server --quiet --address {address} {} as starling with starling-secret\n",
        folder.display()
    );
    assert_eq!(called, expected);
    s3.stop().await.unwrap();
    assert!(tokio::net::TcpStream::connect(address).await.is_err(), "minio still listens");
}

#[tokio::test]
async fn a_minio_that_fails_is_reported_with_its_log() {
    let (data, bin) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    executable(bin.path(), "minio", "#!/bin/sh\nexit 3\n");
    let error =
        S3::start(&S3Options::default(), data.path(), bin.path().as_os_str()).await.unwrap_err();
    let sentence = format!("{error:#}");
    assert!(sentence.contains("minio ended with exit status: 3: see minio.log"), "{sentence}");
}
