//! What a server or a client does that is broken, on command.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::tier::remote::{RemoteError, Snapshot};

/// The lies that a remote tells.
#[derive(Debug, Default)]
pub(super) struct Lies(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    confuses_reads: bool,
    /// The answer to the read before.
    kept: Option<Snapshot>,
    answers_beats: bool,
    /// The namespace epochs and the server's time, as the last beat that was carried out told them.
    epochs: String,
    time: u64,
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

    /// Takes note of what the bus said.
    pub(super) fn heard(&self, payload: &[u8]) {
        let text = std::str::from_utf8(payload).unwrap_or_default();
        if let Some((_, epochs)) = text.strip_prefix("B ").and_then(|beat| beat.split_once(' ')) {
            epochs.clone_into(&mut self.lock().epochs);
        }
    }

    /// The answer to a beat, and what the bus says of it that the server did not.
    pub(super) fn beat(
        &self,
        nonce: u64,
        answer: Result<u64, RemoteError>,
    ) -> (Result<u64, RemoteError>, Option<String>) {
        let mut state = self.lock();
        match answer {
            Ok(time) => {
                state.time = time;
                (Ok(time), None)
            }
            Err(_) if state.answers_beats => (Ok(state.time), Some(format!("B {nonce} {}", state.epochs))),
            Err(error) => (Err(error), None),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
