//! The events of a run, line by line. `tests/chaos/SCHEMA.md` describes every field.

mod fault;
mod file;
mod line;

pub use fault::{Fault, FaultKind};
pub use file::{read_history, write_history};
pub use line::{Commit, Deployment, LinkState, Logged, Mode, Operation, Outcome, Read, Run, Tier, Write};

use serde::{Deserialize, Serialize};

/// One line of a history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "snake_case")]
pub enum Line {
    /// The settings of the run: the first line.
    Run(Run),
    /// A read by a caller.
    Read(Read),
    /// A write by a caller.
    Write(Write),
    /// A version in the store, from the store's own list.
    Commit(Commit),
    /// The state of a process's connection to Redis.
    Link(LinkState),
    /// A fault that was injected.
    Fault(Fault),
    /// A log line of a process.
    Log(Logged),
}
