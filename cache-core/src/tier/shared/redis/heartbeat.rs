//! The heartbeat as a command, and its reply.

use redis::Value;

use super::call::Call;
use super::calls::millis;
use super::operations::unexpected;
use super::scripts::Script;
use crate::protocol::key_names::{channel, epoch_key, heartbeat_channel, heartbeat_key, members_key};
use crate::protocol::{Expired, Heartbeat, HeartbeatReply, Member, Members, Message, TierError};
use crate::runtime::random;

/// The TTL of the member list, in milliseconds: longer than outages it must survive.
const MEMBERS_TTL: u64 = 24 * 60 * 60 * 1000;
/// The TTL of the heartbeat key, in leases.
const HEARTBEAT_TTL: u32 = 10;

/// The call of the script `HEARTBEAT`.
///
/// `home` is the namespace of the heartbeat key.
pub(super) fn call(beat: &Heartbeat, home: &str, instance: &str, run: &str) -> Call {
    let mut keys = vec![heartbeat_key(home, instance)];
    keys.extend(beat.namespaces.iter().flat_map(|namespace| [epoch_key(namespace), members_key(namespace)]));
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let mut call = Call::script(Script::Heartbeat, &keys);
    call.arg(beat.nonce).arg(life(beat)).channel(&heartbeat_channel(home, instance));
    call.arg(random::token_text()).arg(instance).arg(beat.pending).arg(u8::from(beat.settled));
    call.arg(millis(beat.lease)).arg(run);
    call.arg(if beat.announced { Message::Announced { member: instance }.to_string() } else { String::new() });
    call.arg(MEMBERS_TTL).arg(beat.seen).arg(beat.namespaces.len());
    for namespace in &beat.namespaces {
        call.channel(&channel(namespace));
    }
    for over in &beat.expired {
        call.arg(over.namespace + 1).arg(&over.id).arg(over.sequence);
    }
    call
}

/// The heartbeat of each namespace by itself, or one without a namespace if there is none.
pub(super) fn split(beat: &Heartbeat) -> Vec<Heartbeat> {
    let of = |(at, namespace): (usize, &String)| {
        let expired = beat.expired.iter().filter(|over| over.namespace == at);
        let expired = expired.map(|over| Expired { namespace: 0, ..over.clone() }).collect();
        Heartbeat { namespaces: vec![namespace.clone()], expired, ..beat.clone() }
    };
    if beat.namespaces.is_empty() {
        return vec![beat.clone()];
    }
    beat.namespaces.iter().enumerate().map(of).collect()
}

/// A heartbeat as each server of a cluster executes it.
pub(super) struct Pulse<'a> {
    pub(super) beat: &'a Heartbeat,
    pub(super) home: &'a str,
    pub(super) instance: &'a str,
}

impl Pulse<'_> {
    /// The hash tag of this number. Each has another slot.
    pub(super) fn tag(&self, number: u32) -> String {
        format!("{}:{number}:", self.home)
    }

    /// The call for a server with the slot of this number's hash tag; without a number, for one that has no slot.
    ///
    /// The latter accepts no key, and so no write that would prove that it is a primary. Nor has it any scope.
    pub(super) fn call(&self, number: Option<u32>) -> Call {
        let channel = heartbeat_channel(self.home, self.instance);
        let Some(number) = number else {
            let mut call = Call::command("PUBLISH");
            call.channel(&channel).text(Message::Heartbeat { nonce: self.beat.nonce });
            return call;
        };
        let key = heartbeat_key(&format!("{}:{number}", self.home), self.instance);
        let mut call = Call::script(Script::Pulse, &[&key]);
        call.arg(self.beat.nonce).arg(life(self.beat)).channel(&channel);
        call
    }
}

/// How long the heartbeat key lives, in milliseconds.
fn life(beat: &Heartbeat) -> u64 {
    millis(beat.lease.saturating_mul(HEARTBEAT_TTL))
}

/// Parses the replies, which must be for this number of namespaces together.
pub(super) fn parse(replies: Vec<Value>, namespaces: usize) -> Result<HeartbeatReply, TierError> {
    let parsed = replies.into_iter().map(parts).collect::<Option<Vec<_>>>();
    let joined =
        parsed.and_then(|parts| parts.into_iter().reduce(join)).filter(|all| all.namespaces.len() == namespaces);
    joined.ok_or_else(|| unexpected("a heartbeat"))
}

/// Joins the replies of two servers. The clock is that of the first.
fn join(mut first: HeartbeatReply, mut second: HeartbeatReply) -> HeartbeatReply {
    first.namespaces.append(&mut second.namespaces);
    first
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
