//! One step of what happens to a message, for whoever looks at traces.
//!
//! A span that is not traced is a null pointer: it costs nothing to make, to carry and to drop, and no
//! context is sent with what it would have followed. What is traced is decided once, where a client's
//! event comes in; every later step follows that decision by the `traceparent` that it finds
//! (<https://www.w3.org/TR/trace-context/>).

use opentelemetry::{
    Context, KeyValue, Value,
    propagation::{Extractor, Injector, TextMapPropagator as _},
    trace::{Span as _, SpanBuilder, Status, TraceContextExt as _, Tracer as _},
};
use opentelemetry_sdk::{propagation::TraceContextPropagator, trace::Span as SdkSpan};

pub use opentelemetry::trace::SpanKind;

use wire::header::TRACEPARENT;

use super::{TRACING, Tracing};

/// A step, from its making to its drop.
#[derive(Debug, Default)]
pub struct Span(Option<Box<SdkSpan>>);

impl Span {
    /// The first step of a trace, for the part of them that is traced.
    #[must_use]
    pub fn root(name: &'static str, kind: SpanKind) -> Self {
        let Some(tracing) = TRACING.get() else { return Self(None) };
        if !is_sampled(tracing.sampling, fastrand::u32(..)) {
            return Self(None);
        }
        Self::begin(tracing, name, kind, &Context::new())
    }

    /// A step within this one.
    #[must_use]
    pub fn child(&self, name: &'static str, kind: SpanKind) -> Self {
        let (Some(span), Some(tracing)) = (&self.0, TRACING.get()) else { return Self(None) };
        let parent = Context::new().with_remote_span_context(span.span_context().clone());
        Self::begin(tracing, name, kind, &parent)
    }

    /// The step after one of another process, which sent `traceparent`.
    #[must_use]
    pub fn following(traceparent: Option<&str>, name: &'static str, kind: SpanKind) -> Self {
        let (Some(traceparent), Some(tracing)) = (traceparent, TRACING.get()) else {
            return Self(None);
        };
        let parent = TraceContextPropagator::new()
            .extract_with_context(&Context::new(), &Field(traceparent.to_owned()));
        // What cannot be read has no trace to follow.
        if !parent.span().span_context().is_sampled() {
            return Self(None);
        }
        Self::begin(tracing, name, kind, &parent)
    }

    fn begin(tracing: &Tracing, name: &'static str, kind: SpanKind, parent: &Context) -> Self {
        let builder = SpanBuilder::from_name(name).with_kind(kind);
        Self(Some(Box::new(tracing.tracer.build_with_context(builder, parent))))
    }

    /// What the next step is to follow; `None` where nothing is traced.
    #[must_use]
    pub fn traceparent(&self) -> Option<String> {
        let span = self.0.as_ref()?;
        let context = Context::new().with_remote_span_context(span.span_context().clone());
        let mut field = Field(String::new());
        TraceContextPropagator::new().inject_context(&context, &mut field);
        Some(field.0)
    }

    /// Whether it is traced: for what is costly to find out.
    #[must_use]
    pub fn is_traced(&self) -> bool {
        self.0.is_some()
    }

    /// Says something of the step. Never a token, never what people write.
    pub fn note(&mut self, key: &'static str, value: impl Into<Value>) {
        if let Some(span) = &mut self.0 {
            span.set_attribute(KeyValue::new(key, value));
        }
    }

    /// The step came to nothing.
    pub fn fail(&mut self, why: &'static str) {
        if let Some(span) = &mut self.0 {
            span.set_status(Status::error(why));
        }
    }
}

/// `random` is any number.
fn is_sampled(share: f64, random: u32) -> bool {
    share >= 1.0 || f64::from(random) < share * f64::from(u32::MAX)
}

/// A carrier of one field: vendors' own state does not travel.
struct Field(String);

impl Injector for Field {
    fn set(&mut self, key: &str, value: String) {
        if key == TRACEPARENT {
            self.0 = value;
        }
    }
}

impl Extractor for Field {
    fn get(&self, key: &str) -> Option<&str> {
        (key == TRACEPARENT).then_some(&*self.0)
    }

    fn keys(&self) -> Vec<&str> {
        vec![TRACEPARENT]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_part_that_is_traced() {
        for (share, random, expected) in [
            (0.0, 0, false),
            (0.0, u32::MAX, false),
            (1.0, u32::MAX, true),
            (0.5, u32::MAX / 2 - 9, true),
            (0.5, u32::MAX / 2 + 9, false),
        ] {
            assert_eq!(is_sampled(share, random), expected, "{share} {random}");
        }
    }

    #[test]
    fn without_an_exporter_nothing_is_made() {
        let mut span = Span::root("x", SpanKind::Server);
        span.note("k", 1);
        span.fail("why");
        assert!(!span.is_traced() && span.traceparent().is_none());
        assert!(!span.child("y", SpanKind::Producer).is_traced());
        let parent = Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
        assert!(!Span::following(parent, "z", SpanKind::Consumer).is_traced());
        assert_eq!(size_of::<Span>(), size_of::<usize>());
    }
}
