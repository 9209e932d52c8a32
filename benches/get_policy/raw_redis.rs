//! The commands of a shared hit without the cache: the same keys, on a connection with the same settings.

use cache_tests::RedisServer;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, IntoConnectionInfo, ProtocolVersion};
use stores::TenantId;

pub(crate) fn key(tenant: TenantId) -> String {
    format!("copilot:llm:policy:{tenant}")
}

/// Reads entries and their generations: each entry and the generation of its own scope, then that of the method.
pub(crate) async fn mget(keys: &[String], connection: &mut MultiplexedConnection) -> Vec<Option<Vec<u8>>> {
    let mut command = redis::cmd("MGET");
    for key in keys {
        command.arg(key).arg(format!("g:{{{key}}}"));
    }
    command.arg("g:{copilot:llm:policy:*}");
    command.query_async(connection).await.expect("a read does not fail")
}

/// The payload within an envelope.
///
/// It follows a header of 78 bytes, whose sixth byte counts the generations, and the generations, whose ninth byte is
/// the length of their rest; a checksum of 8 bytes follows it.
pub(crate) fn payload(entry: &[u8]) -> &[u8] {
    let mut at = 78;
    for _ in 0..entry[5] {
        at += 9 + usize::from(entry[at + 8]);
    }
    &entry[at..entry.len() - 8]
}

/// A connection with the settings of the decorator's own connection.
pub(crate) async fn connect(server: &RedisServer) -> redis::RedisResult<MultiplexedConnection> {
    let info = server.admin_url().into_connection_info()?;
    let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
    let tcp = info.tcp_settings().clone().set_nodelay(true);
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(None)
        .set_response_timeout(None)
        .set_pipeline_buffer_size(1024);
    Client::open(info.set_redis_settings(settings).set_tcp_settings(tcp))?
        .get_multiplexed_async_connection_with_config(&config)
        .await
}
