//! The row that a write is about to change, read in the store under a fence.
//!
//! A write that invalidates by values of the old row has to know the row as of its own commit. Another write may change
//! it after it was read. So the row is read like a value to be cached: the fence of its entry is taken before, and
//! compared after the call. A fence that is unchanged proves that no other write of the row has ended meanwhile, and
//! that none is in progress.

use std::future::Future;

use super::entry_keys::EntryKeys;
use super::region::Region;
use super::write::WriteGuard;
use crate::key::{KeyPart, Lookup};
use crate::protocol::{Fence, Protection, Scope};
use crate::value::Cacheable;

/// A row as the store returned it before the write.
#[derive(Debug)]
pub struct OldRow<T> {
    /// The result of the read method.
    pub row: T,
    /// The fence from before it was read.
    pub fence: RowFence,
}

/// The versions of the scopes of a row's entry, as of before the row was read.
#[derive(Debug)]
pub struct RowFence {
    keys: EntryKeys,
    version: Option<Version>,
}

/// The versions of the scopes of the row's entry.
#[derive(Debug, PartialEq, Eq)]
enum Version {
    /// The sum of the local sequences, in the only instance.
    Local(u64),
    /// The generations in the shared tier.
    Shared(Fence),
}

impl RowFence {
    /// Returns the scope of the row's entry, which the write invalidates.
    pub fn scope(&self) -> Scope {
        self.keys.scopes[0].clone()
    }
}

impl<K: KeyPart, R: Cacheable> Region<K, R> {
    /// Reads a row for a write that has begun and has not called the store.
    ///
    /// The write must not have locked the row's entry: the lock would hide those of other writes.
    #[doc(hidden)]
    pub async fn old_row<L: Lookup<K>, T>(
        &self,
        write: &mut WriteGuard,
        key: &L,
        read: impl Future<Output = T>,
    ) -> OldRow<T> {
        let keys = self.entry_keys(&key.to_key());
        write.pause();
        let version = self.version(&keys).await;
        let row = read.await;
        write.resume();
        OldRow { row, fence: RowFence { keys, version } }
    }

    /// Whether the row is that of the write's commit: no other write has changed it since it was read.
    ///
    /// It is false as well if that is unknown, as while the shared tier is unreachable.
    #[doc(hidden)]
    pub async fn is_undisturbed(&self, fence: &RowFence) -> bool {
        if !self.method().protects(Protection::OldRowFence) {
            return true;
        }
        fence.version.is_some() && self.version(&fence.keys).await == fence.version
    }

    async fn version(&self, keys: &EntryKeys) -> Option<Version> {
        if self.method().cache.has_remote() {
            return self.inner.shared.fence(keys).await.map(Version::Shared);
        }
        Some(Version::Local(self.method().local_version(keys)))
    }
}
