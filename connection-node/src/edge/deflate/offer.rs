//! What a client offers in `Sec-WebSocket-Extensions`, and what is answered (RFC 6455, section 9.1; RFC
//! 7692, sections 5 and 7.1).
//!
//! Pure. The first offer that can be served is taken. One with a parameter that is unknown, repeated or
//! wrong is passed over, and a header that cannot be read offers nothing: its client does as well without.

use std::borrow::Cow;

use http::{HeaderMap, HeaderValue, header::SEC_WEBSOCKET_EXTENSIONS};

const NAME: &[u8] = b"permessage-deflate";
const ANSWER: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
/// The same to one who asks for the window that is used anyway.
const ANSWER_WITH_WINDOW: &str = "permessage-deflate; server_no_context_takeover; \
                                  client_no_context_takeover; server_max_window_bits=15";

/// The window of what is sent, the largest. One frame serves all clients, so that none can have a
/// smaller one.
const WINDOW_BITS: u8 = 15;

/// The answer to the first offer that can be served.
pub(in crate::edge) fn accept(headers: &HeaderMap) -> Option<HeaderValue> {
    let values = headers.get_all(SEC_WEBSOCKET_EXTENSIONS);
    let mut offers = values.iter().filter_map(|value| offers(value.as_bytes())).flatten();
    let answer = offers.find_map(|offer| offer.answer())?;
    Some(HeaderValue::from_static(answer))
}

/// One extension and its parameters.
struct Offer<'h> {
    name: &'h [u8],
    parameters: Vec<Parameter<'h>>,
}

type Parameter<'h> = (&'h [u8], Option<Cow<'h, [u8]>>);

impl Offer<'_> {
    fn answer(&self) -> Option<&'static str> {
        let mut answer = (self.name == NAME).then_some(ANSWER)?;
        for (at, (name, value)) in self.parameters.iter().enumerate() {
            if self.parameters[..at].iter().any(|(before, _)| before == name) {
                return None;
            }
            match (*name, value) {
                (
                    b"server_no_context_takeover"
                    | b"client_no_context_takeover"
                    | b"client_max_window_bits",
                    None,
                ) => {}
                // What is inflated may have any window.
                (b"client_max_window_bits", Some(bits)) if window_bits(bits).is_some() => {}
                (b"server_max_window_bits", Some(bits))
                    if window_bits(bits) == Some(WINDOW_BITS) =>
                {
                    answer = ANSWER_WITH_WINDOW;
                }
                _ => return None,
            }
        }
        Some(answer)
    }
}

/// 8 to 15, without a leading zero.
fn window_bits(value: &[u8]) -> Option<u8> {
    match value {
        [digit @ b'8'..=b'9'] => Some(digit - b'0'),
        [b'1', digit @ b'0'..=b'5'] => Some(10 + digit - b'0'),
        _ => None,
    }
}

/// Reads a header; `None` for one that is not as it should be.
fn offers(value: &[u8]) -> Option<Vec<Offer<'_>>> {
    let mut reader = Reader { rest: value };
    let mut offers = Vec::new();
    loop {
        reader.skip_spaces();
        // A list may have empty places.
        if !matches!(reader.rest, [] | [b',', ..]) {
            offers.push(reader.offer()?);
        }
        if reader.rest.is_empty() {
            return Some(offers);
        }
        reader.takes(b',').then_some(())?;
    }
}

struct Reader<'h> {
    rest: &'h [u8],
}

impl<'h> Reader<'h> {
    fn offer(&mut self) -> Option<Offer<'h>> {
        let mut offer = Offer { name: self.token()?, parameters: Vec::new() };
        while self.takes(b';') {
            let name = self.token()?;
            let value = if self.takes(b'=') { Some(self.value()?) } else { None };
            offer.parameters.push((name, value));
        }
        Some(offer)
    }

    fn skip_spaces(&mut self) {
        self.rest = self.rest.trim_ascii_start();
    }

    /// Whether this comes next, with spaces around it; if so it is behind us.
    fn takes(&mut self, wanted: u8) -> bool {
        self.skip_spaces();
        let Some(rest) = self.rest.strip_prefix(&[wanted]) else { return false };
        self.rest = rest;
        self.skip_spaces();
        true
    }

    fn token(&mut self) -> Option<&'h [u8]> {
        let end = self.rest.iter().position(|byte| !is_token(*byte)).unwrap_or(self.rest.len());
        let (token, rest) = self.rest.split_at(end);
        self.rest = rest;
        (!token.is_empty()).then_some(token)
    }

    /// A token, which may be quoted.
    fn value(&mut self) -> Option<Cow<'h, [u8]>> {
        let Some(mut quoted) = self.rest.strip_prefix(b"\"") else {
            return self.token().map(Cow::Borrowed);
        };
        let mut value = Vec::new();
        loop {
            match quoted {
                [b'"', rest @ ..] => {
                    self.rest = rest;
                    return (!value.is_empty()).then_some(Cow::Owned(value));
                }
                [b'\\', byte, rest @ ..] | [byte, rest @ ..] if is_token(*byte) => {
                    value.push(*byte);
                    quoted = rest;
                }
                _ => return None,
            }
        }
    }
}

/// What a token is made of (RFC 9110, section 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn answer(values: &[&str]) -> Option<&'static str> {
        let mut map = HeaderMap::new();
        for value in values {
            map.append(SEC_WEBSOCKET_EXTENSIONS, HeaderValue::from_str(value).unwrap());
        }
        let answer = accept(&map)?;
        [ANSWER, ANSWER_WITH_WINDOW].into_iter().find(|known| answer == known)
    }

    #[test]
    fn offers_and_answers() {
        let served = [
            "permessage-deflate",
            "permessage-deflate; client_max_window_bits",
            "permessage-deflate;client_max_window_bits=8",
            "permessage-deflate ; client_max_window_bits = \"10\"",
            "permessage-deflate; client_no_context_takeover; server_no_context_takeover",
            "permessage-deflate; server_max_window_bits=10, permessage-deflate",
            "permessage-deflate; server_max_window_bits=15; x, permessage-deflate",
            "x-webkit-deflate-frame; no_context_takeover, permessage-deflate",
            ", permessage-bzip2;a=\"\\b\" ,,permessage-deflate,",
        ];
        for offer in served {
            assert_eq!(answer(&[offer]), Some(ANSWER), "{offer}");
        }
        let with_window = [
            "permessage-deflate; server_max_window_bits=15",
            "permessage-deflate; server_max_window_bits=\"1\\5\"; client_max_window_bits",
        ];
        for offer in with_window {
            assert_eq!(answer(&[offer]), Some(ANSWER_WITH_WINDOW), "{offer}");
        }
    }

    #[test]
    fn offers_that_are_passed_over() {
        let parameters = [
            "unknown",
            "server_no_context_takeover=true",
            "client_no_context_takeover=\"\"",
            "server_no_context_takeover; server_no_context_takeover",
            "client_max_window_bits; client_max_window_bits=15",
            "client_max_window_bits=7",
            "client_max_window_bits=16",
            "client_max_window_bits=08",
            "client_max_window_bits=+9",
            "client_max_window_bits=\"15",
            "client_max_window_bits=",
            "server_max_window_bits",
            "server_max_window_bits=14",
            "server_max_window_bits=015",
            "",
            "=15",
        ];
        for parameter in parameters {
            let offer = format!("permessage-deflate; {parameter}");
            assert_eq!(answer(&[&offer]), None, "{offer}");
            assert_eq!(answer(&[&offer, "permessage-deflate"]), Some(ANSWER), "{offer}");
        }
        for value in ["", ",", "permessage", "Permessage-Deflate", "permessage-deflate x", "\"\""] {
            assert_eq!(answer(&[value]), None, "{value}");
        }
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(value: Vec<u8>) {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                accept(&HeaderMap::from_iter([(SEC_WEBSOCKET_EXTENSIONS, value)]));
            }
        }

        /// Whatever stands before it, and however it is spaced, an offer that can be served is.
        #[test]
        fn the_first_that_can_be_served_is(
            before in prop::collection::vec("[a-z-]{1,9}(; ?[a-z_]{1,9}(=[a-z]{1,3}|=\"[a-z]{1,3}\")?){0,3}", 0..4),
            space in "[ \t]{0,2}",
            window in any::<bool>(),
        ) {
            let window_bits = if window { format!("{space};{space}server_max_window_bits{space}={space}15") } else { String::new() };
            let offer = format!("permessage-deflate{space};{space}client_max_window_bits{window_bits}");
            let value = before.iter().chain([&offer]).cloned().collect::<Vec<_>>().join(&format!("{space},{space}"));
            prop_assume!(before.iter().all(|one| !one.starts_with("permessage-deflate")));
            prop_assert_eq!(answer(&[&value]), Some(if window { ANSWER_WITH_WINDOW } else { ANSWER }));
        }
    }
}
