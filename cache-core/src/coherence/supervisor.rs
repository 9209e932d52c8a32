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

use super::bus::Listener;
use super::link::LinkState;
use super::live::WAITS;
use super::report::Report;
use super::{Link, Live, Unreleased};
use crate::observability::Request;
use crate::runtime::{Moment, chance};
use crate::tier::remote::{RemoteError, RemoteErrorKind, RemoteTier, Reply, Session, WriteScopes};

const FIRST_RETRY: Duration = Duration::from_millis(50);
/// The longest pause between attempts: the other members may be waiting for this instance.
const LAST_RETRY: Duration = Duration::from_secs(1);
/// The longest pause while invalidations are pending.
const LAST_RETRY_PENDING: Duration = Duration::from_millis(250);
/// Scopes or writes of the journal that one round trip covers.
const SENT_AT_ONCE: usize = 256;
/// The maximum number of requested heartbeats per half lease; further requests wait for its end.
const REQUESTED_BEATS: u32 = 100;

/// The number of leases without a heartbeat after which a bus that worked is given up.
const SILENT_LEASES: u32 = 3;

const ENDED: &str =
    "the background task of the cache has ended, with its runtime or by a panic; the next call starts it again";

/// Runs until the cache is shut down.
///
/// Its end is noticed even if it is never polled, as on a runtime that ends right after the call that started it.
pub(crate) fn supervise(link: Arc<Link>, remote: Arc<dyn RemoteTier>) -> impl Future<Output = ()> + Send + 'static {
    let ended = Ended(Arc::clone(&link));
    async move {
        let _ended = ended;
        maintain(&link, &*remote).await;
    }
}

async fn maintain(link: &Arc<Link>, remote: &dyn RemoteTier) {
    let mut number;
    let mut pause = FIRST_RETRY;
    let mut report = Report::new(link);
    loop {
        number = link.next_session();
        match connect(link, remote, number, &mut report).await {
            Ok(live) => {
                report.up();
                let ended = serve(link, &live, number, &mut report).await;
                link.close_session(number);
                pause = tell_the_end(link, &mut report, ended);
            }
            Err(error) => {
                link.tally.error(Request::Connect, error.kind());
                link.close_session(number);
                report.down(&error);
            }
        }
        wait_before_retry(link, pause).await;
        pause = (pause * 2).min(LAST_RETRY);
    }
}

/// Runs when the supervisor ends: by a shutdown, with its runtime, or by a panic.
///
/// From here on nothing delivers the journal: writes must not wait for it.
struct Ended(Arc<Link>);

impl Drop for Ended {
    fn drop(&mut self) {
        let Self(link) = self;
        link.supervision.end(link.clock.now(), std::thread::panicking(), |is_unexpected| {
            if is_unexpected {
                drop(link.shut());
                link.set_state(LinkState::Down(ENDED.to_owned()));
            }
            link.cut_off.close();
        });
        link.delivered.notify_waiters();
    }
}

/// Waits before the next attempt, only briefly while invalidations are pending.
async fn wait_before_retry(link: &Link, pause: Duration) {
    let until = link.clock.now().after(chance::upper_half(pause));
    let left = || until.since(link.clock.now());
    while link.journal.pending() == 0 {
        tokio::select! {
            () = link.clock.sleep(left()) => return,
            () = link.wake.notified() => {}
        }
    }
    link.clock.sleep(left().min(chance::upper_half(LAST_RETRY_PENDING))).await;
}

/// Establishes a usable connection.
async fn connect(
    link: &Arc<Link>,
    remote: &dyn RemoteTier,
    number: u64,
    report: &mut Report,
) -> Result<Arc<Live>, RemoteError> {
    let limit = link.settings.connect_timeout;
    let attempt = async {
        link.open_session(number);
        let asked_at = link.clock.now();
        let listener = Arc::new(Listener { link: Arc::clone(link), session: number });
        let session = remote.connect(&link.instance, listener).await?;
        let live = Arc::new(Live::new(number, session));
        link.set_live(&live, asked_at);
        subscribe(link, &*live.session).await?;
        link.membership.connect();
        round(link, &live, link.patience_with_probe(), report).await?;
        // The connection works, so entries that were kept without the shared tier are dropped.
        link.forget_local();
        Ok(live)
    };
    link.clock.timeout(limit, attempt).await.unwrap_or_else(|| Err(RemoteError::timeout("connecting")))
}

/// Sends heartbeats until the connection is lost or fails.
///
/// Returns the error, if there was one.
async fn serve(link: &Link, live: &Live, number: u64, report: &mut Report) -> Result<(), RemoteError> {
    let mut budget = REQUESTED_BEATS;
    let mut has_asked = false;
    let mut silence = Silence::new(link);
    while link.is_open(number) {
        if link.membership.is_settled() {
            has_asked = false;
        } else if !has_asked {
            // The heartbeats of the other members end the barrier. Without the request that takes half a lease.
            in_time(link, live, live.session.request_beats(&link.namespaces())).await?;
            has_asked = true;
        }
        tokio::select! {
            // The notification may concern an earlier connection: the condition of the loop decides.
            () = link.lost.notified() => continue,
            () = link.widened.notified() => {
                // The notification may concern a namespace that is already subscribed to.
                if !link.hears_all() {
                    in_time(link, live, subscribe(link, &*live.session)).await?;
                }
            }
            () = link.wake.notified(), if budget > 0 => budget -= 1,
            () = link.clock.sleep(link.until_next_beat()) => {
                budget = REQUESTED_BEATS;
                has_asked = false;
                silence.check(link)?;
            }
        }
        tokio::select! {
            // A heartbeat that a frozen server does not answer must not delay giving up the connection.
            () = link.lost.notified() => {}
            beat = round(link, live, link.patience(), report) => {
                beat.inspect_err(|error| link.tally.error(Request::Beat, error.kind()))?;
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
    fn new(link: &Link) -> Self {
        Self { last: link.last_heartbeat().map(|beat| beat.sent), checks: 0 }
    }

    /// Called at least every half lease while heartbeats are answered.
    ///
    /// A bus that never delivered anything is not reconnected: its messages may be forbidden. The time alone does not
    /// count, since this process may have been suspended.
    fn check(&mut self, link: &Link) -> Result<(), RemoteError> {
        let Some(last) = link.last_heartbeat() else { return Ok(()) };
        self.checks = if self.last == Some(last.sent) { self.checks + 1 } else { 0 };
        self.last = Some(last.sent);
        let is_long_ago = link.clock.now().since(last.sent) >= link.settings.lease.saturating_mul(SILENT_LEASES);
        if self.checks > 2 * SILENT_LEASES && is_long_ago {
            return Err(RemoteError::timeout("the bus"));
        }
        Ok(())
    }
}

async fn subscribe(link: &Link, session: &dyn Session) -> Result<(), RemoteError> {
    let namespaces = link.namespaces();
    session.subscribe(&namespaces).await?;
    link.subscribed(namespaces.len());
    // For a namespace that joins others: entries that were read before the subscription must not stay.
    if link.membership.is_settled() {
        link.forget_local();
    }
    Ok(())
}

/// Runs one round: delivers the journal, sends a heartbeat, and releases finished writes.
///
/// The heartbeat reports how many invalidations are still pending.
async fn round(link: &Link, live: &Live, patience: Duration, report: &mut Report) -> Result<(), RemoteError> {
    let delivered = deliver(link, live).await;
    if delivered.is_err() {
        link.cut_off.begin(link.clock.now());
    }
    let isolated = live.in_time(&link.clock, patience, WAITS, "a heartbeat", beat(link, live)).await?;
    report.isolated(&isolated);
    report.tick();
    match delivered {
        // The server refuses only invalidations: heartbeats continue, and report that some are pending.
        Err(error) if error.kind() == RemoteErrorKind::Refused => {
            link.tally.error(Request::Bump, error.kind());
            report.refused(&error);
            Ok(())
        }
        Err(error) => Err(error),
        Ok(()) => release(link, live).await,
    }
}

/// Sends one heartbeat; returns the newly isolated members.
async fn beat(link: &Link, live: &Live) -> Result<Vec<String>, RemoteError> {
    link.forget_expired_writers();
    let (nonce, sent) = link.beat_sent();
    let beat = link.next_beat(live, nonce);
    let reply = live.session.beat(&beat).await?;
    let isolated = link.beat_answered(live, sent, &beat, &reply);
    Ok(isolated)
}

/// Delivers the invalidations that are due now. Later ones wait for the next round, so that the heartbeat is not
/// starved.
async fn deliver(link: &Link, live: &Live) -> Result<(), RemoteError> {
    let Some(due) = link.journal.due() else { return Ok(()) };
    if due.everything {
        move_epoch(link, live).await?;
        link.journal.epochs_moved(&due);
    }
    for scopes in due.scopes.chunks(SENT_AT_ONCE) {
        in_time(link, live, live.session.bump(scopes, &chance::token_text())).await?;
        link.journal.delivered(scopes, &due);
        link.delivered.notify_waiters();
    }
    Ok(())
}

/// Ends the locks of finished writes whose release failed.
async fn release(link: &Link, live: &Live) -> Result<(), RemoteError> {
    let mut writes = Releasing { link, left: link.journal.take_unreleased() };
    while !writes.left.is_empty() {
        let done = writes.left.len().saturating_sub(SENT_AT_ONCE);
        let chunk = &writes.left[done..];
        let released = in_time(link, live, try_join_all(chunk.iter().map(|write| release_one(live, write)))).await;
        // If the server answers with another error, the locks expire.
        if let Err(error) = released
            && [RemoteErrorKind::Disconnected, RemoteErrorKind::Timeout].contains(&error.kind())
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
    link: &'a Link,
    left: Vec<Unreleased>,
}

impl Drop for Releasing<'_> {
    fn drop(&mut self) {
        for write in self.left.drain(..) {
            self.link.journal.add_unreleased(write);
        }
    }
}

fn release_one<'a>(live: &'a Live, Unreleased { token, locked, methods }: &'a Unreleased) -> Reply<'a, ()> {
    live.session.release(WriteScopes { locked, methods, found: &[] }, token)
}

/// Makes every entry stale.
///
/// Until this instance knows the new epochs, it would accept entries of the old ones; the journal prevents that
/// meanwhile.
async fn move_epoch(link: &Link, live: &Live) -> Result<(), RemoteError> {
    in_time(link, live, live.session.move_epoch(&link.namespaces())).await?;
    in_time(link, live, beat(link, live)).await.map(drop)
}

/// Fails a request that takes longer than `Link::patience`.
async fn in_time<T>(
    link: &Link,
    live: &Live,
    asked: impl Future<Output = Result<T, RemoteError>>,
) -> Result<T, RemoteError> {
    live.in_time(&link.clock, link.patience(), WAITS, "an invalidation", asked).await
}

/// Logs why a connection ended; returns how long to wait before the next one.
fn tell_the_end(link: &Link, report: &mut Report, ended: Result<(), RemoteError>) -> Duration {
    if let Some((error, pause)) = link.take_trip() {
        report.left_alone(&error);
        return pause;
    }
    report.down(&ended.err().unwrap_or_else(|| RemoteError::disconnected("the connection was lost")));
    FIRST_RETRY
}
