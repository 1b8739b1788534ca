//! What a service tells of itself beside its metrics: logs on standard error, and traces over OTLP.
//!
//! Owns the settings of both and the one exporter of a process. What a span is, [`span`] says; which
//! spans there are is left to the services.

mod export;
mod log;
mod span;

use std::{sync::OnceLock, time::Duration};

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use opentelemetry::{KeyValue, trace::TracerProvider as _};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::{
    Resource,
    trace::{BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracer, SdkTracerProvider},
};
use tracing_subscriber::EnvFilter;

use self::export::HttpExport;
use crate::{BadConfiguration, WebUrl};

pub use self::{
    log::log_to,
    span::{Span, SpanKind},
};

/// How long one export may take, and the last one at the end.
const EXPORT_WITHIN: Duration = Duration::from_secs(5);
/// Spans that may wait to be exported; more are dropped, and counted in the exporter's own log.
const WAITING: usize = 8_192;

/// How a service tells what it does.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Telemetry")]
pub struct TelemetryArgs {
    /// Logs for people, or one JSON object a line.
    #[arg(long, env = "LOG_FORMAT", value_enum, default_value_t)]
    pub log_format: LogFormat,
    /// Where traces go by OTLP over HTTP, such as <http://127.0.0.1:4318>; without it there are none.
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT")]
    pub otlp_endpoint: Option<WebUrl>,
    /// Which part of what clients send is traced: 0 to 1. The rest costs nothing.
    #[arg(long, env = "TRACE_SAMPLING", default_value_t = 0.01, value_parser = share)]
    pub trace_sampling: f64,
}

/// What telemetry says of the process as a whole.
#[derive(Debug, Clone, Copy)]
pub struct Process {
    pub name: &'static str,
    /// What is logged where `RUST_LOG` says nothing.
    pub default_log: &'static str,
    /// Whether a line of the log names its thread: for a process with several services in it.
    pub thread_names: bool,
}

impl Process {
    /// One that is a service and nothing else.
    #[must_use]
    pub fn service(name: &'static str) -> Self {
        Self { name, default_log: "info", thread_names: false }
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    #[default]
    Human,
    Json,
}

fn share(text: &str) -> Result<f64, String> {
    let share: f64 = text.parse().map_err(|_| "no number; expected 0 to 1".to_owned())?;
    if (0.0..=1.0).contains(&share) { Ok(share) } else { Err("expected 0 to 1".to_owned()) }
}

/// How this process traces, once that is decided.
pub(crate) struct Tracing {
    tracer: SdkTracer,
    provider: SdkTracerProvider,
    /// The part of roots that is traced.
    sampling: f64,
}

static TRACING: OnceLock<Tracing> = OnceLock::new();

/// What was set up, until it is ended.
#[must_use = "the last spans are exported by `end`"]
pub struct Telemetry(());

impl TelemetryArgs {
    /// Begins to log, and to trace where it is asked for; once in a process.
    ///
    /// # Errors
    /// [`BadConfiguration`] for an endpoint that cannot be used.
    pub fn start(&self, process: &Process) -> anyhow::Result<Telemetry> {
        log_to_stderr(process, self.log_format);
        if let Some(endpoint) = &self.otlp_endpoint {
            let tracing =
                trace_to(endpoint, self.trace_sampling, process.name).map_err(|error| {
                    BadConfiguration(format!("OTEL_EXPORTER_OTLP_ENDPOINT: {error:#}"))
                })?;
            // A second one in the same process has nothing to add to the first.
            let _ = TRACING.set(tracing);
        }
        Ok(Telemetry(()))
    }
}

impl Telemetry {
    /// Exports what is left.
    pub async fn end(self) {
        let Some(tracing) = TRACING.get() else { return };
        // It waits for the exporter's thread, and that for this runtime.
        let ended =
            tokio::task::spawn_blocking(|| tracing.provider.shutdown_with_timeout(EXPORT_WITHIN));
        match ended.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the last spans may be lost"),
            Err(error) => tracing::warn!(%error, "the last spans may be lost"),
        }
    }
}

fn log_to_stderr(process: &Process, format: LogFormat) {
    let filter = EnvFilter::try_from_default_env();
    let filter = filter.unwrap_or_else(|_| EnvFilter::new(process.default_log));
    if let Err(error) = log_to(std::io::stderr, filter, format, process.thread_names) {
        eprintln!("nothing is logged: {error}");
    }
}

fn trace_to(endpoint: &WebUrl, sampling: f64, service: &'static str) -> anyhow::Result<Tracing> {
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(HttpExport::new()?)
        .with_endpoint(format!("{}/v1/traces", endpoint.as_str().trim_end_matches('/')))
        .with_timeout(EXPORT_WITHIN)
        .build()
        .context("the exporter of spans cannot be made")?;
    let batches = BatchConfigBuilder::default().with_max_queue_size(WAITING).build();
    let resource = Resource::builder_empty()
        .with_service_name(service)
        .with_attribute(KeyValue::new("service.namespace", "starling"))
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    let provider = SdkTracerProvider::builder()
        .with_span_processor(
            BatchSpanProcessor::builder(exporter).with_batch_config(batches).build(),
        )
        // What is to be traced is decided before a span is made.
        .with_sampler(Sampler::AlwaysOn)
        .with_resource(resource)
        .build();
    Ok(Tracing { tracer: provider.tracer("starling"), provider, sampling })
}
