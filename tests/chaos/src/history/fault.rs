//! Faults and their properties.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::line::Deployment;

/// A kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// Redis is killed, and started again empty.
    RedisKill,
    /// Redis is stopped (SIGSTOP) and continued.
    RedisStop,
    /// Everything in Redis is deleted.
    Flush,
    /// Random keys are deleted in Redis one after the other, as by eviction.
    Evict,
    /// Redis refuses writes only: it is out of memory, or has too few replicas.
    Refuse,
    /// Redis is killed and a lagging replica takes its place.
    Failover,
    /// Redis postpones every command of every client (`CLIENT PAUSE`).
    ClientPause,
    /// Redis sleeps inside a command (`DEBUG SLEEP`).
    DebugSleep,
    /// The user of the processes may not use one of its commands for a while.
    RightRevoked,
    /// The user may use no channel for a while. Redis closes the subscribed connections.
    ChannelsRevoked,
    /// The user may use no key for a while.
    KeysRevoked,
    /// The user is switched off for a while, and its connections are killed.
    UserOff,
    /// Another client runs an endless script. Redis answers `BUSY`.
    BusyScript,
    /// Redis becomes the replica of an absent server, and a primary again.
    Demoted,
    /// Redis is killed and restarted from an older dump.
    OlderDump,
    /// Slots of the cluster move to other servers, with their keys.
    SlotMove,
    /// A primary of the cluster is killed, and its replica, which may lag, takes over.
    PrimaryKill,
    /// A primary of the cluster is stopped (SIGSTOP) until its replica has taken over, and continued.
    PrimaryStop,
    /// A replica of the cluster takes over by command, without a loss (`CLUSTER FAILOVER`).
    Takeover,
    /// The connections to one shard are closed and new ones refused, or they carry nothing.
    ShardCut,
    /// Connections are closed and new ones refused.
    Cut,
    /// Connections stay open and carry nothing, in one direction or both.
    HalfOpen,
    /// All bytes are delayed.
    Latency,
    /// All bytes arrive in small pieces.
    Slices,
    /// Redis executes requests of one kind, and the connection is reset instead of the answer.
    ResetAfterSend,
    /// A process is stopped (SIGSTOP) and continued.
    WorkerStop,
    /// A writer is killed between its commit and its release.
    WriterCrash,
    /// A process is killed at any point.
    WorkerKill,
    /// Every connection to the database is ended, also during a statement.
    DatabaseReset,
}

impl FaultKind {
    /// All kinds.
    pub const ALL: [Self; 29] = [
        Self::RedisKill,
        Self::RedisStop,
        Self::Flush,
        Self::Evict,
        Self::Refuse,
        Self::Failover,
        Self::ClientPause,
        Self::DebugSleep,
        Self::RightRevoked,
        Self::ChannelsRevoked,
        Self::KeysRevoked,
        Self::UserOff,
        Self::BusyScript,
        Self::Demoted,
        Self::OlderDump,
        Self::SlotMove,
        Self::PrimaryKill,
        Self::PrimaryStop,
        Self::Takeover,
        Self::ShardCut,
        Self::Cut,
        Self::HalfOpen,
        Self::Latency,
        Self::Slices,
        Self::ResetAfterSend,
        Self::WorkerStop,
        Self::WriterCrash,
        Self::WorkerKill,
        Self::DatabaseReset,
    ];

    /// Whether only a cluster has it.
    pub fn is_of_a_cluster(self) -> bool {
        matches!(self, Self::SlotMove | Self::PrimaryKill | Self::PrimaryStop | Self::Takeover | Self::ShardCut)
    }

    /// Whether these servers can have it. A server of a cluster is made a replica by the others only.
    pub fn is_of(self, deployment: Deployment) -> bool {
        match deployment {
            Deployment::Single => !self.is_of_a_cluster(),
            Deployment::Cluster => !matches!(self, Self::Failover | Self::Demoted),
        }
    }

    /// Whether a replica of a cluster takes over.
    pub fn replaces_a_primary(self) -> bool {
        matches!(self, Self::PrimaryKill | Self::PrimaryStop | Self::Takeover)
    }

    /// Whether Redis loses write locks.
    pub fn loses_locks(self) -> bool {
        let by_failover = matches!(self, Self::Failover | Self::PrimaryKill | Self::PrimaryStop);
        by_failover || matches!(self, Self::RedisKill | Self::Flush | Self::Evict | Self::OlderDump)
    }

    /// Whether it affects the connections between processes and Redis.
    pub fn disturbs_connections(self) -> bool {
        let of_one_shard = self == Self::ShardCut;
        of_one_shard || matches!(self, Self::Cut | Self::HalfOpen | Self::Latency | Self::Slices | Self::ResetAfterSend)
    }

    /// Whether it affects a server, and so every process.
    pub fn is_of_the_server(self) -> bool {
        let others = matches!(self, Self::WorkerStop | Self::WriterCrash | Self::WorkerKill);
        !self.disturbs_connections() && !others
    }

    /// Whether it may prevent its targets from delivering a write.
    pub fn blocks_redis(self) -> bool {
        !matches!(self, Self::Flush | Self::Evict | Self::DatabaseReset)
    }

    /// Whether its targets are dead at its end.
    pub fn kills_workers(self) -> bool {
        matches!(self, Self::WriterCrash | Self::WorkerKill)
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::RedisKill => "redis killed, restarted empty",
            Self::RedisStop => "redis stopped, continued",
            Self::Flush => "FLUSHALL",
            Self::Evict => "keys evicted",
            Self::Refuse => "redis refuses writes",
            Self::Failover => "failover to a lagging replica",
            Self::ClientPause => "CLIENT PAUSE",
            Self::DebugSleep => "DEBUG SLEEP",
            Self::RightRevoked => "right to a command revoked",
            Self::ChannelsRevoked => "right to channels revoked",
            Self::KeysRevoked => "right to keys revoked",
            Self::UserOff => "user off, connections killed",
            Self::BusyScript => "busy script",
            Self::Demoted => "made a replica, and back",
            Self::OlderDump => "restarted with an older dump",
            Self::SlotMove => "slots moved",
            Self::PrimaryKill => "primary killed, failover",
            Self::PrimaryStop => "primary stopped, failover",
            Self::Takeover => "failover by command",
            Self::ShardCut => "cut off from one shard",
            Self::Cut => "connections cut",
            Self::HalfOpen => "connections half-open",
            Self::Latency => "latency",
            Self::Slices => "bytes in slices",
            Self::ResetAfterSend => "reset after send",
            Self::WorkerStop => "process stopped, continued",
            Self::WriterCrash => "writer killed after its commit",
            Self::WorkerKill => "process killed",
            Self::DatabaseReset => "database connections ended",
        })
    }
}

/// A fault that was injected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Its kind.
    pub kind: FaultKind,
    /// The affected processes: all of them for a fault of the server.
    pub targets: Vec<String>,
    /// A time before it began.
    pub start: u64,
    /// A time after its end: it has healed, or the process is continued or dead.
    pub end: u64,
}
