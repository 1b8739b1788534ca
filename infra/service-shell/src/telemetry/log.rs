//! What is logged: what happened, and never what passes through.

use std::io::{self, IsTerminal as _};

use tracing::{Level, Metadata, level_filters::LevelFilter};
use tracing_subscriber::{
    EnvFilter, Layer as _,
    filter::{FilterExt as _, FilterFn},
    fmt::{self, MakeWriter},
    layer::SubscriberExt as _,
    util::{SubscriberInitExt as _, TryInitError},
};

use super::LogFormat;

/// Libraries that log, below `info`, what passes through them: tokens, and what people say.
const TALKATIVE: [&str; 3] = ["engineioxide", "html5ever", "socketioxide"];

/// Logs to `writer` what `filter` lets through, unless it comes from a library that would tell a secret,
/// whatever the filter says.
///
/// # Errors
/// If this process logs already.
pub fn log_to<W>(
    writer: W,
    filter: EnvFilter,
    format: LogFormat,
    thread_names: bool,
) -> Result<(), TryInitError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let discreet = FilterFn::new(is_discreet).with_max_level_hint(LevelFilter::TRACE);
    let colours = io::stderr().is_terminal();
    let layer = fmt::layer().with_thread_names(thread_names).with_ansi(colours).with_writer(writer);
    let filter = filter.and(discreet);
    let registry = tracing_subscriber::registry();
    match format {
        LogFormat::Human => registry.with(layer.with_filter(filter)).try_init(),
        LogFormat::Json => {
            registry.with(layer.json().flatten_event(true).with_filter(filter)).try_init()
        }
    }
}

fn is_discreet(metadata: &Metadata<'_>) -> bool {
    *metadata.level() <= Level::INFO
        || !TALKATIVE.iter().any(|library| metadata.target().starts_with(library))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn libraries_that_tell_secrets_are_kept_short() {
        let written = Written::default();
        let writer = written.clone();
        log_to(
            move || writer.clone(),
            EnvFilter::new("trace,socketioxide::client=trace"),
            LogFormat::Human,
            false,
        )
        .unwrap();
        tracing::debug!(target: "socketioxide::client", "a packet");
        tracing::trace!(target: "engineioxide_core", "a payload");
        tracing::debug!(target: "html5ever::tree_builder", "a text");
        tracing::warn!(target: "socketioxide::client", "a warning");
        tracing::trace!(target: "connection_node", "a step");
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(text.contains("a warning") && text.contains("a step"), "{text}");
        assert!(
            log_to(io::sink, EnvFilter::new("info"), LogFormat::Json, true).is_err(),
            "a process logs once"
        );
    }
}
