//! Opening a connection: RESP3 with the bus on the same connection, or RESP2 with one of its own for the bus.

use std::sync::Arc;

use futures_util::StreamExt as _;
use redis::aio::{AsyncPushSender, MultiplexedConnection, PubSubSink, SendError};
use redis::{AsyncConnectionConfig, ProtocolVersion, PushInfo, PushKind, Value};
use tokio::sync::Mutex;

use super::session::{RedisSession, Subscriptions};
use super::target::Target;
use super::{RemoteError, RemoteErrorKind, scripts};
use crate::coherence::BusSink;

/// Commands that wait to be written to the socket. The library's default of 50 costs throughput under load.
const PIPELINE_BUFFER: usize = 1024;

pub(super) async fn open(
    target: &Target,
    instance: &str,
    bus: BusSink,
    home: &str,
    max_entry: usize,
) -> Result<RedisSession, RemoteError> {
    let (mut connection, subscriptions) = match open_resp3(target, &bus).await {
        Ok(connection) => (connection, Subscriptions::SameConnection),
        Err(first) => match open_resp2(target, bus).await {
            Ok(opened) => opened,
            // A server that knows RESP2 only first says what it lacks, and then what is wrong.
            Err(second) if second.kind() == RemoteErrorKind::Refused && second.advice() != first.advice() => {
                return Err(second);
            }
            // Any other is down for both, and the first error is the one that tells of it.
            Err(_) => return Err(first),
        },
    };
    let server = server(&mut connection).await?;
    load_scripts(&mut connection).await?;
    Ok(RedisSession::new(connection, subscriptions, server, instance, home, max_entry))
}

async fn open_resp3(target: &Target, bus: &BusSink) -> Result<MultiplexedConnection, RemoteError> {
    target.commands(ProtocolVersion::RESP3, config().set_push_sender(Pushes(bus.clone()))).await
}

async fn open_resp2(target: &Target, bus: BusSink) -> Result<(MultiplexedConnection, Subscriptions), RemoteError> {
    let connection = target.commands(ProtocolVersion::RESP2, config()).await?;
    let (sink, mut messages) = target.messages(ProtocolVersion::RESP2).await?.split();
    // Ends with the stream, which ends when the connection does or when the session drops its sink.
    tokio::spawn(async move {
        while let Some(message) = messages.next().await {
            bus.message(message.get_payload_bytes());
        }
        bus.disconnected();
    });
    Ok((connection, own_connection(sink)))
}

fn own_connection(sink: PubSubSink) -> Subscriptions {
    Subscriptions::OwnConnection(Arc::new(Mutex::new(sink)))
}

/// No timeouts of the library's own: the callers bound every wait, and no retries.
fn config() -> AsyncConnectionConfig {
    AsyncConnectionConfig::new()
        .set_connection_timeout(None)
        .set_response_timeout(None)
        .set_pipeline_buffer_size(PIPELINE_BUFFER)
}

/// Receives what the server pushes; runs where the bytes are read.
struct Pushes(BusSink);

impl AsyncPushSender for Pushes {
    fn send(&self, push: PushInfo) -> Result<(), SendError> {
        match push.kind {
            PushKind::Message => {
                if let Some(Value::BulkString(payload)) = push.data.get(1) {
                    self.0.message(payload);
                }
            }
            PushKind::Disconnection => self.0.disconnected(),
            _ => {}
        }
        Ok(())
    }
}

/// Reads the run id of the server process, and its clock in milliseconds.
///
/// The run id differs after a restart, and on a replica that takes over.
async fn server(connection: &mut MultiplexedConnection) -> Result<(String, u64), RemoteError> {
    let (text, (seconds, micros)): (String, (u64, u64)) =
        redis::pipe().cmd("INFO").arg("server").cmd("TIME").query_async(connection).await?;
    let line = text.lines().find_map(|line| line.strip_prefix("run_id:"));
    let run_id = line.map(|id| id.trim().to_owned()).ok_or_else(|| {
        RemoteError::new(RemoteErrorKind::Protocol, "the server does not tell its run id in INFO server")
    })?;
    Ok((run_id, seconds * 1000 + micros / 1000))
}

pub(super) async fn load_scripts(connection: &mut MultiplexedConnection) -> Result<(), RemoteError> {
    let mut pipeline = redis::pipe();
    for script in scripts::ALL {
        pipeline.cmd("SCRIPT").arg("LOAD").arg(script).ignore();
    }
    Ok(pipeline.query_async(connection).await?)
}
