//! The steps of a reader.

use super::instance::Local;
use super::servers::{Key, OWN, WIDE};
use super::state::{Entry, Mark, State};
use super::{ClusterVariant, Steps};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Reader {
    Idle,
    Reads(LookUp),
    Filling {
        value: u8,
        /// What is left to be filled: the local tier, up to the expiry of a registration, and the shared tier.
        local: Option<Option<u8>>,
        shared: Option<([Mark; 2], Mark)>,
        /// Whether the local sequences are those of its begin.
        is_current: bool,
    },
    /// It got an older value than it had to.
    Stale {
        value: u8,
        floor: u8,
    },
    Done,
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
    /// The entry, once it is read.
    entry: Option<Option<Entry>>,
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
        if let Self::Reads(LookUp { is_current, .. }) | Self::Filling { is_current, .. } = self {
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
        self.entry.is_some() && self.fence.iter().all(Option::is_some)
    }

    fn lacks(&self, read: Read) -> bool {
        match read {
            Read::Generation(scope) => self.fence[scope].is_none(),
            Read::Entry => self.entry.is_none(),
        }
    }

    /// The value of an entry with these generations and this epoch.
    fn hit(&self) -> Option<u8> {
        let entry = self.entry??;
        (entry.epoch == self.epoch && entry.fence.map(Some) == self.fence).then_some(entry.value)
    }

    fn filling(&self, value: u8, has_loaded: bool) -> Reader {
        let [Some(own), Some(wide)] = self.fence else { return Reader::Done };
        let shared = has_loaded.then_some(([own, wide], self.epoch));
        Reader::Filling { value, local: Some(self.until), shared, is_current: self.is_current }
    }
}

impl State {
    fn begins(&mut self, floor: u8) -> LookUp {
        let epoch = self.instance.epoch;
        LookUp { floor, is_current: true, epoch, fence: [None; 2], until: None, entry: None, loaded: None }
    }

    /// Reads a key, and compares once it was the last one. A server that is new to the instance is connected to first.
    fn read(&mut self, variant: ClusterVariant, at: usize, read: Read) {
        if !self.instance.connected[self.server_of(read.key())] {
            self.refresh(variant);
        }
        // The connection may have flushed the local tier.
        let Reader::Reads(mut up) = self.readers[at] else { return };
        match read {
            Read::Entry => up.entry = Some(self.redis.entry),
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
        (Some(value), _) => up.filling(value, false),
        (None, Some(value)) => up.filling(value, true),
        (None, None) => Reader::Reads(up),
    }
}

impl Steps<'_> {
    pub(super) fn reader(&mut self, at: usize) {
        match self.state.readers[at] {
            // A local hit ends the read.
            Reader::Idle if self.state.instance.local_hit(self.state.now).is_none() => self.begin(at),
            Reader::Reads(up) if up.is_complete() => self.add(format_args!("reader {at} loads"), |state| {
                state.readers[at] = up.filling(state.row, true);
            }),
            Reader::Reads(up) => self.look_up(at, up),
            Reader::Filling { value, local, shared, is_current } => self.fill(at, value, (local, shared), is_current),
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

    fn fill(
        &mut self,
        at: usize,
        value: u8,
        (local, shared): (Option<Option<u8>>, Option<([Mark; 2], Mark)>),
        is_current: bool,
    ) {
        let left = |local: Option<Option<u8>>, shared: Option<([Mark; 2], Mark)>| {
            let is_done = local.is_none() && shared.is_none();
            if is_done { Reader::Done } else { Reader::Filling { value, local, shared, is_current } }
        };
        if let Some(until) = local {
            self.add(format_args!("reader {at} fills the local tier"), |state| {
                let is_alive = until.is_none_or(|until| state.now < until);
                if is_current && is_alive {
                    state.instance.local = Some(Local { value, until });
                }
                state.readers[at] = left(None, shared);
            });
        }
        if let Some((fence, epoch)) = shared {
            self.add(format_args!("reader {at} fills the shared tier"), |state| {
                state.redis.fill(Entry { value, fence, epoch });
                state.readers[at] = left(local, None);
            });
        }
    }
}
