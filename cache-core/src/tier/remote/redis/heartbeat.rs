//! The heartbeat as a command, and its reply.

use redis::{Cmd, Value};

use super::super::{ANNOUNCED, Beat, Heartbeat};
use super::RemoteError;
use super::key_names::{beat_channel, channel, epoch_key, heartbeat_key, members_key};
use super::session::{about, call, millis, unexpected};
use crate::coherence::{Member, Members};
use crate::runtime::chance;

/// The TTL of the member list, in milliseconds: longer than outages it must survive.
const MEMBERS_TTL: u64 = 24 * 60 * 60 * 1000;
/// The TTL of the heartbeat key, in leases.
const SIGN_OF_LIFE: u32 = 10;

/// The `EVALSHA` of the script `BEAT`, whose name on the server is `hash`.
///
/// `home` is the namespace of the heartbeat key.
pub(super) fn command(hash: &str, beat: &Beat, home: &str, instance: &str, run: &str) -> Cmd {
    let mut keys = vec![heartbeat_key(home, instance)];
    keys.extend(beat.namespaces.iter().flat_map(|namespace| [epoch_key(namespace), members_key(namespace)]));
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let mut cmd = call(hash, &keys);
    cmd.arg(beat.nonce).arg(millis(beat.lease.saturating_mul(SIGN_OF_LIFE))).arg(beat_channel(home, instance));
    cmd.arg(chance::token_text()).arg(instance).arg(beat.pending).arg(u8::from(beat.settled));
    cmd.arg(millis(beat.lease)).arg(run);
    cmd.arg(if beat.announced { about(ANNOUNCED, instance) } else { String::new() });
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
pub(super) fn parse(reply: Value, namespaces: usize) -> Result<Heartbeat, RemoteError> {
    let parsed = parts(reply).filter(|heartbeat| heartbeat.namespaces.len() == namespaces);
    parsed.ok_or_else(|| unexpected("a heartbeat"))
}

fn parts(reply: Value) -> Option<Heartbeat> {
    let mut parts = redis::from_redis_value::<Vec<Value>>(reply).ok()?.into_iter();
    let server_time = redis::from_redis_value::<String>(parts.next()?).ok()?.parse().ok()?;
    let namespaces = parts.map(namespace).collect::<Option<_>>()?;
    Some(Heartbeat { server_time, namespaces })
}

fn namespace(part: Value) -> Option<(String, Members)> {
    let part: (String, u8, u64, Vec<String>) = redis::from_redis_value(part).ok()?;
    let (epoch, known, sequence, fields) = part;
    // Skips the sequence counter and foreign fields.
    let list = fields.as_chunks::<2>().0.iter().filter_map(|[id, value]| Member::parse(id, value)).collect();
    Some((epoch, Members { sequence, knew_me: known == 1, list }))
}
