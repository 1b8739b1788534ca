//! What the person at the terminal reads once the stack is up.

use std::fmt::Write as _;

use crate::stack::Stack;

/// Where everything is, and what to try first.
pub fn banner(stack: &Stack) -> String {
    let nodes =
        (0..stack.nodes()).map(|index| (format!("node {}", index + 1), stack.node_url(index)));
    let workers = (0..stack.workers())
        .map(|index| (format!("worker {}", index + 1), stack.worker_url(index)));
    let s3 = stack.s3();
    let others = [
        ("media worker", stack.media_url()),
        ("NATS", stack.nats_place()),
        ("S3", format!("{} ({})", s3.endpoint(), s3.kind())),
        ("data", stack.data().display().to_string()),
    ];
    let rows = nodes.chain(workers).chain(others.map(|(name, place)| (name.to_owned(), place)));
    let (first, last) = (stack.node_url(0), stack.node_url(stack.nodes() - 1));
    page(rows, &first, &last)
}

fn page(rows: impl Iterator<Item = (String, String)>, first: &str, last: &str) -> String {
    let mut page = String::from("\nStarling is up.\n\n");
    for (name, place) in rows {
        // Writing to a string cannot fail.
        let _ = writeln!(page, "  {name:<13} {place}");
    }
    let second = if first == last {
        "the same in a second".to_owned()
    } else {
        format!("{last} in another")
    };
    let _ = writeln!(page, "\nOpen {first} in one window and {second}, pick two names, and chat.");
    page.push_str("Nodes and workers have /metrics.\n");
    page.push_str("Ctrl-C stops everything; the data stay.\n");
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_node_needs_two_windows_of_the_same_address() {
        let rows = || std::iter::once(("node 1".to_owned(), "http://127.0.0.1:3000".to_owned()));
        let one = page(rows(), "http://127.0.0.1:3000", "http://127.0.0.1:3000");
        assert!(one.contains("in one window and the same in a second, pick"), "{one}");
        let two = page(rows(), "http://127.0.0.1:3000", "http://127.0.0.1:3001");
        assert!(two.contains("and http://127.0.0.1:3001 in another, pick"), "{two}");
    }
}
