//! The costs of a message as lines for people.

use super::cost::{Point, Spread};

/// The title of the columns.
#[must_use]
pub fn title() -> String {
    format!(
        "{:>5} {:>8} {:>11} | {:>8} {:>8} {:>9} {:>9} | {:>6} {:>8} | {:>6} {:>6} | {:>7} {:>7} {:>7}",
        "nodes",
        "rooms",
        "members on",
        "NATS in",
        "NATS out",
        "bytes in",
        "bytes out",
        "frames",
        "bytes",
        "emits",
        "writes",
        "nodes",
        "workers",
        "NATS",
    )
}

/// One line.
#[must_use]
pub fn line(point: &Point) -> String {
    let Point { nodes, rooms, member_nodes, traffic, micros, .. } = point;
    let on = match point.spread {
        Spread::OneNode => "one".to_owned(),
        Spread::EveryNode => format!("all {member_nodes}"),
    };
    let micros = micros.unwrap_or_default();
    let time = |micros: Option<f64>| micros.map_or("-".to_owned(), |micros| format!("{micros:.0}"));
    format!(
        "{nodes:>5} {rooms:>8} {on:>11} | {:>8.2} {:>8.2} {:>9.0} {:>9.0} | {:>6.2} {:>8.0} | \
         {:>6.2} {:>6.2} | {:>7} {:>7} {:>7}",
        traffic.nats_in,
        traffic.nats_out,
        traffic.nats_bytes_in,
        traffic.nats_bytes_out,
        traffic.frames,
        traffic.frame_bytes,
        traffic.emits,
        traffic.writes,
        time(micros.nodes),
        time(micros.workers),
        time(micros.nats),
    )
}

/// What the columns are.
pub const LEGEND: &str = "\
For one message in a room of 8, what an idle system does taken off. NATS: messages and bytes into and out of
nats-server. Frames: from workers to nodes. Emits and writes: from nodes to sockets; a write more is the
ack. The last three: microseconds of processor time of all nodes, all workers, and nats-server.";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scale::{spent::Spent, traffic::Traffic};

    #[test]
    fn columns_stand_below_their_titles() {
        let micros = Spent { nodes: Some(1.0), workers: None, nats: Some(12_345.0) };
        let point = Point {
            nodes: 8,
            rooms: 100_000,
            spread: Spread::EveryNode,
            member_nodes: 8,
            traffic: Traffic { nats_in: 2.0, ..Traffic::default() },
            micros: Some(micros),
        };
        let (title, line) = (title(), line(&point));
        assert_eq!(title.len(), line.len(), "{title}\n{line}");
        let bars = |line: &str| line.match_indices('|').map(|(at, _)| at).collect::<Vec<_>>();
        assert_eq!(bars(&title), bars(&line));
        assert!(line.contains("all 8") && line.ends_with("12345"));
    }
}
