//! The lines of a history.
//!
//! All times are nanoseconds of `CLOCK_MONOTONIC`, which all processes of a machine share.

use serde::{Deserialize, Serialize};

/// The servers of the shared tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deployment {
    /// One primary with a replica.
    #[default]
    Single,
    /// A Redis Cluster of three primaries with a replica each.
    Cluster,
}

/// The settings of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The version of the schema.
    pub schema: u32,
    /// The seed of the operations and faults.
    pub seed: u64,
    /// The servers.
    pub deployment: Deployment,
    /// The number of requested operations.
    pub operations: u64,
    /// The number of concurrent processes.
    pub processes: u32,
    /// H, the lease: how long a local tier is trusted after a heartbeat.
    pub lease_ns: u64,
    /// P, the lifetime of a write lock.
    pub lock_ns: u64,
    /// The maximum age of a degraded read.
    pub degraded_ttl_ns: u64,
    /// How long a write waits for each reply of Redis.
    pub write_timeout_ns: u64,
    /// The disabled protection, for a control.
    pub without: Option<String>,
}

/// The promise to the readers of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// A write is acknowledged before its release.
    Fast,
    /// The default.
    Safe,
    /// Local hits are no older than answers of Redis.
    Strict,
}

/// The tier that answered a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// The local tier, while it was trusted.
    Local,
    /// The local tier, while Redis was unreachable.
    Degraded,
    /// Redis.
    Shared,
    /// The database.
    Store,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It returned: a read its version, a write its acknowledgement.
    Ok,
    /// The caller was dropped in the middle of it.
    Cancelled,
    /// The database refused it: a write was certainly not applied.
    Refused,
    /// The database did not answer: a write may be applied later.
    Unknown,
    /// The caller received another error, or no answer within ten seconds.
    Failed,
}

/// A read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Read {
    /// The process that read. The replacement of a killed process has a name of its own.
    pub process: String,
    /// The calling task of the process.
    pub task: u32,
    /// Taken before the call.
    pub start: u64,
    /// Taken after it.
    pub end: u64,
    /// The row that was read.
    pub key: String,
    /// The promise to its readers.
    pub mode: Mode,
    /// The version that was found; `None` if the row is absent.
    pub version: Option<u64>,
    /// The tier that answered.
    pub tier: Option<Tier>,
    /// Whether the call waited for another caller's look-up.
    pub joined: bool,
    /// The number of the write that an observed session token promised to show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<u64>,
    /// How it ended.
    pub outcome: Outcome,
    /// The text of an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// The kind of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// The row is present afterwards, with the next version.
    Put,
    /// The row is absent afterwards, with the next version.
    Erase,
    /// Every row of a group has its next version afterwards.
    Touch,
}

/// A write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Write {
    /// The process that wrote.
    pub process: String,
    /// The calling task of the process.
    pub task: u32,
    /// Taken before the call.
    pub start: u64,
    /// Taken after it: with the outcome `ok`, the acknowledgement.
    pub end: u64,
    /// The key, or the group with a `*`.
    pub key: String,
    /// The promise to its readers.
    pub mode: Mode,
    /// The kind of the write.
    pub operation: Operation,
    /// Its number, which its commits share.
    pub id: u64,
    /// The version that the store returned; `None` for a group.
    pub version: Option<u64>,
    /// Whether Redis had the lock before the call of the store.
    pub locked: Option<bool>,
    /// Whether Redis had answered the release before the acknowledgement.
    pub released: Option<bool>,
    /// How it ended.
    pub outcome: Outcome,
    /// The text of an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A version of a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// The number of the write.
    pub id: u64,
    /// The process that wrote.
    pub process: String,
    /// The row.
    pub key: String,
    /// Its version: each is one more than the previous one.
    pub version: u64,
    /// Whether the row is present, or deleted.
    pub present: bool,
    /// Whether Redis had the lock before the call of the store.
    pub locked: bool,
    /// The time of the call of the store.
    pub begun: u64,
}

/// The state of a process's connection to Redis at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkState {
    /// The process of the connection.
    pub process: String,
    /// Taken before the state was read.
    pub at: u64,
    /// Whether there is a connection to Redis with a closed circuit.
    pub connected: bool,
    /// Whether the shared tier may be read.
    pub shared: bool,
    /// Whether the local tier may answer.
    pub local: bool,
    /// The number of scopes with a pending invalidation.
    pub journal: u64,
}

/// A log line of a process, of level `warn` or above.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Logged {
    /// The process that logged it.
    pub process: String,
    /// The time of the line.
    pub at: u64,
    /// Its level.
    pub level: String,
    /// Its text with its fields.
    pub message: String,
}
