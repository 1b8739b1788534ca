//! The node's HTTP beside Socket.IO: the page and what it needs to know, health, and development tokens.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    Json, Router,
    extract::{Request, State},
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use percent_encoding::percent_decode_str;
use service_shell::{
    WebUrl,
    token::{Claims, Role, Signer, Verifier},
};
use tokio::time::Instant;
use tower::ServiceBuilder;
use tower_http::{services::ServeDir, set_header::SetResponseHeaderLayer};
use wire::{
    Timestamp,
    client::{DevToken, DevTokenRequest, PageConfig},
};

use crate::{
    Config,
    log::publisher::DownSince,
    metrics::{self, Instruments, Metrics},
};

/// How long a development token is good for, in seconds.
const DEV_TOKEN_SECONDS: u64 = 12 * 60 * 60;

/// What the page may ask a browser for: the microphone, for voice notes.
const PERMISSIONS: &str = "microphone=(self), camera=(), geolocation=(), payment=(), usb=(), \
                           serial=(), hid=(), midi=(), bluetooth=(), display-capture=(), \
                           accelerometer=(), gyroscope=(), magnetometer=(), screen-wake-lock=(), \
                           browsing-topics=()";

/// What a browser may do with the page: everything comes from its own origin but stored files, and
/// nothing is inline.
fn content_security_policy(config: &Config) -> String {
    let origin = |url: &Option<WebUrl>| url.as_ref().map(|url| format!(" {}", url.origin()));
    let media = origin(&config.media_url).unwrap_or_default();
    let upload = origin(&config.upload_url).unwrap_or_default();
    format!(
        "default-src 'self'; connect-src 'self'{media}{upload}; img-src 'self' data: blob:{media}; \
         media-src 'self' blob:{media}; object-src 'none'; base-uri 'none'; form-action 'self'; \
         frame-ancestors 'none'"
    )
}

/// Whether the node should get new connections.
#[derive(Clone)]
pub struct Readiness {
    down_since: DownSince,
    grace: Duration,
    tokens: Verifier,
    draining: Arc<AtomicBool>,
}

impl Readiness {
    /// Unready once NATS has been away for `grace`, and while nobody's token can be checked.
    pub fn new(down_since: DownSince, grace: Duration, tokens: Verifier) -> Self {
        Self { down_since, grace, tokens, draining: Arc::default() }
    }

    /// From now on the node is unready, for good.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    fn trouble(&self, now: Instant) -> Option<String> {
        if self.draining.load(Ordering::Relaxed) {
            return Some("draining\n".to_owned());
        }
        let away = |since| now.saturating_duration_since(since);
        match (*self.down_since.borrow()).map(away).filter(|away| *away >= self.grace) {
            Some(away) => Some(format!("no connection to NATS for {} s\n", away.as_secs())),
            None => self.tokens.trouble().map(|trouble| format!("{trouble}\n")),
        }
    }
}

/// Everything under the node's address but `/socket.io/`.
pub fn router(
    config: &Config,
    signer: Option<Signer>,
    readiness: Readiness,
    instruments: Instruments,
    api: Router,
) -> Router {
    let mut router = Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready).with_state(readiness))
        .route("/metrics", get(measure).with_state(Arc::new(instruments)));
    if let Some(signer) = signer {
        router = router.route("/dev/token", post(dev_token).with_state(signer));
    }
    if let Some(folder) = &config.socket_io_client_dir {
        router = router.nest_service("/vendor", files(folder));
    }
    if let Some(folder) = &config.public_dir {
        let settings = PageConfig { media_url: config.media_url.as_ref().map(WebUrl::to_string) };
        router = router.route("/config.json", get(async || Json(settings))).merge(page(folder));
    }
    router.merge(api).layer(security_headers(&content_security_policy(config)))
}

/// Static files.
fn files(folder: &Path) -> ServeDir {
    ServeDir::new(folder).precompressed_gzip()
}

/// The web page's folder, without what its tools keep there.
fn page(folder: &Path) -> Router {
    Router::new().fallback_service(files(folder)).layer(middleware::from_fn(
        async |request: Request, next: Next| {
            if is_tooling(request.uri().path()) {
                return StatusCode::NOT_FOUND.into_response();
            }
            next.run(request).await
        },
    ))
}

/// Whether a path names a hidden file, or npm's.
fn is_tooling(path: &str) -> bool {
    let decoded = percent_decode_str(path).decode_utf8_lossy();
    decoded.split('/').any(|part| {
        part.starts_with('.')
            || ["node_modules", "package.json", "package-lock.json"].contains(&part)
    })
}

type SetHeader = SetResponseHeaderLayer<HeaderValue>;

fn security_headers(
    policy: &str,
) -> impl tower::Layer<
    axum::routing::Route,
    Service = impl tower::Service<
        axum::extract::Request,
        Response: IntoResponse,
        Error: Into<std::convert::Infallible>,
        Future: Send,
    > + Clone
              + Send
              + Sync
              + 'static,
> + Clone
+ Send
+ Sync
+ 'static {
    let set = |name: HeaderName, value: &str| -> SetHeader {
        // Settings and constants, none of which holds a control character.
        let value = HeaderValue::from_str(value).unwrap_or(HeaderValue::from_static(""));
        SetResponseHeaderLayer::if_not_present(name, value)
    };
    ServiceBuilder::new()
        .layer(set(header::CONTENT_SECURITY_POLICY, policy))
        .layer(set(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(set(header::REFERRER_POLICY, "no-referrer"))
        .layer(set(header::X_FRAME_OPTIONS, "DENY"))
        .layer(set(header::X_DNS_PREFETCH_CONTROL, "off"))
        .layer(set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin"))
        .layer(set(HeaderName::from_static("cross-origin-resource-policy"), "same-origin"))
        .layer(set(HeaderName::from_static("origin-agent-cluster"), "?1"))
        .layer(set(HeaderName::from_static("x-permitted-cross-domain-policies"), "none"))
        .layer(set(HeaderName::from_static("permissions-policy"), PERMISSIONS))
        .layer(set(header::CACHE_CONTROL, "no-cache"))
}

async fn ready(State(readiness): State<Readiness>) -> Response {
    match readiness.trouble(Instant::now()) {
        None => "ready\n".into_response(),
        Some(trouble) => (StatusCode::SERVICE_UNAVAILABLE, trouble).into_response(),
    }
}

async fn measure(State(instruments): State<Arc<Instruments>>) -> Response {
    match Metrics::text(&instruments).await {
        Ok(text) => ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "cannot write the metrics");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// Signs whatever identity is asked for.
async fn dev_token(
    State(signer): State<Signer>,
    Json(request): Json<DevTokenRequest>,
) -> Result<Json<DevToken>, (StatusCode, String)> {
    let role = match request.role.as_deref() {
        None | Some("user") => Role::User,
        Some("admin") => Role::Admin,
        Some("service") => Role::Service,
        Some(_) => {
            let message = "role is unknown; expected user, admin or service\n";
            return Err((StatusCode::BAD_REQUEST, message.to_owned()));
        }
    };
    let claims = Claims {
        sub: request.user_id,
        name: request.username,
        role,
        rooms: request.rooms.unwrap_or_else(|| vec!["*".to_owned()]),
    };
    let (token, expires_at) = signer
        .sign(&claims, DEV_TOKEN_SECONDS, Timestamp::now())
        .map_err(|error| (StatusCode::INTERNAL_SERVER_ERROR, format!("cannot sign: {error}\n")))?;
    Ok(Json(DevToken { token, expires_at }))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use service_shell::token::TokenArgs;
    use tower::ServiceExt;

    use super::*;

    #[test]
    fn tools_files_are_told_from_the_page() {
        for path in [
            "/.npmrc",
            "/node_modules/x.js",
            "/package.json",
            "/package-lock.json",
            "/%2enpmrc",
            "/js/..%2f.npmrc",
            "/node%5fmodules/x.js",
        ] {
            assert!(is_tooling(path), "{path}");
        }
        for path in ["/", "/index.html", "/js/main.js", "/img/logo.svg"] {
            assert!(!is_tooling(path), "{path}");
        }
    }

    #[test]
    fn a_short_outage_of_nats_keeps_a_node_ready() {
        let now = Instant::now();
        let (tell, down_since) = tokio::sync::watch::channel(None);
        let (tokens, _) = TokenArgs::local().open().unwrap();
        let readiness = Readiness::new(down_since, Duration::from_secs(2), tokens);
        assert_eq!(readiness.trouble(now), None);
        tell.send_replace(Some(now));
        assert_eq!(readiness.trouble(now + Duration::from_millis(1_999)), None);
        let trouble = readiness.trouble(now + Duration::from_secs(3));
        assert_eq!(trouble.as_deref(), Some("no connection to NATS for 3 s\n"));
        tell.send_replace(None);
        assert_eq!(readiness.trouble(now + Duration::from_secs(4)), None);
        readiness.drain();
        assert_eq!(readiness.trouble(now).as_deref(), Some("draining\n"));
    }

    #[tokio::test]
    async fn the_page_is_served_under_a_policy() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("index.html"), "<p>hello</p>").unwrap();
        std::fs::write(folder.path().join("package.json"), "{}").unwrap();
        let mut config = Config::local("nats://127.0.0.1:4222");
        config.media_url = Some("https://media.example/files".parse().unwrap());
        config.upload_url = Some("https://s3.example:9000".parse().unwrap());
        let policy = content_security_policy(&config);
        let app = page(folder.path()).layer(security_headers(&policy));
        let get = |path: &str| app.clone().oneshot(Request::get(path).body(Body::empty()).unwrap());
        let answer = get("/").await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        let policy = answer.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.contains("default-src 'self'") && !policy.contains("unsafe"));
        for part in [
            "connect-src 'self' https://media.example https://s3.example:9000;",
            "img-src 'self' data: blob: https://media.example;",
            "media-src 'self' blob: https://media.example;",
        ] {
            assert!(policy.contains(part), "{part} is not in {policy}");
        }
        assert_eq!(get("/package.json").await.unwrap().status(), StatusCode::NOT_FOUND);
        assert_eq!(get("/nothing").await.unwrap().status(), StatusCode::NOT_FOUND);
    }
}
