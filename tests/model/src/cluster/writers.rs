//! The steps of a writer.

use super::servers::{OWN, SCOPES, WIDE};
use super::state::{LOCK, State};
use super::{ClusterVariant, ClusterWrite, Steps};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct Writer {
    step: Step,
    pub(super) version: u8,
    /// When its last message was published.
    pub(super) published: u8,
    /// The first expiry of a lock, or that of the registration.
    pub(super) until: u8,
    /// Whether a lock or the registration is lost, so that its death is the documented loss.
    pub(super) is_lost: bool,
    /// The new epoch of the namespace.
    epoch: Option<u8>,
    has_received_epoch: bool,
}

/// The scopes are those that are left to lock or to release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
enum Step {
    #[default]
    Idle,
    Locks([bool; 2]),
    Releases([bool; 2]),
    Dead([bool; 2]),
    Acknowledged,
}

impl ClusterWrite {
    /// The scopes that are changed before and after the commit.
    fn scopes(self) -> [bool; 2] {
        match self {
            Self::Own => [true, false],
            Self::Wide => [false, true],
            Self::Both | Self::Found => [true, true],
            Self::Everything => [false, false],
        }
    }

    /// The scopes that are locked, or registered on.
    fn announced(self) -> [bool; 2] {
        if self == Self::Found { [false, true] } else { self.scopes() }
    }
}

impl Writer {
    pub(super) fn counts(&self, write: ClusterWrite, now: u8) -> bool {
        match self.step {
            Step::Acknowledged => write != ClusterWrite::Everything || self.has_received_epoch,
            Step::Dead(_) => self.until <= now && !self.is_lost,
            Step::Idle | Step::Locks(_) | Step::Releases(_) => false,
        }
    }

    /// The scopes that it has locked, and whether it is registered.
    pub(super) fn held(&self, write: ClusterWrite) -> ([bool; 2], bool) {
        let held = match self.step {
            Step::Locks(left) => SCOPES.map(|scope| write.announced()[scope] && !left[scope]),
            Step::Releases(left) | Step::Dead(left) => SCOPES.map(|scope| write.announced()[scope] && left[scope]),
            Step::Idle | Step::Acknowledged => [false; 2],
        };
        if write == ClusterWrite::Found { ([false; 2], held[WIDE]) } else { (held, false) }
    }

    pub(super) fn epoch_received(&mut self, epoch: u8, now: u8) {
        if self.epoch == Some(epoch) && !self.has_received_epoch {
            (self.has_received_epoch, self.published) = (true, now);
        }
    }
}

impl State {
    fn announce(&mut self, at: usize, write: ClusterWrite, scope: usize) {
        if write == ClusterWrite::Found {
            self.register();
        } else {
            self.lock(scope, at);
        }
        let expiry = self.now + LOCK;
        let writer = &mut self.writers[at];
        (writer.published, writer.until) = (self.now, writer.until.min(expiry));
    }

    fn change(&mut self, at: usize, write: ClusterWrite, scope: usize) {
        let has_published = match (write, scope) {
            (ClusterWrite::Found, OWN) => {
                self.invalidate(OWN);
                true
            }
            (ClusterWrite::Found, _) => {
                self.finish();
                false
            }
            _ => self.release(scope, at),
        };
        if has_published {
            self.writers[at].published = self.now;
        }
    }
}

impl Steps<'_> {
    pub(super) fn writer(&mut self, at: usize) {
        let write = self.size.writers[at];
        match self.state.writers[at].step {
            Step::Idle => self.announce(at, write, write.announced()),
            Step::Locks([false, false]) => self.commit(at, write),
            Step::Locks(left) => self.announce(at, write, left),
            Step::Releases(left) => {
                self.release(at, write, left);
                if write != ClusterWrite::Everything {
                    self.add(format_args!("writer {at} dies"), |state| state.writers[at].step = Step::Dead(left));
                }
            }
            Step::Dead(_) | Step::Acknowledged => {}
        }
    }

    fn announce(&mut self, at: usize, write: ClusterWrite, left: [bool; 2]) {
        if left == [false; 2] {
            return self.commit(at, write);
        }
        for scope in SCOPES.into_iter().filter(|scope| left[*scope]) {
            let what = if write == ClusterWrite::Found { "registers on" } else { "locks" };
            self.add(format_args!("writer {at} {what} scope {scope}"), |state| {
                let writer = &mut state.writers[at];
                if writer.step == Step::Idle {
                    writer.until = u8::MAX;
                }
                writer.step = Step::Locks(without(left, scope));
                state.announce(at, write, scope);
            });
        }
    }

    /// One that commits after the expiry of its lock and dies is the documented loss.
    fn commit(&mut self, at: usize, write: ClusterWrite) {
        self.add(format_args!("writer {at} commits"), |state| {
            state.row += 1;
            let writer = &mut state.writers[at];
            (writer.step, writer.version) = (Step::Releases(write.scopes()), state.row);
            writer.is_lost |= writer.until <= state.now;
        });
    }

    fn release(&mut self, at: usize, write: ClusterWrite, left: [bool; 2]) {
        if left == [false; 2] {
            return self.acknowledge(at, write);
        }
        let order = if self.is(ClusterVariant::EndsBeforeInvalidations) { OWN } else { WIDE };
        let waits = |scope: usize| write == ClusterWrite::Found && scope == order && left == [true; 2];
        for scope in SCOPES.into_iter().filter(|scope| left[*scope] && !waits(*scope)) {
            let what = match (write, scope) {
                (ClusterWrite::Found, OWN) => "invalidates",
                (ClusterWrite::Found, _) => "ends its registration on",
                _ => "releases",
            };
            self.add(format_args!("writer {at} {what} scope {scope}"), |state| {
                state.writers[at].step = Step::Releases(without(left, scope));
                state.change(at, write, scope);
            });
        }
    }

    fn acknowledge(&mut self, at: usize, write: ClusterWrite) {
        if write == ClusterWrite::Everything && self.state.writers[at].epoch.is_none() {
            return self.add(format_args!("writer {at} gives the namespace a new epoch"), |state| {
                state.writers[at].epoch = Some(state.move_epoch());
            });
        }
        self.add(format_args!("writer {at} is acknowledged"), |state| state.writers[at].step = Step::Acknowledged);
    }
}

fn without(mut left: [bool; 2], scope: usize) -> [bool; 2] {
    left[scope] = false;
    left
}
