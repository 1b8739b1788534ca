//! The direct path: a browser sends its file to S3 under a ticket, and then has it completed here.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use anyhow::Context as _;
use axum::Json;
use axum::extract::{FromRequest as _, Path, Request, State};
use axum::http::{HeaderMap, StatusCode};
use service_shell::token::{Identity, Verifier};
use service_shell::{HttpFailure, WebUrl, bearer};
use uuid::Uuid;
use wire::event::{DEFAULT_ROOM, MAX_FILE_BYTES};
use wire::media::{TAKEN_TYPES, UploadDone, UploadRequest, UploadTicket};
use wire::{ErrorCode, RoomName, Timestamp};

use crate::Config;
use crate::bans::Bans;
use crate::filename;
use crate::http_failure::not_stored;
use crate::intake::{Intake, Trouble};
use crate::metrics::{Metrics, Outcome, Way};
use crate::presigned_post::Policy;
use crate::secrets::Secrets;
use crate::ticket::Ticket;
use crate::uploads::BucketObject;

/// How long S3 takes the file.
const GOOD_FOR: Duration = Duration::from_mins(10);

/// What the handlers need.
pub(crate) struct Direct {
    pub intake: Intake,
    pub bans: Bans,
    pub tokens: Verifier,
    pub secrets: Secrets,
    pub region: String,
    /// Where browsers post to.
    pub post_url: String,
    pub metrics: Arc<Metrics>,
}

impl Direct {
    /// Who asks, by a good token and without a ban.
    async fn welcome(&self, headers: &HeaderMap) -> Result<Identity, HttpFailure> {
        let identity = bearer(&self.tokens, headers).await?;
        let ban = self.bans.of(&identity.user.user_id, Timestamp::now()).await;
        match ban.map_err(|error| not_stored(&error))? {
            Some(ban) => Err(HttpFailure::new(ErrorCode::Forbidden, ban.to_string())),
            None => Ok(identity),
        }
    }
}

/// Where browsers post to: the bucket, by the way that they reach S3.
pub(crate) fn post_url(config: &Config) -> String {
    let bucket = &config.s3_bucket;
    let endpoint = config.s3_public_endpoint.as_ref().or(config.s3_endpoint.as_ref());
    let aws = format!("https://s3.{}.amazonaws.com", config.s3_region);
    let endpoint = endpoint.map_or(&*aws, WebUrl::as_str);
    match endpoint.split_once("://") {
        Some((scheme, host)) if !config.s3_force_path_style => {
            format!("{scheme}://{bucket}.{host}/")
        }
        _ => format!("{endpoint}/{bucket}"),
    }
}

/// `POST /media/uploads`
pub(crate) async fn grant(
    State(direct): State<Arc<Direct>>,
    headers: HeaderMap,
    request: Request,
) -> Result<(StatusCode, Json<UploadTicket>), HttpFailure> {
    // Before the body is waited for, which anybody may send.
    let identity = direct.welcome(&headers).await?;
    let request = Json::<UploadRequest>::from_request(request, &()).await;
    let Json(request) = request.map_err(|rejection| {
        HttpFailure::new(
            ErrorCode::Invalid,
            format!("{rejection}: send {{ room?, filename?, mime, size }}"),
        )
    })?;
    let (ticket, content_type) = admit(&identity, &request)?;
    let now = SystemTime::now();
    let ticket_of = async {
        let credentials = direct.intake.bucket().credentials().await?;
        let policy = Policy {
            bucket: direct.intake.bucket().name(),
            region: &direct.region,
            key: &ticket.raw_key(),
            content_type,
            max_bytes: MAX_FILE_BYTES,
            good_for: GOOD_FOR,
        };
        let end = Timestamp::now().as_millis() + u64::try_from(GOOD_FOR.as_millis())?;
        anyhow::Ok(UploadTicket {
            upload_id: ticket.sign(&direct.secrets.tickets, now).context("no ticket")?,
            url: direct.post_url.clone(),
            fields: policy.sign(&credentials, now).context("no policy")?,
            expires_at: Timestamp::from_millis(end),
        })
    };
    let ticket = ticket_of.await.map_err(|error| not_stored(&error))?;
    Ok((StatusCode::CREATED, Json(ticket)))
}

/// `POST /media/uploads/{id}/complete`
pub(crate) async fn complete(
    State(direct): State<Arc<Direct>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<UploadDone>, HttpFailure> {
    let identity = direct.welcome(&headers).await?;
    let ticket = Ticket::read(&id, &direct.secrets.tickets).ok_or_else(|| {
        HttpFailure::not_found("There is no such upload, or it is too old: ask for another")
    })?;
    if ticket.author.user_id != identity.user.user_id || !identity.may_enter(&ticket.room) {
        return Err(HttpFailure::new(ErrorCode::Forbidden, "The upload is somebody else's"));
    }
    let (raw, media_id) = (ticket.raw_key(), ticket.media_id.clone());
    let bucket = direct.intake.bucket();
    let source = BucketObject { bucket, key: &raw };
    let started = Instant::now();
    let outcome = direct.intake.take(&ticket.into(), &source).await;
    direct.metrics.job(Way::Http, counted(&outcome), started.elapsed());
    if matches!(outcome, Ok(()) | Err(Trouble::Refused(_)))
        && let Err(error) = bucket.delete(&raw).await
    {
        // It expires by itself.
        tracing::debug!(media = media_id, "a raw upload was left behind: {error:#}");
    }
    outcome?;
    Ok(Json(UploadDone { media_id }))
}

fn counted(outcome: &Result<(), Trouble>) -> Outcome {
    match outcome {
        Ok(()) => Outcome::Published,
        Err(Trouble::Refused(_)) => Outcome::Refused,
        Err(Trouble::Missing) => Outcome::GivenUp,
        Err(Trouble::Busy | Trouble::Unavailable(_)) => Outcome::Deferred,
    }
}

/// Whether the upload may be, and the type that S3 is to hold it to.
fn admit(
    identity: &Identity,
    request: &UploadRequest,
) -> Result<(Ticket, &'static str), HttpFailure> {
    let room = RoomName::parse(request.room.as_deref().unwrap_or(DEFAULT_ROOM))
        .map_err(|error| HttpFailure::new(ErrorCode::Invalid, error.to_string()))?;
    if !identity.may_enter(&room) {
        let message = format!("Your token does not allow the room {room}");
        return Err(HttpFailure::new(ErrorCode::Forbidden, message));
    }
    if request.size == 0 {
        return Err(HttpFailure::new(ErrorCode::Invalid, "The file is empty: choose another"));
    }
    if request.size > MAX_FILE_BYTES as u64 {
        let message = format!(
            "The file has {} bytes and {MAX_FILE_BYTES} are allowed: send a smaller one",
            request.size
        );
        return Err(HttpFailure::new(ErrorCode::TooLarge, message));
    }
    // A recorder declares `audio/webm;codecs=opus`.
    let declared = request.mime.split(';').next().unwrap_or_default().trim();
    let taken = TAKEN_TYPES.into_iter().find(|taken| taken.eq_ignore_ascii_case(declared));
    let content_type = taken.ok_or_else(|| {
        let message = format!("Files of the type {declared:?} are not taken: send a JPEG, PNG, WebP or GIF picture, or a voice note (Opus, AAC or WAV)");
        HttpFailure::new(ErrorCode::UnsupportedMedia, message)
    })?;
    let ticket = Ticket {
        media_id: Uuid::new_v4().to_string(),
        room,
        author: identity.user.clone(),
        filename: request.filename.as_deref().and_then(filename::clean),
    };
    Ok((ticket, content_type))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_post_to_the_bucket() {
        let mut config = Config::local("nats://127.0.0.1:4222");
        config.s3_region = "eu-central-1".to_owned();
        assert_eq!(post_url(&config), "https://starling-media.s3.eu-central-1.amazonaws.com/");
        config.s3_endpoint = Some("http://minio:9000".parse().unwrap());
        config.s3_force_path_style = true;
        assert_eq!(post_url(&config), "http://minio:9000/starling-media");
        config.s3_public_endpoint = Some("https://s3.example/".parse().unwrap());
        assert_eq!(post_url(&config), "https://s3.example/starling-media");
    }
}
