//! The node's HTTP beside Socket.IO: the page, health, and development tokens.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use async_nats::connection::State as Connection;
use axum::{
    Json, Router,
    extract::{Request, State},
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use percent_encoding::percent_decode_str;
use tower::ServiceBuilder;
use tower_http::{services::ServeDir, set_header::SetResponseHeaderLayer};
use wire::client::{DevToken, DevTokenRequest};

use crate::{
    Config,
    token::{Claims, Role, Tokens},
};

/// How long a development token is good for, in seconds.
const DEV_TOKEN_SECONDS: u64 = 12 * 60 * 60;

/// What a browser may do with the page: everything comes from its own origin, nothing is inline.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; img-src 'self' data: blob:; \
     object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// Whether the node should get new connections.
#[derive(Clone)]
pub struct Readiness {
    client: async_nats::Client,
    draining: Arc<AtomicBool>,
}

impl Readiness {
    pub fn new(client: async_nats::Client) -> Self {
        Self { client, draining: Arc::default() }
    }

    /// From now on the node is unready, for good.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    fn trouble(&self) -> Option<&'static str> {
        if self.draining.load(Ordering::Relaxed) {
            Some("draining\n")
        } else if self.client.connection_state() != Connection::Connected {
            Some("not connected to NATS\n")
        } else {
            None
        }
    }
}

/// Everything under the node's address but `/socket.io/`.
pub fn router(config: &Config, tokens: &Tokens, readiness: Readiness) -> Router {
    let mut router = Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready).with_state(readiness));
    if config.dev_tokens {
        router = router.route("/dev/token", post(dev_token).with_state(tokens.clone()));
    }
    if let Some(folder) = &config.socket_io_client_dir {
        router = router.nest_service("/vendor", files(folder));
    }
    if let Some(folder) = &config.public_dir {
        router = router.merge(page(folder));
    }
    router.layer(security_headers())
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

fn security_headers() -> impl tower::Layer<
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
    let set = |name: HeaderName, value: &'static str| -> SetHeader {
        SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
    };
    ServiceBuilder::new()
        .layer(set(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY))
        .layer(set(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(set(header::REFERRER_POLICY, "no-referrer"))
        .layer(set(header::CACHE_CONTROL, "no-cache"))
}

async fn ready(State(readiness): State<Readiness>) -> Response {
    match readiness.trouble() {
        None => "ready\n".into_response(),
        Some(trouble) => (StatusCode::SERVICE_UNAVAILABLE, trouble).into_response(),
    }
}

/// Signs whatever identity is asked for.
async fn dev_token(
    State(tokens): State<Tokens>,
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
        exp: 0,
    };
    let (token, expires_at) = tokens
        .sign(claims, DEV_TOKEN_SECONDS)
        .map_err(|error| (StatusCode::INTERNAL_SERVER_ERROR, format!("cannot sign: {error}\n")))?;
    Ok(Json(DevToken { token, expires_at }))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
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

    #[tokio::test]
    async fn the_page_is_served_under_a_policy() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("index.html"), "<p>hello</p>").unwrap();
        std::fs::write(folder.path().join("package.json"), "{}").unwrap();
        let app = page(folder.path()).layer(security_headers());
        let get = |path: &str| app.clone().oneshot(Request::get(path).body(Body::empty()).unwrap());
        let answer = get("/").await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        let policy = answer.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.contains("default-src 'self'") && !policy.contains("unsafe"));
        assert_eq!(get("/package.json").await.unwrap().status(), StatusCode::NOT_FOUND);
        assert_eq!(get("/nothing").await.unwrap().status(), StatusCode::NOT_FOUND);
    }
}
