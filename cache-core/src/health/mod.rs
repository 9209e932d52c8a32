//! Health: the state of a cache, for operators.
//!
//! [`Health`] is computed from the state of the link, the journal and the members when it is requested, without I/O. It
//! contains no address, no key and no secret, so that it may be logged and served. Every state has a remedy in its
//! documentation or in [`docs::failure_modes`](crate::docs::failure_modes).

mod publisher;
mod staleness;

use std::fmt;
use std::time::Duration;

use serde::{Serialize, Serializer};

pub(crate) use self::publisher::Publisher;
use self::staleness::{Answers, staleness_bound};
use crate::coherence::{Coherence, JOURNAL_CAPACITY, LinkState};
use crate::protocol::{Backend, Shard};
use crate::runtime::Moment;

/// The state of a cache.
///
/// The consistency guarantees hold in each of them, with the exceptions in
/// [`docs::consistency`](crate::docs::consistency). A service need not stop accepting requests in any of them;
/// `Degraded` is a reason to look at [`Health::link`] and at the database.
///
/// # Examples
///
/// ```
/// use cache_core::Status;
///
/// fn needs_attention(status: Status) -> bool {
///     status == Status::Degraded // `Connecting` ends by itself
/// }
/// # assert!(!needs_attention(Status::Healthy));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Status {
    /// Everything that is configured works. No action is needed.
    Healthy,
    /// The first connection to the shared tier is being opened: reads go to the store.
    ///
    /// This happens at the start and after a restart of the background task. If the attempt fails, the state becomes
    /// [`Degraded`](Self::Degraded).
    Connecting,
    /// Reads go to the store, at most `max_concurrent_loads` at a time.
    ///
    /// The local tier keeps the loaded values for `degraded_ttl`. The shared tier is unreachable, this instance waits
    /// for others after an outage, or the cache was shut down: [`Health::link`] and [`Health::error`] have the reason.
    /// The load of the database is higher in this state.
    Degraded,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Healthy => "healthy",
            Self::Connecting => "connecting",
            Self::Degraded => "degraded",
        })
    }
}

/// The state of the link to the shared tier, and how to respond.
///
/// `Display` and serde write the same word, such as `circuit-open`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum LinkStatus {
    /// This cache has no shared tier. If it should have one, its address is not set.
    Absent,
    /// The first connection is being opened.
    ///
    /// This happens at the start and after a restart of the background task.
    Connecting,
    /// The link is connected.
    ///
    /// If [`Health::shared`] is false, a heartbeat is late: the server or the network is slow at this moment, and the
    /// link goes down if that continues.
    Up,
    /// The link is connected, but reads go to the store until all other instances return.
    ///
    /// Writes are announced. [`Health::awaited`] names the missing instances. `docs/outages.md` in the repository has
    /// measured times.
    Recovering,
    /// There is no connection: [`Health::error`] has the reason, and the log has advice.
    ///
    /// The cache reconnects by itself, with at most a second between two attempts. If its background task has ended
    /// with its runtime, the next call on a Tokio runtime starts it again.
    Down,
    /// The circuit breaker is open: too many replies were errors or too late.
    ///
    /// The cache reconnects after one to five seconds, or after at most 250 ms while invalidations are pending. Check
    /// the server's load and memory, the user's permissions, and whether the server is a primary.
    CircuitOpen,
    /// The cache was [shut down](crate::Cache::shutdown).
    ///
    /// Reads go to the store, and writes are not announced to the other instances. It cannot be undone.
    ShutDown,
}

impl LinkStatus {
    fn of(state: &LinkState, is_recovering: bool) -> Self {
        match state {
            LinkState::Up if is_recovering => Self::Recovering,
            LinkState::Absent => Self::Absent,
            LinkState::Connecting => Self::Connecting,
            LinkState::Up => Self::Up,
            LinkState::Down(_) => Self::Down,
            LinkState::CircuitOpen(_) => Self::CircuitOpen,
            LinkState::ShutDown => Self::ShutDown,
        }
    }
}

impl fmt::Display for LinkStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Absent => "absent",
            Self::Connecting => "connecting",
            Self::Up => "up",
            Self::Recovering => "recovering",
            Self::Down => "down",
            Self::CircuitOpen => "circuit-open",
            Self::ShutDown => "shut-down",
        })
    }
}

/// The health of a cache, as [`Cache::health`](crate::Cache::health) returns it.
///
/// It contains no address and no secret. `Display` writes one line for a log. Serialised, its times are seconds.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let health = cache_core::Cache::single_instance().health().await;
/// assert_eq!(
///     health.to_string(),
///     "status=healthy backend=single-instance link=absent shared=false local=true staleness_bound=0ns \
///      pending_invalidations=0 lease=1s heartbeat_rtt=none last_heartbeat=none"
/// );
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
#[expect(clippy::struct_excessive_bools, reason = "each answers a question that an operator asks")]
pub struct Health {
    /// The overall state.
    pub status: Status,
    /// The tiers of the cache.
    pub backend: Backend,
    /// The state of the link to the shared tier.
    pub link: LinkStatus,
    /// Whether the shared tier may be used now.
    pub shared: bool,
    /// Whether the local tier may answer now.
    ///
    /// If it is false for long while the link is up, the heartbeats do not return over the bus. Check that the user may
    /// publish and subscribe to the channels in `ENVIRONMENT.md`.
    pub local: bool,
    /// How long the local tier is trusted after a heartbeat (H).
    #[serde(serialize_with = "seconds")]
    pub lease: Duration,
    /// The round-trip time of the last heartbeat over the bus; `None` before the first one.
    ///
    /// If it is close to the lease, the local tier is disabled from time to time: the server is overloaded, or the
    /// network is slow. If neither can be changed, set a longer lease.
    #[serde(serialize_with = "optional_seconds")]
    pub heartbeat_rtt: Option<Duration>,
    /// The time since the last heartbeat returned. Above [`lease`](Self::lease) the local tier is not trusted.
    #[serde(serialize_with = "optional_seconds")]
    pub last_heartbeat: Option<Duration>,
    /// The number of scopes whose invalidation Redis has not executed yet.
    ///
    /// Until it is 0, instances that reach Redis may read values from before these writes. If this process ends first,
    /// they may do so until the entries' time to live ends.
    pub pending_invalidations: usize,
    /// Whether there were more pending invalidations than the journal holds, 10,000.
    ///
    /// All scopes of this process then count as pending, until recovery has made every entry of its namespaces stale.
    pub journal_overflowed: bool,
    /// The instances that this one waits for before it reads from the shared tier.
    ///
    /// They have not returned after an outage, or have pending invalidations. See
    /// [`CacheBuilder::recovery_barrier`](crate::CacheBuilder::recovery_barrier).
    pub awaited: Vec<String>,
    /// The instances that did not return within the limit of the recovery barrier.
    ///
    /// This instance may miss their writes until they return. Check whether they can reach Redis, or have ended without
    /// a shutdown.
    pub isolated: Vec<String>,
    /// Whether the circuit breaker is open: [`LinkStatus::CircuitOpen`].
    pub breaker_open: bool,
    /// The longest time for which a local hit now may miss an acknowledged write.
    ///
    /// It is the time since the last heartbeat that returned was sent, at most the lease; while the shared tier is
    /// unreachable, it is `degraded_ttl`. It is 0 if the local tier returns nothing, or if no other instance writes. It
    /// does not cover writers that cannot reach the shared tier: see their `pending_invalidations`.
    #[serde(serialize_with = "seconds")]
    pub staleness_bound: Duration,
    /// The primaries of a Redis Cluster, while the cache is connected to one.
    pub shards: Vec<Shard>,
    /// A description of the problem with the shared tier.
    ///
    /// It may contain the server's own message.
    pub error: Option<String>,
}

impl Health {
    /// Computes the health from the current state, without I/O.
    pub(crate) fn of(coherence: &Coherence) -> Self {
        let now = coherence.process.clock.now();
        let state = coherence.link.state();
        let beat = coherence.link.last_heartbeat();
        let is_settled = coherence.membership.is_settled();
        let is_recovering = !is_settled && coherence.connection().is_some();
        let (awaited, isolated) = coherence.membership.missing();
        let pending = coherence.journal.len();
        Self {
            status: match &state {
                LinkState::Up if !is_settled => Status::Degraded,
                LinkState::Absent | LinkState::Up => Status::Healthy,
                LinkState::Connecting => Status::Connecting,
                LinkState::Down(_) | LinkState::CircuitOpen(_) | LinkState::ShutDown => Status::Degraded,
            },
            backend: coherence.process.backend,
            link: LinkStatus::of(&state, is_recovering),
            shared: coherence.is_readable(),
            local: coherence.freshness.is_trusted(now),
            lease: coherence.process.settings.lease,
            heartbeat_rtt: beat.map(|beat| beat.rtt),
            last_heartbeat: beat.map(|beat| now.since(beat.returned)),
            pending_invalidations: pending.min(JOURNAL_CAPACITY),
            journal_overflowed: pending == usize::MAX,
            awaited,
            isolated,
            breaker_open: matches!(state, LinkState::CircuitOpen(_)),
            staleness_bound: staleness_bound(answers(coherence, now), now, coherence.process.settings.lease),
            shards: coherence.connection().map(|connection| connection.tier.shards()).unwrap_or_default(),
            error: match state {
                LinkState::Down(error) | LinkState::CircuitOpen(error) => Some(error),
                LinkState::ShutDown => Some("the cache was shut down".to_owned()),
                LinkState::Absent | LinkState::Connecting | LinkState::Up => None,
            },
        }
    }
}

/// Returns which entries the local tier may return.
fn answers(coherence: &Coherence, now: Moment) -> Answers {
    match coherence.link.last_heartbeat().filter(|_| coherence.freshness.is_trusted(now)) {
        Some(beat) => Answers::TrustedSince(beat.sent),
        None if coherence.process.backend == Backend::SingleInstance => Answers::Alone,
        None if coherence.process.backend == Backend::PassThrough => Answers::Nothing,
        None => Answers::Degraded(coherence.process.settings.degraded_ttl),
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, backend, link, shared, local, staleness_bound, lease, .. } = self;
        write!(f, "status={status} backend={backend} link={link} shared={shared} local={local}")?;
        write!(f, " staleness_bound={staleness_bound:?} pending_invalidations=")?;
        if self.journal_overflowed {
            f.write_str("overflow")?;
        } else {
            write!(f, "{}", self.pending_invalidations)?;
        }
        write!(f, " lease={lease:?}")?;
        for (name, span) in [("heartbeat_rtt", self.heartbeat_rtt), ("last_heartbeat", self.last_heartbeat)] {
            match span {
                Some(span) => write!(f, " {name}={span:?}")?,
                None => write!(f, " {name}=none")?,
            }
        }
        for (name, members) in [("awaited", &self.awaited), ("isolated", &self.isolated)] {
            if !members.is_empty() {
                write!(f, " {name}={}", members.join(","))?;
            }
        }
        if !self.shards.is_empty() {
            write!(f, " shards={}", self.shards.len())?;
        }
        // Quoted, since it may contain a message of the server.
        self.error.iter().try_for_each(|error| write!(f, " error={error:?}"))
    }
}

fn seconds<S: Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(span.as_secs_f64())
}

#[expect(clippy::ref_option, reason = "serde calls it with a reference to the field")]
fn optional_seconds<S: Serializer>(span: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    span.map(|span| span.as_secs_f64()).serialize(serializer)
}

#[cfg(all(test, feature = "json"))]
mod tests {
    use super::*;

    fn degraded() -> Health {
        Health {
            status: Status::Degraded,
            backend: Backend::Redis,
            link: LinkStatus::CircuitOpen,
            shared: false,
            local: false,
            lease: Duration::from_millis(1500),
            heartbeat_rtt: Some(Duration::from_micros(700)),
            last_heartbeat: None,
            pending_invalidations: JOURNAL_CAPACITY,
            journal_overflowed: true,
            awaited: vec!["a1".to_owned(), "b2".to_owned()],
            isolated: Vec::new(),
            breaker_open: true,
            staleness_bound: Duration::ZERO,
            shards: Vec::new(),
            error: Some("OOM \"command\"\nnot allowed".to_owned()),
        }
    }

    #[test]
    fn it_is_one_line_for_a_log() {
        assert_eq!(
            degraded().to_string(),
            "status=degraded backend=redis link=circuit-open shared=false local=false staleness_bound=0ns \
             pending_invalidations=overflow lease=1.5s heartbeat_rtt=700µs last_heartbeat=none awaited=a1,b2 error=\"OOM \\\"command\\\"\\nnot allowed\""
        );
    }

    #[test]
    fn serialised_times_are_seconds_and_states_match_the_log() {
        let health = degraded();
        let json = serde_json::to_value(&health).unwrap();
        assert_eq!(json["lease"], 1.5);
        assert_eq!(json["heartbeat_rtt"], 0.0007);
        assert_eq!(json["last_heartbeat"], serde_json::Value::Null);
        assert_eq!(json["status"], health.status.to_string());
        assert_eq!(json["backend"], health.backend.to_string());
        assert_eq!(json["link"], health.link.to_string());
        for backend in [Backend::PassThrough, Backend::SingleInstance, Backend::Memory, Backend::Redis] {
            assert_eq!(serde_json::to_value(backend).unwrap(), backend.to_string());
        }
        for status in [Status::Healthy, Status::Connecting, Status::Degraded] {
            assert_eq!(serde_json::to_value(status).unwrap(), status.to_string());
        }
        for link in
            [LinkStatus::Absent, LinkStatus::Connecting, LinkStatus::Up, LinkStatus::Recovering, LinkStatus::Down]
        {
            assert_eq!(serde_json::to_value(link).unwrap(), link.to_string());
        }
    }
}
