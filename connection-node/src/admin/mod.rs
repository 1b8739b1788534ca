//! The namespace `/admin`: who may enter, and what is done for them.
//!
//! What is asked for is read in [`request`] and asked of all in [`desk`]; what all are asked is done in
//! [`orders`].

mod desk;
pub mod orders;
mod request;

use std::sync::Arc;

use serde::Serialize;
use service_shell::token::Role;
use socketioxide::{
    SocketIo,
    adapter::LocalAdapter,
    extract::{AckSender, SocketRef, TryData},
    handler::{ConnectHandler, FromMessageParts, MessageHandler, Value},
    socket::Socket,
};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;
use wire::{ErrorCode, Failure, User, admin::AuthError, client::Done, error, event};

pub use self::desk::Desk;
use self::request::AdminRequest;
use crate::{
    entrance::Refused,
    gateway::{Gateway, Line, Reply},
    rooms::packet::Packet,
};

/// Requests of administrators that are carried out at a time.
const AT_A_TIME: usize = 16;
/// How long an administrator is asked to wait, in milliseconds.
const RETRY: u64 = 500;

/// What all sockets of the namespace share.
pub struct AdminGateway {
    pub gateway: Arc<Gateway>,
    pub desk: Desk,
    pub at_work: Arc<Semaphore>,
    pub tasks: TaskTracker,
}

impl AdminGateway {
    pub fn new(gateway: Arc<Gateway>, desk: Desk, tasks: TaskTracker) -> Self {
        Self { gateway, desk, at_work: Arc::new(Semaphore::new(AT_A_TIME)), tasks }
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

/// Serves the administrators' namespace.
pub fn register(io: &SocketIo, admins: Arc<AdminGateway>) {
    let admit = move |socket: SocketRef, auth: TryData<serde_json::Value>| {
        let admins = admins.clone();
        async move { admit(&admins, &socket, &auth.0.unwrap_or_default()).await }
    };
    io.ns(event::ADMIN_NAMESPACE, (async |socket: SocketRef| turn_away(&socket)).with(admit));
}

/// Marks a socket that is to be sent away, once it knows that it is connected.
#[derive(Clone)]
struct NoAdmin;

async fn admit(
    admins: &Arc<AdminGateway>,
    socket: &SocketRef,
    auth: &serde_json::Value,
) -> Result<(), Refused> {
    let entered = admins.gateway.entrance.enter(socket, auth).await?;
    if entered.identity.role != Role::Admin {
        socket.extensions.insert(NoAdmin);
        return Ok(());
    }
    let admin = entered.identity.user.clone();
    socket.on_fallback(Inbound { admins: admins.clone(), admin });
    // Shared, for a handler is cloned to run.
    let watched = Arc::new(entered.watched);
    socket.on_disconnect(async move || drop(watched));
    Ok(())
}

fn turn_away(socket: &SocketRef) {
    if socket.extensions.remove::<NoAdmin>().is_some()
        && let Some(line) = Line::of(socket.clone())
        && let Ok(last) =
            Packet::new(event::AUTH_ERROR, &AuthError { message: error::ADMIN_REQUIRED.to_owned() })
    {
        line.dismiss(&last);
    }
}

/// Takes an administrator's events where they arrive.
struct Inbound {
    admins: Arc<AdminGateway>,
    admin: User,
}

/// Marks [`Inbound`] among the kinds of handler.
struct ForAdmins;

impl MessageHandler<LocalAdapter, ForAdmins> for Inbound {
    fn call(&self, socket: Arc<Socket>, mut value: Value, ack_id: Option<i64>) {
        let Ok(ack) = AckSender::from_message_parts(&socket, &mut value, &ack_id);
        let ack = ack_id.map(|_| ack);
        let Some(line) = Line::of(SocketRef::from(socket)) else { return };
        line.intake().complete();
        let request = match &value {
            Value::Str(json, _) => AdminRequest::parse(json),
            Value::Bytes(_) => {
                Err(Failure::new(ErrorCode::Invalid, "expected an event, got bare bytes"))
            }
        };
        let gateway = &self.admins.gateway;
        if let Err(failure) = gateway.within_limits(&line, &self.admin, &value) {
            return line.answer(ack, &failure);
        }
        let permit = self.admins.at_work.clone().try_acquire_owned().map_err(|_| {
            let message = "too many requests of administrators are under way; ask again";
            Failure::retry(ErrorCode::Overloaded, message, RETRY)
        });
        match request.and_then(|request| Ok((request, permit?))) {
            Ok((request, permit)) => {
                let (admins, admin) = (self.admins.clone(), self.admin.clone());
                self.admins.tasks.spawn(async move {
                    admins.perform(&admin, request, &line, ack).await;
                    drop(permit);
                });
            }
            Err(failure) => line.answer(ack, &failure),
        }
    }
}

fn respond<T: Serialize>(line: &Line, ack: Reply, outcome: Result<T, Failure>) {
    match outcome {
        Ok(done) => line.answer(ack, &done),
        Err(failure) => line.answer(ack, &failure),
    }
}
