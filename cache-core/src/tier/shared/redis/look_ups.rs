//! Look-ups of entries with their generations, in as few commands as possible.
//!
//! An entry and the generations of its scopes are the keys of one `MGET`, in which a key of another type is absent.
//! Look-ups of several callers that wait at the same time share a command (`combine`).

use std::sync::Arc;

use futures_util::future::join_all;
use redis::aio::MultiplexedConnection;
use redis::{Cmd, RedisError, Value};
use smallvec::smallvec;

use super::combine::{Admission, Group, Queue, Waiting};
use super::drivers::{Combined, Drivers, may_be_of_one};
use super::operations::{parse_states, unexpected};
use super::oversized::Oversized;
use super::stream::Received;
use crate::protocol::{EntryReplies, EntryReply, Scope, ScopeHash, ScopeState, Scopes, TierError, Wanted};

/// The expected size from which an entry does not share a reply with others, which would wait for it.
const LARGE: usize = 64 * 1024;

/// The look-ups of one connection.
pub(super) struct LookUps {
    shared: Arc<Shared>,
    drivers: Drivers,
}

struct Shared {
    connection: MultiplexedConnection,
    received: Received,
    /// The largest entry that is accepted, in bytes.
    max_entry: usize,
    oversized: Oversized,
    queue: Queue<QueuedLookUp, Answer>,
}

/// The scopes and the expected size of an entry.
type QueuedLookUp = (Scopes, usize);
type Answer = Result<EntryReply, TierError>;

impl LookUps {
    /// Starts the drivers, which end with this value.
    pub(super) fn new(connection: MultiplexedConnection, received: Received, max_entry: usize) -> Self {
        let (oversized, queue) = (Oversized::default(), Queue::default());
        let shared = Arc::new(Shared { connection, received, max_entry, oversized, queue });
        Self { drivers: Drivers::start(&shared), shared }
    }

    /// Reads entries, each with the states of its scopes.
    pub(super) async fn read(&self, wanted: &[Wanted<'_>]) -> Result<EntryReplies, TierError> {
        let [one] = wanted else { return self.shared.send(wanted).await };
        if one.size >= LARGE || self.shared.oversized.contains(key(one)) {
            return self.shared.send(wanted).await;
        }
        match self.shared.queue.admit(one.size, || (one.scopes.into(), one.size)) {
            Admission::Alone(_turn) => self.shared.send(wanted).await,
            Admission::Queued(answer) => {
                let reply =
                    answer.await.unwrap_or_else(|_| Err(TierError::disconnected("the connection was closed")))?;
                Ok(smallvec![reply])
            }
        }
    }

    /// Reads the states of scopes.
    pub(super) async fn states(&self, scopes: &[Scope]) -> Result<Vec<ScopeState>, TierError> {
        let mut cmd = redis::cmd("MGET");
        for scope in scopes {
            cmd.arg(scope.generation_key());
        }
        parse_states(self.shared.query(&cmd).await?, scopes.len())
    }

    /// Fails what is queued.
    pub(super) fn close(&self) {
        self.shared.queue.close();
        self.drivers.close();
    }
}

/// The name of the entry.
fn entry<'a>(wanted: &Wanted<'a>) -> &'a str {
    wanted.scopes[0].name()
}

fn key(wanted: &Wanted<'_>) -> ScopeHash {
    wanted.scopes[0].hash()
}

impl Combined for Shared {
    type Request = QueuedLookUp;
    type Answer = Answer;

    fn queue(&self) -> &Queue<QueuedLookUp, Answer> {
        &self.queue
    }

    async fn answer(&self, Group { members, turn }: Group<'_, QueuedLookUp, Answer>) {
        let wanted: Vec<_> = members.iter().map(wanted_by).collect();
        match self.send(&wanted).await {
            Ok(replies) => {
                drop(turn);
                // A send fails if the caller has gone away.
                members.into_iter().zip(replies).for_each(|(one, reply)| drop(one.answer.send(Ok(reply))));
            }
            // One key may be the reason: it must not fail the look-ups of the others.
            Err(error) if may_be_of_one(&error) && members.len() > 1 => {
                join_all(members.into_iter().map(|one| self.answer_alone(one))).await;
            }
            Err(error) => members.into_iter().for_each(|one| drop(one.answer.send(Err(error.clone())))),
        }
    }
}

fn wanted_by(waiting: &Waiting<QueuedLookUp, Answer>) -> Wanted<'_> {
    let (scopes, size) = &waiting.request;
    Wanted { scopes, size: *size }
}

impl Shared {
    async fn answer_alone(&self, one: Waiting<QueuedLookUp, Answer>) {
        let replies = self.send(&[wanted_by(&one)]).await;
        let reply = replies.and_then(|mut replies| replies.pop().ok_or_else(|| unexpected("MGET")));
        drop(one.answer.send(reply));
    }

    /// Looks entries up in one round trip.
    async fn send(&self, wanted: &[Wanted<'_>]) -> Result<EntryReplies, TierError> {
        let mut transit = Transit { shared: self, wanted, before: self.received.get(), has_arrived: false };
        let replies = if wanted.iter().any(|one| self.oversized.contains(key(one))) {
            // Boxed: this is rare, and would enlarge the future of every look-up.
            Box::pin(self.send_with_limits(wanted)).await
        } else {
            parse(wanted, self.query(&mget(wanted, |_| true)).await?, |_| None)
        };
        transit.has_arrived = true;
        for (one, reply) in wanted.iter().zip(replies.iter().flatten()) {
            if reply.bytes.len() > self.max_entry {
                self.oversized.insert(key(one));
            }
        }
        replies
    }

    /// Looks entries up with a limit of size for those that were too large before.
    async fn send_with_limits(&self, wanted: &[Wanted<'_>]) -> Result<EntryReplies, TierError> {
        let limited: Vec<bool> = wanted.iter().map(|one| self.oversized.contains(key(one))).collect();
        let mut pipeline = redis::pipe();
        for (one, _) in wanted.iter().zip(&limited).filter(|(_, is_limited)| **is_limited) {
            pipeline.cmd("GETRANGE").arg(entry(one)).arg(0).arg(self.max_entry);
        }
        pipeline.add_command(mget(wanted, |at| !limited[at])).ignore_errors();
        let mut answers: Vec<Value> = pipeline.query_async(&mut self.connection.clone()).await?;
        let values = answers.pop().ok_or_else(|| unexpected("a pipeline"))?;
        let entries = answers.into_iter().map(parse_entry).collect::<Result<Vec<_>, _>>()?;
        let mut entries = entries.into_iter();
        let replies = parse(wanted, refused(values)?, |at| if limited[at] { entries.next() } else { None })?;
        for (one, reply) in wanted.iter().zip(&replies) {
            if reply.bytes.len() <= self.max_entry {
                self.oversized.remove(key(one));
            }
        }
        Ok(replies)
    }

    async fn query(&self, cmd: &Cmd) -> Result<Value, TierError> {
        refused(self.connection.clone().send_packed_command(cmd).await?)
    }
}

/// A command whose reply is on its way.
struct Transit<'a> {
    shared: &'a Shared,
    wanted: &'a [Wanted<'a>],
    /// The bytes that had been received when it was sent.
    before: u64,
    has_arrived: bool,
}

impl Drop for Transit<'_> {
    /// Suspects the keys of a command whose caller gave up while many bytes arrived.
    ///
    /// Otherwise a value that takes longer than a read may wait would be sent again for each look-up.
    fn drop(&mut self) {
        let arrived = self.shared.received.get().saturating_sub(self.before);
        if !self.has_arrived && arrived > self.shared.max_entry as u64 {
            self.wanted.iter().for_each(|one| self.shared.oversized.insert(key(one)));
        }
    }
}

/// Returns the scopes of a look-up, each with whether the command reads it for this look-up.
///
/// Neighbours share wide scopes, which the command reads once.
fn distinct<'a>(wanted: &'a [Wanted<'a>], at: usize) -> impl Iterator<Item = (bool, &'a Scope)> {
    let before = at.checked_sub(1).map_or(&[][..], |before| wanted[before].scopes);
    wanted[at].scopes.iter().enumerate().map(move |(place, scope)| (before.get(place) != Some(scope), scope))
}

/// Builds the command for the entries that `reads_entry` accepts, and all generations.
fn mget(wanted: &[Wanted<'_>], reads_entry: impl Fn(usize) -> bool) -> Cmd {
    let count = wanted.iter().map(|one| 1 + one.scopes.len()).sum::<usize>();
    let size = |one: &Wanted<'_>| 2 * one.scopes.iter().map(|scope| scope.generation_key().len()).sum::<usize>();
    let mut cmd = Cmd::with_capacity(1 + count, 4 + wanted.iter().map(size).sum::<usize>());
    cmd.arg("MGET");
    for at in 0..wanted.len() {
        if reads_entry(at) {
            cmd.arg(entry(&wanted[at]));
        }
        for (_, scope) in distinct(wanted, at).filter(|(is_distinct, _)| *is_distinct) {
            cmd.arg(scope.generation_key());
        }
    }
    cmd
}

/// Parses the reply to a command of [`mget`]. `read` returns the entries that were read otherwise.
fn parse(
    wanted: &[Wanted<'_>],
    values: Value,
    mut read: impl FnMut(usize) -> Option<Vec<u8>>,
) -> Result<EntryReplies, TierError> {
    let Value::Array(values) = values else { return Err(unexpected("MGET")) };
    let mut values = values.into_iter().map(|value| match value {
        Value::BulkString(bytes) => Some(bytes),
        // Absent, or of another type: a fill replaces it.
        _ => None,
    });
    let mut replies = EntryReplies::with_capacity(wanted.len());
    let mut next = || values.next().ok_or_else(|| unexpected("MGET"));
    for at in 0..wanted.len() {
        let bytes = match read(at) {
            Some(bytes) => bytes,
            None => next()?.unwrap_or_default(),
        };
        let state = |(place, (is_distinct, _)): (usize, (bool, &Scope))| {
            if is_distinct { Ok(ScopeState::parse(next()?)) } else { Ok(replies[at - 1].states[place].clone()) }
        };
        let states = distinct(wanted, at).enumerate().map(state).collect::<Result<_, TierError>>()?;
        replies.push(EntryReply { bytes, states });
    }
    if values.next().is_some() { Err(unexpected("MGET")) } else { Ok(replies) }
}

/// Parses the reply to `GETRANGE`.
fn parse_entry(answer: Value) -> Result<Vec<u8>, TierError> {
    match answer {
        Value::BulkString(bytes) => Ok(bytes),
        // The key holds another type: this is a miss, and the fill replaces it.
        Value::ServerError(error) if error.code() == "WRONGTYPE" => Ok(Vec::new()),
        Value::ServerError(error) => Err(RedisError::from(error).into()),
        _ => Err(unexpected("GETRANGE")),
    }
}

/// Returns the value, unless it is an error of the server.
fn refused(value: Value) -> Result<Value, TierError> {
    match value {
        Value::ServerError(error) => Err(RedisError::from(error).into()),
        value => Ok(value),
    }
}
