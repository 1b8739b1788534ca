//! Traces over the whole system, as a collector gets them: one for a message, from its sender's event
//! to every node that emits it, and one for a file.
//!
//! A process has one exporter, so this has a process of its own.

mod receiver;
mod talker;

use local_stack::{stack::Stack, stack_options::StackOptions};
use service_shell::telemetry::{LogFormat, Process, TelemetryArgs};

use self::{
    receiver::{Receiver, Told},
    talker::Talker,
};

/// The smallest picture there is: a GIF of one pixel.
const PIXEL: &[u8] = b"GIF89a\x01\0\x01\0\x80\0\0\xff\xff\xff\0\0\0\x21\xf9\x04\0\0\0\0\0\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0\x3b";

#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_sends_is_one_trace_over_all_services() {
    let collector = Receiver::start().await.unwrap();
    let telemetry = TelemetryArgs {
        log_format: LogFormat::Human,
        otlp_endpoint: Some(format!("http://{}", collector.address).parse().unwrap()),
        trace_sampling: 1.0,
    };
    let process = Process { name: "traces", default_log: "warn", thread_names: false };
    let telemetry = telemetry.start(&process).unwrap();
    let stack = Stack::start(StackOptions::default()).await.unwrap();
    assert!(stack.nodes() >= 2);

    let mut listener = Talker::enter(&stack.node_url(1), "ben").await.unwrap();
    let mut sender = Talker::enter(&stack.node_url(0), "ana").await.unwrap();
    sender.say("hello").await.unwrap();
    sender.hears("chat-message").await.unwrap();
    listener.hears("chat-message").await.unwrap();
    let trace = collector.trace("chat-message", 5).await;
    let root = only(&trace, "chat-message");
    let publish = below(&trace, root, "publish", 1)[0];
    let route = below(&trace, publish, "route", 1)[0];
    below(&trace, route, "deliver", 2);
    assert_eq!(trace.len(), 5, "{trace:#?}");

    sender.send_file(PIXEL).await.unwrap();
    listener.hears("file-message").await.unwrap();
    let trace = collector.trace("send-file", 9).await;
    let root = only(&trace, "send-file");
    below(&trace, root, "store", 1);
    let queue = below(&trace, root, "queue", 1)[0];
    let job = below(&trace, queue, "media-job", 1)[0];
    below(&trace, job, "make-small", 1);
    let publish = below(&trace, job, "publish", 1)[0];
    let route = below(&trace, publish, "route", 1)[0];
    below(&trace, route, "deliver", 2);
    assert_eq!(trace.len(), 9, "{trace:#?}");

    drop((sender, listener));
    stack.stop().await.unwrap();
    telemetry.end().await;
}

fn only<'a>(trace: &'a [Told], name: &str) -> &'a Told {
    let mut named = trace.iter().filter(|span| span.name == name);
    let first = named.next().unwrap_or_else(|| panic!("no {name} in {trace:#?}"));
    assert!(named.next().is_none(), "several {name} in {trace:#?}");
    first
}

/// The steps of a name below another, each begun after it and ended.
fn below<'a>(trace: &'a [Told], parent: &Told, name: &str, count: usize) -> Vec<&'a Told> {
    let steps: Vec<_> =
        trace.iter().filter(|span| span.name == name && span.parent == parent.id).collect();
    assert_eq!(steps.len(), count, "{name} below {}: {trace:#?}", parent.name);
    assert!(steps.iter().all(|span| span.begun >= parent.begun && span.ended >= span.begun));
    steps
}
