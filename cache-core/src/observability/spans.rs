//! Spans of `tracing`: one for each load, each look-up in the shared tier, and each announcement of a write.
//!
//! Without a subscriber that wants them they cost a comparison and a word in a future. They are entered at each poll of
//! the call that they describe, so that the spans of a store are inside of that of its load. The page `docs::spans`
//! has their names and fields. No field holds a key or a value, which may be personal data.

use std::pin::Pin;
use std::task::{Context, Poll};

use tracing::level_filters::{LevelFilter, STATIC_MAX_LEVEL};
use tracing::{Level, Span, field};

use super::{Counters, Request};
use crate::protocol::{Backend, TierError};

const TARGET: &str = "cache_core::spans";

/// The span of one call, if it is wanted.
#[derive(Debug)]
pub(crate) struct CallSpan(Option<Box<Span>>);

impl CallSpan {
    /// Begins the span of a call of the store.
    #[inline]
    pub(crate) fn load(of: &Counters) -> Self {
        Self::begin(|| {
            tracing::debug_span!(
                target: TARGET,
                "cache.load",
                cache.store = of.store,
                cache.method = of.method,
                otel.status_code = field::Empty,
                error.type = field::Empty,
            )
        })
    }

    /// Begins the span of a look-up of so many keys in the shared tier.
    #[inline]
    pub(crate) fn look_up(of: &Counters, backend: Backend, keys: usize) -> Self {
        Self::begin(|| {
            tracing::debug_span!(
                target: TARGET,
                "cache.look_up",
                otel.kind = "client",
                db.system.name = backend.name(),
                db.operation.name = command(backend, "MGET"),
                // By the convention, one operation is no batch.
                db.operation.batch.size = (keys > 1).then_some(keys),
                cache.store = of.store,
                cache.method = of.method,
                cache.hit = field::Empty,
                otel.status_code = field::Empty,
                error.type = field::Empty,
            )
        })
    }

    /// Begins the span of an announcement of a write or an invalidation to the shared tier.
    #[inline]
    pub(crate) fn announcement(request: Request, backend: Backend) -> Self {
        Self::begin(|| {
            tracing::debug_span!(
                target: TARGET,
                "cache.write",
                otel.kind = "client",
                otel.name = ["cache.write ", request.name()].concat(),
                db.system.name = backend.name(),
                db.operation.name = command(backend, "EVALSHA"),
                cache.operation = request.name(),
                otel.status_code = field::Empty,
                error.type = field::Empty,
            )
        })
    }

    #[inline]
    fn begin(span: impl FnOnce() -> Span) -> Self {
        let is_wanted = Level::DEBUG <= STATIC_MAX_LEVEL && Level::DEBUG <= LevelFilter::current();
        Self(if is_wanted { begun(span) } else { None })
    }

    /// Runs a call in the span.
    #[inline]
    pub(crate) fn around<F: Future + Unpin>(&self, call: F) -> InSpan<'_, F> {
        InSpan { call, span: self.0.as_deref() }
    }

    /// Records whether the shared tier had a usable entry of every key.
    #[inline]
    pub(crate) fn hit(&self, is_hit: impl FnOnce() -> bool) {
        if let Some(span) = &self.0 {
            span.record("cache.hit", is_hit());
        }
    }

    /// Records that the call failed.
    #[inline]
    pub(crate) fn failed(&self, kind: &'static str) {
        if let Some(span) = &self.0 {
            span.record("otel.status_code", "ERROR").record("error.type", kind);
        }
    }

    /// Records an error of the shared tier.
    #[inline]
    pub(crate) fn outcome<T>(&self, outcome: &Result<T, TierError>) {
        if let Err(error) = outcome {
            self.failed(error.kind().name());
        }
    }
}

/// The usual command of an operation. Only Redis has commands.
fn command(backend: Backend, name: &'static str) -> Option<&'static str> {
    (backend == Backend::Redis).then_some(name)
}

#[cold]
fn begun(span: impl FnOnce() -> Span) -> Option<Box<Span>> {
    let span = span();
    (!span.is_disabled()).then(|| Box::new(span))
}

/// A call inside of its span.
#[derive(Debug)]
pub(crate) struct InSpan<'s, F> {
    call: F,
    span: Option<&'s Span>,
}

impl<F: Future + Unpin> Future for InSpan<'_, F> {
    type Output = F::Output;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let _entered = self.span.map(Span::enter);
        Pin::new(&mut self.call).poll(context)
    }
}
