//! The namespace `/admin`: who may enter, and what is done for them.
//!
//! What is asked for is read in [`request`] and asked of all in [`desk`]; what all are asked is done in
//! [`orders`]. What one administrator asks for is done in order: a ban and its end must not change
//! places.

mod desk;
pub mod orders;
mod request;

use std::sync::Arc;

use serde::Serialize;
use service_shell::token::Role;
use socketioxide::{
    SocketIo,
    adapter::LocalAdapter,
    extract::{SocketRef, TryData},
    handler::{ConnectHandler, MessageHandler, Value},
    socket::Socket,
};
use tokio::sync::mpsc;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use wire::{ErrorCode, Failure, User, client::Done, error, event};

pub use self::desk::Desk;
use self::request::AdminRequest;
use crate::{
    entrance::{Entered, Refused},
    gateway::{Gateway, Line, Reply, reply_to},
    rooms::port::SocketKey,
    stay::Guest,
};

/// Requests of one administrator that may wait.
const WAITING: usize = 16;
/// How long an administrator is asked to wait, in milliseconds.
const RETRY: u64 = 500;

/// What all sockets of the namespace share.
pub struct AdminGateway {
    pub gateway: Arc<Gateway>,
    pub desk: Desk,
    pub tasks: TaskTracker,
    pub stop: CancellationToken,
}

/// What an administrator asks for, and how to answer.
type Asked = (Line, AdminRequest, Reply);

/// Serves the administrators' namespace.
pub fn register(io: &SocketIo, admins: Arc<AdminGateway>) {
    let connected = admins.clone();
    let greet = async move |socket: SocketRef| connected.greet(&socket);
    let admit = move |socket: SocketRef, auth: TryData<serde_json::Value>| {
        let admins = admins.clone();
        async move { admins.admit(&socket, &auth.0.unwrap_or_default()).await }
    };
    io.ns(event::ADMIN_NAMESPACE, greet.with(admit));
}

/// What the connect handler needs of the middleware's work.
#[derive(Clone)]
struct Admitted {
    key: SocketKey,
    user_id: Arc<str>,
    is_admin: bool,
}

impl AdminGateway {
    /// Lets in whoever has a good token: one who is no administrator is told so once it is connected.
    async fn admit(
        self: &Arc<Self>,
        socket: &SocketRef,
        auth: &serde_json::Value,
    ) -> Result<(), Refused> {
        let Entered { identity, stay } = self.gateway.entrance.enter(socket, auth).await?;
        let is_admin = identity.role == Role::Admin;
        let user_id = identity.user.user_id.clone();
        socket.extensions.insert(Admitted { key: stay.key, user_id, is_admin });
        if is_admin {
            let (asked, asking) = mpsc::channel(WAITING);
            let (admins, admin) = (self.clone(), identity.user.clone());
            socket.on_fallback(Inbound { admins, admin, asked });
            self.tasks.spawn(self.clone().serve(stay.key, identity.user, asking));
        }
        // Shared, for a handler is cloned to run.
        let stay = Arc::new(stay);
        socket.on_disconnect(async move || drop(stay));
        Ok(())
    }

    /// The client knows that it is connected.
    fn greet(&self, socket: &SocketRef) {
        let Some(admitted) = socket.extensions.remove::<Admitted>() else { return };
        let Some(line) = Line::of(socket.clone()) else { return };
        let Admitted { key, user_id, is_admin } = admitted;
        if is_admin {
            self.gateway.entrance.arrive(key, &Guest { line, user_id, chats: false });
        } else {
            line.dismiss(error::ADMIN_REQUIRED.to_owned());
        }
    }

    /// Does what one administrator asks for, until its socket is gone.
    async fn serve(self: Arc<Self>, key: SocketKey, admin: User, mut asked: mpsc::Receiver<Asked>) {
        while let Some(Some((line, request, ack))) =
            self.stop.run_until_cancelled(asked.recv()).await
        {
            // Banned or kicked meanwhile.
            if !self.gateway.entrance.has(key) {
                return;
            }
            self.perform(&admin, request, &line, ack).await;
        }
    }

    async fn perform(&self, admin: &User, request: AdminRequest, line: &Line, ack: Reply) {
        match request {
            AdminRequest::Broadcast { content } => {
                tracing::info!(by = %admin.user_id, "an administrator tells everybody something");
                respond(line, ack, self.desk.announce(admin, content).await);
            }
            AdminRequest::Kick(kick) => {
                tracing::info!(by = %admin.user_id, user = kick.user_id, "a user is kicked");
                respond(line, ack, self.desk.kick(kick).await);
            }
            AdminRequest::Ban(ban) => {
                let seconds = ban.seconds;
                tracing::info!(by = %admin.user_id, user = ban.user_id, seconds, "a user is banned");
                respond(line, ack, self.desk.ban(admin, ban).await);
            }
            AdminRequest::Unban(unban) => {
                tracing::info!(by = %admin.user_id, user = unban.user_id, "a ban is lifted");
                let lifted = self.desk.unban(&unban.user_id).await;
                respond(line, ack, lifted.map(|()| Done {}));
            }
            AdminRequest::Stats => respond(line, ack, self.desk.stats().await),
        }
    }
}

/// Takes an administrator's events where they arrive.
struct Inbound {
    admins: Arc<AdminGateway>,
    admin: User,
    asked: mpsc::Sender<Asked>,
}

/// Marks [`Inbound`] among the kinds of handler.
struct ForAdmins;

impl MessageHandler<LocalAdapter, ForAdmins> for Inbound {
    fn call(&self, socket: Arc<Socket>, mut value: Value, ack_id: Option<i64>) {
        let ack = reply_to(&socket, &mut value, ack_id);
        let Some(line) = Line::of(SocketRef::from(socket)) else { return };
        line.intake().complete();
        let request = match &value {
            Value::Str(json, _) => AdminRequest::parse(json),
            Value::Bytes(_) => {
                Err(Failure::new(ErrorCode::Invalid, "expected an event, got bare bytes"))
            }
        };
        if let Err(failure) = self.admins.gateway.within_limits(&line, &self.admin, &value) {
            return line.answer(ack, &failure);
        }
        let (failure, line, ack) = match request {
            Ok(request) => match self.asked.try_send((line, request, ack)) {
                Ok(()) => return,
                Err(refused) => {
                    let (line, _, ack) = refused.into_inner();
                    let message = "too many of your requests are under way; ask again";
                    (Failure::retry(ErrorCode::Overloaded, message, RETRY), line, ack)
                }
            },
            Err(failure) => (failure, line, ack),
        };
        line.answer(ack, &failure);
    }
}

fn respond<T: Serialize>(line: &Line, ack: Reply, outcome: Result<T, Failure>) {
    match outcome {
        Ok(done) => line.answer(ack, &done),
        Err(failure) => line.answer(ack, &failure),
    }
}
