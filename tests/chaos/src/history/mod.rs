//! What happened, line by line. `tests/chaos/SCHEMA.md` describes every field.

mod fault;
mod file;
mod line;

pub use fault::{Fault, FaultKind};
pub use file::{read_history, write_history};
pub use line::{Commit, LinkState, Logged, Mode, Operation, Outcome, Read, Run, Tier, Write};

use serde::{Deserialize, Serialize};

/// One line of a history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "snake_case")]
pub enum Line {
    /// The settings of the run: the first line.
    Run(Run),
    /// A read that a caller made.
    Read(Read),
    /// A write that a caller made.
    Write(Write),
    /// A version that the store has, as the store itself lists them.
    Commit(Commit),
    /// What a process knew of its connection to Redis.
    Link(LinkState),
    /// A fault that was injected.
    Fault(Fault),
    /// A log line of a process.
    Log(Logged),
}
