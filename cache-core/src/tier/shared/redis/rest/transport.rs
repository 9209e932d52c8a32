//! The transport: batches as requests to `/pipeline`.

use futures_util::future::{Either, select};
use redis::{RedisError, Value};
use tokio_util::sync::CancellationToken;

use super::super::call::Call;
use super::super::heartbeat::Pulse;
use super::super::operations::{accepted, unexpected};
use super::super::stream::Received;
use super::super::transport::Transport;
use super::bus::RestBus;
use super::client::{HttpClient, Repeat};
use super::json::replies;
use super::reads::{self, Command, KEYS_AT_ONCE};
use crate::protocol::{BusSink, TierError};

/// Pipelining: <https://upstash.com/docs/redis/features/restapi#pipelining>.
const PIPELINE: &str = "/pipeline";

/// Identifies the server for the epoch of an entry.
///
/// The interface documents nothing that changes with the primary, so that the epoch is that of the namespace alone.
const RUN_ID: &str = "rest";

/// A REST interface.
pub(in super::super) struct Rest {
    client: HttpClient,
    bus: RestBus,
    connected_at: u64,
    closed: CancellationToken,
}

impl Rest {
    /// Loads the scripts, and reads the server's clock.
    pub(super) async fn open(client: HttpClient, bus: BusSink) -> Result<Self, TierError> {
        let mut rest = Self { client, bus: RestBus::new(bus), connected_at: 0, closed: CancellationToken::new() };
        let time = vec![vec!["TIME".into()]];
        let mut opened = accepted(rest.send(&[time, load_commands()].concat(), Repeat::Never).await?)?;
        rest.connected_at = millis(opened.swap_remove(0)).ok_or_else(|| unexpected("TIME"))?;
        Ok(rest)
    }

    /// Sends commands; loads the scripts and sends all again if the server does not know one of them.
    ///
    /// Every script is idempotent by its token.
    async fn run(&self, commands: &[Command<'_>], repeat: Repeat) -> Result<Vec<Value>, TierError> {
        let replies = self.send(commands, repeat).await?;
        if !replies.iter().any(is_unknown_script) {
            return Ok(replies);
        }
        accepted(self.send(&load_commands(), repeat).await?)?;
        self.send(commands, repeat).await
    }

    async fn send(&self, commands: &[Command<'_>], repeat: Repeat) -> Result<Vec<Value>, TierError> {
        if commands.is_empty() {
            return Ok(Vec::new());
        }
        let body = serde_json::to_string(commands).map_err(|_| unexpected("a request"))?;
        let posted = std::pin::pin!(self.client.post(PIPELINE, body, repeat));
        let closed = std::pin::pin!(self.closed.cancelled());
        match select(posted, closed).await {
            Either::Left((body, _)) => replies(&body?, commands.len()),
            Either::Right(_) => Err(TierError::disconnected("the connection was closed")),
        }
    }
}

fn load_commands() -> Vec<Command<'static>> {
    reads::scripts().map(|text| vec!["SCRIPT".into(), "LOAD".into(), text.into()]).collect()
}

fn is_unknown_script(reply: &Value) -> bool {
    matches!(reply, Value::ServerError(error) if error.code() == "NOSCRIPT")
}

/// The clock of a reply to `TIME`, in milliseconds.
fn millis(reply: Value) -> Option<u64> {
    let (seconds, micros): (u64, u64) = redis::from_redis_value(reply).ok()?;
    Some(seconds * 1000 + micros / 1000)
}

impl Transport for Rest {
    fn run_id(&self) -> &str {
        RUN_ID
    }

    fn connected_at(&self) -> u64 {
        self.connected_at
    }

    fn received(&self) -> &Received {
        self.client.received()
    }

    fn close(&self) {
        self.closed.cancel();
        self.bus.close();
    }

    fn is_sharded(&self) -> bool {
        false
    }

    async fn values(&self, keys: &[&str]) -> Result<Vec<Value>, TierError> {
        let commands: Vec<Command<'_>> = keys.chunks(KEYS_AT_ONCE).map(reads::values).collect();
        let mut values = Vec::with_capacity(keys.len());
        for reply in self.run(&commands, Repeat::Once).await? {
            match reply {
                Value::Array(mut part) => values.append(&mut part),
                Value::ServerError(error) => return Err(RedisError::from(error).into()),
                _ => return Err(unexpected("MGET")),
            }
        }
        Ok(values)
    }

    async fn execute(&self, calls: &[Call]) -> Result<Vec<Value>, TierError> {
        let (commands, limits): (Vec<_>, Vec<_>) = calls.iter().map(|call| reads::command(call.args())).unzip();
        let replies = self.run(&commands, Repeat::Never).await?;
        let limited = |(reply, limit): (Value, Option<reads::Limit>)| match limit {
            Some(limit) => limit.apply(reply),
            None => reply,
        };
        Ok(replies.into_iter().zip(limits).map(limited).collect())
    }

    async fn beat(&self, beats: &[Call], _: &Pulse<'_>) -> Result<Vec<Value>, TierError> {
        self.execute(beats).await
    }

    async fn subscribe(&self, channels: &[String]) -> Result<(), TierError> {
        self.bus.subscribe(&self.client, channels).await
    }
}
