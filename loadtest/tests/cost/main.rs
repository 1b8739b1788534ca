//! What a message costs a node and a worker, in counts that no clock and no busy machine changes:
//! allocations, bytes allocated, writes to sockets.
//!
//! Node and worker run in this process, whose allocator counts; the clients in another one. Messages go one
//! by one, so that none is gathered with others on its way, and what an idle system allocates is taken off.

// What fails in a helper fails its test, which is what an unwrap says.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod allocated;
mod server_side;

use std::{path::Path, time::Duration};

use loadtest::{
    pass::Pass,
    run::Outcome,
    scale::{
        talker::{Order, Talk},
        talkers::Talkers,
    },
};
use service_shell::telemetry::{LogFormat, Process, TelemetryArgs};
use tokio::time::{Instant, sleep, sleep_until};

use self::{allocated::Allocated, server_side::ServerSide};

/// The program that holds the clients.
const PROGRAM: &str = env!("CARGO_BIN_EXE_scale");
const CLIENTS: usize = 1_000;
/// The content of a message in bytes.
const CONTENT: usize = 64;
/// Over what time idling is looked at: sessions are renewed each second, and what the log holds is told
/// every five.
const IDLE: Duration = Duration::from_secs(5);
/// Messages that open what stays open.
const WARM_UP: u64 = 10;

/// What one size of rooms may cost. No delivery allocates: what a message costs is the same in rooms of any
/// size, some hundred allocations, of which some are there or not as its way falls out. The rest of the
/// spread is idling, of which one window differs from the next by up to 5,000 allocations and 350 KB, shared
/// by so many messages; a bound leaves room for that in either window. In rooms of 100 and of 1,000 one
/// allocation more for each delivery does not pass, in the largest not one for each sixth.
struct Bound {
    room_size: usize,
    messages: u64,
    allocations_each_message: f64,
    bytes_each_message: f64,
}

const BOUNDS: [Bound; 3] = [
    // Measured: 90 to 101 allocations, 9.4 to 10.0 KB.
    Bound {
        room_size: 10,
        messages: 600,
        allocations_each_message: 140.0,
        bytes_each_message: 15_000.0,
    },
    // Measured: 103 to 121 allocations, 10.1 to 11.9 KB.
    Bound {
        room_size: 100,
        messages: 400,
        allocations_each_message: 180.0,
        bytes_each_message: 18_000.0,
    },
    // Measured: 77 to 119 allocations, 6.5 to 10.8 KB.
    Bound {
        room_size: 1_000,
        messages: 150,
        allocations_each_message: 220.0,
        bytes_each_message: 22_000.0,
    },
];

/// What was counted for each message.
#[derive(Debug)]
struct Cost {
    allocated: Allocated,
    deliveries: f64,
    writes: f64,
}

#[tokio::test]
async fn a_message_costs_no_more_than_it_did() {
    // As the services run: spans and logs are made by the same rules.
    let telemetry =
        TelemetryArgs { log_format: LogFormat::Human, otlp_endpoint: None, trace_sampling: 1.0 };
    let process = Process { name: "cost", default_log: "info", thread_names: false };
    let telemetry = telemetry.start(&process).unwrap();
    let servers = ServerSide::start().await.unwrap();
    let mut costs = Vec::new();
    for bound in &BOUNDS {
        costs.push(cost(&servers, bound).await);
    }
    println!("members   allocations    bytes    writes   for each message; and for each delivery");
    for (bound, cost) in BOUNDS.iter().zip(&costs) {
        let Cost { allocated: Allocated { times, bytes }, deliveries, writes } = cost;
        println!(
            "{:>7} {times:>13.1} {bytes:>8.0} {writes:>9.2}   {:>6.2} {:>8.1} {:>6.3}",
            bound.room_size,
            times / deliveries,
            bytes / deliveries,
            writes / deliveries
        );
    }
    for (bound, cost) in BOUNDS.iter().zip(&costs) {
        let members = bound.room_size;
        let Cost { allocated: Allocated { times, bytes }, deliveries, writes } = cost;
        let (most, most_bytes) = (bound.allocations_each_message, bound.bytes_each_message);
        assert!(*times <= most, "{times} allocations a message, {most} at most; {members} members");
        assert!(*bytes <= most_bytes, "{bytes} bytes a message, {most_bytes} at most; {members}");
        // One for each member, and the ack, which may go with the message: never one more.
        let expected = deliveries + 1.0;
        assert!(*writes <= expected + 0.5, "{writes} writes a message, {expected} expected");
    }
    servers.stop().await.unwrap();
    telemetry.end().await;
}

async fn cost(servers: &ServerSide, bound: &Bound) -> Cost {
    let order = Order {
        nodes: vec![servers.url()],
        pass: Pass::Dev,
        clients: CLIENTS,
        room_size: bound.room_size,
        content_bytes: CONTENT,
        source: None,
    };
    let mut talkers = Talkers::gather(Path::new(PROGRAM), &[order]).await.unwrap();
    say(&mut talkers, WARM_UP).await;

    let before = Allocated::now();
    sleep(IDLE).await;
    // What joining has caused is over now.
    let writes_before = servers.writes().await;
    let (began, idle_end) = (Instant::now(), Allocated::now());
    let outcome = say(&mut talkers, bound.messages).await;
    // What goes by time is taken off whole.
    let spans = (began.elapsed().as_secs_f64() / IDLE.as_secs_f64()).ceil();
    sleep_until(began + IDLE.mul_f64(spans)).await;
    let after = Allocated::now();
    let writes = servers.writes().await - writes_before;

    let allocated = after.since(idle_end).without(idle_end.since(before), spans);
    #[allow(clippy::cast_precision_loss)]
    let messages = bound.messages as f64;
    #[allow(clippy::cast_precision_loss)]
    let deliveries = outcome.deliveries as f64;
    Cost {
        allocated: allocated.each(messages),
        deliveries: deliveries / messages,
        writes: writes / messages,
    }
}

/// Says so many messages, and checks that each came to everybody.
async fn say(talkers: &mut Talkers, messages: u64) -> Outcome {
    let mut outcomes = talkers.say_each(&[Talk::OneByOne { messages }]).await.unwrap();
    let outcome = outcomes.remove(0);
    assert!(outcome.is_whole() && outcome.stored == messages, "something was lost: {outcome:?}");
    outcome
}
