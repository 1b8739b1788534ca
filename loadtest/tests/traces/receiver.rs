//! A collector of traces, as much of one as a test needs: `POST /v1/traces`, protobuf.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, body::Bytes, extract::State, http::StatusCode, routing::post};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message as _;
use tokio::{net::TcpListener, sync::watch, time::timeout};

/// How long the spans of one message may take to come: the exporter sends every few seconds.
const DEADLINE: Duration = Duration::from_mins(1);

/// A span as it was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    pub name: String,
    pub trace: Vec<u8>,
    pub id: Vec<u8>,
    pub parent: Vec<u8>,
    pub begun: u64,
    pub ended: u64,
}

type Spans = watch::Sender<Vec<Told>>;

/// A running collector.
pub struct Receiver {
    pub address: SocketAddr,
    spans: Arc<Spans>,
}

impl Receiver {
    pub async fn start() -> anyhow::Result<Self> {
        let spans: Arc<Spans> = Arc::default();
        let router = Router::new().route("/v1/traces", post(take)).with_state(spans.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { address, spans })
    }

    /// The spans of the trace that begins with `root`, once there are `count`.
    pub async fn trace(&self, root: &str, count: usize) -> Vec<Told> {
        let mut told = self.spans.subscribe();
        let of_trace = |spans: &Vec<Told>| {
            let root = spans.iter().find(|span| span.name == root && span.parent.is_empty())?;
            let same = spans.iter().filter(|span| span.trace == root.trace);
            Some(same.cloned().collect::<Vec<_>>())
        };
        let whole = |spans: &Vec<Told>| of_trace(spans).is_some_and(|trace| trace.len() >= count);
        match timeout(DEADLINE, told.wait_for(whole)).await {
            Ok(Ok(spans)) => of_trace(&spans).unwrap_or_default(),
            _ => panic!("the trace is not whole: {:#?}", *self.spans.borrow()),
        }
    }
}

async fn take(State(spans): State<Arc<Spans>>, body: Bytes) -> StatusCode {
    let Ok(request) = ExportTraceServiceRequest::decode(body) else {
        return StatusCode::BAD_REQUEST;
    };
    let told = request
        .resource_spans
        .into_iter()
        .flat_map(|resource| resource.scope_spans)
        .flat_map(|scope| scope.spans)
        .map(|span| Told {
            name: span.name,
            trace: span.trace_id,
            id: span.span_id,
            parent: span.parent_span_id,
            begun: span.start_time_unix_nano,
            ended: span.end_time_unix_nano,
        });
    spans.send_modify(|spans| spans.extend(told));
    StatusCode::OK
}
