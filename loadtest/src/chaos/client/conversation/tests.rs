//! What a client says to what it hears, frame by frame.

use wire::Seq;

use super::*;

/// A client, its record, and what it has written.
struct Talk {
    conversation: Conversation,
    history: History,
    now: Micros,
}

impl Talk {
    /// A client that is to be in the rooms `a` and `b`.
    fn new() -> Self {
        let mut conversation = Conversation::new(0, "token".to_owned(), 8);
        let history = History::new(2, vec!["a".to_owned(), "b".to_owned()]);
        conversation.enter(0, "a".to_owned(), false);
        conversation.enter(1, "b".to_owned(), false);
        Self { conversation, history, now: 1_000 }
    }

    fn hear(&mut self, frame: &str) -> Vec<String> {
        let mut out = Vec::new();
        self.conversation.hear(frame, self.now, &mut self.history, &mut out);
        out
    }

    fn wait(&mut self, millis: u64) -> Vec<String> {
        self.now += millis * 1_000;
        let mut out = Vec::new();
        self.conversation.act(self.now, &mut self.history, &mut out);
        out
    }

    /// Connected for the first time, and in both rooms from seq 10 on.
    fn settled() -> Self {
        let mut talk = Self::new();
        assert_eq!(talk.hear("0{}"), [r#"40{"token":"token"}"#]);
        let joins = talk.hear(r#"40{"sid":"x"}"#);
        assert_eq!(joins.len(), 2, "{joins:?}");
        for (join, room) in joins.iter().zip(["a", "b"]) {
            let joined = format!(r#"{{"status":"success","room":"{room}","seq":10,"history":[]}}"#);
            talk.hear(&answer(join, &joined));
        }
        assert!(talk.conversation.is_settled());
        talk
    }

    fn lose(&mut self) {
        self.conversation.lost(self.now, &mut self.history);
    }
}

/// The ack packet that answers an event packet with a body.
fn answer(asked: &str, body: &str) -> String {
    let digits: String = asked[2..].chars().take_while(char::is_ascii_digit).collect();
    format!("43{digits}[{body}]")
}

fn recovered(room: &str, more: &str) -> String {
    format!(r#"42["recovered",{{"room":"{room}","from":10,"to":12,"complete":true{more}}}]"#)
}

fn message(room: &str, seq: Seq, index: u64) -> String {
    let rest = format!(r##""userId":"u","username":"u","content":"#{index} x""##);
    format!(r#"42["chat-message",{{"id":"i","room":"{room}","seq":{seq},{rest}}}]"#)
}

#[test]
fn it_names_the_positions_it_has_reached_and_is_settled_once_all_have_recovered() {
    let mut talk = Talk::settled();
    talk.history.entered(1, 0, 0, false);
    talk.history.sent(1, 0, 0);
    talk.hear(&message("a", 11, 0));
    talk.lose();
    assert!(!talk.conversation.is_settled());
    let connect = talk.hear("0{}").remove(0);
    let auth: Auth = serde_json::from_str(&connect[2..]).unwrap();
    assert_eq!(auth.rooms, HashMap::from([("a".to_owned(), 11), ("b".to_owned(), 10)]));
    assert!(talk.hear(r#"40{"sid":"y"}"#).is_empty());
    talk.hear(&recovered("a", ""));
    assert!(!talk.conversation.is_settled());
    talk.hear(&recovered("b", ""));
    assert!(talk.conversation.is_settled());
    assert_eq!((talk.history.tally().disconnects, talk.history.tally().recoveries), (1, 1));
}

#[test]
fn a_room_that_it_is_not_let_into_is_joined_from_its_position() {
    let mut talk = Talk::settled();
    talk.lose();
    talk.hear("0{}");
    talk.hear(r#"40{"sid":"y"}"#);
    talk.hear(&recovered("b", ""));
    let refused = recovered("a", r#","code":"unavailable","message":"later""#);
    assert!(talk.hear(&refused).is_empty());
    let join = talk.wait(500).remove(0);
    assert!(join.ends_with(r#"["join-room",{"room":"a","after":10}]"#), "{join}");
    talk.hear(&answer(&join, r#"{"status":"success","room":"a","seq":12,"history":[]}"#));
    // The ack says that it is in; that nothing is missing, only the `recovered` does.
    assert!(!talk.conversation.is_settled());
    talk.hear(&recovered("a", ""));
    assert!(talk.conversation.is_settled());
}

#[test]
fn a_message_is_sent_with_the_same_id_until_it_is_acknowledged() {
    let mut talk = Talk::settled();
    assert!(talk.conversation.say(1, 900));
    let first = talk.wait(0).remove(0);
    assert!(
        first.contains(r##""room":"b","content":"#0 xxxxx","clientMessageId":"0""##),
        "{first}"
    );
    let busy = r#"{"status":"error","code":"overloaded","message":"busy","retryAfter":250}"#;
    assert!(talk.hear(&answer(&first, busy)).is_empty());
    assert!(talk.wait(200).is_empty());
    let second = talk.wait(50).remove(0);
    talk.lose();
    assert!(talk.wait(10_000).is_empty(), "it is not connected");
    talk.hear("0{}");
    let third = talk.hear(r#"40{"sid":"y"}"#).remove(0);
    let body = |packet: &str| packet[packet.find('[').unwrap()..].to_owned();
    assert_eq!([body(&second), body(&third)], [body(&first), body(&first)]);
    let stored = r#"{"status":"success","id":"i","room":"b","seq":11,"timestamp":"2026-01-01T00:00:00.000Z"}"#;
    talk.hear(&answer(&third, stored));
    assert_eq!((talk.history.tally().acked, talk.history.tally().put_off), (1, 1));
    assert!(talk.conversation.is_silent());
}

#[test]
fn being_told_to_stay_away_breaks_a_guarantee() {
    let mut talk = Talk::settled();
    let mut out = Vec::new();
    let heard = talk.conversation.hear("41", 0, &mut talk.history, &mut out);
    assert!(matches!(heard, Heard::End(_)));
    assert_eq!(crate::chaos::verdict::Verdict::of(&talk.history).dismissed, 1);
}

#[test]
fn a_message_that_is_not_for_it_is_no_accident() {
    let mut talk = Talk::settled();
    talk.hear(&message("c", 11, 0));
    talk.hear(r#"42["chat-message",{"id":"i","room":"a","seq":11,"content":"hello"}]"#);
    assert_eq!(crate::chaos::verdict::Verdict::of(&talk.history).contradictory, 2);
}

#[test]
fn only_a_guest_leaves_its_last_room() {
    let mut talk = Talk::settled();
    talk.conversation.leave_last();
    assert!(talk.wait(0).is_empty());
    let mut talk = Talk::new();
    talk.conversation = Conversation::new(0, "token".to_owned(), 8);
    talk.conversation.enter(0, "a".to_owned(), false);
    talk.conversation.visit(1, "b".to_owned());
    talk.hear("0{}");
    for join in talk.hear(r#"40{"sid":"x"}"#) {
        talk.hear(&answer(&join, r#"{"status":"success","room":"a","seq":10,"history":[]}"#));
    }
    talk.conversation.leave_last();
    let leave = talk.wait(0).remove(0);
    assert!(leave.ends_with(r#"["leave-room","b"]"#), "{leave}");
    let busy = r#"{"status":"error","code":"overloaded","message":"busy","retryAfter":250}"#;
    talk.hear(&answer(&leave, busy));
    assert!(talk.conversation.is_guest() && talk.wait(200).is_empty(), "it is still there");
    let leave = talk.wait(50).remove(0);
    talk.hear(&answer(&leave, r#"{"status":"success"}"#));
    assert!(talk.conversation.roster(1).is_none() && talk.conversation.roster(0).is_some());
}

#[test]
fn a_roster_does_not_outlive_its_connection() {
    let mut talk = Talk::settled();
    let list = r#"42["user-list",{"room":"a","count":1,"users":[{"userId":"u","username":"u"}]}]"#;
    talk.hear(list);
    let names = |talk: &Talk| talk.conversation.roster(0).unwrap().names("u");
    assert!(names(&talk));
    talk.lose();
    assert!(!names(&talk));
}

#[test]
fn what_comes_again_after_the_recovery_is_found() {
    let mut talk = Talk::settled();
    talk.history.entered(1, 0, 0, false);
    talk.history.sent(1, 0, 0);
    talk.lose();
    talk.hear("0{}");
    talk.hear(r#"40{"sid":"y"}"#);
    talk.hear(&recovered("a", ""));
    talk.hear(&message("a", 12, 0));
    assert_eq!(crate::chaos::verdict::Verdict::of(&talk.history).reordered, 1);
}
