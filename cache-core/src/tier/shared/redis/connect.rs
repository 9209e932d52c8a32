//! Opens a session: one connection for commands, and one for the bus.
//!
//! The bus has its own connection, over RESP3 as well: Redis closes a subscribed connection when more than 32 MB of
//! replies are queued on it (`client-output-buffer-limit pubsub`), and a batch of large values can exceed that.

use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::future::try_join;
use redis::aio::{MultiplexedConnection, PubSub, PubSubSink};
use redis::{AsyncConnectionConfig, ProtocolVersion};
use tokio_util::task::AbortOnDropHandle;

use super::scripts::Script;
use super::server::Server;
use super::stream::Received;
use super::target::Target;
use crate::protocol::{Bus, BusSink, TierError, TierErrorKind};

/// The number of commands that may wait to be written to the socket. The library's default of 50 costs throughput.
const PIPELINE_BUFFER: usize = 1024;

/// The connection for commands. Dropping it closes the connection, whether replies are outstanding or not.
pub(super) struct Commands {
    pub(super) connection: MultiplexedConnection,
    pub(super) received: Received,
    pub(super) driver: AbortOnDropHandle<()>,
}

/// The connection for the bus. Dropping it closes the connection.
pub(super) struct Messages {
    pub(super) sink: tokio::sync::Mutex<PubSubSink>,
    pub(super) pump: AbortOnDropHandle<()>,
}

impl Messages {
    /// Forwards messages until the connection ends.
    fn pump(connection: PubSub, bus: BusSink) -> Self {
        let (sink, mut messages) = connection.split();
        // The library keeps this connection open without its sink: only the end of the stream closes it.
        let pump = tokio::spawn(async move {
            while let Some(message) = messages.next().await {
                bus.message(message.get_payload_bytes());
            }
            bus.disconnected();
        });
        Self { sink: tokio::sync::Mutex::new(sink), pump: AbortOnDropHandle::new(pump) }
    }
}

/// Opens a session.
///
/// If the future is dropped, or a step fails, the connections that are already open are closed.
///
/// `received` counts what arrives.
pub(super) async fn open(target: &Target, bus: BusSink, received: &Received) -> Result<Server, TierError> {
    let (mut commands, messages) = match open_both(target, ProtocolVersion::RESP3, &bus, received).await {
        Ok(opened) => opened,
        Err(first) => match open_both(target, ProtocolVersion::RESP2, &bus, received).await {
            Ok(opened) => opened,
            // A server that supports only RESP2 first reports that it lacks RESP3, and then the actual problem.
            Err(second) if is_better(&second, &first) => return Err(second),
            // Any other server fails for both, and the first error describes it.
            Err(_) => return Err(first),
        },
    };
    let server = server(&mut commands.connection).await?;
    load_scripts(&mut commands.connection).await?;
    let messages = Messages::pump(messages, bus);
    Ok(Server::new(commands, messages, server))
}

/// Whether the error over RESP2 is more helpful than the one over RESP3.
///
/// It is not if RESP3 was refused for a reason of its own, such as protected mode or a wrong password: over RESP2 the
/// library reports every refusal during authentication as a wrong password.
fn is_better(second: &TierError, first: &TierError) -> bool {
    let lacks_resp3 = first.kind() != TierErrorKind::Refused || refuses_hello(&first.to_string());
    lacks_resp3 && second.kind() == TierErrorKind::Refused && second.advice() != first.advice()
}

/// Whether the server refused the command `HELLO` itself, and not its arguments.
fn refuses_hello(words: &str) -> bool {
    words.contains("unknown command") || ["NOPERM", "NOPROTO"].iter().any(|code| words.starts_with(code))
}

async fn open_both(
    target: &Target,
    protocol: ProtocolVersion,
    bus: &BusSink,
    received: &Received,
) -> Result<(Commands, PubSub), TierError> {
    try_join(target.commands(protocol, config(), bus.clone(), received), target.messages(protocol)).await
}

/// Disables the library's timeouts and retries: the callers limit every wait.
pub(super) fn config() -> AsyncConnectionConfig {
    AsyncConnectionConfig::new()
        .set_connection_timeout(None)
        .set_response_timeout(None)
        .set_pipeline_buffer_size(PIPELINE_BUFFER)
}

/// Reads the run id of the server process, and its clock in milliseconds.
///
/// The run id differs after a restart, and on a replica that takes over.
async fn server(connection: &mut MultiplexedConnection) -> Result<(String, u64), TierError> {
    let (text, (seconds, micros)): (String, (u64, u64)) =
        redis::pipe().cmd("INFO").arg("server").cmd("TIME").query_async(connection).await?;
    let line = text.lines().find_map(|line| line.strip_prefix("run_id:"));
    let run_id = line
        .map(|id| id.trim().to_owned())
        .ok_or_else(|| TierError::new(TierErrorKind::Protocol, "the server does not tell its run id in INFO server"))?;
    Ok((run_id, seconds * 1000 + micros / 1000))
}

pub(super) async fn load_scripts(connection: &mut MultiplexedConnection) -> Result<(), TierError> {
    let mut pipeline = redis::pipe();
    for script in Script::ALL {
        pipeline.cmd("SCRIPT").arg("LOAD").arg(script.text()).ignore();
    }
    Ok(pipeline.query_async(connection).await?)
}

/// Asks a server of a cluster for its view of it (`CLUSTER NODES`), over a connection of its own.
pub(super) async fn cluster_nodes(target: &Target) -> Result<String, TierError> {
    let nobody: BusSink = Arc::new(Nobody);
    let mut commands = target.commands(ProtocolVersion::RESP2, config(), nobody, &Received::default()).await?;
    Ok(redis::cmd("CLUSTER").arg("NODES").query_async(&mut commands.connection).await?)
}

/// The bus of a connection that serves one command.
#[derive(Debug)]
struct Nobody;

impl Bus for Nobody {
    fn message(&self, _: &[u8]) {}

    fn missed(&self) {}

    fn disconnected(&self) {}
}
