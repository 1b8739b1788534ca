//! The entrance of every namespace: who a client is, whether it is kept away, and until when it may
//! stay.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use service_shell::token::{Identity, TokenError, Verifier};
use socketioxide::extract::SocketRef;
use wire::{Timestamp, admin::Ban};

use crate::{
    bans::Bans,
    edge::CloseReason,
    expiry::{Expiry, Watched},
    gateway::Line,
    limits::{self, Limits, TooMuch},
    metrics::{Connected, Metrics},
    rooms::port::SocketKey,
};

/// What is asked of those who come.
pub struct Entrance {
    tokens: Verifier,
    expiry: Arc<Expiry>,
    bans: Bans,
    limits: Arc<Limits>,
    metrics: Arc<Metrics>,
    next_key: AtomicU64,
}

/// A socket that may come in, for as long as its token is good.
pub struct Entered {
    pub key: SocketKey,
    pub identity: Identity,
    pub line: Line,
    /// Its transport is closed at the token's end while this lives.
    pub watched: Watched,
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
        expiry: Arc<Expiry>,
        bans: Bans,
        limits: Arc<Limits>,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self { tokens, expiry, bans, limits, metrics, next_key: AtomicU64::new(1) }
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
        let key = self.next_key.fetch_add(1, Ordering::Relaxed);
        let watched = line.watched_by(&self.expiry, key, identity.expires);
        Ok(Entered { key, identity, line, watched })
    }

    /// Where tokens are watched.
    pub fn expiry(&self) -> &Arc<Expiry> {
        &self.expiry
    }

    /// The ban of one who has just come in: it may have come while he did.
    pub fn ban_of(&self, identity: &Identity) -> Option<Ban> {
        self.bans.of(&identity.user.user_id, Timestamp::now())
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
