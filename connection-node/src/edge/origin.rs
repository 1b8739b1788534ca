//! Which origins' pages may connect (RFC 6454), and what CORS tells their browsers.
//!
//! A browser lets any page open a WebSocket to any host, so the server has to look. Requests
//! without an `Origin` come from clients that are not browsers, which could write any origin they
//! like: they are let through.

use std::{collections::BTreeSet, str::FromStr, sync::Arc};

use http::{HeaderMap, HeaderValue, Uri, header};

/// The origins that may connect. Reads a list such as `https://chat.example.com,
/// http://localhost:3000`, or `*` for any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origins {
    /// Every origin; for a laptop, not for production.
    Any,
    /// These alone, in normal form: lower case, without a default port.
    Listed(Arc<BTreeSet<String>>),
}

/// Nobody's pages.
impl Default for Origins {
    fn default() -> Self {
        Self::Listed(Arc::default())
    }
}

/// A list of origins that cannot be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not an origin: write scheme://host[:port], such as https://chat.example.com, several \
     with commas between them, or * alone"
)]
pub struct InvalidOrigin(String);

impl FromStr for Origins {
    type Err = InvalidOrigin;

    fn from_str(list: &str) -> Result<Self, InvalidOrigin> {
        if list.trim() == "*" {
            return Ok(Self::Any);
        }
        list.split(',')
            .map(str::trim)
            .filter(|origin| !origin.is_empty())
            .map(|origin| normal_form(origin).ok_or_else(|| InvalidOrigin(origin.to_owned())))
            .collect::<Result<BTreeSet<_>, _>>()
            .map(|origins| Self::Listed(Arc::new(origins)))
    }
}

impl Origins {
    /// Whether a request with these headers may be served.
    pub(super) fn admit(&self, headers: &HeaderMap) -> bool {
        let mut named = headers.get_all(header::ORIGIN).iter();
        match (named.next(), named.next()) {
            (None, _) => true,
            (Some(origin), None) => self.contains(origin),
            // Which of two would the browser have meant?
            (Some(_), Some(_)) => false,
        }
    }

    fn contains(&self, origin: &HeaderValue) -> bool {
        match self {
            Self::Any => true,
            Self::Listed(origins) => origin
                .to_str()
                .ok()
                .and_then(normal_form)
                .is_some_and(|origin| origins.contains(&origin)),
        }
    }
}

/// Adds to a response what lets a page of the admitted origin read it. Credentials are allowed for
/// the sake of a load balancer's stickiness cookie: no request is authenticated by a cookie.
pub(super) fn allow_reading(origin: HeaderValue, response: &mut HeaderMap) {
    response.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    response.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    response.append(header::VARY, HeaderValue::from_static("Origin"));
}

/// An origin in lower case and without its scheme's default port; `None` if it is not one (`null`,
/// a path, a user, spaces).
fn normal_form(origin: &str) -> Option<String> {
    let origin = origin.to_ascii_lowercase();
    let uri: Uri = origin.parse().ok()?;
    let (scheme, authority) = (uri.scheme_str()?, uri.authority()?);
    let (host, port) = (authority.host(), authority.port());
    let authority = authority.as_str();
    // What the parser lets stand beside the two (an empty port, text behind a bracket) is no origin.
    let rest = authority.strip_prefix(host)?;
    if host.is_empty() || rest.strip_prefix(':') != port.as_ref().map(http::uri::Port::as_str) {
        return None;
    }
    if port.is_none() && !rest.is_empty() {
        return None;
    }
    let bare = origin.strip_suffix('/').unwrap_or(&origin);
    if bare.len() != scheme.len() + "://".len() + authority.len() || authority.contains('@') {
        return None;
    }
    let default_port = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => return Some(bare.to_owned()),
    };
    Some(bare.strip_suffix(default_port).unwrap_or(bare).to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn headers(origins: &[&str]) -> HeaderMap {
        origins
            .iter()
            .map(|origin| {
                let value = HeaderValue::from_str(origin).expect("a header value");
                (header::ORIGIN, value)
            })
            .collect()
    }

    #[test]
    fn listed_origins() {
        let origins: Origins =
            "https://chat.example.com, http://localhost:3000/,,https://[::1]:8443"
                .parse()
                .expect("the list is good");
        let cases: [(&[&str], bool); 17] = [
            (&[], true),
            (&["https://chat.example.com"], true),
            (&["https://chat.example.com:443"], true),
            (&["HTTPS://Chat.Example.COM"], true),
            (&["http://localhost:3000"], true),
            (&["https://[::1]:8443"], true),
            (&["http://chat.example.com"], false),
            (&["https://chat.example.com:8443"], false),
            (&["https://chat.example.com.evil.example"], false),
            (&["https://evil.example/https://chat.example.com"], false),
            (&["https://chat.example.com@evil.example"], false),
            (&["https://evilchat.example.com"], false),
            (&["http://localhost"], false),
            (&["chat.example.com"], false),
            (&["null"], false),
            (&[""], false),
            (&["https://chat.example.com", "https://evil.example"], false),
        ];
        for (origin, admitted) in cases {
            assert_eq!(origins.admit(&headers(origin)), admitted, "{origin:?}");
        }
    }

    #[test]
    fn any_origin_and_none() {
        let any: Origins = " * ".parse().expect("a star is good");
        assert!(any.admit(&headers(&["null"])));
        assert!(!Origins::default().admit(&headers(&["https://a.example"])));
        assert!(Origins::default().admit(&headers(&[])));
    }

    #[test]
    fn lists_that_cannot_be_read() {
        for list in [
            "chat.example.com",
            "https://",
            "https://:443",
            "https://a.example:",
            "http://[::1]g:80",
            "http://[::1]g",
            "https://a.example/path",
            "https://u@a.example",
            "https://a.example,*",
            "null",
        ] {
            let parsed = list.parse::<Origins>();
            assert!(parsed.is_err(), "{list}: {parsed:?}");
        }
    }

    proptest! {
        #[test]
        fn a_listed_origin_admits_itself_alone(
            host in "[a-z][a-z0-9]{0,8}(\\.[a-z]{2,5}){0,2}",
            port in 1..u16::MAX,
            other in "[!-~]{0,40}",
        ) {
            let origin = format!("https://{host}:{port}");
            let origins: Origins = origin.parse().expect("the origin is good");
            let upper = origin.to_uppercase();
            prop_assert!(origins.admit(&headers(&[&origin])));
            prop_assert!(origins.admit(&headers(&[&upper])));
            let appended = format!("{origin}{other}");
            let same = matches!(other.as_str(), "" | "/");
            prop_assert_eq!(origins.admit(&headers(&[&appended])), same);
            prop_assert!(!origins.admit(&headers(&[&other])));
        }

        #[test]
        fn normal_form_is_a_fixed_point(origin in "(http|https|app)://[!-~]{1,20}") {
            if let Some(normal) = normal_form(&origin) {
                prop_assert_eq!(normal_form(&normal), Some(normal));
            }
        }
    }
}
