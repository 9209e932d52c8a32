//! The heartbeat as a command, and its reply.

use redis::{Cmd, Value};

use super::calls::{call, millis};
use super::operations::unexpected;
use crate::protocol::key_names::{channel, epoch_key, heartbeat_channel, heartbeat_key, members_key};
use crate::protocol::{Heartbeat, HeartbeatReply, Member, Members, Message, TierError};
use crate::runtime::random;

/// The TTL of the member list, in milliseconds: longer than outages it must survive.
const MEMBERS_TTL: u64 = 24 * 60 * 60 * 1000;
/// The TTL of the heartbeat key, in leases.
const HEARTBEAT_TTL: u32 = 10;

/// The `EVALSHA` of the script `BEAT`, whose name on the server is `hash`.
///
/// `home` is the namespace of the heartbeat key.
pub(super) fn command(hash: &str, beat: &Heartbeat, home: &str, instance: &str, run: &str) -> Cmd {
    let mut keys = vec![heartbeat_key(home, instance)];
    keys.extend(beat.namespaces.iter().flat_map(|namespace| [epoch_key(namespace), members_key(namespace)]));
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let mut cmd = call(hash, &keys);
    cmd.arg(beat.nonce).arg(millis(beat.lease.saturating_mul(HEARTBEAT_TTL))).arg(heartbeat_channel(home, instance));
    cmd.arg(random::token_text()).arg(instance).arg(beat.pending).arg(u8::from(beat.settled));
    cmd.arg(millis(beat.lease)).arg(run);
    cmd.arg(if beat.announced { Message::Announced { member: instance }.to_string() } else { String::new() });
    cmd.arg(MEMBERS_TTL).arg(beat.seen).arg(beat.namespaces.len());
    for namespace in &beat.namespaces {
        cmd.arg(channel(namespace));
    }
    for over in &beat.expired {
        cmd.arg(over.namespace + 1).arg(&over.id).arg(over.sequence);
    }
    cmd
}

/// Parses the reply, which must be for this number of namespaces.
pub(super) fn parse(reply: Value, namespaces: usize) -> Result<HeartbeatReply, TierError> {
    let parsed = parts(reply).filter(|heartbeat| heartbeat.namespaces.len() == namespaces);
    parsed.ok_or_else(|| unexpected("a heartbeat"))
}

fn parts(reply: Value) -> Option<HeartbeatReply> {
    let mut parts = redis::from_redis_value::<Vec<Value>>(reply).ok()?.into_iter();
    let server_time = redis::from_redis_value::<String>(parts.next()?).ok()?.parse().ok()?;
    let namespaces = parts.map(namespace).collect::<Option<_>>()?;
    Some(HeartbeatReply { server_time, namespaces })
}

fn namespace(part: Value) -> Option<(String, Members)> {
    let part: (String, u8, u64, Vec<String>) = redis::from_redis_value(part).ok()?;
    let (epoch, known, sequence, fields) = part;
    // Skips the sequence counter and foreign fields.
    let list = fields.as_chunks::<2>().0.iter().filter_map(|[id, value]| Member::parse(id, value)).collect();
    Some((epoch, Members { sequence, knew_me: known == 1, list }))
}
