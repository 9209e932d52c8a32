//! The steps of a writer.

use super::scopes::{OWN, WIDE};
use super::state::{Current, Shared, State};
use super::{Change, Steps, UpdateSize, UpdateVariant};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct Writer {
    pub(super) stage: Stage,
    pub(super) lock: Lock,
    /// Whether the lock was answered before the call.
    is_placed: bool,
    /// Whether an update may store its value.
    is_permitted: bool,
    /// Whether the generations for its value are current.
    pub(super) fence: Current,
    /// Whether the local sequences for its value are current.
    pub(super) sequences: Current,
    /// How often the own sequence of a single instance has advanced during an update, up to two.
    advances: u8,
    /// The version that it has committed.
    pub(super) version: u8,
    /// Whether an acknowledged write counts for all instances.
    pub(super) is_delivered: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) enum Stage {
    #[default]
    Idle,
    /// It waits for its lock, and an update for the wide generation.
    Begun {
        answered: bool,
        fenced: bool,
    },
    Calling,
    Committed,
    /// It has invalidated locally after the call.
    Finishing,
    /// The release, or the invalidation, is sent.
    Releasing,
    /// It is executed; `alone` is its reply.
    Released {
        alone: bool,
    },
    /// It is acknowledged and fills.
    Storing {
        local: bool,
    },
    Done,
    /// It was dropped during the call or after it.
    Dead,
}

/// A lock on its way to Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) enum Lock {
    #[default]
    Unsent,
    /// It was sent without a reply, and may be executed at any time.
    Late,
    Executed {
        until: u8,
    },
}

impl Writer {
    /// Whether an invalidation without a lock is in progress.
    pub(super) fn is_releasing(&self) -> bool {
        matches!(self.stage, Stage::Releasing | Stage::Released { .. })
    }

    pub(super) fn is_acknowledged(&self) -> bool {
        matches!(self.stage, Stage::Storing { .. } | Stage::Done)
    }

    /// Whether it was dropped, and its lock has not expired.
    pub(super) fn is_dead_until(&self, now: u8) -> bool {
        self.stage == Stage::Dead && matches!(self.lock, Lock::Executed { until } if until > now)
    }

    /// Whether all readers have to see its version.
    pub(super) fn counts(&self, now: u8) -> bool {
        let is_dead = self.stage == Stage::Dead && !self.is_dead_until(now);
        is_dead || (self.is_acknowledged() && self.is_delivered)
    }

    /// A local sequence has advanced.
    pub(super) fn advanced(&mut self, size: &UpdateSize, scope: usize) {
        self.sequences[scope] = false;
        if size.is_single && scope == OWN {
            self.advances = (self.advances + 1).min(2);
        }
    }

    /// Forgets what matters no more.
    fn end(&mut self) {
        let lock = if self.lock == Lock::Late { Lock::Late } else { Lock::Unsent };
        *self = Self {
            stage: Stage::Done,
            lock,
            version: self.version,
            is_delivered: self.is_delivered,
            ..Self::default()
        };
    }
}

impl State {
    fn commit(&mut self, at: usize) {
        self.row += 1;
        self.writers[at].version = self.row;
    }
}

impl Steps<'_> {
    pub(super) fn writer(&mut self, at: usize) {
        let (change, _) = self.size.writers[at];
        match self.state.writers[at].stage {
            Stage::Idle if change.locks() => self.begin(at),
            Stage::Idle => self.add("writer", at, "changes the row", |state| {
                state.commit(at);
                state.writers[at].stage = Stage::Committed;
            }),
            Stage::Begun { answered, fenced } => {
                if !answered {
                    self.place(at, fenced);
                }
                if !fenced {
                    self.read_wide(at, answered);
                }
            }
            Stage::Calling => self.add("writer", at, "commits", |state| {
                state.commit(at);
                state.writers[at].stage = Stage::Committed;
            }),
            Stage::Committed => self.finish(at),
            Stage::Finishing | Stage::Releasing if self.size.is_single => self.end_alone(at),
            Stage::Finishing => self.begin_release(at),
            Stage::Releasing => self.release(at),
            Stage::Released { alone } => self.hear(at, alone),
            Stage::Storing { local } => self.store(at, local),
            Stage::Dead => self.commit_late(at),
            Stage::Done => {}
        }
        self.lock_late(at);
        self.drop_writer(at);
    }

    fn begin(&mut self, at: usize) {
        let (size, (change, instance)) = (self.size, self.size.writers[at]);
        self.add("writer", at, "begins", |state| {
            state.advance(size, instance, change.scope());
            let writer = &mut state.writers[at];
            writer.advances = 0;
            writer.sequences = [change == Change::Update; 2];
            writer.stage = if size.is_single {
                Stage::Calling
            } else {
                Stage::Begun { answered: false, fenced: change != Change::Update }
            };
        });
    }

    fn place(&mut self, at: usize, fenced: bool) {
        let (variant, (change, instance)) = (self.variant, self.size.writers[at]);
        let stage = if fenced { Stage::Calling } else { Stage::Begun { answered: true, fenced } };
        self.add("writer", at, "locks", |state| {
            state.lock(variant, change.scope(), at);
            state.writers[at].is_placed = true;
            state.writers[at].stage = stage;
        });
        if self.state.silences > 0 {
            self.add("writer", at, "gets no reply to its lock", |state| {
                state.silences -= 1;
                state.writers[at].lock = Lock::Late;
                state.instances[instance].journal[change.scope()] = true;
                state.writers[at].stage = stage;
            });
        }
    }

    fn read_wide(&mut self, at: usize, answered: bool) {
        let instance = self.size.writers[at].1;
        let stage = if answered { Stage::Calling } else { Stage::Begun { answered, fenced: true } };
        self.add("writer", at, "reads the wide generation", |state| {
            let is_permitted = !state.has_journaled(instance) && state.init(WIDE);
            let writer = &mut state.writers[at];
            writer.is_permitted = is_permitted;
            writer.fence[WIDE] = is_permitted;
            writer.stage = stage;
        });
    }

    fn finish(&mut self, at: usize) {
        let (size, (change, instance)) = (self.size, self.size.writers[at]);
        self.add("writer", at, "invalidates its local tier after the call", |state| {
            state.advance(size, instance, change.scope());
            state.writers[at].stage = if change.locks() { Stage::Finishing } else { Stage::Releasing };
        });
    }

    /// Ends a write of a single instance.
    fn end_alone(&mut self, at: usize) {
        let (variant, (change, _)) = (self.variant, self.size.writers[at]);
        self.add("writer", at, "is acknowledged", |state| {
            let writer = &mut state.writers[at];
            writer.is_delivered = true;
            let is_alone = writer.advances == 1 || variant == UpdateVariant::StoresOverlappedSequence;
            if change == Change::Update && is_alone {
                writer.sequences[OWN] = true;
                writer.stage = Stage::Storing { local: true };
            } else {
                writer.end();
            }
        });
    }

    fn begin_release(&mut self, at: usize) {
        let (variant, (change, instance)) = (self.variant, self.size.writers[at]);
        self.add("writer", at, "begins its release", |state| {
            let is_journaled = variant != UpdateVariant::IgnoresJournal && state.has_journaled(instance);
            let writer = &mut state.writers[at];
            writer.sequences[OWN] = change == Change::Update;
            writer.sequences[WIDE] |= change == Change::Update && variant == UpdateVariant::WideSequenceAtRelease;
            writer.is_permitted &= !is_journaled;
            writer.stage = Stage::Releasing;
        });
    }

    /// Sends the release or the invalidation.
    fn release(&mut self, at: usize) {
        let (variant, (change, _)) = (self.variant, self.size.writers[at]);
        let execute = move |state: &mut State| {
            if change.locks() {
                return state.release(variant, change.scope(), at);
            }
            state.invalidate(variant, change.scope());
            false
        };
        self.add("writer", at, "releases", |state| {
            let generation = execute(state);
            let writer = &mut state.writers[at];
            let is_late = !writer.is_placed;
            let alone = generation
                && match variant {
                    UpdateVariant::StoresAfterLateLock | UpdateVariant::NoLastInvalidationAfterLateLock => true,
                    _ => !is_late,
                };
            writer.is_permitted &= !is_late || variant != UpdateVariant::NoLastInvalidationAfterLateLock;
            writer.fence[OWN] = alone;
            writer.stage = Stage::Released { alone };
        });
        if self.state.silences > 0 {
            self.add("writer", at, "releases without a reply", |state| {
                execute(state);
            });
            self.without_reply(at);
            self.add("writer", at, "cannot release", |_| {});
            self.without_reply(at);
        }
    }

    /// Completes the last step: the release is journaled, and the write acknowledged before its delivery.
    fn without_reply(&mut self, at: usize) {
        let (size, (change, instance)) = (self.size, self.size.writers[at]);
        let Some((state, _)) = self.next.last_mut() else { return };
        state.silences -= 1;
        state.instances[instance].journal[change.scope()] = true;
        state.advance(size, instance, change.scope());
        state.writers[at].end();
    }

    /// Receives the reply, and is acknowledged.
    fn hear(&mut self, at: usize, alone: bool) {
        let (variant, size, (change, instance)) = (self.variant, self.size, self.size.writers[at]);
        self.add("writer", at, "is acknowledged", |state| {
            let is_stored = change == Change::Update && alone;
            if !is_stored && variant != UpdateVariant::NoLastInvalidation {
                state.advance(size, instance, change.scope());
            }
            let writer = &mut state.writers[at];
            writer.is_delivered = true;
            writer.sequences[OWN] |= variant == UpdateVariant::SequenceAfterRelease;
            if is_stored && writer.is_permitted {
                writer.stage = Stage::Storing { local: true };
            } else {
                writer.end();
            }
        });
    }

    fn store(&mut self, at: usize, local: bool) {
        let (variant, size, (_, instance)) = (self.variant, self.size, self.size.writers[at]);
        if local {
            self.add("writer", at, "fills its local tier", |state| {
                let Writer { version, sequences, .. } = state.writers[at];
                let checks = variant != UpdateVariant::NoSequenceCheck;
                state.fill_local(instance, version, if checks { sequences } else { [true; 2] });
                if size.is_single {
                    state.writers[at].end();
                } else {
                    state.writers[at].stage = Stage::Storing { local: false };
                }
            });
            return;
        }
        self.add("writer", at, "fills the shared tier", |state| {
            if variant == UpdateVariant::WideAtFill {
                state.writers[at].fence[WIDE] = state.init(WIDE);
            }
            let Writer { version: value, fence, .. } = state.writers[at];
            state.shared = Some(Shared { value, fence });
            state.writers[at].end();
        });
    }

    /// Executes a lock that got no reply.
    fn lock_late(&mut self, at: usize) {
        let (variant, (change, _)) = (self.variant, self.size.writers[at]);
        if self.state.writers[at].lock == Lock::Late {
            self.add("writer", at, "locks late", |state| state.lock(variant, change.scope(), at));
        }
    }

    /// Drops a writer whose outcome is unknown.
    fn drop_writer(&mut self, at: usize) {
        let (size, (change, instance)) = (self.size, self.size.writers[at]);
        let writer = self.state.writers[at];
        let is_called = matches!(writer.stage, Stage::Calling | Stage::Committed);
        if self.state.drops > 0 && is_called && writer.is_placed && self.state.has_lock(change.scope(), at) {
            self.add("writer", at, "is dropped", |state| {
                state.drops -= 1;
                state.advance(size, instance, change.scope());
                state.writers[at].stage = Stage::Dead;
            });
        }
    }

    /// Applies the commit of a dropped writer before its lock expires.
    fn commit_late(&mut self, at: usize) {
        let writer = self.state.writers[at];
        if writer.version == 0 && writer.is_dead_until(self.state.now) {
            self.add("writer", at, "commits after it was dropped", |state| state.commit(at));
        }
    }
}
