//! A model of the coherence protocol as `cache-core` has it, and a search through all that can happen in it.
//!
//! The tests in `tests/integration/coherence` stage races that somebody thought of. Here nobody thinks of races: every
//! order of the steps of readers, writers, connections, clock and faults is tried, and a promise that breaks shows with a
//! shortest trace. A *configuration* says who takes part and how often what may go wrong; the table of them is in
//! `src/configurations`. The small ones run as tests of this package, all of them with `scripts/model`.
//!
//! # What is checked
//!
//! * **T1** ([`Promise::Shared`]): a read that begins after a write was acknowledged, and that Redis or the store answers,
//!   is not older. A write whose writer died or went away after the commit counts from when a lock's life has passed. One
//!   that Redis could not be told of counts from when its journal has been told, and after an overflow from when those
//!   who may ask Redis have heard of the new namespace epoch. In mode fast one whose lock was lost counts from its release.
//!   If instances are members and an outage affects all of them, every write counts from its acknowledgement.
//! * **T2** ([`Promise::Local`]): a local hit reflects every such write that the bus told of a lease ago or earlier. The
//!   clock is explicit: it ticks for all alike, and a lease is one or two ticks. Where a lock was lost, RELEASE tells the
//!   bus a second time, and the lease counts from there: counted from INTENT the promise would not hold.
//! * **T3** ([`Promise::Strict`]): in mode strict a local hit reflects every write that was acknowledged before. A write
//!   that Redis could not be told of is as good while Redis is out of everybody's reach, and is the documented loss where
//!   others reach it.
//! * **T4** ([`Promise::OwnWrites`]): a read on the instance of the writer that begins after the acknowledgement reflects
//!   the write, wherever the answer comes from.
//! * **Sessions** ([`Promise::Session`]): a read on an instance that observed the token of a write, and that begins after
//!   that, reflects the write, wherever the answer comes from; where Redis could not be told, from when it has been.
//! * **Degraded reads** ([`Promise::Degraded`]): while the local tier is not trusted, what it answers reflects every write
//!   that was acknowledged D ago, whether Redis has heard of it or not; and nothing is answered that was kept before the
//!   connection was made.
//! * **Loads** ([`Promise::Loads`]): a burst of readers asks the store no more often than promised.
//! * **Ends** ([`Promise::Ends`]): where nothing can happen any more, nobody reads any more.
//!
//! # What is modelled
//!
//! Each action names the function that it stands for.
//!
//! * Reads (`actions/flight.rs`, `lookup.rs`, `load.rs`, `local.rs`): the local tier and its degraded reads, current and next
//!   flights, followers, carried values, stamps, the round trip, missing tokens, slow loads, late fills.
//! * Writes (`actions/write.rs`): begin, store, finish, with their advances of the local sequences; INTENT and RELEASE of
//!   two scopes as steps of their own; group invalidation; what is dropped; mode fast (`actions/fast.rs`) and the wait of
//!   mode strict (`actions/strict.rs`). Tokens that are observed (`actions/session.rs`).
//! * Late acknowledgements (`actions/late.rs`): a write that is not delivered is acknowledged when its journal is delivered,
//!   a lease after a heartbeat has shown that it is pending, or when an attempt to reach Redis, a lease after the first failed
//!   one, has failed too; in mode strict three leases after the failure.
//! * Pending writers (`actions/pending.rs`): the registration on the wide scope, the expiry that the generation carries,
//!   the set from which renewals restore it, the invalidation of local tiers at the expiry.
//! * Members and the recovery barrier (`actions/members.rs`): heartbeats that register and show pending invalidations; the
//!   members that an instance waits for when it reconnects, connects for the first time, or its lease has lapsed; heartbeats
//!   that are executed late; silent members.
//! * Redis (`actions/scripts.rs`): tokens, sets of locks, missing keys, one entry.
//! * Connections (`actions/link.rs`): the bus in order, beats through it, the lease from their sending, loss noticed late or
//!   at once, the order of a reconnect and its pause, the journal with its overflow and its drain; a namespace that is
//!   added while the connection is up (`actions/join.rs`).
//! * Faults (`actions/faults.rs`): eviction, FLUSHALL, expiry of locks, timeouts of commands that were applied or not, lost
//!   connections, a silent bus, a Redis that no instance reaches, that stops answering for a while, that comes back without
//!   its data, or that one instance alone does not reach, fail-over to a lagging replica and back, processes that die, callers
//!   that are dropped.
//!
//! # What is left out
//!
//! * There is one key with two scopes. Keys meet in their scopes only, and a scope is written by whatever writer there is.
//! * Values live for ever: expiry only ever makes a miss, and eviction stands for it. So do unfit and damaged bytes.
//! * The entry and the tokens are read in one step. In the pipeline the entry comes first: a write in between changes a
//!   token and makes a miss.
//! * `find_owned`, stamp, journal and `Link::live` are looked at in one step, and so are the check of the stamp and the
//!   insertion. What is between them in the code is for the modules called `interleavings` in `cache-core`.
//! * A command that timed out is applied at once or never, not later. Late ones of a connection come in their order.
//! * Each instance has one beat under way at a time, where the code allows four; a beat is on the bus as soon as it is sent.
//! * What a clock of one instance may gain on that of another one: the margin of mode strict is for that.
//! * Errors, panics, deadlines and patience of loads, the semaphore, batches, `TransparentCache`, and `visible_if`.
//! * If instances are members: the delay until a lost connection is noticed, and the steps of a read that finds the shared
//!   tier unreachable. A heartbeat and its reply are one step unless Redis has stopped answering. An instance that connects
//!   for the first time and finds no live settled member waits for all live instances, which stands for the time that it
//!   gives them to register. `cache-core` waits only for members in the hash: `without-newcomer-patience` shows the
//!   consequence, which has a row in the table of `docs::consistency`. Only the deadline of the barrier removes a member, in a
//!   step of its own.
//! * An instance's estimate of the server's clock for the expiry of a registration.
//! * A server that was isolated and still answers (split brain), and more than one Redis Cluster shard.

mod actions;
mod configuration;
mod configurations;
mod properties;
mod search;
mod state;
mod world;

pub use configuration::{Configuration, Expected, Promise, Size};
pub use configurations::configurations;
pub use search::{Exploration, Refutation, explore};
