//! Keeps the connection to the shared tier: connects, subscribes, beats, and starts again when it is lost.
//!
//! The order after a connection is made is part of the promise: subscribe, forget everything local, tell Redis what it
//! has not heard, one beat there and back, let others go first, and only then use the shared and the local tier.

use std::sync::Arc;
use std::time::Duration;

use super::bus::Listener;
use super::report::Report;
use super::{Epoch, Link, Live, recovery};
use crate::observability::Request;
use crate::runtime::chance;
use crate::tier::remote::{RemoteError, RemoteTier, Session};

const FIRST_RETRY: Duration = Duration::from_millis(50);
const LAST_RETRY: Duration = Duration::from_secs(5);

/// Runs for ever; the cache's shutdown ends it.
pub(crate) async fn supervise(link: Arc<Link>, remote: Arc<dyn RemoteTier>) {
    let mut number = 0;
    let mut pause = FIRST_RETRY;
    let mut report = Report::new(&link);
    let mut before = None;
    loop {
        number += 1;
        match connect(&link, &*remote, number).await {
            Ok(live) => {
                let ended = use_it(&link, &live, number, &mut before, &mut report).await;
                link.close_session(number);
                pause = tell_the_end(&link, &mut report, ended);
            }
            Err(error) => {
                link.tally.error(Request::Connect, error.kind());
                link.close_session(number);
                report.down(&error);
            }
        }
        link.clock.sleep(chance::upper_half(pause)).await;
        pause = (pause * 2).min(LAST_RETRY);
    }
}

/// Uses the connection until it ends. `before` is the epoch of the last one that was used.
async fn use_it(
    link: &Link,
    live: &Arc<Live>,
    number: u64,
    before: &mut Option<Epoch>,
    report: &mut Report,
) -> Result<(), RemoteError> {
    if let Some(before) = *before {
        come_back(link, live, number, before).await?;
    }
    // First what health says, then what it says it of: who waits for the connection may ask at once.
    report.up();
    link.set_live(Arc::clone(live));
    let ended = serve(link, live, number).await;
    *before = Some(live.epoch());
    ended
}

/// After an outage. Where the epoch is another one, nothing that was stored is of use, and every instance is about to ask the store
/// for all of it: they do so one after the other.
async fn come_back(link: &Link, live: &Live, number: u64, before: Epoch) -> Result<(), RemoteError> {
    #[cfg(feature = "testing")]
    if link.settings.weakness == crate::testing::Weakness::NoRecovery {
        return Ok(());
    }
    link.recovery.begin(link.clock.now());
    if live.epoch() == before {
        return Ok(());
    }
    // While it lasts, what was kept without the shared tier goes on to answer.
    link.gate.distrust();
    tokio::select! {
        () = link.clock.sleep(recovery::pause(link.settings.lease)) => {}
        () = lost(link, number) => {}
    }
    // What was written meanwhile is told, and the trust begins with this beat.
    round(link, live).await
}

async fn lost(link: &Link, number: u64) {
    while link.is_open(number) {
        link.lost.notified().await;
    }
}

async fn connect(link: &Arc<Link>, remote: &dyn RemoteTier, number: u64) -> Result<Arc<Live>, RemoteError> {
    let limit = link.settings.connect_timeout;
    let attempt = async {
        link.open_session(number);
        let listener = Arc::new(Listener { link: Arc::clone(link), session: number });
        let session = remote.connect(&link.instance, listener).await?;
        establish(link, session, number).await
    };
    link.clock.timeout(limit, attempt).await.unwrap_or_else(|| Err(RemoteError::timeout("connecting")))
}

async fn establish(link: &Link, session: Arc<dyn Session>, number: u64) -> Result<Arc<Live>, RemoteError> {
    subscribe(link, &*session).await?;
    drain(link, &*session).await?;
    let probe = link.clock.timeout(link.patience_with_probe(), beat(link, &*session)).await;
    let (server_time, asked_at) = probe.unwrap_or_else(|| Err(RemoteError::timeout("the first heartbeat")))?;
    let namespace_epoch = first_beat_back(link, &*session).await?;
    let live = Arc::new(Live::new(number, Arc::clone(&session), link.epoch_of(&*session, &namespace_epoch)));
    link.set_server_time(&live, server_time, asked_at);
    Ok(live)
}

/// Waits for the first beat of this connection; returns the namespace epochs that it told.
async fn first_beat_back(link: &Link, session: &dyn Session) -> Result<String, RemoteError> {
    loop {
        if let Some(epoch) = link.namespace_epoch() {
            return Ok(epoch);
        }
        tokio::select! {
            () = link.beat_back.notified() => {}
            // A store joined after the subscription: the beat that is under way proves nothing for its namespace.
            () = link.widened.notified() => if !link.hears_all() {
                subscribe(link, session).await?;
                beat(link, session).await?;
            }
        }
    }
}

/// Beats until the connection is lost, or no good. Returns what went wrong, where anything says so.
async fn serve(link: &Link, live: &Live, number: u64) -> Result<(), RemoteError> {
    let interval = link.settings.lease / 2;
    while link.is_open(number) {
        tokio::select! {
            // It may tell of an earlier connection: the condition of the loop decides.
            () = link.lost.notified() => continue,
            () = link.widened.notified() => {
                // It may tell of a namespace that the connection began with.
                if !link.hears_all() {
                    subscribe(link, &*live.session).await?;
                }
            }
            () = link.clock.sleep(interval) => {}
        }
        tokio::select! {
            // A beat that a frozen server does not answer must not keep the connection from being given up.
            () = link.lost.notified() => {}
            beat = round(link, live) => beat.inspect_err(|error| link.tally.error(Request::Beat, error.kind()))?,
        }
    }
    Ok(())
}

async fn subscribe(link: &Link, session: &dyn Session) -> Result<(), RemoteError> {
    let namespaces = link.namespaces();
    session.subscribe(&namespaces).await?;
    link.subscribed(namespaces.len());
    link.forget_local();
    Ok(())
}

/// One beat, and what Redis has not heard yet. An answer that takes longer than the lease is as good as none.
async fn round(link: &Link, live: &Live) -> Result<(), RemoteError> {
    let work = async {
        let (server_time, asked_at) = beat(link, &*live.session).await?;
        link.set_server_time(live, server_time, asked_at);
        drain(link, &*live.session).await
    };
    let limit = link.settings.lease.max(link.settings.write_timeout) * 2;
    let done = link.clock.timeout(limit, work).await;
    done.unwrap_or_else(|| Err(RemoteError::timeout("a heartbeat")))
}

async fn beat(link: &Link, session: &dyn Session) -> Result<(u64, crate::runtime::Moment), RemoteError> {
    link.forget_expired_writers();
    let (nonce, sent) = link.beat_sent();
    let server_time = session.beat(nonce, link.settings.lease * 10, &link.namespaces()).await?;
    Ok((server_time, sent))
}

async fn drain(link: &Link, session: &dyn Session) -> Result<(), RemoteError> {
    while let Some(due) = link.journal.due() {
        if due.everything {
            move_epoch(link, session).await?;
        }
        for scopes in due.scopes.chunks(256) {
            session.bump(scopes, &chance::token_text()).await?;
        }
        link.journal.told(&due);
    }
    Ok(())
}

/// Makes every entry stale. Until this instance has heard of the new epochs itself it would take entries of the old ones for
/// current: the journal stands in for them until then.
async fn move_epoch(link: &Link, session: &dyn Session) -> Result<(), RemoteError> {
    let before = link.namespace_epoch();
    session.move_epoch(&link.namespaces()).await?;
    beat(link, session).await?;
    while link.namespace_epoch() == before {
        link.beat_back.notified().await;
    }
    Ok(())
}

/// Says why a connection ended; returns how long to wait before the next one.
fn tell_the_end(link: &Link, report: &mut Report, ended: Result<(), RemoteError>) -> Duration {
    if let Some((error, pause)) = link.take_trip() {
        report.left_alone(&error);
        return pause;
    }
    report.down(&ended.err().unwrap_or_else(|| RemoteError::disconnected("the connection was lost")));
    FIRST_RETRY
}
