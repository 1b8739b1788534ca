//! Which part of a file a client asks for (RFC 9110, section 14), as far as it is given parts: one range
//! of bytes. Players ask so, to jump in a sound.

use axum::http::{HeaderMap, HeaderValue, header};

/// One well-formed range, spelled as S3 takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ByteRange(String);

impl ByteRange {
    /// The range that a request asks for. Several at a time, other units and what is malformed count as
    /// none, and then the whole is answered.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let value = headers.get(header::RANGE)?.to_str().ok()?;
        let (unit, range) = value.split_once('=')?;
        let (first, last) = range.trim().split_once('-')?;
        let number = |text: &str| match text {
            "" => Some(None),
            digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                // i64 is what S3 counts in.
                digits.parse::<i64>().ok().map(Some)
            }
            _ => None,
        };
        let well_formed = match (number(first)?, number(last)?) {
            (Some(first), Some(last)) => first <= last,
            (None, None) => false,
            _ => true,
        };
        (unit.eq_ignore_ascii_case("bytes") && well_formed)
            .then(|| Self(format!("bytes={first}-{last}")))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether `etag` is among those that the client has already (`If-None-Match`, section 13.1.2), weakly
/// compared.
pub(crate) fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    let bare = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let mut named = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|v| v.to_str().ok());
    named.any(|tags| tags.split(',').map(bare).any(|tag| tag == "*" || tag == bare(etag)))
}

/// Whether the range still counts (`If-Range`, section 13.1.5): the client's part is of this very file.
pub(crate) fn is_same(condition: Option<&HeaderValue>, etag: Option<&str>) -> bool {
    condition
        .is_none_or(|condition| etag.is_some_and(|etag| condition.as_bytes() == etag.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_of_bytes_is_read() {
        let table = [
            ("bytes=0-", Some("bytes=0-")),
            ("bytes=0-0", Some("bytes=0-0")),
            ("Bytes=10-20", Some("bytes=10-20")),
            ("bytes=-5", Some("bytes=-5")),
            ("bytes=5-2", None),
            ("bytes=-", None),
            ("bytes=0-1,5-6", None),
            ("bytes=a-b", None),
            ("bytes=+1-2", None),
            ("bytes=0-99999999999999999999", None),
            ("items=0-1", None),
            ("bytes", None),
            ("", None),
        ];
        for (value, expected) in table {
            let headers = HeaderMap::from_iter([(header::RANGE, value.parse().unwrap())]);
            let range = ByteRange::of(&headers);
            assert_eq!(range.as_ref().map(ByteRange::as_str), expected, "{value}");
        }
        assert_eq!(ByteRange::of(&HeaderMap::new()), None);
    }

    #[test]
    fn tags_are_compared_as_asked() {
        for (value, known) in [
            ("\"a\"", true),
            ("W/\"a\"", true),
            ("\"b\", \"a\"", true),
            ("*", true),
            ("\"b\"", false),
        ] {
            let headers = HeaderMap::from_iter([(header::IF_NONE_MATCH, value.parse().unwrap())]);
            assert_eq!(is_known(&headers, "\"a\""), known, "{value}");
        }
        assert!(!is_known(&HeaderMap::new(), "\"a\""));
        let tag = HeaderValue::from_static("\"a\"");
        let date = HeaderValue::from_static("Mon, 23 Nov 2026 08:00:00 GMT");
        assert!(is_same(None, None) && is_same(Some(&tag), Some("\"a\"")));
        assert!(!is_same(Some(&tag), Some("\"b\"")) && !is_same(Some(&tag), None));
        assert!(!is_same(Some(&date), Some("\"a\"")));
    }
}
