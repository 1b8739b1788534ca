//! The entrance of every namespace: who a client is, whether it is kept away, and until when it may
//! stay. What the stay holds is left to [`crate::stay`].

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use service_shell::token::{Identity, TokenError, Verifier};
use socketioxide::extract::SocketRef;
use wire::{Timestamp, admin::Ban, error};

use crate::{
    bans::Bans,
    edge::CloseReason,
    gateway::Line,
    limits::{self, Limits, TooMuch},
    metrics::{Connected, Metrics},
    rooms::port::SocketKey,
    sockets::Arrival,
    stay::{Guest, House, Stay},
};

/// What is asked of those who come.
pub struct Entrance {
    tokens: Verifier,
    house: Arc<House>,
    bans: Bans,
    limits: Arc<Limits>,
    metrics: Arc<Metrics>,
    next_key: AtomicU64,
}

/// A socket that may come in, for as long as its token is good.
pub struct Entered {
    pub identity: Identity,
    /// To be kept for as long as the socket is there.
    pub stay: Stay,
}

/// Why a socket stays outside; what its client sees as `connect_error.message`.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    #[error(transparent)]
    Token(#[from] TokenError),
    #[error("{0}")]
    Banned(Box<Ban>),
    #[error("Too many connections of one user; come again in {} ms", limits::millis(.0.wait))]
    TooMany(TooMuch),
}

impl Entrance {
    pub fn new(
        tokens: Verifier,
        house: Arc<House>,
        bans: Bans,
        limits: Arc<Limits>,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self { tokens, house, bans, limits, metrics, next_key: AtomicU64::new(1) }
    }

    /// Lets a socket in by the `auth` of its handshake.
    ///
    /// # Errors
    /// Why not. Where that passes, its transport is closed too, so that its client comes again by
    /// itself, which after a `connect_error` it would not.
    pub async fn enter(
        &self,
        socket: &SocketRef,
        auth: &serde_json::Value,
    ) -> Result<Entered, Refused> {
        let line = Line::of(socket.clone()).ok_or(TokenError::Invalid)?;
        let token = auth.get("token").and_then(|token| token.as_str());
        let now = Timestamp::now();
        let identified = self.tokens.identify(token, now).await.map_err(Refused::from);
        let entered = identified.and_then(|identity| {
            // It may have waited, and its client have left.
            if line.is_closed() {
                return Err(TokenError::Unavailable.into());
            }
            if let Some(ban) = self.bans.of(&identity.user.user_id, now) {
                return Err(Refused::Banned(Box::new(ban)));
            }
            self.limits.entrance(&identity.user.user_id).map_err(Refused::TooMany)?;
            Ok(identity)
        });
        let identity = entered.inspect_err(|refused| self.note(refused, &line))?;
        line.intake().admit();
        line.transport().welcome();
        let key = self.next_key.fetch_add(1, Ordering::Relaxed);
        let stay =
            self.house.stay(key, identity.user.user_id.clone(), line.transport(), identity.expires);
        Ok(Entered { identity, stay })
    }

    /// A socket that was let in can be reached. False where its client has left meanwhile, or was
    /// kicked or banned, and is sent away.
    pub fn arrive(&self, key: SocketKey, guest: &Guest) -> bool {
        match self.house.sockets.arrive(key, guest.clone()) {
            Arrival::Welcome => {}
            Arrival::Unwanted => {
                guest.line.dismiss(error::KICKED.to_owned());
                return false;
            }
            Arrival::Gone => return false,
        }
        // Looked for again: a ban that came before this moment did not find the socket.
        let Some(ban) = self.ban_of(&guest.user_id) else { return true };
        guest.line.dismiss(ban.to_string());
        false
    }

    /// The ban that keeps a user away.
    pub fn ban_of(&self, user_id: &str) -> Option<Ban> {
        self.bans.of(user_id, Timestamp::now())
    }

    /// Whether a socket that was let in is not gone.
    pub fn has(&self, key: SocketKey) -> bool {
        self.house.sockets.has(key)
    }

    fn note(&self, refused: &Refused, line: &Line) {
        self.metrics.count_connect(match refused {
            Refused::Token(TokenError::Missing | TokenError::Invalid) => Connected::unauthenticated,
            Refused::Token(TokenError::Unavailable) => Connected::unavailable,
            Refused::Banned(_) => Connected::banned,
            Refused::TooMany(_) => Connected::rate_limited,
        });
        match refused {
            // Its client may mend that on this connection; not for ever, and not by trying.
            Refused::Token(TokenError::Invalid) => {
                if self.limits.failure(line.intake().caller().address).is_err() {
                    line.close(CloseReason::Protocol);
                }
            }
            Refused::Token(TokenError::Unavailable) | Refused::TooMany(_) => {
                line.close(CloseReason::Fault);
            }
            Refused::Token(TokenError::Missing) | Refused::Banned(_) => {}
        }
    }
}
