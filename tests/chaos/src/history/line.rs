//! The lines. All times are nanoseconds of `CLOCK_MONOTONIC`, which all processes of a machine share.

use serde::{Deserialize, Serialize};

/// The settings of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The version of the schema.
    pub schema: u32,
    /// What the operations and faults were drawn from.
    pub seed: u64,
    /// How many operations were asked for.
    pub operations: u64,
    /// How many processes worked at a time.
    pub processes: u32,
    /// How long a local tier is trusted without news (H).
    pub lease_ns: u64,
    /// How long a writer's lock lives (P).
    pub lock_ns: u64,
    /// How old an answer may be that an instance keeps while Redis is out of its reach.
    pub degraded_ttl_ns: u64,
    /// How long a write waits for Redis, each time that it asks.
    pub write_timeout_ns: u64,
    /// The protection that was taken out, for a control.
    pub without: Option<String>,
}

/// What the readers of a key are promised.
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

/// What answered a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// The memory of the process, while news from Redis came in time.
    Local,
    /// The memory of the process, while Redis was out of reach.
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
    /// It returned: a read what it read, a write its acknowledgement.
    Ok,
    /// The caller went away in the middle of it.
    Cancelled,
    /// The database refused it: a write was certainly not applied.
    Refused,
    /// The database did not say: a write may be applied later.
    Unknown,
    /// The caller was told an error that is not the database's, or nothing within ten seconds.
    Failed,
}

/// A read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Read {
    /// Who read. A process that takes the place of one that was killed has a name of its own.
    pub process: String,
    /// Which of its tasks.
    pub task: u32,
    /// Taken before the call.
    pub start: u64,
    /// Taken after it.
    pub end: u64,
    /// What was read.
    pub key: String,
    /// What its readers are promised.
    pub mode: Mode,
    /// What was found; nothing where the row is absent.
    pub version: Option<u64>,
    /// Where the answer came from.
    pub tier: Option<Tier>,
    /// Whether the look-up was another caller's, which this one waited for.
    pub joined: bool,
    /// The number of the write whose token was observed before, if that was to be shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<u64>,
    /// How it ended.
    pub outcome: Outcome,
    /// The words of an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What a write does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// The row is there afterwards, with the next version.
    Put,
    /// The row is absent afterwards, with the next version.
    Erase,
    /// Every row of a group has its next version afterwards.
    Touch,
}

/// A write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Write {
    /// Who wrote.
    pub process: String,
    /// Which of its tasks.
    pub task: u32,
    /// Taken before the call.
    pub start: u64,
    /// Taken after it: with the outcome `ok`, the acknowledgement.
    pub end: u64,
    /// The key, or the group with a `*`.
    pub key: String,
    /// What its readers are promised.
    pub mode: Mode,
    /// What it did.
    pub operation: Operation,
    /// Its number: commits have the same.
    pub id: u64,
    /// The version that the store said it has written; nothing for a group.
    pub version: Option<u64>,
    /// Whether Redis had the lock before the store was called.
    pub announced: Option<bool>,
    /// Whether Redis had answered the release before the acknowledgement.
    pub released: Option<bool>,
    /// How it ended.
    pub outcome: Outcome,
    /// The words of an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A version of a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// The number of the write.
    pub id: u64,
    /// Whose write it was.
    pub process: String,
    /// The row.
    pub key: String,
    /// Its version: each is one more than the one before.
    pub version: u64,
    /// Whether the row is there, or deleted.
    pub present: bool,
    /// Whether Redis had the lock before the store was called.
    pub announced: bool,
    /// When the store was called.
    pub begun: u64,
}

/// What a process knew of its connection to Redis at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkState {
    /// Whose connection.
    pub process: String,
    /// Taken before it was asked for.
    pub at: u64,
    /// Whether there is a connection to Redis with a closed circuit.
    pub connected: bool,
    /// Whether Redis may be asked.
    pub shared: bool,
    /// Whether the local tier may answer.
    pub local: bool,
    /// How many scopes were written that Redis has not heard of.
    pub journal: u64,
}

/// A log line of a process, of level `warn` or above.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Logged {
    /// The process that logged it.
    pub process: String,
    /// When.
    pub at: u64,
    /// Its level.
    pub level: String,
    /// Its text with its fields.
    pub message: String,
}
