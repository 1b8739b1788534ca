use super::*;

fn transport() -> Transport {
    Transport::new(1, ([127, 0, 0, 1], 9).into(), 1_000, Intake::unbounded())
}

#[test]
fn the_first_reason_stays() {
    let transport = transport();
    assert_eq!(transport.close_reason(), None);
    transport.close(CloseReason::Stalled);
    transport.close(CloseReason::Ended);
    assert!(transport.closed());
    assert_eq!(transport.close_reason(), Some(CloseReason::Stalled));
}

#[test]
fn what_waits_is_bounded_in_bytes() {
    let transport = transport();
    let event = |bytes| transport.take_in(bytes, Outgoing::Event);
    assert!(event(200) && !transport.is_clogged() && event(400) && transport.is_clogged());
    assert!(!event(600) && event(400));
    assert_eq!(transport.waiting(), 1_000);
    // Some goes out, and as much comes in again.
    transport.count_out(500);
    assert!(!event(501) && event(500));
    // Who asks for much may have it wait.
    let answer = |bytes| transport.take_in(bytes, Outgoing::Answer);
    assert!(answer(3_000) && !answer(1));
    // The end of the queue, and what was never taken in: counting starts anew.
    transport.count_out(4_003);
    assert_eq!(transport.waiting(), 0);
    assert!(event(5_000), "a packet of any size may wait alone");
    assert!(!event(1));
    transport.count_out(5_000);
    assert_eq!(transport.waiting(), 0);
    // A WebSocket's frames have a header.
    assert_eq!(transport.framed(200), 200);
    assert!(transport.claim_websocket());
    assert_eq!((transport.framed(10), transport.framed(200)), (12, 204));
    assert!(event(12) && event(204));
    transport.give_back(204);
    assert_eq!(transport.waiting(), 12);
}

#[test]
fn a_transport_is_idle_once_its_last_namespace_is_left() {
    let transport = transport();
    transport.enter();
    transport.enter();
    assert!(!transport.leave() && !transport.is_idle());
    assert!(transport.leave() && transport.is_idle());
    transport.enter();
    transport.close(CloseReason::Ended);
    assert!(!transport.leave(), "nothing is left to end");
}

#[tokio::test]
async fn all_who_wait_learn_of_the_end() {
    let transport = transport();
    let waiters: Vec<_> = (0..3)
        .map(|_| {
            let transport = transport.clone();
            tokio::spawn(async move { transport.wait_closed().await })
        })
        .collect();
    tokio::task::yield_now().await;
    transport.close(CloseReason::Drain);
    for waiter in waiters {
        waiter.await.expect("the waiter ends");
    }
    transport.wait_closed().await;
}

#[test]
fn one_websocket_at_a_time() {
    let transport = transport();
    assert!(transport.claim_websocket());
    assert!(!transport.claim_websocket());
    transport.release_websocket();
    assert!(transport.claim_websocket());
}
