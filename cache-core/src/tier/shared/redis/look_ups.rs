//! Look-ups of entries with their generations, in as few commands as possible.
//!
//! An entry and the generations of its scopes are the keys of one `MGET`, in which a key of another type is absent.
//! Look-ups of several callers that wait at the same time share a command (`combine`).

use std::sync::Arc;

use futures_util::future::{join_all, try_join};
use redis::{RedisError, Value};
use smallvec::{SmallVec, smallvec};

use super::call::Call;
use super::combine::{Admission, Group, Queue, Waiting};
use super::drivers::{Combined, Drivers, may_be_of_one};
use super::operations::{parse_states, unexpected};
use super::oversized::Oversized;
use super::transport::Transport;
use crate::protocol::{EntryReplies, EntryReply, Scope, ScopeHash, ScopeState, Scopes, TierError, Wanted};

/// The expected size from which an entry does not share a reply with others, which would wait for it.
const LARGE: usize = 64 * 1024;

/// The look-ups of one connection.
pub(super) struct LookUps<T> {
    shared: Arc<Shared<T>>,
    drivers: Drivers,
}

struct Shared<T> {
    transport: Arc<T>,
    /// The largest entry that is accepted, in bytes.
    max_entry: usize,
    oversized: Oversized,
    queue: Queue<QueuedLookUp, Answer>,
}

/// The scopes and the expected size of an entry.
type QueuedLookUp = (Scopes, usize);
type Answer = Result<EntryReply, TierError>;

impl<T: Transport> LookUps<T> {
    /// Starts the drivers, which end with this value.
    pub(super) fn new(transport: Arc<T>, max_entry: usize) -> Self {
        let (oversized, queue) = (Oversized::default(), Queue::default());
        let shared = Arc::new(Shared { transport, max_entry, oversized, queue });
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
        let keys: Keys<'_> = scopes.iter().map(Scope::generation_key).collect();
        parse_states(self.shared.transport.values(&keys).await?, scopes.len())
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

impl<T: Transport> Combined for Shared<T> {
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

impl<T: Transport> Shared<T> {
    async fn answer_alone(&self, one: Waiting<QueuedLookUp, Answer>) {
        let replies = self.send(&[wanted_by(&one)]).await;
        let reply = replies.and_then(|mut replies| replies.pop().ok_or_else(|| unexpected("MGET")));
        drop(one.answer.send(reply));
    }

    /// Looks entries up in one round trip.
    async fn send(&self, wanted: &[Wanted<'_>]) -> Result<EntryReplies, TierError> {
        let mut transit = Transit { shared: self, wanted, before: self.transport.received().get(), has_arrived: false };
        let replies = if wanted.iter().any(|one| self.oversized.contains(key(one))) {
            // Boxed: this is rare, and would enlarge the future of every look-up.
            Box::pin(self.send_with_limits(wanted)).await
        } else {
            parse(wanted, self.transport.values(&keys(wanted, |_| true)).await?, |_| None)
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
        let reads = wanted.iter().zip(&limited).filter(|(_, is_limited)| **is_limited).map(|(one, _)| {
            let mut read = Call::on("GETRANGE", entry(one));
            read.arg(0).arg(self.max_entry);
            read
        });
        let (reads, keys) = (reads.collect::<Vec<_>>(), keys(wanted, |at| !limited[at]));
        let (answers, values) = try_join(self.transport.execute(&reads), self.transport.values(&keys)).await?;
        let entries = answers.into_iter().map(parse_entry).collect::<Result<Vec<_>, _>>()?;
        let mut entries = entries.into_iter();
        let replies = parse(wanted, values, |at| if limited[at] { entries.next() } else { None })?;
        for (one, reply) in wanted.iter().zip(&replies) {
            if reply.bytes.len() <= self.max_entry {
                self.oversized.remove(key(one));
            }
        }
        Ok(replies)
    }
}

/// A command whose reply is on its way.
struct Transit<'a, T: Transport> {
    shared: &'a Shared<T>,
    wanted: &'a [Wanted<'a>],
    /// The bytes that had been received when it was sent.
    before: u64,
    has_arrived: bool,
}

impl<T: Transport> Drop for Transit<'_, T> {
    /// Suspects the keys of a command whose caller gave up while many bytes arrived.
    ///
    /// Otherwise a value that takes longer than a read may wait would be sent again for each look-up.
    fn drop(&mut self) {
        let arrived = self.shared.transport.received().get().saturating_sub(self.before);
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

/// The keys of one read. A look-up without prefixes has three.
type Keys<'a> = SmallVec<[&'a str; 8]>;

/// Returns the keys of the entries that `reads_entry` accepts, and of all generations.
fn keys<'a>(wanted: &'a [Wanted<'a>], reads_entry: impl Fn(usize) -> bool) -> Keys<'a> {
    let mut keys = Keys::new();
    for at in 0..wanted.len() {
        if reads_entry(at) {
            keys.push(entry(&wanted[at]));
        }
        let generations = distinct(wanted, at).filter(|(is_distinct, _)| *is_distinct);
        keys.extend(generations.map(|(_, scope)| scope.generation_key()));
    }
    keys
}

/// Parses the values of [`keys`]. `read` returns the entries that were read otherwise.
fn parse(
    wanted: &[Wanted<'_>],
    values: Vec<Value>,
    mut read: impl FnMut(usize) -> Option<Vec<u8>>,
) -> Result<EntryReplies, TierError> {
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
