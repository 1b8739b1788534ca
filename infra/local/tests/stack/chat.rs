//! Ready means usable: the moment a stack has started, a message goes from one node to another.

use local_stack::stack::Stack;
use local_stack::stack_options::StackOptions;
use serde_json::json;

use crate::client::Client;

#[tokio::test]
async fn a_message_crosses_the_nodes_of_a_fresh_stack() {
    let stack = Stack::start(StackOptions::default()).await.unwrap();
    let mut reader = Client::connect(&stack, 1, "reader").await;
    // It follows the join: from here on the reader is a member.
    reader.event(wire::event::USER_LIST).await;
    let mut writer = Client::connect(&stack, 0, "writer").await;
    let ack = writer.ask(wire::event::CHAT_MESSAGE, json!({ "content": "across" })).await;
    assert_eq!(ack["status"], "success", "{ack}");
    let received = reader.event(wire::event::CHAT_MESSAGE).await;
    assert_eq!((&received["content"], &received["username"]), (&json!("across"), &json!("writer")));
    assert_eq!(received["seq"], ack["seq"]);
    stack.stop().await.unwrap();
}
