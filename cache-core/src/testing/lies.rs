//! Faults of a server or a client, on request.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::tier::remote::{Heartbeat, RemoteError, Snapshot};

/// The faults of a shared tier.
#[derive(Debug, Default)]
pub(super) struct Lies(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    confuses_reads: bool,
    /// The reply to the previous read.
    kept: Option<Snapshot>,
    answers_beats: bool,
    /// The reply to the last heartbeat that the server executed.
    heartbeat: Heartbeat,
}

impl Lies {
    /// Gives each read the reply to the previous one from now on.
    pub(super) fn confuse_reads(&self) {
        self.lock().confuses_reads = true;
    }

    /// Returns heartbeats that the server refuses from now on.
    pub(super) fn answer_beats(&self) {
        self.lock().answers_beats = true;
    }

    pub(super) fn read(&self, answer: Snapshot) -> Snapshot {
        let mut state = self.lock();
        if !state.confuses_reads {
            return answer;
        }
        let before = state.kept.replace(answer.clone());
        before.filter(|before| before.gens.len() == answer.gens.len()).unwrap_or(answer)
    }

    /// Returns the reply to a heartbeat, and a bus message if a refused one must return.
    pub(super) fn beat(
        &self,
        nonce: u64,
        answer: Result<Heartbeat, RemoteError>,
    ) -> (Result<Heartbeat, RemoteError>, Option<String>) {
        let mut state = self.lock();
        match answer {
            Ok(heartbeat) => {
                state.heartbeat = heartbeat.clone();
                (Ok(heartbeat), None)
            }
            Err(_) if state.answers_beats => (Ok(state.heartbeat.clone()), Some(format!("B {nonce} "))),
            Err(error) => (Err(error), None),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
