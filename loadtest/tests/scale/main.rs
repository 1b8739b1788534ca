//! The short forms of `scale`. What is asserted is counts, never a time.

// What fails in a helper fails its test, which is what an unwrap says.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{path::Path, process::Command};

use serde_json::Value;

/// By how much counts may differ that must be equal: what goes by time is in them.
const TOLERANCE: f64 = 0.10;
const COUNTS: [&str; 9] = [
    "nodeIn",
    "nodeOut",
    "nodeBytesIn",
    "nodeBytesOut",
    "frames",
    "frameBytes",
    "nodeDeliveries",
    "emits",
    "writes",
];

/// Runs the program as a person does; returns its JSON.
fn scale(line: &[&str], out: &Path) -> Value {
    let json = out.join("scale.json");
    let mut command = Command::new(env!("CARGO_BIN_EXE_scale"));
    let output = command.args(line).arg("--json").arg(&json).output().unwrap();
    let (said, told) = (String::from_utf8(output.stdout), String::from_utf8(output.stderr));
    let (said, told) = (said.unwrap(), told.unwrap());
    println!("{said}\n{told}");
    assert!(output.status.success(), "it ended with {}:\n{told}", output.status);
    serde_json::from_str(&std::fs::read_to_string(json).unwrap()).unwrap()
}

fn figure(point: &Value, pointer: &str) -> f64 {
    let value = point.pointer(pointer).and_then(Value::as_f64);
    value.unwrap_or_else(|| panic!("no {pointer}: {point}"))
}

/// Each count of all these must be that of the first.
fn are_equal(points: &[&Value]) {
    let [first, others @ ..] = points else { panic!("there are no points") };
    for count in COUNTS {
        let pointer = format!("/traffic/{count}");
        let expected = figure(first, &pointer);
        for point in others {
            let counted = figure(point, &pointer);
            let apart = (counted - expected).abs() / expected;
            assert!(apart <= TOLERANCE, "{count}: {counted}, and {expected} in:\n{first}\n{point}");
        }
    }
}

#[test]
fn a_message_costs_by_the_nodes_with_members_and_not_by_nodes_or_rooms_in_all() {
    // Two systems at the same time, for no count depends on how busy the machine is.
    let of = |nodes: &'static str| {
        std::thread::spawn(move || {
            let out = tempfile::tempdir().unwrap();
            scale(&["cost", "--short", "--nodes", nodes], out.path())
        })
    };
    let points = [of("2"), of("4")].map(|points| points.join().unwrap());
    let points: Vec<&Value> = points.iter().flat_map(|points| points.as_array().unwrap()).collect();
    let spread = |spread: &str, nodes: Option<u64>| -> Vec<&Value> {
        let fits = |point: &&&Value| {
            point["spread"] == spread && nodes.is_none_or(|nodes| point["nodes"] == nodes)
        };
        points.iter().filter(fits).copied().collect()
    };
    let one = spread("oneNode", None);
    assert_eq!(one.len(), 4, "2 and 4 nodes, 10 and 1,000 rooms");
    are_equal(&one);
    for nodes in [2, 4] {
        let every = spread("everyNode", Some(nodes));
        assert_eq!(every.len(), 2, "10 and 1,000 rooms");
        are_equal(&every);
    }
    for point in &points {
        let nodes = figure(point, "/memberNodes");
        let frames = figure(point, "/traffic/frames");
        assert!((frames / nodes - 1.0).abs() <= TOLERANCE, "{frames} frames for {nodes} nodes");
        let emits = figure(point, "/traffic/emits");
        assert!((emits - 8.0).abs() < 0.1, "{emits} emits to 8 members");
    }
}

#[test]
fn a_crowd_of_several_processes_hears_every_message_once() {
    let out = tempfile::tempdir().unwrap();
    let line = ["crowd", "--clients", "300", "--room-size", "30", "--duration", "2s"];
    let result = scale(&line, out.path());
    let outcome = &result["outcomes"][0];
    // Ten rooms, each with a message a second, for two seconds to warm up and two that are timed.
    assert_eq!((figure(outcome, "/stored"), figure(outcome, "/deliveries")), (40.0, 1_200.0));
    let most = result["most"].as_array().unwrap();
    let names: Vec<_> = most.iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["nats-1", "worker-1", "worker-2", "node-1", "node-2"]);
    assert!(most.iter().all(|one| figure(one, "/footprint/pss") > 0.0));
    assert!(figure(&result, "/talk/nodes") > 0.0);
}
