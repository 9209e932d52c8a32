//! The steps of a reader.

use super::instance::Local;
use super::servers::{Key, OWN, WIDE};
use super::state::{Entry, Mark, State};
use super::{ClusterVariant, Steps};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Reader {
    Idle,
    Reads(LookUp),
    Fills(Fills),
    /// It got an older value than it had to.
    Stale {
        value: u8,
        floor: u8,
    },
    Done,
}

/// What a reader has to fill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Fills {
    entry: Entry,
    /// The expiry of the registration on the wide generation.
    until: Option<u8>,
    /// Whether the local sequences are those of its begin.
    is_current: bool,
    /// Whether the tiers are left to be filled.
    local: bool,
    shared: bool,
}

/// What a reader has so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct LookUp {
    /// The newest version that counted when it began.
    floor: u8,
    is_current: bool,
    epoch: Mark,
    fence: [Option<Mark>; 2],
    /// The expiry of the registration on the wide generation.
    until: Option<u8>,
    /// Whether the entry is read, and what was there.
    has_entry: bool,
    entry: Option<Entry>,
    loaded: Option<u8>,
}

/// A read of a key.
#[derive(Debug, Clone, Copy)]
enum Read {
    Generation(usize),
    Entry,
}

impl Read {
    fn key(self) -> Key {
        match self {
            Self::Generation(scope) => Key::of(scope),
            Self::Entry => Key::Entry,
        }
    }
}

impl Reader {
    /// A local sequence has advanced.
    pub(super) fn advanced(&mut self) {
        if let Self::Reads(LookUp { is_current, .. }) | Self::Fills(Fills { is_current, .. }) = self {
            *is_current = false;
        }
    }

    /// The commands under way fail, and the value is loaded for the caller alone.
    pub(super) fn disconnected(&mut self) {
        if let Self::Reads(up) = self
            && !up.is_complete()
        {
            *self = Self::Done;
        }
    }
}

impl LookUp {
    fn is_complete(&self) -> bool {
        self.has_entry && self.fence.iter().all(Option::is_some)
    }

    fn lacks(&self, read: Read) -> bool {
        match read {
            Read::Generation(scope) => self.fence[scope].is_none(),
            Read::Entry => !self.has_entry,
        }
    }

    /// The value of an entry with these generations and this epoch.
    fn hit(&self) -> Option<u8> {
        let entry = self.entry?;
        (entry.epoch == self.epoch && entry.fence.map(Some) == self.fence).then_some(entry.value)
    }

    fn fills(&self, value: u8, shared: bool) -> Reader {
        let [Some(own), Some(wide)] = self.fence else { return Reader::Done };
        let Self { is_current, epoch, until, .. } = *self;
        Reader::Fills(Fills {
            entry: Entry { value, fence: [own, wide], epoch },
            until,
            is_current,
            local: true,
            shared,
        })
    }
}

impl Fills {
    /// The reader with less left to fill.
    fn or_done(self) -> Reader {
        if self.local || self.shared { Reader::Fills(self) } else { Reader::Done }
    }
}

impl State {
    fn begins(&mut self, floor: u8) -> LookUp {
        LookUp {
            floor,
            is_current: true,
            epoch: self.instance.epoch,
            fence: [None; 2],
            until: None,
            has_entry: false,
            entry: None,
            loaded: None,
        }
    }

    /// Reads a key, and compares once it was the last one. A server that is new to the instance is connected to first.
    fn read(&mut self, variant: ClusterVariant, at: usize, read: Read) {
        if !self.instance.connected[self.server_of(read.key())] {
            self.refresh(variant);
        }
        // The connection may have flushed the local tier.
        let Reader::Reads(mut up) = self.readers[at] else { return };
        match read {
            Read::Entry => (up.has_entry, up.entry) = (true, self.redis.entry),
            Read::Generation(scope) => {
                up.fence[scope] = self.redis.init(scope);
                if scope == WIDE {
                    up.until = self.redis.registration;
                }
                if up.fence[scope].is_none() {
                    self.readers[at] = Reader::Done;
                    return;
                }
            }
        }
        self.readers[at] = compare(up);
    }
}

/// What follows a read of a key.
fn compare(up: LookUp) -> Reader {
    if !up.is_complete() {
        return Reader::Reads(up);
    }
    match (up.hit(), up.loaded) {
        (Some(value), _) if value < up.floor => Reader::Stale { value, floor: up.floor },
        (Some(value), _) => up.fills(value, false),
        (None, Some(value)) => up.fills(value, true),
        (None, None) => Reader::Reads(up),
    }
}

impl Steps<'_> {
    pub(super) fn reader(&mut self, at: usize) {
        match self.state.readers[at] {
            // A local hit ends the read.
            Reader::Idle if self.state.instance.local_hit(self.state.now).is_none() => self.begin(at),
            Reader::Reads(up) if up.is_complete() => self.add(format_args!("reader {at} loads"), |state| {
                state.readers[at] = up.fills(state.row, true);
            }),
            Reader::Reads(up) => self.look_up(at, up),
            Reader::Fills(fills) => self.fill(at, fills),
            Reader::Idle | Reader::Stale { .. } | Reader::Done => {}
        }
    }

    fn begin(&mut self, at: usize) {
        let (floor, loads) = (self.state.counted(self.size), self.is(ClusterVariant::GenerationsAfterLoad));
        self.add(format_args!("reader {at} begins"), |state| {
            let up = state.begins(floor);
            let loaded = loads.then_some(state.row);
            state.readers[at] = Reader::Reads(LookUp { loaded, ..up });
        });
    }

    fn look_up(&mut self, at: usize, up: LookUp) {
        let variant = self.variant;
        let reads = [Read::Generation(OWN), Read::Generation(WIDE), Read::Entry];
        for read in reads.into_iter().filter(|read| up.lacks(*read)) {
            self.add(format_args!("reader {at} reads {read:?}"), |state| state.read(variant, at, read));
        }
    }

    fn fill(&mut self, at: usize, fills: Fills) {
        let Fills { entry, until, is_current, local, shared } = fills;
        if local {
            self.add(format_args!("reader {at} fills the local tier"), |state| {
                if is_current && until.is_none_or(|until| state.now < until) {
                    state.instance.local = Some(Local { value: entry.value, until });
                }
                state.readers[at] = Fills { local: false, ..fills }.or_done();
            });
        }
        if shared {
            self.add(format_args!("reader {at} fills the shared tier"), |state| {
                state.redis.fill(entry);
                state.readers[at] = Fills { shared: false, ..fills }.or_done();
            });
        }
    }
}
