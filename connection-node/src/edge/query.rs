//! The parameters of an Engine.IO request, as they stand in its query.

use engineioxide::{ProtocolVersion, TransportType};
use http::{Request, Uri};
use socketioxide::socket::Sid;

use super::{config::PATH, refusal::Refusal};

/// What an Engine.IO request asks for. Other parameters (a cache-buster, a page's own) are dropped
/// here.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct EngineQuery {
    pub(super) protocol: ProtocolVersion,
    pub(super) transport: TransportType,
    /// The session it belongs to; `None` opens one.
    pub(super) sid: Option<Sid>,
}

impl EngineQuery {
    /// Reads a query; of a parameter that comes twice, the first counts.
    pub(super) fn parse(query: Option<&str>) -> Result<Self, Refusal> {
        let value = |name: &str| {
            query
                .unwrap_or_default()
                .split('&')
                .filter_map(|pair| pair.split_once('='))
                .find_map(|(key, value)| (key == name).then_some(value))
        };
        let transport = value("transport")
            .and_then(|transport| transport.parse().ok())
            .ok_or(Refusal::UnknownTransport)?;
        let protocol = value("EIO")
            .and_then(|version| version.parse().ok())
            .ok_or(Refusal::UnsupportedProtocol)?;
        let sid = value("sid").map(str::parse).transpose().map_err(|_| Refusal::UnknownSession)?;
        Ok(Self { protocol, transport, sid })
    }

    /// The same request as socketioxide is to see it: nothing but what was read, in memory of its
    /// own.
    pub(super) fn request<B>(&self, body: B) -> Request<B> {
        let mut request = Request::new(body);
        *request.uri_mut() = self.uri();
        request
    }

    fn uri(&self) -> Uri {
        let version = self.protocol as u8;
        let transport: &str = self.transport.into();
        let mut uri = format!("{PATH}/?EIO={version}&transport={transport}");
        if let Some(sid) = self.sid {
            uri.push_str("&sid=");
            uri.push_str(sid.as_str());
        }
        // Made of URI characters alone, so it parses.
        uri.parse().unwrap_or_default()
    }
}

/// Whether a path belongs to Socket.IO: the configured one, or one below it.
pub(super) fn is_engine_path(path: &str) -> bool {
    path.strip_prefix(PATH).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries() {
        let sid = "AAAAAAAAAAAAAAHs";
        let with_sid = format!("sid={sid}&EIO=4&transport=websocket&t=abc");
        let cases = [
            (None, Err(Refusal::UnknownTransport)),
            (Some(""), Err(Refusal::UnknownTransport)),
            (Some("EIO=4"), Err(Refusal::UnknownTransport)),
            (Some("EIO=4&transport=webtransport"), Err(Refusal::UnknownTransport)),
            (Some("transport=polling"), Err(Refusal::UnsupportedProtocol)),
            (Some("EIO=3&transport=polling"), Err(Refusal::UnsupportedProtocol)),
            (Some("EIO=4&transport=polling&sid="), Err(Refusal::UnknownSession)),
            (Some("EIO=4&transport=polling&sid=../../x"), Err(Refusal::UnknownSession)),
            (Some("EIO=4&transport=polling&EIO=9"), Ok(TransportType::Polling)),
            (Some(with_sid.as_str()), Ok(TransportType::Websocket)),
        ];
        for (query, expected) in cases {
            let parsed = EngineQuery::parse(query);
            assert_eq!(parsed.map(|query| query.transport), expected, "{query:?}");
        }
    }

    #[test]
    fn the_uri_says_the_same() {
        let query = "EIO=4&transport=polling&t=1&sid=AAAAAAAAAAAAAAHs&token=secret";
        let query = EngineQuery::parse(Some(query)).expect("the query is good");
        let uri = query.uri();
        assert_eq!(uri, "/socket.io/?EIO=4&transport=polling&sid=AAAAAAAAAAAAAAHs");
        assert_eq!(EngineQuery::parse(uri.query()), Ok(query));
    }

    #[test]
    fn paths() {
        for path in ["/socket.io", "/socket.io/", "/socket.io/x"] {
            assert!(is_engine_path(path), "{path}");
        }
        for path in ["/", "/socket.io-admin", "/js/socket.io.js", "/SOCKET.IO/"] {
            assert!(!is_engine_path(path), "{path}");
        }
    }
}
