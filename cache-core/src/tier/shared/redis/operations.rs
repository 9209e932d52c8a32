//! The operations of one connection: each is one round trip.
//!
//! A script is sent by its hash, and its text is loaded if the server does not know it, as after a restart. A command
//! that timed out may still be executed: callers treat it as possibly executed.

use std::time::Duration;

use futures_util::{FutureExt as _, TryFutureExt as _};
use redis::aio::MultiplexedConnection;
use redis::{Cmd, ErrorKind, FromRedisValue, Pipeline, RedisError, ServerErrorKind, Value};
use tokio_util::task::AbortOnDropHandle;

use super::calls::{CALLS_AT_ONCE, Hashes, call, millis};
use super::connect::{Commands, Messages};
use super::fills::Fills;
use super::look_ups::LookUps;
use super::stream::Received;
use super::{connect, heartbeat};
use crate::protocol::key_names::{channel, claim_key, epoch_key, heartbeat_channel, members_key, writers_key};
use crate::protocol::{
    EntryReplies, Fill, GENERATION_TTL, Generation, Heartbeat, HeartbeatReply, Message, Released, Reply, Scope,
    ScopeState, TierConnection, TierError, TierErrorKind, Wanted, WriteScopes,
};
use crate::runtime::random;

pub(super) struct RedisConnection {
    connection: MultiplexedConnection,
    received: Received,
    driver: AbortOnDropHandle<()>,
    messages: Messages,
    run_id: String,
    connected_at: u64,
    instance: String,
    /// The namespace of the heartbeats before the first store has joined.
    home: String,
    look_ups: LookUps,
    fills: Fills,
    hashes: Hashes,
}

impl std::fmt::Debug for RedisConnection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisConnection").field("run_id", &self.run_id).finish_non_exhaustive()
    }
}

impl RedisConnection {
    pub(super) fn new(
        commands: Commands,
        messages: Messages,
        (run_id, connected_at): (String, u64),
        instance: &str,
        home: &str,
        max_entry: usize,
    ) -> Self {
        let (instance, home) = (instance.to_owned(), home.to_owned());
        let Commands { connection, received, driver } = commands;
        let look_ups = LookUps::new(connection.clone(), received.clone(), max_entry);
        let hashes = Hashes::new();
        let fills = Fills::new(connection.clone(), hashes.renew.clone());
        Self { connection, received, driver, messages, run_id, connected_at, instance, home, look_ups, fills, hashes }
    }

    /// The namespace of the heartbeat key, also before the first store has joined.
    fn home<'a>(&'a self, namespaces: &'a [String]) -> &'a str {
        namespaces.first().map_or(&self.home, String::as_str)
    }

    async fn run<T: FromRedisValue>(&self, pipeline: &Pipeline) -> Result<T, TierError> {
        run(&self.connection, pipeline).await
    }

    /// Runs calls of scripts in their order, and returns the reply of each.
    ///
    /// The requests of other callers pass between two chunks.
    async fn run_all(&self, calls: Vec<Cmd>) -> Result<Vec<Value>, TierError> {
        let mut replies = Vec::with_capacity(calls.len());
        for chunk in calls.chunks(CALLS_AT_ONCE) {
            let mut pipeline = redis::pipe();
            for call in chunk {
                pipeline.add_command(call.clone());
            }
            replies.append(&mut self.run(&pipeline).await?);
        }
        Ok(replies)
    }
}

/// Sends a pipeline of scripts; loads the scripts again if the server no longer has them.
pub(super) async fn run<T: FromRedisValue>(
    connection: &MultiplexedConnection,
    pipeline: &Pipeline,
) -> Result<T, TierError> {
    let mut connection = connection.clone();
    match pipeline.query_async(&mut connection).await {
        Err(error) if is_unknown_script(&error) => {
            connect::load_scripts(&mut connection).await?;
            Ok(pipeline.query_async(&mut connection).await?)
        }
        answer => Ok(answer?),
    }
}

fn is_unknown_script(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
}

/// Parses the values of `count` generations.
pub(super) fn parse_states(answer: Value, count: usize) -> Result<Vec<ScopeState>, TierError> {
    let state = |value| match value {
        Value::BulkString(bytes) => ScopeState::parse(Some(bytes)),
        _ => ScopeState::Missing,
    };
    match answer {
        Value::Array(values) if values.len() == count => Ok(values.into_iter().map(state).collect()),
        Value::ServerError(error) => Err(RedisError::from(error).into()),
        _ => Err(unexpected("a read of tokens")),
    }
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

impl TierConnection for RedisConnection {
    fn run_id(&self) -> &str {
        &self.run_id
    }

    fn connected_at(&self) -> u64 {
        self.connected_at
    }

    fn received(&self) -> u64 {
        self.received.get()
    }

    fn close(&self) {
        self.driver.abort();
        self.look_ups.close();
        self.fills.close();
        self.messages.pump.abort();
    }

    fn subscribe<'a>(&'a self, namespaces: &'a [String]) -> Reply<'a, ()> {
        async move {
            let mut channels = vec![heartbeat_channel(self.home(namespaces), &self.instance)];
            channels.extend(namespaces.iter().map(|namespace| channel(namespace)));
            Ok(self.messages.sink.lock().await.subscribe(&channels).await?)
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
            let mut pipeline = redis::pipe();
            let keys: Vec<_> = generations.iter().flat_map(|key| [(*key).to_owned(), writers_key(key)]).collect();
            let mut cmd = call(&self.hashes.getinit, &keys.iter().map(String::as_str).collect::<Vec<_>>());
            cmd.arg(random::token_text()).arg(millis(GENERATION_TTL));
            pipeline.add_command(cmd);
            let (states,): (Value,) = self.run(&pipeline).await?;
            parse_states(states, generations.len())
        }
        .boxed()
    }

    fn fill<'a>(&'a self, fills: Vec<Fill<'a>>) -> Reply<'a, ()> {
        self.fills.store(fills).boxed()
    }

    fn claim<'a>(&'a self, generations: &'a [&'a str], token: &'a str, ttl: Duration) -> Reply<'a, Vec<bool>> {
        async move {
            let mut pipeline = redis::pipe();
            for generation in generations {
                pipeline.cmd("SET").arg(claim_key(generation)).arg(token).arg("NX").arg("PX").arg(millis(ttl));
            }
            let replies: Vec<Value> = self.run(&pipeline).await?;
            Ok(replies.into_iter().map(|reply| reply == Value::Okay).collect())
        }
        .boxed()
    }

    fn unclaim<'a>(&'a self, generations: &'a [&'a str], token: &'a str, rest: Duration) -> Reply<'a, ()> {
        let calls = generations.iter().map(|generation| self.hashes.unclaim_call(generation, token, rest)).collect();
        self.run_all(calls).map_ok(drop).boxed()
    }

    fn lock<'a>(&'a self, write: WriteScopes<'a>, token: &'a str, hold: Duration) -> Reply<'a, ()> {
        let locks = write.locked.iter().map(|scope| self.hashes.lock_call(scope, token, hold));
        let clocks = write.clocks_of_locked();
        let registrations =
            write.methods.iter().chain(&clocks).map(|method| self.hashes.register_call(method, token, hold));
        self.run_all(locks.chain(registrations).collect()).map_ok(drop).boxed()
    }

    fn release<'a>(&'a self, write: WriteScopes<'a>, token: &'a str) -> Reply<'a, Released> {
        let (clocks, registered) = (write.clocks(), write.clocks_of_locked());
        let (first, count) = (clocks.len(), write.locked.len());
        let renewed = clocks.iter().map(|clock| self.hashes.invalidate_call(clock, &random::token_text()));
        let releases = write.locked.iter().map(|scope| self.hashes.release_call(scope, token));
        let bumps = write.found_elsewhere().map(|scope| self.hashes.invalidate_call(scope, &random::token_text()));
        let ends =
            write.methods.iter().chain(&registered).flat_map(|method| self.hashes.finish_calls(method, write, token));
        let calls = renewed.chain(releases).chain(bumps).chain(ends).collect();
        let generations =
            move |replies: Vec<Value>| replies.into_iter().skip(first).take(count).map(generation).collect();
        self.run_all(calls).map_ok(generations).boxed()
    }

    fn invalidate<'a>(&'a self, scopes: &'a [Scope], token: &'a str) -> Reply<'a, ()> {
        let clocks = Scope::tag_clocks(scopes);
        let calls = clocks.iter().chain(scopes).map(|scope| self.hashes.invalidate_call(scope, token)).collect();
        self.run_all(calls).map_ok(drop).boxed()
    }

    fn move_epoch<'a>(&'a self, namespaces: &'a [String]) -> Reply<'a, ()> {
        async move {
            let mut pipeline = redis::pipe();
            for namespace in namespaces {
                pipeline.cmd("SET").arg(epoch_key(namespace)).arg(random::token_text()).ignore();
            }
            if namespaces.is_empty() { Ok(()) } else { self.run(&pipeline).await }
        }
        .boxed()
    }

    fn heartbeat<'a>(&'a self, beat: &'a Heartbeat) -> Reply<'a, HeartbeatReply> {
        async move {
            let mut pipeline = redis::pipe();
            pipeline.add_command(heartbeat::command(
                &self.hashes.heartbeat,
                beat,
                self.home(&beat.namespaces),
                &self.instance,
                &self.run_id,
            ));
            let (reply,): (Value,) = self.run(&pipeline).await?;
            heartbeat::parse(reply, beat.namespaces.len())
        }
        .boxed()
    }

    fn request_heartbeats<'a>(&'a self, namespaces: &'a [String]) -> Reply<'a, ()> {
        async move {
            let mut pipeline = redis::pipe();
            for namespace in namespaces {
                pipeline
                    .cmd("PUBLISH")
                    .arg(channel(namespace))
                    .arg(Message::Requested { member: &self.instance }.to_string())
                    .ignore();
            }
            if namespaces.is_empty() { Ok(()) } else { self.run(&pipeline).await }
        }
        .boxed()
    }

    fn leave<'a>(&'a self, namespaces: &'a [String]) -> Reply<'a, ()> {
        async move {
            let mut pipeline = redis::pipe();
            for namespace in namespaces {
                pipeline.cmd("HDEL").arg(members_key(namespace)).arg(&self.instance).ignore();
                pipeline
                    .cmd("PUBLISH")
                    .arg(channel(namespace))
                    .arg(Message::Announced { member: &self.instance }.to_string())
                    .ignore();
            }
            if namespaces.is_empty() { Ok(()) } else { self.run(&pipeline).await }
        }
        .boxed()
    }
}
