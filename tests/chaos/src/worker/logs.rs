//! Records the log lines of the cache in the history.

use std::fmt::{Debug, Write as _};
use std::sync::Arc;

use cache_chaos::history::{Line, Logged};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use super::recorder::Recorder;
use crate::clock;

/// The recorded target.
const TARGET: &str = "cache_core";

/// Records all lines of level `warn` or above from now on.
pub(super) fn record(process: &str, recorder: &Arc<Recorder>) {
    let logs = Logs { process: process.to_owned(), recorder: Arc::clone(recorder) };
    tracing::subscriber::set_global_default(logs).expect("a worker has no other subscriber");
}

struct Logs {
    process: String,
    recorder: Arc<Recorder>,
}

#[derive(Default)]
struct Words(String);

impl Visit for Words {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = match field.name() {
            "message" => write!(self.0, "{value:?} "),
            name => write!(self.0, "{name}={value:?} "),
        };
    }
}

impl Subscriber for Logs {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::WARN && metadata.target().starts_with(TARGET)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::WARN)
    }

    fn event(&self, event: &Event<'_>) {
        let mut words = Words::default();
        event.record(&mut words);
        self.recorder.record(&Line::Log(Logged {
            process: self.process.clone(),
            at: clock::now(),
            level: event.metadata().level().as_str().to_lowercase(),
            message: words.0.trim_end().to_owned(),
        }));
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
