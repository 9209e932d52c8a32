//! The state of the model, and its promises.

use super::instance::Instance;
use super::readers::Reader;
use super::servers::{Key, Redis, SCOPES};
use super::writers::Writer;
use super::{ClusterSize, ClusterVariant, ClusterWrite};

/// The life of a lock and of a registration, in ticks.
pub(super) const LOCK: u8 = 1;

/// How long a heartbeat is trusted, in ticks.
pub(super) const LEASE: u8 = 1;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct State {
    pub(super) now: u8,
    /// The version in the store.
    pub(super) row: u8,
    pub(super) redis: Redis,
    pub(super) instance: Instance,
    pub(super) readers: [Reader; 2],
    pub(super) writers: [Writer; 2],
}

/// A generation or an epoch as a reader sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Mark {
    pub(super) token: u8,
    /// The process that holds it, unless the mark is left out.
    pub(super) process: Option<usize>,
}

/// The entry of the shared tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Entry {
    pub(super) value: u8,
    pub(super) fence: [Mark; 2],
    pub(super) epoch: Mark,
}

impl State {
    pub(super) fn new(variant: ClusterVariant, size: &ClusterSize) -> Self {
        let redis = Redis::new(variant, size);
        Self {
            now: 0,
            row: 0,
            instance: Instance::new(redis.epoch_seen(), size),
            redis,
            readers: [Reader::Idle; 2],
            writers: [Writer::default(); 2],
        }
    }

    pub(super) fn tick(&mut self) {
        self.now += 1;
        self.redis.expire(self.now);
        self.expire_local();
    }

    /// The newest version that every reader has to see.
    pub(super) fn counted(&self, size: &ClusterSize) -> u8 {
        self.counting(size).map(|writer| writer.version).max().unwrap_or(0)
    }

    fn counting(&self, size: &ClusterSize) -> impl Iterator<Item = &Writer> {
        let has_counted = |(writer, write): &(&Writer, &ClusterWrite)| writer.counts(**write, self.now);
        self.writers.iter().zip(size.writers).filter(has_counted).map(|(writer, _)| writer)
    }

    /// Whether a reader would accept the entry.
    fn accepts(&self, entry: &Entry) -> bool {
        let is_current = |scope: usize| self.redis.seen(scope) == Some(entry.fence[scope]);
        entry.epoch == self.instance.epoch && SCOPES.into_iter().all(is_current)
    }

    /// Describes a broken promise.
    pub(super) fn broken(&self, size: &ClusterSize) -> Option<String> {
        let counted = self.counted(size);
        if let Some(Entry { value, .. }) = self.redis.entry.filter(|entry| self.accepts(entry) && entry.value < counted)
        {
            return Some(format!("the shared tier answers v{value} after v{counted}"));
        }
        let stale = self.readers.iter().find_map(|reader| match reader {
            Reader::Stale { value, floor } => Some(format!("a reader gets v{value}, and began after v{floor}")),
            _ => None,
        });
        stale.or_else(|| self.broken_locally(size))
    }

    fn broken_locally(&self, size: &ClusterSize) -> Option<String> {
        let value = self.instance.local_hit(self.now)?;
        let published = self.counting(size).filter(|writer| writer.published + LEASE <= self.now);
        let newest = published.map(|writer| writer.version).max().unwrap_or(0);
        (value < newest).then(|| format!("the local tier answers v{value} a lease after the message of v{newest}"))
    }

    /// Advances the local sequences: drops the local value, and the local fills under way.
    pub(super) fn flush(&mut self) {
        self.instance.local = None;
        self.readers.iter_mut().for_each(Reader::advanced);
    }

    fn expire_local(&mut self) {
        if self.instance.pending.is_some_and(|until| until <= self.now) {
            self.instance.pending = None;
            self.flush();
        }
        let now = self.now;
        self.instance.local = self.instance.local.filter(|local| local.until.is_none_or(|until| now < until));
    }

    /// The server that a command on a key is executed by.
    pub(super) fn server_of(&self, key: Key) -> usize {
        self.redis.place(key)
    }
}
