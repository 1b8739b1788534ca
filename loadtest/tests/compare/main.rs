//! The shortest comparison of all three contenders, and one who breaks down. What is asserted is counts, never a time.

// What fails in a helper fails its test, which is what an unwrap says.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod breakdown;

use std::{path::Path, process::Command};

use serde_json::Value;

const CONTENDERS: [&str; 3] = ["starling", "socketio", "socketio-redis"];

/// Runs the program as a person does; returns its JSON.
fn compare(out: &Path) -> Value {
    let line =
        ["--short", "--rooms", "10", "--seconds", "1", "--connections", "200", "--clients", "100"];
    let mut command = Command::new(env!("CARGO_BIN_EXE_compare"));
    let output = command.args(line).arg("--out").arg(out).output().unwrap();
    let (said, told) = (String::from_utf8(output.stdout), String::from_utf8(output.stderr));
    let (said, told) = (said.unwrap(), told.unwrap());
    println!("{said}\n{told}");
    assert!(output.status.success(), "it ended with {}:\n{told}", output.status);
    serde_json::from_str(&std::fs::read_to_string(out.join("compare.json")).unwrap()).unwrap()
}

fn count(figures: &Value, pointer: &str) -> u64 {
    figures
        .pointer(pointer)
        .and_then(Value::as_u64)
        .unwrap_or_else(|| panic!("no {pointer}: {figures}"))
}

fn figure(figures: &Value, pointer: &str) -> f64 {
    figures
        .pointer(pointer)
        .and_then(Value::as_f64)
        .unwrap_or_else(|| panic!("no {pointer}: {figures}"))
}

#[test]
fn all_three_are_measured_and_starling_loses_nothing() {
    let out = tempfile::tempdir().unwrap();
    let results = compare(out.path());
    for floor in ["write", "path"] {
        assert_eq!(count(&results, &format!("/floor/0/{floor}/deliveries")), 10_000);
        assert!(figure(&results, &format!("/floor/0/{floor}/micros")) > 0.0);
    }
    let all = results["contenders"].as_array().unwrap();
    let names: Vec<_> = all.iter().map(|figures| figures["contender"].as_str().unwrap()).collect();
    assert_eq!(names, CONTENDERS);
    for figures in all {
        every_figure_is_there(figures);
    }
    let [starling, alone, redis] = all.as_slice() else { panic!("{all:?}") };
    assert_eq!(starling["processes"].as_array().unwrap().len(), 5, "nodes, workers, nats-server");
    assert_eq!(alone["processes"].as_array().unwrap().len(), 1);
    assert_eq!(redis["processes"].as_array().unwrap().len(), 3, "two processes, redis-server");

    for lossless in [starling, alone] {
        assert_eq!((count(lossless, "/absence/lost"), count(lossless, "/absence/twice")), (0, 0));
    }
    // With nothing to show, all that was said in a room while a member was away is lost to it. Who was
    // away is half of each room, so no message came to everyone.
    assert!(count(redis, "/absence/lost") > 0, "the peers' loss is seen");
    for file in ["table.txt", "compare.svg"] {
        let text = std::fs::read_to_string(out.path().join(file)).unwrap();
        for title in ["Starling", "Socket.IO", "Socket.IO+Redis"] {
            assert!(text.contains(title), "{file} leaves {title} out");
        }
    }
}

fn every_figure_is_there(figures: &Value) {
    let (stored, deliveries) =
        (count(figures, "/latency/stored"), count(figures, "/latency/deliveries"));
    // Half a second to warm up and two that are timed, at 100 messages a second, in rooms of ten.
    assert_eq!((count(figures, "/latency/sent"), stored, deliveries), (250, 250, 2_500));
    let (expected, delivered) = (
        count(figures, "/rooms/0/costs/0/expected"),
        count(figures, "/rooms/0/costs/0/deliveries"),
    );
    assert_eq!((expected, delivered), (12_500, 12_500));
    assert!(figure(figures, "/rooms/0/idle/server") >= 0.0);
    assert_eq!(figures.pointer("/rooms/0/breakdowns"), Some(&Value::Array(Vec::new())));
    let tries = figures.pointer("/rooms/0/tries").and_then(Value::as_array).unwrap();
    assert!(tries.len() > 1, "one rate alone was tried: {figures}");
    assert!(figure(figures, "/latency/delivery/p99.9") > 0.0);
    assert!(figure(figures, "/rooms/0/costs/0/cpu/server") > 0.0);

    assert_eq!((count(figures, "/memory/0/held"), count(figures, "/memory/0/asked")), (200, 200));
    assert_eq!(count(figures, "/memory/0/burstDeliveries"), 2_000);
    for moment in ["empty", "idle", "afterBurst"] {
        assert!(count(figures, &format!("/memory/0/{moment}/pss")) > 0);
    }
    // The content itself, and not as much again around it.
    for way in ["sent", "received"] {
        let bytes = figure(figures, &format!("/wire/{way}"));
        assert!((1_000.0..2_000.0).contains(&bytes), "{way}: {bytes}");
    }
    assert!((50.0..500.0).contains(&figure(figures, "/wire/ack")));
    assert_eq!(count(figures, "/absence/dropped") * 2, count(figures, "/absence/clients"));
    assert_eq!(count(figures, "/absence/unacknowledged"), 0);
    assert_eq!(count(figures, "/absence/expected"), count(figures, "/absence/acknowledged") * 10);
}
