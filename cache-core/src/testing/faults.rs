//! Faults of a server or a client, on request: replies that belong to another call, and heartbeats that should have
//! failed.
//!
//! They change replies only. Faults that hold or refuse a call are in `chaos`.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::protocol::{EntryReplies, HeartbeatReply, Message, TierError};

/// The faults of a shared tier.
#[derive(Debug, Default)]
pub(super) struct ReplyFaults(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    confuses_reads: bool,
    /// The reply to the previous read.
    kept: Option<EntryReplies>,
    answers_heartbeats: bool,
    /// The reply to the last heartbeat that the server executed.
    heartbeat: HeartbeatReply,
}

impl ReplyFaults {
    /// Gives each read the reply to the previous one from now on.
    pub(super) fn confuse_reads(&self) {
        self.lock().confuses_reads = true;
    }

    /// Returns heartbeats that the server refuses from now on.
    pub(super) fn answer_heartbeats(&self) {
        self.lock().answers_heartbeats = true;
    }

    /// Returns this reply, or the previous one of the same form if reads are confused.
    pub(super) fn read(&self, answer: EntryReplies) -> EntryReplies {
        let mut state = self.lock();
        if !state.confuses_reads {
            return answer;
        }
        let before = state.kept.replace(answer.clone());
        let form = |replies: &EntryReplies| replies.iter().map(|reply| reply.states.len()).collect::<Vec<_>>();
        before.filter(|before| form(before) == form(&answer)).unwrap_or(answer)
    }

    /// Returns the reply to a heartbeat, and a bus message if a refused one must return.
    pub(super) fn heartbeat(
        &self,
        nonce: u64,
        answer: Result<HeartbeatReply, TierError>,
    ) -> (Result<HeartbeatReply, TierError>, Option<String>) {
        let mut state = self.lock();
        match answer {
            Ok(heartbeat) => {
                state.heartbeat = heartbeat.clone();
                (Ok(heartbeat), None)
            }
            Err(_) if state.answers_heartbeats => {
                (Ok(state.heartbeat.clone()), Some(Message::Heartbeat { nonce }.to_string()))
            }
            Err(error) => (Err(error), None),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
