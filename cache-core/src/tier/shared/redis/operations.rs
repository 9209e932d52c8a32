//! The operations of one connection: each is one round trip.
//!
//! A script is sent by its hash, and its text is loaded if the server does not know it, as after a restart. A command
//! that timed out may still be executed: callers treat it as possibly executed.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{FutureExt as _, TryFutureExt as _};
use redis::{RedisError, Value};

use super::call::Call;
use super::calls::{
    CALLS_AT_ONCE, claim_call, epoch_call, finish_calls, init_call, invalidate_call, leave_call, lock_call,
    publish_call, register_call, release_call, unclaim_call,
};
use super::fills::Fills;
use super::heartbeat::{self, Pulse};
use super::look_ups::LookUps;
use super::transport::Transport;
use crate::protocol::key_names::{channel, heartbeat_channel};
use crate::protocol::{
    EntryReplies, Fill, Generation, Heartbeat, HeartbeatReply, Message, Released, Reply, Scope, ScopeState, Shard,
    TierConnection, TierError, TierErrorKind, Wanted, WriteScopes,
};
use crate::runtime::random;

pub(super) struct RedisConnection<T> {
    transport: Arc<T>,
    instance: String,
    /// The namespace of the heartbeats before the first store has joined.
    home: String,
    look_ups: LookUps<T>,
    fills: Fills<T>,
}

impl<T: Transport> fmt::Debug for RedisConnection<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisConnection").field("run_id", &self.transport.run_id()).finish_non_exhaustive()
    }
}

impl<T: Transport> RedisConnection<T> {
    pub(super) fn new(transport: T, instance: &str, home: &str, max_entry: usize) -> Self {
        let (transport, instance, home) = (Arc::new(transport), instance.to_owned(), home.to_owned());
        let look_ups = LookUps::new(Arc::clone(&transport), max_entry);
        let fills = Fills::new(Arc::clone(&transport));
        Self { transport, instance, home, look_ups, fills }
    }

    /// The namespace of the heartbeat key, also before the first store has joined.
    fn home<'a>(&'a self, namespaces: &'a [String]) -> &'a str {
        namespaces.first().map_or(&self.home, String::as_str)
    }

    /// Executes calls, and returns the reply of each. An error of a server is the error of all.
    ///
    /// The requests of other callers pass between two chunks.
    async fn run(&self, calls: Vec<Call>) -> Result<Vec<Value>, TierError> {
        let mut replies = Vec::with_capacity(calls.len());
        for chunk in calls.chunks(CALLS_AT_ONCE) {
            replies.append(&mut accepted(self.transport.execute(chunk).await?)?);
        }
        Ok(replies)
    }

    /// Executes stages in their order.
    ///
    /// One server executes commands in the order in which they are sent, so that the stages are one round trip. Several
    /// do not, and each stage waits for the one before.
    async fn run_in_order(&self, stages: Vec<Vec<Call>>) -> Result<Vec<Value>, TierError> {
        if !self.transport.is_sharded() {
            return self.run(stages.into_iter().flatten().collect()).await;
        }
        let mut replies = Vec::new();
        for stage in stages {
            replies.append(&mut self.run(stage).await?);
        }
        Ok(replies)
    }

    /// The most scopes that the script which ends a registration can invalidate.
    fn finished_at_once(&self) -> usize {
        if self.transport.is_sharded() { 0 } else { CALLS_AT_ONCE }
    }
}

/// Returns the replies, unless one of them is an error of the server.
pub(super) fn accepted(replies: Vec<Value>) -> Result<Vec<Value>, TierError> {
    match replies.iter().find_map(|reply| if let Value::ServerError(error) = reply { Some(error) } else { None }) {
        Some(error) => Err(RedisError::from(error.clone()).into()),
        None => Ok(replies),
    }
}

/// Parses the values of `count` generations.
pub(super) fn parse_states(values: Vec<Value>, count: usize) -> Result<Vec<ScopeState>, TierError> {
    let state = |value| match value {
        Value::BulkString(bytes) => ScopeState::parse(Some(bytes)),
        _ => ScopeState::Missing,
    };
    if values.len() != count {
        return Err(unexpected("a read of generations"));
    }
    Ok(values.into_iter().map(state).collect())
}

/// Parses the reply of a release for one scope.
fn generation(reply: Value) -> Option<Generation> {
    match reply {
        Value::BulkString(bytes) => Generation::from_bytes(&bytes),
        _ => None,
    }
}

pub(super) fn unexpected(what: &str) -> TierError {
    TierError::new(TierErrorKind::Protocol, format!("the answer to {what} has an unexpected form"))
}

impl<T: Transport> TierConnection for RedisConnection<T> {
    fn run_id(&self) -> &str {
        self.transport.run_id()
    }

    fn connected_at(&self) -> u64 {
        self.transport.connected_at()
    }

    fn received(&self) -> u64 {
        self.transport.received().get()
    }

    fn shards(&self) -> Vec<Shard> {
        self.transport.shards()
    }

    fn close(&self) {
        self.transport.close();
        self.look_ups.close();
        self.fills.close();
    }

    fn subscribe<'a>(&'a self, namespaces: &'a [String]) -> Reply<'a, ()> {
        async move {
            let mut channels = vec![heartbeat_channel(self.home(namespaces), &self.instance)];
            channels.extend(namespaces.iter().map(|namespace| channel(namespace)));
            self.transport.subscribe(&channels).await
        }
        .boxed()
    }

    fn read<'a>(&'a self, wanted: &'a [Wanted<'a>]) -> Reply<'a, EntryReplies> {
        self.look_ups.read(wanted).boxed()
    }

    fn states<'a>(&'a self, scopes: &'a [Scope]) -> Reply<'a, Vec<ScopeState>> {
        self.look_ups.states(scopes).boxed()
    }

    fn init_generations<'a>(&'a self, generations: &'a [&'a str]) -> Reply<'a, Vec<ScopeState>> {
        async move {
            let at_once = if self.transport.is_sharded() { 1 } else { CALLS_AT_ONCE };
            let replies = self.run(generations.chunks(at_once).map(init_call).collect()).await?;
            let mut values = Vec::with_capacity(generations.len());
            for reply in replies {
                let Value::Array(mut part) = reply else { return Err(unexpected("a new generation")) };
                values.append(&mut part);
            }
            parse_states(values, generations.len())
        }
        .boxed()
    }

    fn fill<'a>(&'a self, fills: Vec<Fill<'a>>) -> Reply<'a, ()> {
        self.fills.store(fills).boxed()
    }

    fn claim<'a>(&'a self, generations: &'a [&'a str], token: &'a str, ttl: Duration) -> Reply<'a, Vec<bool>> {
        let calls = generations.iter().map(|generation| claim_call(generation, token, ttl)).collect();
        let is_free = |reply: Value| reply == Value::Okay;
        self.run(calls).map_ok(move |replies| replies.into_iter().map(is_free).collect()).boxed()
    }

    fn unclaim<'a>(&'a self, generations: &'a [&'a str], token: &'a str, rest: Duration) -> Reply<'a, ()> {
        let calls = generations.iter().map(|generation| unclaim_call(generation, token, rest)).collect();
        self.run(calls).map_ok(drop).boxed()
    }

    fn lock<'a>(&'a self, write: WriteScopes<'a>, token: &'a str, hold: Duration) -> Reply<'a, ()> {
        let locks = write.locked.iter().map(|scope| lock_call(scope, token, hold));
        let clocks = write.clocks_of_locked();
        let registrations = write.methods.iter().chain(&clocks).map(|method| register_call(method, token, hold));
        self.run(locks.chain(registrations).collect()).map_ok(drop).boxed()
    }

    fn release<'a>(&'a self, write: WriteScopes<'a>, token: &'a str) -> Reply<'a, Released> {
        let (clocks, registered) = (write.clocks(), write.clocks_of_locked());
        let (first, count) = (clocks.len(), write.locked.len());
        let renewed = clocks.iter().map(|clock| invalidate_call(clock, &random::token_text()));
        let releases = write.locked.iter().map(|scope| release_call(scope, token));
        let elsewhere = write.found_elsewhere().map(|scope| invalidate_call(scope, &random::token_text()));
        let at_once = self.finished_at_once();
        let ends = write.methods.iter().chain(&registered).map(|method| finish_calls(method, write, token, at_once));
        let (before, ends): (Vec<Vec<Call>>, Vec<Call>) = ends.unzip();
        let changes = releases.chain(elsewhere).chain(before.into_iter().flatten()).collect();
        let generations =
            move |replies: Vec<Value>| replies.into_iter().skip(first).take(count).map(generation).collect();
        self.run_in_order(vec![renewed.collect(), changes, ends]).map_ok(generations).boxed()
    }

    fn invalidate<'a>(&'a self, scopes: &'a [Scope], token: &'a str) -> Reply<'a, ()> {
        let clocks = Scope::tag_clocks(scopes);
        let calls = |scopes: &[Scope]| scopes.iter().map(|scope| invalidate_call(scope, token)).collect();
        self.run_in_order(vec![calls(&clocks), calls(scopes)]).map_ok(drop).boxed()
    }

    fn move_epoch<'a>(&'a self, namespaces: &'a [String]) -> Reply<'a, ()> {
        self.run(namespaces.iter().map(|namespace| epoch_call(namespace)).collect()).map_ok(drop).boxed()
    }

    fn heartbeat<'a>(&'a self, beat: &'a Heartbeat) -> Reply<'a, HeartbeatReply> {
        async move {
            let (home, run) = (self.home(&beat.namespaces), self.run_id());
            let parts = if self.transport.is_sharded() { heartbeat::split(beat) } else { vec![beat.clone()] };
            let calls: Vec<Call> = parts.iter().map(|part| heartbeat::call(part, home, &self.instance, run)).collect();
            let pulse = Pulse { beat, home, instance: &self.instance };
            let replies = accepted(self.transport.beat(&calls, &pulse).await?)?;
            heartbeat::parse(replies, beat.namespaces.len())
        }
        .boxed()
    }

    fn request_heartbeats<'a>(&'a self, namespaces: &'a [String]) -> Reply<'a, ()> {
        let message = Message::Requested { member: &self.instance };
        self.run(namespaces.iter().map(|namespace| publish_call(namespace, &message)).collect()).map_ok(drop).boxed()
    }

    fn leave<'a>(&'a self, namespaces: &'a [String]) -> Reply<'a, ()> {
        let message = Message::Announced { member: &self.instance };
        let calls = namespaces
            .iter()
            .flat_map(|namespace| [leave_call(namespace, &self.instance), publish_call(namespace, &message)])
            .collect();
        self.run(calls).map_ok(drop).boxed()
    }
}
