//! Both halves of a stream under its transport: ends, deadlines, order, what is counted.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, duplex, split},
    task::yield_now,
};
use tokio_util::task::TaskTracker;

use super::*;
use crate::edge::{Way, frame::text_frame, intake::Intake};

const LONG: Duration = Duration::from_hours(1);

/// A stream, and its client's end, which holds 16 bytes.
fn stream(
    ahead: &'static [u8],
    limit: Duration,
) -> (ClientStream<ReadHalf<DuplexStream>>, DuplexStream) {
    let (io, client) = duplex(16);
    let (reader, writer) = split(io);
    let transport = Transport::new(1, ([127, 0, 0, 1], 9).into(), 1_000, Intake::unbounded());
    transport.attach(Box::new(writer), limit);
    let task = TaskTracker::new().token();
    (ClientStream::new(reader, ahead, transport, None, task), client)
}

/// The same, once its client was welcomed to a namespace.
async fn welcomed() -> (ClientStream<ReadHalf<DuplexStream>>, DuplexStream) {
    let (mut stream, mut client) = stream(b"", LONG);
    stream.transport.welcome();
    stream.write_all(&text_frame(&["40{}"])).await.expect("there is room");
    client.read_exact(&mut [0; 6]).await.expect("it is there");
    assert_eq!(stream.transport.way(), Way::Past);
    (stream, client)
}

#[tokio::test]
async fn both_halves_end_with_the_transport() {
    let (stream, _client) = stream(b"", LONG);
    let transport = stream.transport.clone();
    let (mut reader, mut writer) = split(stream);
    let reading = tokio::spawn(async move { reader.read_u8().await.map(drop) });
    let writing = tokio::spawn(async move { writer.write_all(&[0; 64]).await });
    while transport.bytes_out() < 16 {
        yield_now().await;
    }
    transport.close(CloseReason::Drain);
    for half in [reading, writing] {
        let error = half.await.expect("no panic").expect_err("the half fails");
        assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted);
    }
}

#[tokio::test]
async fn a_stalled_write_ends_both_halves() {
    let (mut stream, _client) = stream(b"", Duration::from_millis(1));
    let transport = stream.transport.clone();
    let error = stream.write_all(&[0; 64]).await.expect_err("the write fails");
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    assert_eq!(transport.close_reason(), Some(CloseReason::Stalled));
    assert!(stream.read_u8().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn progress_starts_the_write_deadline_anew() {
    let limit = Duration::from_secs(10);
    let (mut stream, mut client) = stream(b"", limit);
    let writing = stream.write_all(&[0; 64]);
    let reading = async {
        for _ in 0..3 {
            tokio::time::sleep(limit * 9 / 10).await;
            client.read_exact(&mut [0; 16]).await?;
        }
        Ok::<_, io::Error>(())
    };
    let (written, read) = tokio::join!(writing, reading);
    assert!(written.is_ok() && read.is_ok());
    assert!(!stream.transport.closed());
}

#[tokio::test]
async fn nothing_follows_what_a_closed_transport_has_left_out() {
    let (stream, mut client) = welcomed().await;
    let transport = stream.transport.clone();
    assert!(transport.push(text_frame(&["42[1]"])));
    transport.close(CloseReason::SlowConsumer);
    assert!(!transport.push(text_frame(&["42[3]"])));
    transport.flush();
    drop(stream);
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).await.expect("it ends");
    assert!(rest.is_empty(), "{rest:?}");
}

#[tokio::test]
async fn what_was_read_early_comes_first_and_is_counted() {
    let (mut stream, mut client) = stream(b"early", LONG);
    client.write_all(b" late").await.expect("there is room");
    let mut read = [0; 10];
    stream.read_exact(&mut read[..3]).await.expect("it is there");
    stream.read_exact(&mut read[3..]).await.expect("it is there");
    assert_eq!(&read, b"early late");
    assert_eq!(stream.transport.bytes_in(), 10);
}

#[tokio::test]
async fn frames_stand_behind_what_came_before_and_between_the_frames_of_socketioxide() {
    let (mut stream, mut client) = welcomed().await;
    let transport = stream.transport.clone();
    let (ping, event) = (text_frame(&["2"]), text_frame(&["42[\"e\"]"]));
    // Half a frame of socketioxide: nothing comes between its parts.
    stream.write_all(&ping[..1]).await.expect("there is room");
    assert!(transport.push(event.clone()), "somebody has to write it");
    transport.flush();
    stream.write_all(&ping[1..]).await.expect("there is room");
    stream.flush().await.expect("there is room");
    let mut read = vec![0; ping.len() + event.len()];
    client.read_exact(&mut read).await.expect("both are there");
    assert_eq!(read, [&ping[..], &event].concat());
    // What waits comes out before what socketioxide writes then.
    assert!(transport.push(event.clone()));
    stream.write_all(&ping).await.expect("there is room");
    client.read_exact(&mut read).await.expect("both are there");
    assert_eq!(read, [&event[..], &ping].concat());
}

#[tokio::test]
async fn what_cannot_be_written_at_once_is_written_by_the_reading_task() {
    let (stream, mut client) = welcomed().await;
    let transport = stream.transport.clone();
    let (mut reader, mut writer) = split(stream);
    let reading = tokio::spawn(async move { reader.read_u8().await });
    let frames: Vec<Bytes> = (0..100).map(|n| text_frame(&["42[", &n.to_string(), "]"])).collect();
    for frame in &frames {
        if transport.push(frame.clone()) {
            transport.flush();
        }
    }
    assert!(transport.is_blocked());
    // Socketioxide's own stands behind.
    let writing = tokio::spawn(async move { writer.write_all(&text_frame(&["2"])).await });
    let expected = [frames.concat(), text_frame(&["2"]).to_vec()].concat();
    let mut read = vec![0; expected.len()];
    client.read_exact(&mut read).await.expect("all comes");
    assert_eq!(read, expected);
    writing.await.expect("no panic").expect("it is written");
    assert_eq!(transport.bytes_out(), expected.len() as u64 + 6);
    client.write_all(&[0x8a, 0x80, 1, 2, 3, 4]).await.expect("there is room");
    assert_eq!(reading.await.expect("no panic").expect("it reads on"), 0x8a);
}

#[tokio::test]
async fn a_stalled_frame_closes_the_transport() {
    let (mut stream, _client) = stream(b"", Duration::from_millis(1));
    let transport = stream.transport.clone();
    assert!(transport.push(text_frame(&["42[\"more than sixteen bytes\"]"])));
    transport.flush();
    assert!(stream.read_u8().await.is_err());
    assert_eq!(transport.close_reason(), Some(CloseReason::Stalled));
}

#[tokio::test]
async fn a_poll_opens_nothing_but_counts() {
    let (mut stream, mut client) = stream(b"", LONG);
    let transport = stream.transport.clone();
    transport.welcome();
    transport.polled(b"40{}");
    assert_eq!(transport.way(), Way::Through, "it may be polling still");
    stream.write_all(&text_frame(&["42[]"])).await.expect("there is room");
    client.read_exact(&mut [0; 6]).await.expect("it is there");
    assert_eq!(transport.way(), Way::Past);
}

#[tokio::test]
async fn a_dropped_stream_closes_its_transport() {
    let (stream, _client) = stream(b"", LONG);
    let transport = stream.transport.clone();
    drop(stream);
    assert_eq!(transport.close_reason(), Some(CloseReason::Ended));
}
