//! The calls of the scripts: each is one `EVALSHA`.

use std::time::Duration;

use redis::Cmd;

use super::scripts;
use crate::protocol::key_names::{channel, claim_key};
use crate::protocol::{GENERATION_TTL, Message, Scope, WriteScopes};
use crate::runtime::random;

/// The most scopes that one pipeline or one script changes, so that no other request waits long behind it.
pub(super) const CALLS_AT_ONCE: usize = 512;

/// The hashes under which the server stores the scripts.
pub(super) struct Hashes {
    lock: String,
    release: String,
    invalidate: String,
    register: String,
    finish: String,
    unclaim: String,
    pub(super) getinit: String,
    pub(super) renew: String,
    pub(super) heartbeat: String,
}

impl Hashes {
    pub(super) fn new() -> Self {
        let hash = |script| redis::Script::new(script).get_hash().to_owned();
        Self {
            lock: hash(scripts::LOCK),
            release: hash(scripts::RELEASE),
            invalidate: hash(scripts::INVALIDATE),
            register: hash(scripts::REGISTER),
            finish: hash(scripts::FINISH),
            unclaim: hash(scripts::UNCLAIM),
            getinit: hash(scripts::GETINIT),
            renew: hash(scripts::RENEW),
            heartbeat: hash(scripts::HEARTBEAT),
        }
    }
}

/// The calls of writes.
impl Hashes {
    pub(super) fn lock_call(&self, scope: &Scope, token: &str, hold: Duration) -> Cmd {
        let mut cmd = call(&self.lock, &[scope.generation_key()]);
        cmd.arg(token).arg(millis(hold)).arg(bus_channel(scope)).arg(invalidation(scope));
        cmd
    }

    pub(super) fn register_call(&self, method: &Scope, token: &str, hold: Duration) -> Cmd {
        let mut cmd = call_with_writers(&self.register, [method]);
        cmd.arg(token).arg(millis(hold)).arg(bus_channel(method)).arg(method.name());
        cmd.arg(random::token_text()).arg(millis(GENERATION_TTL));
        cmd
    }

    pub(super) fn release_call(&self, scope: &Scope, token: &str) -> Cmd {
        let mut cmd = call_with_writers(&self.release, [scope]);
        cmd.arg(token).arg(bus_channel(scope)).arg(invalidation(scope));
        cmd.arg(random::token_text()).arg(millis(GENERATION_TTL));
        cmd
    }

    pub(super) fn invalidate_call(&self, scope: &Scope, token: &str) -> Cmd {
        let mut cmd = call_with_writers(&self.invalidate, [scope]);
        cmd.arg(bus_channel(scope)).arg(invalidation(scope)).arg(token).arg(millis(GENERATION_TTL));
        cmd
    }

    /// The calls that end a registration: the last one, with as many of the found scopes as one script takes.
    ///
    /// The others are invalidated before. A connection that is lost in between leaves the registration, which expires.
    pub(super) fn finish_calls(&self, method: &Scope, write: WriteScopes<'_>, token: &str) -> Vec<Cmd> {
        let found: Vec<&Scope> = write.found_in(method).collect();
        let (before, last) = found.split_at(found.len().saturating_sub(CALLS_AT_ONCE));
        let before = before.iter().map(|scope| self.invalidate_call(scope, &random::token_text()));
        before.chain([self.finish_call(method, last, token)]).collect()
    }

    fn finish_call(&self, method: &Scope, found: &[&Scope], token: &str) -> Cmd {
        let mut cmd = call_with_writers(&self.finish, [&[method][..], found].concat());
        cmd.arg(token).arg(bus_channel(method)).arg(method.name());
        cmd.arg(random::token_text()).arg(millis(GENERATION_TTL));
        for scope in found {
            cmd.arg(invalidation(scope));
        }
        cmd
    }
}

impl Hashes {
    /// The call that ends the claim on a refresh.
    pub(super) fn unclaim_call(&self, generation: &str, token: &str, rest: Duration) -> Cmd {
        let mut cmd = call(&self.unclaim, &[&claim_key(generation)]);
        cmd.arg(token).arg(rest.as_millis());
        cmd
    }
}

/// Builds the `EVALSHA` of a script on these keys.
pub(super) fn call(hash: &str, keys: &[&str]) -> Cmd {
    let mut cmd = redis::cmd("EVALSHA");
    cmd.arg(hash).arg(keys.len()).arg(keys);
    cmd
}

/// Builds the `EVALSHA` of a script on generations, each followed by its pending writers.
fn call_with_writers<'a>(hash: &str, scopes: impl IntoIterator<Item = &'a Scope>) -> Cmd {
    let keys: Vec<_> =
        scopes.into_iter().flat_map(|scope| [scope.generation_key().to_owned(), scope.writers_key()]).collect();
    call(hash, &keys.iter().map(String::as_str).collect::<Vec<_>>())
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

    /// Every argument of a call.
    fn args(call: &Cmd) -> usize {
        call.args_iter().count()
    }

    #[test]
    fn no_script_ends_a_registration_with_more_scopes_than_its_share() {
        let (hashes, method) = (Hashes::new(), Scope::new("ns:e:*"));
        for (count, calls) in [(0, 1), (1, 1), (CALLS_AT_ONCE, 1), (CALLS_AT_ONCE + 1, 2), (10_000, 9489)] {
            let found: Vec<Scope> = (0..count).map(|number| Scope::new(&format!("ns:e:{number}"))).collect();
            let methods = [method.clone()];
            let write = WriteScopes { locked: &[], methods: &methods, found: &found };
            let sent = hashes.finish_calls(&method, write, "token");
            assert_eq!(sent.len(), calls, "{count} scopes");
            let (last, before) = sent.split_last().unwrap();
            // The command, the hash, the number of keys, two keys for each scope, five values, a message for each scope.
            assert_eq!(args(last), 3 + 2 + 5 + 3 * count.min(CALLS_AT_ONCE));
            assert!(before.iter().all(|call| args(call) == 3 + 2 + 4), "the others are invalidated before");
        }
    }
}
