//! The calls of the operations.

use std::time::Duration;

use super::call::Call;
use super::scripts::Script;
use crate::protocol::key_names::{channel, claim_key, epoch_key, members_key};
use crate::protocol::{Fill, GENERATION_TTL, Message, Scope, WriteScopes, writers_of};
use crate::runtime::random;

/// The most scopes that one pipeline or one script changes, so that no other request waits long behind it.
pub(super) const CALLS_AT_ONCE: usize = 512;

pub(super) fn lock_call(scope: &Scope, token: &str, hold: Duration) -> Call {
    let mut call = Call::script(Script::Lock, &[scope.generation_key()]);
    call.arg(token).arg(millis(hold)).channel(&bus_channel(scope)).arg(invalidation(scope));
    call
}

pub(super) fn register_call(method: &Scope, token: &str, hold: Duration) -> Call {
    let mut call = call_with_writers(Script::Register, [method]);
    call.arg(token).arg(millis(hold)).channel(&bus_channel(method)).arg(method.name());
    call.arg(random::token_text()).arg(millis(GENERATION_TTL));
    call
}

pub(super) fn release_call(scope: &Scope, token: &str) -> Call {
    let mut call = call_with_writers(Script::Release, [scope]);
    call.arg(token).channel(&bus_channel(scope)).arg(invalidation(scope));
    call.arg(random::token_text()).arg(millis(GENERATION_TTL));
    call
}

pub(super) fn invalidate_call(scope: &Scope, token: &str) -> Call {
    let mut call = call_with_writers(Script::Invalidate, [scope]);
    call.channel(&bus_channel(scope)).arg(invalidation(scope)).arg(token).arg(millis(GENERATION_TTL));
    call
}

/// The calls that end a registration: invalidations that come before, and the last call.
///
/// The last call invalidates as many of the found scopes as `at_once` allows, in the same step. A connection that is
/// lost before it leaves the registration, which expires.
pub(super) fn finish_calls(method: &Scope, write: WriteScopes<'_>, token: &str, at_once: usize) -> (Vec<Call>, Call) {
    let found: Vec<&Scope> = write.found_in(method).collect();
    let (before, last) = found.split_at(found.len().saturating_sub(at_once));
    let before = before.iter().map(|scope| invalidate_call(scope, &random::token_text())).collect();
    (before, finish_call(method, last, token))
}

fn finish_call(method: &Scope, found: &[&Scope], token: &str) -> Call {
    let mut call = call_with_writers(Script::Finish, [&[method][..], found].concat());
    call.arg(token).channel(&bus_channel(method)).arg(method.name());
    call.arg(random::token_text()).arg(millis(GENERATION_TTL));
    for scope in found {
        call.arg(invalidation(scope));
    }
    call
}

/// The call that creates missing generations.
pub(super) fn init_call(generations: &[&str]) -> Call {
    let keys: Vec<String> =
        generations.iter().flat_map(|generation| [(*generation).to_owned(), writers_of(generation)]).collect();
    let mut call = Call::script(Script::GetInit, &keys.iter().map(String::as_str).collect::<Vec<_>>());
    call.arg(random::token_text()).arg(millis(GENERATION_TTL));
    call
}

/// The calls that store an entry and renew its generations.
pub(super) fn fill_calls(fill: Fill<'_>) -> impl Iterator<Item = Call> {
    let mut set = Call::on("SET", fill.entry);
    set.arg(fill.bytes).arg("PX").arg(millis(fill.ttl));
    let renewals = fill.renew.into_iter().map(|(key, generation)| {
        let mut renew = Call::script(Script::Renew, &[key]);
        renew.arg(generation.as_bytes()).arg(millis(GENERATION_TTL));
        renew
    });
    std::iter::once(set).chain(renewals)
}

/// The call that claims a refresh.
pub(super) fn claim_call(generation: &str, token: &str, ttl: Duration) -> Call {
    let mut call = Call::on("SET", &claim_key(generation));
    call.arg(token).arg("NX").arg("PX").arg(millis(ttl));
    call
}

/// The call that ends the claim on a refresh.
pub(super) fn unclaim_call(generation: &str, token: &str, rest: Duration) -> Call {
    let mut call = Call::script(Script::Unclaim, &[&claim_key(generation)]);
    call.arg(token).arg(u64::try_from(rest.as_millis()).unwrap_or(u64::MAX));
    call
}

/// The call that gives a namespace a new epoch.
pub(super) fn epoch_call(namespace: &str) -> Call {
    let mut call = Call::on("SET", &epoch_key(namespace));
    call.arg(random::token_text());
    call
}

/// The call that removes a member.
pub(super) fn leave_call(namespace: &str, instance: &str) -> Call {
    let mut call = Call::on("HDEL", &members_key(namespace));
    call.arg(instance);
    call
}

/// The call that sends a message to the members of a namespace.
pub(super) fn publish_call(namespace: &str, message: &Message<'_>) -> Call {
    let mut call = Call::command("PUBLISH");
    call.channel(&channel(namespace)).text(message);
    call.routed_by(members_key(namespace))
}

/// The call of a script on generations, each followed by its pending writers.
fn call_with_writers<'a>(script: Script, scopes: impl IntoIterator<Item = &'a Scope>) -> Call {
    let keys: Vec<_> =
        scopes.into_iter().flat_map(|scope| [scope.generation_key().to_owned(), scope.writers_key()]).collect();
    Call::script(script, &keys.iter().map(String::as_str).collect::<Vec<_>>())
}

pub(super) fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX).max(1)
}

fn bus_channel(scope: &Scope) -> String {
    channel(scope.bus_namespace())
}

fn invalidation(scope: &Scope) -> String {
    Message::Invalidated { scope: scope.name().as_bytes() }.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_script_ends_a_registration_with_more_scopes_than_its_share() {
        let method = Scope::new("ns:e:*");
        for (count, at_once) in [(0_usize, 512), (1, 512), (512, 512), (513, 512), (10_000, 512), (0, 0), (3, 0)] {
            let found: Vec<Scope> = (0..count).map(|number| Scope::new(&format!("ns:e:{number}"))).collect();
            let methods = [method.clone()];
            let write = WriteScopes { locked: &[], methods: &methods, found: &found };
            let (before, last) = finish_calls(&method, write, "token", at_once);
            assert_eq!(before.len(), count.saturating_sub(at_once), "{count} scopes");
            // The command, the hash, the number of keys, two keys for each scope, five values, a message for each scope.
            assert_eq!(last.args().count(), 3 + 2 + 5 + 3 * count.min(at_once));
            assert!(before.iter().all(|call| call.args().count() == 3 + 2 + 4), "the others are invalidated before");
        }
    }
}
