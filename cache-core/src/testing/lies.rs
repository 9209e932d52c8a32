//! What a server or a client does that is broken, on command.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::tier::remote::{Heartbeat, RemoteError, Snapshot};

/// The lies that a remote tells.
#[derive(Debug, Default)]
pub(super) struct Lies(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    confuses_reads: bool,
    /// The answer to the read before.
    kept: Option<Snapshot>,
    answers_beats: bool,
    /// The reply to the last heartbeat that was carried out.
    heartbeat: Heartbeat,
}

impl Lies {
    /// From now on each read gets the answer to the read before it.
    pub(super) fn confuse_reads(&self) {
        self.lock().confuses_reads = true;
    }

    /// From now on a beat that the server refuses comes back all the same.
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

    /// The answer to a beat, and what the bus says of it that the server did not.
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
