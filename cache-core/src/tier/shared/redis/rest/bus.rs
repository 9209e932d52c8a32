//! The bus: one stream of events for all channels of an instance.
//!
//! A heartbeat proves that the messages before it have arrived only if both come over one stream. A server that confirms
//! one channel alone, or none in time, is not used as a bus: then no heartbeat returns, and the local tier is not
//! trusted. The shared tier works without it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{sleep, timeout};
use tokio_util::task::AbortOnDropHandle;

use super::client::{Events, HttpClient};
use super::events::{Event, Lines, event, path};
use crate::protocol::{BusSink, TierError, TierErrorKind};

/// How long the server may take to confirm the channels. It is less than a connection may take to open, so that a
/// stream that a proxy buffers costs only the bus.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often a server without streams is tried again.
const RETRY: Duration = Duration::from_mins(1);

/// The stream of one connection.
pub(super) struct RestBus {
    sink: BusSink,
    /// Reads the stream, or waits for one. It ends with this value.
    task: Mutex<Option<AbortOnDropHandle<()>>>,
}

impl RestBus {
    pub(super) fn new(sink: BusSink) -> Self {
        Self { sink, task: Mutex::new(None) }
    }

    /// Subscribes to channels, in place of those before.
    ///
    /// Messages that only the former stream would have had are lost: the caller flushes the local tier.
    pub(super) async fn subscribe(&self, client: &HttpClient, channels: &[String]) -> Result<(), TierError> {
        let task = match Stream::open(client, channels, &self.sink).await {
            Ok(stream) => tokio::spawn(stream.pump()),
            Err(NoStream::Unavailable) => {
                tracing::warn!(
                    "the server of Redis over HTTP offers no stream of messages: the local tier is not used; check that \
                     no proxy in between buffers responses"
                );
                tokio::spawn(wait_for_streams(client.clone(), channels.to_vec(), self.sink.clone()))
            }
            Err(NoStream::Failed(error)) => return Err(error),
        };
        self.replace(Some(AbortOnDropHandle::new(task)));
        Ok(())
    }

    pub(super) fn close(&self) {
        self.replace(None);
    }

    fn replace(&self, task: Option<AbortOnDropHandle<()>>) {
        *self.task.lock().unwrap_or_else(PoisonError::into_inner) = task;
    }
}

/// Why there is no stream.
enum NoStream {
    /// The server or a proxy does not offer it.
    Unavailable,
    Failed(TierError),
}

/// A stream that has confirmed its channels.
struct Stream {
    events: Events,
    lines: Lines,
    channels: Vec<String>,
    sink: BusSink,
}

impl Stream {
    async fn open(client: &HttpClient, channels: &[String], sink: &BusSink) -> Result<Self, NoStream> {
        let opening = async {
            let events = client.events(&path(channels)).await.map_err(NoStream::of)?;
            let stream = Self { events, lines: Lines::default(), channels: channels.to_vec(), sink: sink.clone() };
            stream.confirmed().await
        };
        timeout(PATIENCE, opening).await.unwrap_or(Err(NoStream::Unavailable))
    }

    /// Waits until each channel is confirmed.
    async fn confirmed(mut self) -> Result<Self, NoStream> {
        let mut is_open = vec![false; self.channels.len()];
        while is_open.contains(&false) {
            let read = self.read(|event| match event {
                Event::Subscribed(channel) => {
                    is_open[channel] = true;
                    true
                }
                Event::Message(_) => true,
                Event::Unknown => false,
            });
            if !read.await {
                return Err(NoStream::Unavailable);
            }
        }
        Ok(self)
    }

    /// Passes messages on until the stream ends, or has an event that is not known.
    async fn pump(mut self) {
        while self.read(|event| event != Event::Unknown).await {}
        self.sink.disconnected();
    }

    /// Reads a piece of the stream; returns `false` at its end, or if `accept` rejects an event.
    async fn read(&mut self, mut accept: impl FnMut(Event<'_>) -> bool) -> bool {
        let Some(piece) = self.events.next().await else { return false };
        let (channels, sink, mut is_accepted) = (&self.channels, &self.sink, true);
        let added = self.lines.add(&piece, |line| {
            let Some(event) = event(line, channels) else { return };
            if let Event::Message(text) = event {
                sink.message(text);
            }
            is_accepted &= accept(event);
        });
        added.is_ok() && is_accepted
    }
}

impl NoStream {
    fn of(error: TierError) -> Self {
        if error.kind() == TierErrorKind::Protocol || error.is_of_one_command() {
            Self::Unavailable
        } else {
            Self::Failed(error)
        }
    }
}

/// Waits until the server offers streams, and ends the connection: the next one has a bus from its beginning.
async fn wait_for_streams(client: HttpClient, channels: Vec<String>, sink: BusSink) {
    loop {
        sleep(RETRY).await;
        if Stream::open(&client, &channels, &sink).await.is_ok() {
            sink.disconnected();
            return;
        }
    }
}
