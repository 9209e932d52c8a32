//! Log messages about the connection, with one warning for each cause of an outage.
//!
//! An outage of days, with an attempt each second, is two lines: its cause with advice, and its end. A state changes
//! here as well, so that the log and `health` never disagree.

use std::sync::Arc;
use std::time::Duration;

use super::Coherence;
use super::link::LinkState;
use crate::protocol::TierError;
use crate::runtime::Moment;

/// The number of losses within [`SPAN`] that are logged one by one; further ones are summarized.
const LOGGED: u32 = 3;
const SPAN: Duration = Duration::from_mins(1);
/// The advice for a connection that is lost repeatedly, and works in between.
const UNSTABLE: &str = "check the server's log, and what may close connections between it and this process";

/// Logs the state of one cache's connection.
#[derive(Debug)]
pub(super) struct OperatorLog {
    coherence: Arc<Coherence>,
    /// The advice that was logged since the connection was last up. An outage can last for days, with many attempts.
    advised: Vec<&'static str>,
    is_up: bool,
    losses: Losses,
    /// The loss of a connection that the next attempt will explain.
    unexplained: Option<TierError>,
}

impl OperatorLog {
    pub(super) fn new(coherence: &Arc<Coherence>) -> Self {
        coherence.link.set_state(LinkState::Connecting);
        let losses = Losses::new(coherence.process.clock.now());
        Self { coherence: Arc::clone(coherence), advised: Vec::new(), is_up: false, losses, unexplained: None }
    }

    pub(super) fn up(&mut self) {
        self.coherence.link.set_state(LinkState::Up);
        self.is_up = true;
        self.tick();
        if self.losses.are_summarized() {
            self.unexplained = None;
            return;
        }
        self.advised.clear();
        if let Some(error) = self.unexplained.take() {
            tracing::warn!(
                instance = self.coherence.process.instance,
                error = error.to_string(),
                "the connection to the shared tier was lost, and is made again"
            );
        } else {
            tracing::info!(instance = self.coherence.process.instance, "the shared tier is connected");
        }
    }

    /// Records that there is no connection.
    pub(super) fn down(&mut self, error: &TierError) {
        let text = error.to_string();
        self.coherence.link.set_state(LinkState::Down(text.clone()));
        // The next attempt explains why the server closed the connection: it may no longer accept the password, or it
        // may be restarting.
        if self.lost(error) && error.is_disconnection() {
            self.unexplained = Some(error.clone());
            return;
        }
        self.unexplained = None;
        if self.is_new(error) {
            tracing::warn!(
                instance = self.coherence.process.instance,
                error = text,
                advice = error.advice(),
                "the shared tier is out of reach: reads go to the store until it is back"
            );
        }
    }

    /// Records that the circuit has opened.
    pub(super) fn circuit_opened(&mut self, error: &TierError) {
        let text = format!("too many of its answers were errors or came too late, the last one: {error}");
        self.coherence.link.set_state(LinkState::CircuitOpen(text.clone()));
        self.lost(error);
        self.unexplained = None;
        if self.is_new(error) {
            tracing::warn!(
                instance = self.coherence.process.instance,
                error = text,
                advice = error.advice(),
                "the shared tier is left alone for a while: reads go to the store"
            );
        }
    }

    /// Logs that the server refuses invalidations over a connection that works otherwise.
    pub(super) fn refused(&mut self, error: &TierError) {
        if self.is_new(error) {
            tracing::warn!(
                instance = self.coherence.process.instance,
                error = error.to_string(),
                advice = error.advice(),
                "the shared tier refuses invalidations: they are retried, and the other instances bypass it until they succeed"
            );
        }
    }

    /// Logs the members that did not return within the limit.
    pub(super) fn isolated(&self, members: &[String]) {
        if !members.is_empty() {
            tracing::warn!(
                instance = self.coherence.process.instance,
                members = members.join(" "),
                "instances have not returned after an outage: this instance may miss their writes until they do"
            );
        }
    }

    /// Logs a summary of the losses that were not logged, if it is due.
    pub(super) fn tick(&mut self) {
        if let Some(Summary { losses, error }) = self.losses.due(self.coherence.process.clock.now()) {
            tracing::warn!(
                instance = self.coherence.process.instance,
                losses,
                connected = self.is_up,
                error = error.to_string(),
                advice = if error.is_disconnection() { UNSTABLE } else { error.advice() },
                "the connection to the shared tier is unstable: its losses are summarized once a minute"
            );
        }
    }

    /// Counts the loss of a connection; returns whether there was a connection.
    fn lost(&mut self, error: &TierError) -> bool {
        let was_up = std::mem::take(&mut self.is_up);
        self.tick();
        if was_up {
            self.losses.add(error);
        }
        was_up
    }

    /// Whether the advice for this error was not logged yet in this outage.
    fn is_new(&mut self, error: &TierError) -> bool {
        let known = self.advised.contains(&error.advice());
        if !known {
            self.advised.push(error.advice());
        }
        !known
    }
}

/// Counts the losses of connections within a span. It reads no clock: callers pass in the time.
#[derive(Debug)]
struct Losses {
    began: Moment,
    count: u32,
    /// Whether the previous span had too many losses, so that none is logged in this one.
    continues: bool,
    /// The last loss that was not logged.
    unlogged: Option<TierError>,
}

/// A summary of a span whose losses were not all logged.
#[derive(Debug)]
struct Summary {
    losses: u32,
    /// The last error.
    error: TierError,
}

impl Losses {
    fn new(now: Moment) -> Self {
        Self { began: now, count: 0, continues: false, unlogged: None }
    }

    fn add(&mut self, error: &TierError) {
        self.count += 1;
        if self.are_summarized() {
            self.unlogged = Some(error.clone());
        }
    }

    /// Whether a loss at this moment is part of the next summary.
    fn are_summarized(&self) -> bool {
        self.continues || self.count > LOGGED
    }

    /// Begins another span if this one is over; returns the summary that is due.
    fn due(&mut self, now: Moment) -> Option<Summary> {
        if now.since(self.began) < SPAN {
            return None;
        }
        let before = std::mem::replace(self, Self::new(now));
        let error = before.unlogged?;
        self.continues = true;
        Some(Summary { losses: before.count, error })
    }
}

#[cfg(all(test, feature = "testing"))]
mod tests {
    use std::fmt::{Debug, Write as _};
    use std::sync::Mutex;

    use tracing::field::{Field, Visit};
    use tracing::span::{Attributes, Id, Record};
    use tracing::{Event, Metadata, Subscriber};

    use super::*;
    use crate::config::Settings;
    use crate::process::Process;
    use crate::protocol::{Backend, TierErrorKind};
    use crate::runtime::{Clock, ManualClock};

    /// Collects the log of this thread, one line per event.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<String>>>);

    impl Lines {
        fn take(&self) -> Vec<String> {
            std::mem::take(&mut *self.0.lock().unwrap())
        }
    }

    struct Line(String);

    impl Visit for Line {
        fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
            let _ = write!(self.0, " {}={value:?}", field.name());
        }
    }

    impl Subscriber for Lines {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }

        fn event(&self, event: &Event<'_>) {
            let mut line = Line(event.metadata().level().to_string());
            event.record(&mut line);
            self.0.lock().unwrap().push(line.0);
        }

        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }

        fn record(&self, _: &Id, _: &Record<'_>) {}
        fn record_follows_from(&self, _: &Id, _: &Id) {}
        fn enter(&self, _: &Id) {}
        fn exit(&self, _: &Id) {}
    }

    /// Runs `story` with a report, its clock, and the lines that it logs.
    fn with_log(story: impl FnOnce(&mut OperatorLog, &ManualClock, &Lines)) {
        let (clock, lines) = (ManualClock::new(), Lines::default());
        let process = Process::new(Clock::from(clock.clone()), Settings::default(), Backend::Memory);
        let coherence = Arc::new(Coherence::new(Arc::new(process)));
        // With a single subscriber, tracing caches for all threads that no subscriber is interested.
        let _another = tracing::Dispatch::new(Lines::default());
        tracing::subscriber::with_default(lines.clone(), || story(&mut OperatorLog::new(&coherence), &clock, &lines));
    }

    fn loss() -> TierError {
        TierError::disconnected("the connection was lost")
    }

    fn refused() -> TierError {
        TierError::new(TierErrorKind::Refused, "NOAUTH")
    }

    #[test]
    fn an_outage_logs_one_warning_for_each_required_action() {
        with_log(|report, _, lines| {
            report.up();
            report.down(&loss());
            for _ in 0..100 {
                report.down(&loss());
            }
            report.up();
            let lines = lines.take();
            assert!(
                matches!(&lines[..], [up, down, back]
                if up.starts_with("INFO") && down.starts_with("WARN") && down.contains("out of reach") && back.starts_with("INFO")),
                "{lines:#?}"
            );
        });
    }

    /// The reason why the server closed the connection replaces the loss.
    #[test]
    fn a_connection_loss_and_its_reason_are_one_warning() {
        with_log(|report, _, lines| {
            report.up();
            report.down(&loss());
            report.down(&refused());
            let lines = lines.take();
            assert!(matches!(&lines[..], [_, one] if one.contains("NOAUTH")), "{lines:#?}");
        });
    }

    #[test]
    fn an_immediate_reconnect_logs_one_warning() {
        with_log(|report, _, lines| {
            report.up();
            report.down(&loss());
            report.up();
            let lines = lines.take();
            assert!(
                matches!(&lines[..], [_, one] if one.starts_with("WARN") && one.contains("is made again")),
                "{lines:#?}"
            );
        });
    }

    fn flap(report: &mut OperatorLog, clock: &ManualClock, losses: u32, span: Duration) {
        for _ in 0..losses {
            clock.advance(span / losses);
            report.down(&loss());
            report.up();
        }
    }

    #[test]
    fn repeated_connection_losses_are_summarized_once_a_minute() {
        with_log(|report, clock, lines| {
            report.up();
            lines.take();
            flap(report, clock, 200, Duration::from_secs(25));
            assert_eq!(lines.take().len(), 3, "the first few, one by one");
            flap(report, clock, 200, Duration::from_mins(2));
            let summaries = lines.take();
            assert!(
                matches!(&summaries[..], [one, two] if one.contains("losses=2") && two.contains("losses=1")),
                "{summaries:#?}"
            );

            clock.advance(SPAN);
            report.tick();
            let last = lines.take();
            assert!(
                matches!(&last[..], [one] if one.contains("unstable") && one.contains("connected=true")),
                "{last:#?}"
            );
            clock.advance(SPAN);
            report.tick();
            flap(report, clock, 1, Duration::from_secs(1));
            assert_eq!(lines.take().len(), 1, "after a minute without a loss each is logged again");
        });
    }

    /// A summary does not hide that another action is needed.
    #[test]
    fn a_new_reason_is_logged_at_once() {
        with_log(|report, clock, lines| {
            report.up();
            flap(report, clock, 50, Duration::from_secs(10));
            lines.take();
            report.down(&loss());
            for _ in 0..10 {
                report.down(&refused());
            }
            let lines = lines.take();
            assert!(matches!(&lines[..], [one] if one.contains("NOAUTH")), "{lines:#?}");
        });
    }

    #[test]
    fn an_open_circuit_counts_as_a_connection_loss() {
        with_log(|report, clock, lines| {
            report.up();
            lines.take();
            for _ in 0..20 {
                clock.advance(Duration::from_secs(2));
                report.circuit_opened(&TierError::timeout("a read"));
                report.up();
            }
            let lines = lines.take();
            assert_eq!(lines.iter().filter(|line| line.contains("left alone")).count(), 4, "{lines:#?}");
            assert_eq!(lines.len(), 7, "{lines:#?}");
        });
    }
}
