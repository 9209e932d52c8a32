//! The commands of a request, as the primary and the replica execute them.

use std::io;

use super::Shared;
use super::replica::offset_in;
use super::resp::{Reply, RespConnection};
use crate::redis::raw;

/// The commands that Upstash does not offer over REST
/// (<https://upstash.com/docs/redis/features/restapi#rest-redis-api-compatibility>).
const NOT_OVER_REST: [&str; 16] = [
    "AUTH",
    "BLMOVE",
    "BLPOP",
    "BRPOP",
    "CLIENT",
    "DISCARD",
    "EXEC",
    "HELLO",
    "MONITOR",
    "MULTI",
    "PSUBSCRIBE",
    "QUIT",
    "SELECT",
    "SUBSCRIBE",
    "UNWATCH",
    "WATCH",
];
/// The commands that a replica answers. A script may write, and runs on the primary, unless it is called to read only
/// (<https://upstash.com/docs/redis/commands/scripting/evalsha-ro>).
const READS: [&str; 16] = [
    "EVALSHA_RO",
    "EVAL_RO",
    "EXISTS",
    "GET",
    "GETRANGE",
    "HGET",
    "HGETALL",
    "HMGET",
    "MGET",
    "PTTL",
    "STRLEN",
    "TTL",
    "TYPE",
    "ZCARD",
    "ZRANGE",
    "ZSCORE",
];

/// The name of a command, in upper case.
pub(super) fn name(command: &[Vec<u8>]) -> String {
    String::from_utf8_lossy(&command[0]).to_ascii_uppercase()
}

/// The connections to Redis of one connection of a client.
#[derive(Debug)]
pub(super) struct Backends {
    primary: RespConnection,
    replica: Option<RespConnection>,
}

impl Backends {
    pub(super) fn open(shared: &Shared) -> io::Result<Self> {
        let replica = shared.replica.as_ref().map(|replica| RespConnection::open(replica.port())).transpose()?;
        Ok(Self { primary: RespConnection::open(shared.primary)?, replica })
    }

    /// Executes one command for a client that has seen the state of `token`.
    pub(super) fn execute(&mut self, shared: &Shared, command: &[Vec<u8>], token: u64) -> io::Result<Reply> {
        let name = name(command);
        if NOT_OVER_REST.contains(&name.as_str()) {
            return Ok(Reply::Error(format!("ERR Command is not available: '{name}'")));
        }
        let reply = self.backend(shared, &name, token).call(command)?;
        Ok(if name == "INFO" { without_run_id(reply) } else { reply })
    }

    /// Executes commands as one transaction.
    pub(super) fn transaction(&mut self, commands: &[Vec<Vec<u8>>]) -> io::Result<Reply> {
        self.primary.call(&[b"MULTI".to_vec()])?;
        for command in commands {
            self.primary.call(command)?;
        }
        self.primary.call(&[b"EXEC".to_vec()])
    }

    fn backend(&mut self, shared: &Shared, name: &str, token: u64) -> &mut RespConnection {
        let frozen_at = shared.replica.as_ref().and_then(super::Replica::frozen_at);
        match (&mut self.replica, frozen_at) {
            (Some(replica), Some(offset)) if READS.contains(&name) && token <= offset => replica,
            _ => &mut self.primary,
        }
    }

    /// The token of the state after the commands: the offset of the primary in the stream of writes.
    pub(super) fn sync_token(shared: &Shared) -> io::Result<u64> {
        raw(shared.primary, &["INFO", "replication"]).map(|info| offset_in(&info))
    }
}

/// Upstash does not document that `INFO` has the run id of a process.
fn without_run_id(reply: Reply) -> Reply {
    let Reply::Bulk(bytes) = reply else { return reply };
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let lines = text.lines().filter(|line| !line.starts_with("run_id:"));
    Reply::Bulk(lines.flat_map(|line| [line, "\r\n"]).collect::<String>().into_bytes())
}
