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
fn a_websockets_frames_have_a_header() {
    let transport = transport();
    assert_eq!(transport.framed(200), 200);
    assert!(transport.claim_websocket());
    assert_eq!((transport.framed(10), transport.framed(200)), (12, 204));
    assert!(transport.take_in(12, Outgoing::Event) && transport.take_in(204, Outgoing::Event));
    transport.count_out(12);
    transport.refused(204);
    assert_eq!((transport.waiting(), transport.bytes_out()), (0, 12));
}

#[test]
fn what_goes_through_is_told() {
    let transport = transport();
    transport.count_in(7);
    transport.count_out(40);
    transport.count_deflated(1_000, 300);
    transport.count_deflated(2_000, 400);
    let expected = Traffic { received: 7, sent: 40, writes: 0, plain: 3_000, deflated: 700 };
    assert_eq!(transport.traffic(), expected);
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
