//! The part of a key that a program chooses for a whole store: namespace, partition and source.
//!
//! The first part of the namespace also determines the bus, so that all instances of a store are always on the same
//! one.

use std::sync::Arc;

/// The namespace of a store, with an optional partition and source.
///
/// Partition and source distinguish two stores of one kind at run time. The builder of a decorator has methods for
/// both. This type is for [`Cache::region`](crate::Cache::region) and
/// [`Cache::transparent`](crate::Cache::transparent), which take it or a plain text.
///
/// | part | in the keys | for |
/// | --- | --- | --- |
/// | namespace | yes | another store, or another service |
/// | partition | yes | a second store of one kind in one process: a region, an account, a tenant |
/// | source | no | detecting that two databases use the same keys by mistake |
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use std::time::Duration;
/// use cache_core::{Cache, Namespace, ReadPolicy};
///
/// let cache = Cache::single_instance();
/// let policy = ReadPolicy::new(Duration::from_secs(60));
/// let eu = cache.region::<u64, u64>(Namespace::new("demo:math").partition("eu"), "square", policy);
/// let us = cache.region::<u64, u64>(Namespace::new("demo:math").partition("us"), "square", policy);
/// # let _ = (eu, us);
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Namespace {
    pub(crate) text: &'static str,
    pub(crate) partition: Option<Arc<str>>,
    pub(crate) source: u128,
}

impl Namespace {
    /// Creates a namespace without partition and source.
    ///
    /// Use lower-case words with colons between them. The first word is the bus that the instances of all its stores
    /// share. It must not change while entries are in use: other text means other keys.
    ///
    /// # Examples
    ///
    /// ```
    /// let namespace = cache_core::Namespace::new("shop:users");
    /// # let _ = namespace;
    /// ```
    pub fn new(text: &'static str) -> Self {
        Self { text, partition: None, source: 0 }
    }

    /// Separates the entries from those of every other partition.
    ///
    /// Any text is allowed; it becomes a part of each key. All instances that share the store must use the same
    /// partition. Text of more than 128 bytes is hashed in the key, and still compared as a whole.
    ///
    /// # Examples
    ///
    /// ```
    /// let eu = cache_core::Namespace::new("shop:users").partition("eu-west");
    /// # let _ = eu;
    /// ```
    pub fn partition(self, partition: impl Into<String>) -> Self {
        Self { partition: Some(partition.into().into()), ..self }
    }

    /// Sets the identity of the source, such as a random id that the database stores.
    ///
    /// It is a `u128` or a `Uuid`; 0 means unknown.
    ///
    /// The identity is not part of the keys: an entry that was loaded from another source is a miss, increments a
    /// counter (`source` in `cache.errors.total`), and causes one warning.
    ///
    /// # Examples
    ///
    /// ```
    /// let id: u128 = 0x5eed; // read from the database
    /// let namespace = cache_core::Namespace::new("shop:users").source(id);
    /// # let _ = namespace;
    /// ```
    pub fn source(self, id: impl Into<u128>) -> Self {
        Self { source: id.into(), ..self }
    }
}

impl From<&'static str> for Namespace {
    fn from(text: &'static str) -> Self {
        Self::new(text)
    }
}
