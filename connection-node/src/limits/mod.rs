//! How much one client may ask for: connections and events, by socket, user and address.
//!
//! Owns the buckets, the places and the count of what was refused. It leaves to others what a refusal
//! looks like: HTTP 429 at the edge, `rate_limited` for events. Memory is bounded whoever comes.
//!
//! | file | owns |
//! | --- | --- |
//! | `settings` | every setting |
//! | `rate`, `buckets` | token buckets |
//! | `crowd` | places for those who are not authenticated yet |
//! | `penalties` | addresses that are kept out for a while |
//! | `address`, `proxies` | which address a client has |
//! | `count` | what was refused, for the metrics |

mod address;
mod buckets;
mod count;
mod crowd;
mod penalties;
mod proxies;
mod rate;
mod settings;

use std::{
    net::IpAddr,
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, Once, PoisonError},
    time::{Duration, Instant},
};

use http::HeaderMap;
use tokio_util::sync::CancellationToken;

pub use self::{
    address::AddressGroup,
    buckets::Wait,
    count::{Counts, Per, What},
    crowd::{Crowd, Full, Place},
    proxies::{ProxyHeader, TrustedProxies, network},
    rate::{InvalidRate, Rate},
    settings::LimitSettings,
};
use self::{
    buckets::{Bucket, Buckets, Pace},
    penalties::Penalties,
};

/// A file counts one event more for each part of this size.
const FILE_PART: usize = 256 << 10;
/// What a compressed message saves its client counts by parts of the same size.
const SAVED_PART: u64 = FILE_PART as u64;
/// WebSocket frames that may come for each event that may: a file is two, and a fragment is one.
const FRAMES: u32 = 4;
/// How often what is idle is forgotten.
const SWEEP: Duration = Duration::from_secs(10);

/// All limits of a node.
pub struct Limits {
    proxies: TrustedProxies,
    events: Pace,
    frames: Pace,
    handshakes: Buckets,
    failures: Buckets,
    user_events: Buckets,
    address_events: Buckets,
    penalties: Mutex<Penalties>,
    unauthenticated: Arc<Crowd>,
    http: Arc<Crowd>,
    counts: Counts,
    forgotten_proxy: Once,
}

/// One who is connected, as limits know him.
pub struct Caller {
    pub address: AddressGroup,
    events: Bucket,
    frames: Bucket,
}

impl Caller {
    /// One who connects from `address`.
    pub fn new(address: AddressGroup) -> Self {
        Self { address, events: Bucket::default(), frames: Bucket::default() }
    }
}

/// Too much at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMuch {
    pub per: Per,
    pub wait: Wait,
}

impl Limits {
    pub fn new(settings: &LimitSettings) -> Self {
        let (most, most_each) =
            (settings.max_unauthenticated, settings.max_unauthenticated_per_address);
        Self {
            proxies: settings.proxies(),
            events: Pace::new(settings.limit_socket_events),
            frames: Pace::new(settings.limit_socket_events.times(FRAMES)),
            handshakes: Buckets::new(settings.limit_handshakes),
            failures: Buckets::new(settings.limit_failures),
            user_events: Buckets::new(settings.limit_user_events),
            address_events: Buckets::new(settings.limit_address_events),
            penalties: Mutex::default(),
            unauthenticated: Crowd::new(most, most_each),
            http: Crowd::new(most, most_each),
            counts: Counts::default(),
            forgotten_proxy: Once::new(),
        }
    }

    /// The address that a request comes from.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> AddressGroup {
        if self.proxies.ignores(peer, headers) {
            self.forgotten_proxy.call_once(|| {
                tracing::warn!(
                    %peer,
                    "a request names the client that it is forwarded for, and is not believed; if \
                     this is a proxy of yours, name it in TRUSTED_PROXIES: until then all behind it \
                     share the limits of one address"
                );
            });
        }
        self.proxies.client(peer, headers).into()
    }

    /// Whether a request came by TLS to a proxy that is trusted.
    pub fn is_secure(&self, peer: IpAddr, headers: &HeaderMap) -> bool {
        self.proxies.is_secure(peer, headers)
    }

    /// Whether `peer` is a proxy, behind which many clients are.
    pub fn is_proxy(&self, peer: IpAddr) -> bool {
        self.proxies.trusts(peer)
    }

    /// An address opens a connection.
    pub fn handshake(&self, address: AddressGroup) -> Result<(), Wait> {
        self.penalty(address)?;
        let taken = self.handshakes.take(&address, 1);
        taken.inspect_err(|_| self.counts.add(What::Handshake, Per::Address))
    }

    /// Whether an address is kept out, for the tokens of its that were refused, and for how long.
    pub fn penalty(&self, address: AddressGroup) -> Result<(), Wait> {
        let left = self.penalties().left(address, Instant::now());
        left.map_or(Ok(()), |left| {
            self.counts.add(What::Authentication, Per::Address);
            Err(left)
        })
    }

    /// The place of a connection that has not shown a token yet.
    pub fn unauthenticated(&self) -> &Arc<Crowd> {
        &self.unauthenticated
    }

    /// The place of a connection that is busy with HTTP.
    pub fn http(&self) -> &Arc<Crowd> {
        &self.http
    }

    /// A token was refused. Beyond the limit its address is kept out for a while.
    pub fn failure(&self, address: AddressGroup) -> Result<(), Wait> {
        self.failures.take(&address, 1).map_err(|_| {
            self.counts.add(What::Authentication, Per::Address);
            self.penalties().give(address, Instant::now());
            penalties::PENALTY
        })
    }

    /// A user enters a namespace.
    pub fn entrance(&self, user: &str) -> Result<(), TooMuch> {
        let taken = self.user_events.take(&user, 1);
        taken.map_err(|wait| self.refuse(What::Handshake, Per::User, wait))
    }

    /// An event has come, with so many bytes attached.
    pub fn event(&self, caller: &Caller, user: &str, attached: usize) -> Result<(), TooMuch> {
        let parts = u32::try_from(attached.div_ceil(FILE_PART)).unwrap_or(u32::MAX);
        let what = if parts > 0 { What::File } else { What::Event };
        let weight = parts.saturating_add(1);
        let refuse = |per| move |wait| self.refuse(what, per, wait);
        self.events.take(&caller.events, weight).map_err(refuse(Per::Socket))?;
        self.user_events.take(&user, weight).map_err(refuse(Per::User))?;
        self.address_events.take(&caller.address, weight).map_err(refuse(Per::Address))
    }

    /// A WebSocket frame has come, of whatever kind. One who goes on after all his events were refused
    /// has to be cut off.
    pub fn frame(&self, caller: &Caller) -> Result<(), Wait> {
        self.packets(caller, 1)
    }

    /// A compressed message has saved its client so many bytes, from what it had saved before on. Each
    /// part of them costs what a part of a file does, but as a frame, for nobody can be told to wait
    /// before the message is whole; and its address pays for it too, however many connections it makes.
    pub fn saved(&self, caller: &Caller, bytes: Range<u64>) -> Result<(), Wait> {
        let parts = (bytes.end / SAVED_PART).saturating_sub(bytes.start / SAVED_PART);
        let parts = u32::try_from(parts).unwrap_or(u32::MAX);
        if parts == 0 {
            return Ok(());
        }
        self.packets(caller, parts)?;
        let taken = self.address_events.take(&caller.address, parts);
        taken.inspect_err(|_| self.counts.add(What::Frame, Per::Address))
    }

    /// So many packets have come by polling, each as good as a frame.
    pub fn packets(&self, caller: &Caller, count: u32) -> Result<(), Wait> {
        let taken = self.frames.take(&caller.frames, count);
        taken.inspect_err(|_| self.counts.add(What::Frame, Per::Socket))
    }

    /// What was refused.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Forgets what is idle, from time to time.
    pub async fn sweep(self: Arc<Self>, stop: CancellationToken) {
        while stop.run_until_cancelled(tokio::time::sleep(SWEEP)).await.is_some() {
            for buckets in
                [&self.handshakes, &self.failures, &self.user_events, &self.address_events]
            {
                buckets.sweep();
            }
            self.penalties().sweep(Instant::now());
        }
    }

    fn refuse(&self, what: What, per: Per, wait: Wait) -> TooMuch {
        self.counts.add(what, per);
        TooMuch { per, wait }
    }

    fn penalties(&self) -> MutexGuard<'_, Penalties> {
        // Nothing in here panics half-way through a change.
        self.penalties.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A wait in whole milliseconds, as clients are told.
pub fn millis(wait: Wait) -> u64 {
    u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).saturating_add(1)
}

#[cfg(test)]
mod tests;
