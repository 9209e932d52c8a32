//! The connections to one server: one for commands, and one for the bus.

use redis::aio::MultiplexedConnection;
use redis::{Pipeline, Value};
use tokio_util::task::AbortOnDropHandle;

use super::call::Call;
use super::connect::{self, Commands, Messages};
use super::heartbeat::Pulse;
use super::operations::unexpected;
use super::stream::Received;
use super::transport::Transport;
use crate::protocol::TierError;

/// A server that executes every command.
pub(super) struct Server {
    connection: MultiplexedConnection,
    received: Received,
    driver: AbortOnDropHandle<()>,
    messages: Messages,
    run_id: String,
    connected_at: u64,
}

impl Server {
    pub(super) fn new(commands: Commands, messages: Messages, (run_id, connected_at): (String, u64)) -> Self {
        let Commands { connection, received, driver } = commands;
        Self { connection, received, driver, messages, run_id, connected_at }
    }

    /// Sends a pipeline; loads the scripts and sends it again if the server does not know one of them.
    ///
    /// Every script is idempotent by its token.
    pub(super) async fn send(&self, pipeline: &Pipeline) -> Result<Vec<Value>, TierError> {
        let mut connection = self.connection.clone();
        let count = pipeline.len();
        let replies = connection.send_packed_commands(pipeline, 0, count).await?;
        if !replies.iter().any(is_unknown_script) {
            return Ok(replies);
        }
        connect::load_scripts(&mut connection).await?;
        Ok(connection.send_packed_commands(pipeline, 0, count).await?)
    }
}

fn is_unknown_script(reply: &Value) -> bool {
    matches!(reply, Value::ServerError(error) if error.code() == "NOSCRIPT")
}

impl Transport for Server {
    fn run_id(&self) -> &str {
        &self.run_id
    }

    fn connected_at(&self) -> u64 {
        self.connected_at
    }

    fn received(&self) -> &Received {
        &self.received
    }

    fn close(&self) {
        self.driver.abort();
        self.messages.pump.abort();
    }

    fn is_sharded(&self) -> bool {
        false
    }

    async fn values(&self, keys: &[&str]) -> Result<Vec<Value>, TierError> {
        match self.connection.clone().send_packed_command(&mget(keys)).await? {
            Value::Array(values) => Ok(values),
            Value::ServerError(error) => Err(redis::RedisError::from(error).into()),
            _ => Err(unexpected("MGET")),
        }
    }

    async fn execute(&self, calls: &[Call]) -> Result<Vec<Value>, TierError> {
        let mut pipeline = Pipeline::with_capacity(calls.len());
        for call in calls {
            pipeline.add_command(call.cmd().clone());
        }
        self.send(&pipeline).await
    }

    async fn beat(&self, beats: &[Call], _: &Pulse<'_>) -> Result<Vec<Value>, TierError> {
        self.execute(beats).await
    }

    async fn subscribe(&self, channels: &[String]) -> Result<(), TierError> {
        Ok(self.messages.sink.lock().await.subscribe(channels).await?)
    }
}

/// The command that reads keys.
pub(super) fn mget(keys: &[&str]) -> redis::Cmd {
    let mut cmd = redis::Cmd::with_capacity(1 + keys.len(), 4 + keys.iter().map(|key| key.len()).sum::<usize>());
    cmd.arg("MGET");
    for key in keys {
        cmd.arg(key);
    }
    cmd
}
