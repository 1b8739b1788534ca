//! An S3 server inside this process, over a folder: enough for development, never for production.

use std::path::Path;

use anyhow::{Context as _, anyhow};
use hyper::body::Incoming;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_REQUEST_METHOD, HeaderValue,
};
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper::{Method, Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s_fs::FileSystem;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The S3 service over the folder `files`, for one pair of keys.
///
/// # Errors
/// When the folder cannot be made or read.
pub fn service(files: &Path, access_key: &str, secret_key: &str) -> anyhow::Result<S3Service> {
    std::fs::create_dir_all(files).with_context(|| format!("cannot create {}", files.display()))?;
    let objects = FileSystem::new(files)
        .map_err(|error| anyhow!("cannot serve {}: {error:?}", files.display()))?;
    let mut builder = S3ServiceBuilder::new(objects);
    builder.set_auth(SimpleAuth::from_single(access_key, secret_key));
    Ok(builder.build())
}

/// Serves until `shutdown` is cancelled, then finishes the requests that are under way.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    service: S3Service,
    listener: TcpListener,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let (graceful, tasks) = (GracefulShutdown::new(), TaskTracker::new());
    while let Some(accepted) = shutdown.run_until_cancelled(listener.accept()).await {
        let (stream, _) = accepted.context("the embedded S3 cannot accept")?;
        let service = service.clone();
        let answer = service_fn(move |request| for_any_origin(service.clone(), request));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .serve_connection(TokioIo::new(stream), answer);
        let watched = graceful.watch(connection);
        tasks.spawn(async move {
            if let Err(error) = watched.await {
                tracing::debug!("a connection to the embedded S3 broke: {error}");
            }
        });
    }
    graceful.shutdown().await;
    tasks.close();
    tasks.wait().await;
    Ok(())
}

/// Pages of every origin may send and read the answers, as they may with minio. A page that follows the
/// progress of an upload asks first.
async fn for_any_origin(
    service: S3Service,
    request: Request<Incoming>,
) -> Result<Response<s3s::Body>, s3s::HttpError> {
    let mut response = if is_preflight(&request) {
        Response::new(s3s::Body::empty())
    } else {
        Service::call(&service, request).await?
    };
    let any = HeaderValue::from_static("*");
    for name in
        [ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_HEADERS]
    {
        response.headers_mut().insert(name, any.clone());
    }
    Ok(response)
}

fn is_preflight(request: &Request<Incoming>) -> bool {
    request.method() == Method::OPTIONS
        && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}
