//! Maintains the connection to the shared tier.
//!
//! It connects, subscribes, sends heartbeats, and reconnects when the connection is lost.
//!
//! The order of the steps is part of the consistency promise: announce writes over the connection, subscribe, deliver
//! the journal, send a heartbeat, wait at the recovery barrier for the other members, flush the local tier, and only
//! then read from the shared and the local tier.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::try_join_all;
use futures_util::{FutureExt as _, TryFutureExt as _};

use super::bus::Listener;
use super::connection::WAITS;
use super::link::LinkState;
use super::operator_log::OperatorLog;
use super::{Coherence, Connection, Unreleased};
use crate::observability::Request;
use crate::protocol::{Reply, SharedTier, TierConnection, TierError, TierErrorKind, WriteScopes};
use crate::runtime::{Deadlines, Moment, random};

const FIRST_RETRY: Duration = Duration::from_millis(50);
/// The longest pause between attempts: the other members may be waiting for this instance.
const LAST_RETRY: Duration = Duration::from_secs(1);
/// The longest pause while invalidations are pending.
const LAST_RETRY_PENDING: Duration = Duration::from_millis(250);
/// Scopes or writes of the journal that one round trip covers.
const SENT_AT_ONCE: usize = 256;
/// The maximum number of requested heartbeats per half lease; further requests wait for its end.
const REQUESTED_HEARTBEATS: u32 = 100;

/// The number of leases without a heartbeat after which a bus that worked is given up.
const SILENT_LEASES: u32 = 3;

const ENDED: &str =
    "the background task of the cache has ended, with its runtime or by a panic; the next call starts it again";

/// Runs until the cache is shut down.
///
/// Its end is noticed even if it is never polled, as on a runtime that ends right after the call that started it.
pub(crate) fn supervise(
    coherence: Arc<Coherence>,
    shared_tier: Arc<dyn SharedTier>,
) -> impl Future<Output = ()> + Send + 'static {
    let ended = Ended(Arc::clone(&coherence));
    async move {
        let _ended = ended;
        maintain(&coherence, &*shared_tier).await;
    }
}

async fn maintain(coherence: &Arc<Coherence>, shared_tier: &dyn SharedTier) {
    let mut number;
    let mut pause = FIRST_RETRY;
    let mut report = OperatorLog::new(coherence);
    loop {
        number = coherence.link.next_number();
        match connect(coherence, shared_tier, number, &mut report).await {
            Ok(connection) => {
                report.up();
                let ended = serve(coherence, &connection, number, &mut report).await;
                coherence.close_connection(number);
                pause = log_the_end(coherence, &mut report, ended);
            }
            Err(error) => {
                coherence.process.counters.error(Request::Connect, error.kind());
                coherence.close_connection(number);
                report.down(&error);
            }
        }
        wait_before_retry(coherence, pause).await;
        pause = (pause * 2).min(LAST_RETRY);
    }
}

/// Runs when the supervisor ends: by a shutdown, with its runtime, or by a panic.
///
/// From here on nothing delivers the journal: writes must not wait for it.
struct Ended(Arc<Coherence>);

impl Drop for Ended {
    fn drop(&mut self) {
        let Self(coherence) = self;
        coherence.supervision.end(coherence.process.clock.now(), std::thread::panicking(), |is_unexpected| {
            if is_unexpected {
                drop(coherence.shut());
                coherence.link.set_state(LinkState::Down(ENDED.to_owned()));
            }
            coherence.cut_off.close();
        });
        coherence.signals.delivered.notify_waiters();
    }
}

/// Waits before the next attempt, only briefly while invalidations are pending.
async fn wait_before_retry(coherence: &Coherence, pause: Duration) {
    let until = coherence.process.clock.now().after(random::upper_half(pause));
    let left = || until.since(coherence.process.clock.now());
    while coherence.journal.pending() == 0 {
        tokio::select! {
            () = coherence.process.clock.sleep(left()) => return,
            () = coherence.signals.due.notified() => {}
        }
    }
    coherence.process.clock.sleep(left().min(random::upper_half(LAST_RETRY_PENDING))).await;
}

/// Establishes a usable connection.
async fn connect(
    coherence: &Arc<Coherence>,
    shared_tier: &dyn SharedTier,
    number: u64,
    report: &mut OperatorLog,
) -> Result<Arc<Connection>, TierError> {
    let limit = coherence.process.settings.connect_timeout;
    let attempt = async {
        coherence.begin_connection(number);
        let asked_at = coherence.process.clock.now();
        let listener = Arc::new(Listener { coherence: Arc::clone(coherence), connection: number });
        let tier = shared_tier.connect(&coherence.process.instance, listener).await?;
        let reads = Deadlines::new(coherence.process.clock.clone(), coherence.process.settings.read_timeout);
        let connection = Arc::new(Connection::new(number, tier, reads));
        coherence.announce_over(&connection, asked_at);
        subscribe(coherence, &*connection.tier).await?;
        coherence.membership.connect();
        round(coherence, &connection, coherence.patience_with_probe(), report).await?;
        // The connection works, so entries that were kept without the shared tier are dropped.
        coherence.flush();
        Ok(connection)
    };
    coherence.process.clock.timeout(limit, attempt).await.unwrap_or_else(|| Err(TierError::timeout("connecting")))
}

/// Sends heartbeats until the connection is lost or fails.
///
/// Returns the error, if there was one.
async fn serve(
    coherence: &Coherence,
    connection: &Connection,
    number: u64,
    report: &mut OperatorLog,
) -> Result<(), TierError> {
    let mut budget = REQUESTED_HEARTBEATS;
    let mut has_asked = false;
    let mut silence = Silence::new(coherence);
    while coherence.link.is_begun(number) {
        if coherence.membership.is_settled() {
            has_asked = false;
        } else if !has_asked {
            // The heartbeats of the other members end the barrier. Without the request that takes half a lease.
            in_time(coherence, connection, connection.tier.request_heartbeats(&coherence.link.namespaces())).await?;
            has_asked = true;
        }
        tokio::select! {
            // The notification may concern an earlier connection: the condition of the loop decides.
            () = coherence.signals.lost.notified() => continue,
            () = coherence.signals.joined.notified() => {
                // The notification may concern a namespace that is already subscribed to.
                if !coherence.link.is_subscribed() {
                    in_time(coherence, connection, subscribe(coherence, &*connection.tier)).await?;
                }
            }
            () = coherence.signals.due.notified(), if budget > 0 => budget -= 1,
            () = coherence.process.clock.sleep(coherence.until_next_heartbeat()) => {
                budget = REQUESTED_HEARTBEATS;
                has_asked = false;
                silence.check(coherence)?;
            }
        }
        tokio::select! {
            // A heartbeat that a frozen server does not answer must not delay giving up the connection.
            () = coherence.signals.lost.notified() => {}
            answered = round(coherence, connection, coherence.patience(), report) => {
                answered.inspect_err(|error| coherence.process.counters.error(Request::Heartbeat, error.kind()))?;
            }
        }
    }
    Ok(())
}

/// Detects a bus connection that is lost without being closed.
///
/// A firewall that drops its state causes this.
#[derive(Debug)]
struct Silence {
    last: Option<Moment>,
    /// The checks since a heartbeat has returned.
    checks: u32,
}

impl Silence {
    fn new(coherence: &Coherence) -> Self {
        Self { last: coherence.link.last_heartbeat().map(|heartbeat| heartbeat.sent), checks: 0 }
    }

    /// Called at least every half lease while heartbeats are answered.
    ///
    /// A bus that never delivered anything is not reconnected: its messages may be forbidden. The time alone does not
    /// count, since this process may have been suspended.
    fn check(&mut self, coherence: &Coherence) -> Result<(), TierError> {
        let Some(last) = coherence.link.last_heartbeat() else { return Ok(()) };
        self.checks = if self.last == Some(last.sent) { self.checks + 1 } else { 0 };
        self.last = Some(last.sent);
        let is_long_ago = coherence.process.clock.now().since(last.sent)
            >= coherence.process.settings.lease.saturating_mul(SILENT_LEASES);
        if self.checks > 2 * SILENT_LEASES && is_long_ago {
            return Err(TierError::timeout("the bus"));
        }
        Ok(())
    }
}

async fn subscribe(coherence: &Coherence, tier: &dyn TierConnection) -> Result<(), TierError> {
    let namespaces = coherence.link.namespaces();
    tier.subscribe(&namespaces).await?;
    coherence.link.subscribed(namespaces.len());
    // For a namespace that joins others: entries that were read before the subscription must not stay.
    if coherence.membership.is_settled() {
        coherence.flush();
    }
    Ok(())
}

/// Runs one round: delivers the journal, sends a heartbeat, and releases finished writes.
///
/// The heartbeat reports how many invalidations are still pending.
async fn round(
    coherence: &Coherence,
    connection: &Connection,
    patience: Duration,
    report: &mut OperatorLog,
) -> Result<(), TierError> {
    let delivered = deliver(coherence, connection).await;
    if delivered.is_err() {
        coherence.cut_off.begin(coherence.process.clock.now());
    }
    let isolated = connection
        .in_time(&coherence.process.clock, patience, WAITS, "a heartbeat", send_heartbeat(coherence, connection))
        .await?;
    report.isolated(&isolated);
    report.tick();
    match delivered {
        // The server refuses only invalidations: heartbeats continue, and report that some are pending.
        Err(error) if error.kind() == TierErrorKind::Refused => {
            coherence.process.counters.error(Request::Invalidate, error.kind());
            report.refused(&error);
            Ok(())
        }
        Err(error) => Err(error),
        Ok(()) => release(coherence, connection).await,
    }
}

/// Sends one heartbeat; returns the newly isolated members.
async fn send_heartbeat(coherence: &Coherence, connection: &Connection) -> Result<Vec<String>, TierError> {
    coherence.expire_writers();
    let (nonce, sent) = coherence.heartbeat_sent();
    let heartbeat = coherence.next_heartbeat(connection, nonce);
    let reply = connection.tier.heartbeat(&heartbeat).await?;
    let isolated = coherence.heartbeat_answered(connection, sent, &heartbeat, &reply);
    Ok(isolated)
}

/// Delivers the invalidations that are due now. Later ones wait for the next round, so that the heartbeat is not
/// starved.
async fn deliver(coherence: &Coherence, connection: &Connection) -> Result<(), TierError> {
    let Some(due) = coherence.journal.due() else { return Ok(()) };
    if due.everything {
        move_epoch(coherence, connection).await?;
        coherence.journal.epochs_moved(&due);
    }
    for scopes in due.scopes.chunks(SENT_AT_ONCE) {
        in_time(coherence, connection, connection.tier.invalidate(scopes, &random::token_text())).await?;
        coherence.journal.delivered(scopes, &due);
        coherence.signals.delivered.notify_waiters();
    }
    Ok(())
}

/// Ends the locks of finished writes whose release failed.
async fn release(coherence: &Coherence, connection: &Connection) -> Result<(), TierError> {
    let mut writes = Releasing { coherence, left: coherence.journal.take_unreleased() };
    while !writes.left.is_empty() {
        let done = writes.left.len().saturating_sub(SENT_AT_ONCE);
        let chunk = &writes.left[done..];
        let released =
            in_time(coherence, connection, try_join_all(chunk.iter().map(|write| release_one(connection, write))))
                .await;
        // If the server answers with another error, the locks expire.
        if let Err(error) = released
            && [TierErrorKind::Disconnected, TierErrorKind::Timeout].contains(&error.kind())
        {
            return Err(error);
        }
        writes.left.truncate(done);
    }
    Ok(())
}

/// The finished writes that are left to release.
///
/// They return to the journal on an error, and if the release is cancelled, as by the loss of the connection.
struct Releasing<'a> {
    coherence: &'a Coherence,
    left: Vec<Unreleased>,
}

impl Drop for Releasing<'_> {
    fn drop(&mut self) {
        for write in self.left.drain(..) {
            self.coherence.journal.add_unreleased(write);
        }
    }
}

fn release_one<'a>(connection: &'a Connection, Unreleased { token, locked, methods }: &'a Unreleased) -> Reply<'a, ()> {
    connection.tier.release(WriteScopes { locked, methods, found: &[] }, token).map_ok(drop).boxed()
}

/// Makes every entry stale.
///
/// Until this instance knows the new epochs, it would accept entries of the old ones; the journal prevents that
/// meanwhile.
async fn move_epoch(coherence: &Coherence, connection: &Connection) -> Result<(), TierError> {
    in_time(coherence, connection, connection.tier.move_epoch(&coherence.link.namespaces())).await?;
    in_time(coherence, connection, send_heartbeat(coherence, connection)).await.map(drop)
}

/// Fails a request that takes longer than `Coherence::patience`.
async fn in_time<T>(
    coherence: &Coherence,
    connection: &Connection,
    asked: impl Future<Output = Result<T, TierError>>,
) -> Result<T, TierError> {
    connection.in_time(&coherence.process.clock, coherence.patience(), WAITS, "an invalidation", asked).await
}

/// Logs why a connection ended; returns how long to wait before the next one.
fn log_the_end(coherence: &Coherence, report: &mut OperatorLog, ended: Result<(), TierError>) -> Duration {
    if let Some((error, pause)) = coherence.link.circuit.take_opening() {
        report.circuit_opened(&error);
        return pause;
    }
    report.down(&ended.err().unwrap_or_else(|| TierError::disconnected("the connection was lost")));
    FIRST_RETRY
}
