//! Watches the sentinels for a fail-over, while a connection to the primary is open.
//!
//! Each sentinel has a subscription to `+switch-master`. A message, or a new subscription, only causes the question for
//! the primary, and the answer decides: a message may have been published while nobody was subscribed, and a sentinel
//! that returns from a partition may publish a change that is itself outdated.
//!
//! A demoted primary that is cut off from the sentinels cannot tell its clients that it was demoted; they learn it here.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use redis::ProtocolVersion;
use redis::aio::{PubSubSink, PubSubStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::super::target::Target;
use super::resolve::Primary;
use super::{Sentinels, question};
use crate::protocol::{Bus, BusSink, TierError};
use crate::runtime::{Clock, random};

const SWITCHED: &str = "+switch-master";
/// The pause after the loss of a subscription.
const PAUSE: Duration = Duration::from_secs(1);
/// The time limit of a question or a subscription.
const LIMIT: Duration = Duration::from_secs(2);
/// How long a subscription is silent before it is checked: its connection may be lost without having been closed.
const CHECK: Duration = Duration::from_secs(5);

/// The bus of a connection, with the watch that ends together with it.
///
/// The tasks of the connection hold the bus, so it is dropped when the connection is closed.
#[derive(Debug)]
struct WatchedBus {
    bus: BusSink,
    _watch: AbortOnDropHandle<()>,
}

impl Bus for WatchedBus {
    fn message(&self, payload: &[u8]) {
        self.bus.message(payload);
    }

    fn missed(&self) {
        self.bus.missed();
    }

    fn disconnected(&self) {
        self.bus.disconnected();
    }
}

/// Starts to watch for another primary than this one.
///
/// When there is one, the watch cancels the returned token and ends the connection of `bus`. The watch ends when the
/// returned bus is dropped.
pub(super) fn start(sentinels: &Arc<Sentinels>, primary: Primary, bus: BusSink) -> (BusSink, CancellationToken) {
    let switched = CancellationToken::new();
    let (sentinels, told, switch) = (Arc::clone(sentinels), Arc::clone(&bus), switched.clone());
    let watch = tokio::spawn(async move {
        another_primary(&sentinels, &primary).await;
        switch.cancel();
        told.disconnected();
    });
    (Arc::new(WatchedBus { bus, _watch: AbortOnDropHandle::new(watch) }), switched)
}

/// Returns when a sentinel knows of another primary.
async fn another_primary(all: &Sentinels, known: &Primary) {
    let mut watched: FuturesUnordered<_> = all.targets.iter().map(|sentinel| watch_one(all, sentinel, known)).collect();
    watched.next().await;
}

async fn watch_one(all: &Sentinels, sentinel: &Target, known: &Primary) {
    // An error means that the subscription is lost, whatever the reason: there will be another one.
    while !is_replaced(all, sentinel, known).await.unwrap_or(false) {
        Clock::default().sleep(random::upper_half(PAUSE)).await;
    }
}

/// Returns `true` when this sentinel knows of another primary, and `false` or an error when its subscription is lost.
async fn is_replaced(all: &Sentinels, sentinel: &Target, known: &Primary) -> Result<bool, TierError> {
    let messages = in_time(sentinel.messages(ProtocolVersion::RESP2)).await?;
    let (mut sink, mut messages) = messages.split();
    in_time(subscribe(&mut sink)).await?;
    loop {
        let current = in_time(question::primary(sentinel, &all.name)).await?;
        if current.replaces(known) {
            all.heard(current.epoch);
            return Ok(true);
        }
        if !is_told(&mut sink, &mut messages, &all.name).await? {
            return Ok(false);
        }
    }
}

async fn subscribe(sink: &mut PubSubSink) -> Result<(), TierError> {
    Ok(sink.subscribe(SWITCHED).await?)
}

/// Waits for a message about this name. Returns `false` or an error when the subscription is lost.
async fn is_told(sink: &mut PubSubSink, messages: &mut PubSubStream, name: &str) -> Result<bool, TierError> {
    loop {
        match Clock::default().timeout(CHECK, messages.next()).await {
            Some(Some(message)) if is_about(message.get_payload_bytes(), name) => return Ok(true),
            Some(Some(_)) => {}
            Some(None) => return Ok(false),
            // The same subscription again changes nothing, and needs no other right.
            None => in_time(subscribe(sink)).await?,
        }
    }
}

/// Whether a message of the form `<name> <old host> <old port> <new host> <new port>` is about this name.
fn is_about(payload: &[u8], name: &str) -> bool {
    payload.strip_prefix(name.as_bytes()).is_some_and(|rest| rest.starts_with(b" "))
}

async fn in_time<T>(asked: impl Future<Output = Result<T, TierError>>) -> Result<T, TierError> {
    Clock::default().timeout(LIMIT, asked).await.unwrap_or_else(|| Err(TierError::timeout("a sentinel")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_about_other_names_are_ignored() {
        assert!(is_about(b"service 10.0.0.1 6379 10.0.0.2 6379", "service"));
        assert!(!is_about(b"service2 10.0.0.1 6379 10.0.0.2 6379", "service"));
        assert!(!is_about(b"", "service"));
    }
}
