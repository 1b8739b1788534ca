//! What partitions' owners send to this node, handed to the shards in the order in which it came.

use async_nats::Subscriber;
use futures_util::StreamExt;
use service_shell::telemetry::{Span, SpanKind};
use tokio_util::sync::CancellationToken;
use wire::delivery::{Delivered as Sent, Frame, ToNode};

use crate::{
    hub::Hub,
    rooms::{
        packet::Message,
        port::{Delivered, Input},
    },
};

/// Receives until `stop`. A shard that is behind holds this up, and with it the subscription, whose
/// overflow NATS reports and the node then catches up from the log.
pub async fn receive(mut frames: Subscriber, hub: Hub, stop: CancellationToken) {
    while let Some(Some(message)) = stop.run_until_cancelled(frames.next()).await {
        match serde_json::from_slice::<Frame>(&message.payload) {
            Ok(frame) => {
                for item in frame.items {
                    hand_over(item, &hub).await;
                }
            }
            Err(error) => tracing::error!(%error, "a worker sent something that is no frame"),
        }
    }
}

async fn hand_over(item: ToNode, hub: &Hub) {
    let (partition, input) = match item {
        ToNode::Messages(messages) => {
            let partition = messages.partition;
            let input = Input::Messages {
                partition,
                epoch: messages.epoch,
                counter: messages.counter,
                messages: messages.messages.into_iter().map(read).collect(),
            };
            (partition, input)
        }
        ToNode::Digest(digest) => (digest.partition, Input::Digest(digest)),
        ToNode::ReportPresence(ask) => {
            (ask.partition, Input::ReportPresence { partition: ask.partition, epoch: ask.epoch })
        }
        ToNode::Roster(update) => (update.room.partition(), Input::Roster(update)),
        ToNode::Typing(typing) => (typing.room.partition(), Input::Typing(typing)),
    };
    hub.send(partition, input).await;
}

fn read(sent: Sent) -> Delivered {
    let Sent { room, seq, prev, body, trace } = sent;
    let span = Span::following(trace.as_deref(), "deliver", SpanKind::Consumer);
    let message = Message::from_stored(&room, seq, body.get().as_bytes());
    Delivered { room, seq, prev, message, span }
}
