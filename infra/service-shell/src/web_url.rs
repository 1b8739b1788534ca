//! Addresses of the web: URLs and origins as settings.
//!
//! Owns what makes a setting one; what is reached there is the service's own.

use std::{fmt, net::SocketAddr, str::FromStr};

use http::Uri;

/// An `http` or `https` URL.
#[derive(Clone, PartialEq, Eq)]
pub struct WebUrl {
    text: String,
    origin: String,
}

impl WebUrl {
    /// As it was written, without a slash at its end.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its scheme, host and port (RFC 6454 §4), as in an `Origin` header or a content security policy.
    pub fn origin(&self) -> &str {
        &self.origin
    }
}

impl FromStr for WebUrl {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let expected = "expected a URL such as https://media.example.org";
        let uri: Uri = text.parse().map_err(|error| format!("not a URL ({error}); {expected}"))?;
        match (uri.scheme_str(), uri.authority()) {
            (Some(scheme @ ("http" | "https")), Some(host)) if !host.as_str().contains('@') => {
                let text = text.trim_end_matches('/').to_owned();
                Ok(Self { text, origin: format!("{scheme}://{host}") })
            }
            _ => Err(format!("not an address of the web; {expected}")),
        }
    }
}

/// Plain HTTP at that address.
impl From<SocketAddr> for WebUrl {
    fn from(address: SocketAddr) -> Self {
        let text = format!("http://{address}");
        Self { origin: text.clone(), text }
    }
}

impl fmt::Display for WebUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for WebUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_the_web() {
        for (text, kept, origin) in [
            ("https://a.example", "https://a.example", "https://a.example"),
            ("http://127.0.0.1:9000/", "http://127.0.0.1:9000", "http://127.0.0.1:9000"),
            ("https://a.example/files/", "https://a.example/files", "https://a.example"),
        ] {
            let url: WebUrl = text.parse().unwrap();
            assert_eq!((url.as_str(), url.origin()), (kept, origin));
        }
        for wrong in ["", "a.example", "127.0.0.1:9000", "ftp://a", "/here", "https://me:pw@a"] {
            assert!(wrong.parse::<WebUrl>().is_err(), "{wrong}");
        }
    }
}
