//! Files that shrink to next to nothing, and bombs that look like them.

use connection_node::{
    edge::{CloseReason, EdgeConfig},
    limits::{LimitSettings, Per, Rate, What},
};

use super::{Raw, deflate, nothing_is_held};
use crate::{
    client::wait_for_end,
    node::{Node, config, digest},
};

/// Sound without a sound.
fn silence() -> Vec<u8> {
    let mut wav = b"RIFF\x24\x40\x89\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x80\xbb\0\0".to_vec();
    wav.extend(b"\0\x77\x01\0\x02\0\x10\0data\0\x40\x89\0");
    wav.resize(44 + 0x89_4000, 0);
    wav
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_may_become_a_thousandth_of_itself() {
    let max_payload = EdgeConfig::default().max_payload;
    let mut node = Node::start(EdgeConfig { max_payload, ..config() }).await;
    let mut client = Raw::connect(&mut node).await;
    let transport = node.see_connected().await;
    for file in [silence(), vec![b'x'; 10 << 20]] {
        let (deflated, before) = (deflate(&file), transport.bytes_in());
        client.file(&deflated).await;
        assert_eq!(client.text().await, format!("437[{}]", digest(&file)));
        assert!(transport.bytes_in() - before < file.len() as u64 / 800, "it came as a bomb does");
        client.echo(0xc1, "and its client stays").await;
        assert_eq!(node.edge.incoming(), 0);
    }
    drop((client, transport));
    node.see_disconnected().await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bombs_in_a_row_are_limited_as_files_are_and_then_cut_off() {
    // Half of the default at once, and a slow machine does not see a bucket refilled.
    let limits = LimitSettings { limit_socket_events: Rate::new(1, 100), ..LimitSettings::off() };
    let max_payload = EdgeConfig::default().max_payload;
    let mut node = Node::start(EdgeConfig { max_payload, limits, ..config() }).await;
    let file = vec![0; 10 << 20];
    let (taken, limited) = (format!("437[{}]", digest(&file)), r#"437["rate_limited"]"#.to_owned());
    let bomb = deflate(&file);
    let mut client = Raw::connect(&mut node).await;
    node.see_connected().await;
    // It hears what one hears who sends as much uncompressed: each file is 41 of 100 events.
    for answer in [&taken, &taken, &limited, &limited] {
        client.file(&bomb).await;
        assert_eq!(client.text().await, *answer);
    }
    // Who does not care is cut off: each is some 40 of 400 frames.
    for _ in 0..40 {
        client.file(&bomb).await;
    }
    wait_for_end(&mut client.0).await;
    assert_eq!(node.see_disconnected().await, Some(CloseReason::Protocol));
    let counts: Vec<_> =
        node.edge.limits().counts().all().filter(|(.., count)| *count > 0).collect();
    let [(What::File, Per::Socket, files), (What::Frame, Per::Socket, 1)] = counts[..] else {
        panic!("{counts:?}")
    };
    assert!((5..10).contains(&files), "{files} were inflated beyond the limit");
    nothing_is_held(&node).await;
    node.stop().await;
}
