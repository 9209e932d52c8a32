//! The steps of a reader.

use super::scopes::{SCOPES, Scope};
use super::state::{Current, Shared};
use super::{Steps, UpdateVariant};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Reader {
    Idle,
    /// It has the local sequences.
    Begun(Current),
    Loading {
        sequences: Current,
        fence: Current,
    },
    /// What is left to be filled; a hit has no fence.
    Filling {
        value: u8,
        sequences: Option<Current>,
        fence: Option<Current>,
    },
    Done,
}

impl Reader {
    /// A local sequence has advanced.
    pub(super) fn advanced(&mut self, scope: usize) {
        match self {
            Self::Begun(sequences)
            | Self::Loading { sequences, .. }
            | Self::Filling { sequences: Some(sequences), .. } => sequences[scope] = false,
            Self::Idle | Self::Filling { .. } | Self::Done => {}
        }
    }

    /// A generation has changed.
    pub(super) fn outdated(&mut self, scope: usize) {
        if let Self::Loading { fence, .. } | Self::Filling { fence: Some(fence), .. } = self {
            fence[scope] = false;
        }
    }
}

impl Steps<'_> {
    pub(super) fn reader(&mut self, at: usize) {
        let instance = self.size.readers[at];
        match self.state.readers[at] {
            // A local entry answers at once.
            Reader::Idle if self.state.instances[instance].local.is_none() => {
                self.add("reader", at, "begins", |state| state.readers[at] = Reader::Begun([true; 2]));
            }
            Reader::Begun(sequences) if self.size.is_single => self.add("reader", at, "loads", |state| {
                state.readers[at] = Reader::Filling { value: state.row, sequences: Some(sequences), fence: None };
            }),
            Reader::Begun(sequences) => self.look_up(at, sequences),
            Reader::Loading { sequences, fence } => self.add("reader", at, "loads", |state| {
                let value = state.row;
                state.readers[at] = Reader::Filling { value, sequences: Some(sequences), fence: Some(fence) };
            }),
            Reader::Filling { value, sequences, fence } => self.fill(at, value, sequences, fence),
            Reader::Idle | Reader::Done => {}
        }
    }

    /// Reads the entry and its generations, in one step.
    fn look_up(&mut self, at: usize, sequences: Current) {
        let (size, instance) = (self.size, self.size.readers[at]);
        self.add("reader", at, "looks up", |state| {
            let is_bypass =
                state.is_bypassed(size, instance) || state.scopes.iter().any(|scope| matches!(scope, Scope::Locked(_)));
            if is_bypass {
                state.readers[at] = Reader::Done;
                return;
            }
            for scope in SCOPES {
                state.init(scope);
            }
            state.readers[at] = match state.shared {
                Some(Shared { value, fence: [true, true] }) => {
                    Reader::Filling { value, sequences: Some(sequences), fence: None }
                }
                _ => Reader::Loading { sequences, fence: [true; 2] },
            };
        });
    }

    fn fill(&mut self, at: usize, value: u8, sequences: Option<Current>, fence: Option<Current>) {
        let (instance, checks) = (self.size.readers[at], self.variant != UpdateVariant::NoSequenceCheck);
        let left = |sequences: Option<Current>, fence: Option<Current>| {
            let is_done = sequences.is_none() && fence.is_none();
            if is_done { Reader::Done } else { Reader::Filling { value, sequences, fence } }
        };
        if let Some(sequences) = sequences {
            self.add("reader", at, "fills its local tier", |state| {
                state.fill_local(instance, value, if checks { sequences } else { [true; 2] });
                state.readers[at] = left(None, fence);
            });
        }
        if let Some(fence) = fence {
            self.add("reader", at, "fills the shared tier", |state| {
                state.shared = Some(Shared { value, fence });
                state.readers[at] = left(sequences, None);
            });
        }
    }
}
