//! A model of the coherence protocol of `cache-core`, and a search through all its states.
//!
//! The tests in `tests/integration/coherence` stage known races. The model knows of no races: it tries every order of
//! the steps of readers, writers, connections, clock and faults, and reports a broken promise with a shortest trace. A
//! *configuration* lists the participants and the number of faults of each kind; `src/configurations` has the table of
//! them. The small ones run as tests of this package, all of them with `scripts/model`.
//!
//! # What is checked
//!
//! * **T1** ([`Promise::Shared`]): a read that begins after the acknowledgement of a write, and that Redis or the store
//!   answers, is not older. If a writer is dropped or dies after the commit, its write counts from the end of a lock's
//!   lifetime. An undelivered write counts from the delivery of its journal, and after an overflow from when all
//!   instances with read rights have received the new namespace epoch. In mode fast, a write that lost its lock counts
//!   from its release. If instances are members and an outage affects all of them, every write counts from its
//!   acknowledgement.
//! * **T2** ([`Promise::Local`]): a local hit reflects every such write whose message was published at least a lease
//!   ago. The clock is explicit: it ticks for all alike, and a lease is one or two ticks. If a lock was lost, RELEASE
//!   publishes a second message, and the lease counts from there: counted from LOCK the promise would not hold.
//! * **T3** ([`Promise::Strict`]): in mode strict a local hit reflects every write that was acknowledged before. An
//!   undelivered write is as good while no instance reaches Redis, and is the documented loss if others reach it.
//! * **T4** ([`Promise::OwnWrites`]): a read on the writer's instance that begins after the acknowledgement reflects
//!   the write, whichever tier answers.
//! * **Sessions** ([`Promise::Session`]): a read that begins after its instance has observed the session token of a
//!   write reflects the write, whichever tier answers; for an undelivered write, from its delivery.
//! * **Degraded reads** ([`Promise::Degraded`]): while the local tier is not trusted, its answers reflect every write
//!   that was acknowledged D ago, delivered or not, and no value answers that was kept before the connection was made.
//! * **Loads** ([`Promise::Loads`]): a burst of readers calls the store no more often than promised.
//! * **Ends** ([`Promise::Ends`]): no read is left when no further step is possible.
//!
//! # What is modelled
//!
//! Each action names the function that it stands for.
//!
//! * Reads (`actions/flight.rs`, `lookup.rs`, `load.rs`, `local.rs`): the local tier and its degraded reads, current
//!   and next flights, followers, carried values, fences and sequence snapshots, the round trip, missing generations,
//!   slow loads, late fills.
//! * Writes (`actions/write.rs`): begin, store, finish, with their advances of the local sequences; LOCK and RELEASE
//!   of two scopes as steps of their own; group invalidation; dropped writes; mode fast (`actions/fast.rs`) and the
//!   wait of mode strict (`actions/strict.rs`). Observed session tokens (`actions/session.rs`).
//! * Late acknowledgements (`actions/late.rs`): an undelivered write is acknowledged when its journal is delivered, a
//!   lease after a heartbeat has shown that it is pending, or when an attempt to reach Redis, a lease after the first
//!   failed one, has failed too; in mode strict three leases after the failure.
//! * Pending writers (`actions/pending.rs`): the registration on the wide scope, the expiry that the generation
//!   carries, the set from which renewals restore it, the invalidation of local tiers at the expiry.
//! * Members and the recovery barrier (`actions/members.rs`): heartbeats that register and show pending invalidations;
//!   the members that an instance waits for when it reconnects, connects for the first time, or has lost its lease;
//!   heartbeats that are executed late; silent members.
//! * Redis (`actions/scripts.rs`): generations, sets of locks, missing keys, one entry.
//! * Connections (`actions/link.rs`): the bus in order, heartbeats through it, the lease from their sending, loss
//!   noticed late or at once, the order of a reconnect and its pause, the journal with its overflow and its drain; a
//!   namespace that is added while the connection is up (`actions/join.rs`).
//! * Faults (`actions/faults.rs`): eviction, FLUSHALL, expiry of locks, timeouts of commands that were applied or not,
//!   lost connections, a silent bus, a Redis that no instance reaches, that stops answering for a while, that restarts
//!   without its data, or that one instance alone does not reach, failover to a lagging replica and back, processes
//!   that die, and dropped callers.
//!
//! * Tags that values determine (`tags.rs`) have a model of their own: the clock of a family, the order in which it and
//!   a tag are renewed, and the registration of a writer on it.
//! * So have writes that store their value (`updates`): the marks of overlapped locks, the generations and sequences
//!   that the value is stored under, late locks and the journal.
//! * And so has a Redis Cluster (`cluster`): an entry with scopes on two shards, a bus and a heartbeat for each server,
//!   slots that move to known and unknown servers, and the fail-over of one shard.
//!
//! # What is left out
//!
//! * There is one key with two scopes. Keys interact through their scopes only, and any writer can write a scope.
//! * Values do not expire: expiry only ever makes a miss, which eviction covers, as it covers unfit and damaged bytes.
//! * The entry and the generations are read in one step. In the pipeline the entry comes first: a write in between
//!   changes a generation and makes a miss.
//! * `find_owned`, sequence snapshot, journal and the current connection are read in one step, and so are the check of the
//!   snapshot and the insertion. The modules called `interleavings` in `cache-core` cover the steps between them in the
//!   code.
//! * A command that timed out is applied at once or never, not later. Late ones of a connection arrive in their order.
//! * Each instance has one heartbeat under way at a time, although the code allows four; it is on the bus once it is
//!   sent.
//! * The drift between the clocks of two instances, which the margin of mode strict covers.
//! * Errors, panics, deadlines and patience of loads, the semaphore, batches, `TransparentCache`, and `visible_if`.
//! * If instances are members: the delay until a lost connection is noticed, and the steps of a read that finds the
//!   shared tier unreachable. A heartbeat and its reply are one step unless Redis has stopped answering. An instance
//!   that connects for the first time and finds no live settled member waits for all live instances, which stands for
//!   the time that it gives them to register. `cache-core` waits only for members in the hash:
//!   `without-newcomer-patience` shows the consequence, which has a row in the table of `docs::consistency`. Only the
//!   deadline of the barrier removes a member, in a separate step.
//! * An instance's estimate of the server's clock for the expiry of a registration.
//! * A server that was isolated and still answers (split brain).

mod actions;
mod cluster;
mod configuration;
mod configurations;
mod properties;
mod search;
mod state;
mod tags;
mod updates;
mod world;

pub use cluster::{ClusterExploration, ClusterSize, ClusterVariant, ClusterWrite, LARGE_CLUSTERS, explore_cluster};
pub use configuration::{Configuration, Expected, Promise, Size};
pub use configurations::configurations;
pub use search::{Exploration, Refutation, explore};
pub use tags::{TagExploration, TagSize, TagVariant, explore_tags};
pub use updates::{Change, UpdateExploration, UpdateSize, UpdateVariant, explore_updates};
