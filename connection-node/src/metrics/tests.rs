//! Every series of a counter is there before it counts.

use super::*;

#[test]
fn every_series_is_there_from_the_start() {
    let mut text = String::new();
    text::encode(&mut text, &Metrics::default().registry).unwrap();
    for line in [
        "starling_connects_total{result=\"accepted\"} 0",
        "starling_connects_total{result=\"unavailable\"} 0",
        "starling_publishes_total{result=\"overloaded\"} 0",
        "starling_uploads_total{result=\"rate_limited\"} 0",
        "starling_events_total{event=\"chat-message\",result=\"taken\"} 0",
        "starling_deflate_plain_bytes_total 0",
        "starling_deflate_sent_bytes_total 0",
        "starling_socket_writes_total 0",
        "starling_events_total{event=\"unreadable\",result=\"invalid\"} 0",
    ] {
        assert!(text.lines().any(|of| of == line), "{line} is missing in:\n{text}");
    }
}
