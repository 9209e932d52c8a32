//! Tags: scopes that the entries of several methods or traits can share.
//!
//! A *family* is a set of tags with a name, such as `user`; a *tag* is one of them, such as that of user 42. An entry
//! takes tags from its key, which are known before its load, or from its value, which are not. An invalidation of a tag
//! makes every entry that carries it stale, in one round trip, whatever methods and traits the entries belong to.
//!
//! The generation of a tag that comes from a value can be read only after the load. It may count as one from before the
//! load if no tag of the family was invalidated in between. Each family has a *clock* for that: a generation that every
//! invalidation of one of its tags renews before that of the tag. A fill compares the clock from before the load with
//! the one that it reads together with the tags.

use std::fmt;
use std::sync::Arc;

use crate::cache::Cache;
use crate::key::{CacheKey, Head, prefix_scope};
use crate::ownership::Place;
use crate::protocol::{Mode, Scope, Scopes};

/// A family of tags that several traits of one namespace share.
///
/// A family that only one trait uses needs no type: its name in the annotations is enough. A type makes the family and
/// the type of its keys known to other traits, and to [`Cache::invalidate_tag`].
///
/// # Examples
///
/// ```
/// use cache_core::{Cache, Error, TagFamily, cached_store};
///
/// /// The entries that contain data of a user.
/// pub struct UserTag;
///
/// impl TagFamily for UserTag {
///     type Key = u64;
///     const NAMESPACE: &'static str = "shop";
///     const NAME: &'static str = "user";
/// }
///
/// #[cached_store(namespace = "shop")]
/// pub trait Profiles: Send + Sync {
///     #[cached(entity = "profile", key(mail), tags(UserTag, value.0), ttl = "5m")]
///     async fn by_mail(&self, mail: &str) -> Result<Option<(u64, String)>, Error>;
///
///     #[invalidates(tag(UserTag, user))]
///     async fn rename(&self, user: u64, mail: &str) -> Result<(), Error>;
/// }
///
/// # async fn example(cache: &Cache) {
/// cache.invalidate_tag::<UserTag>(&42).await; // whatever address the entry was cached under
/// # }
/// ```
pub trait TagFamily {
    /// The key of a tag; a tuple for a key of several parts.
    type Key: CacheKey + ?Sized;

    /// The namespace of the traits that use the family.
    const NAMESPACE: &'static str;

    /// The name, which is unique among the families of the namespace.
    const NAME: &'static str;

    /// The strongest mode of the methods whose entries carry tags of the family. Default [`Safe`](Mode::Safe).
    ///
    /// A write waits as its readers demand, and the readers may belong to a trait that the process of the writer does
    /// not use. A method with a stronger mode in its annotation does not compile with a tag of the family.
    const MODE: Mode = Mode::Safe;
}

/// A family of tags in a cache.
#[derive(Clone)]
pub struct Family {
    cache: Cache,
    pub(super) head: Arc<Head>,
    /// The mode that the family declares.
    declared: Mode,
}

impl Family {
    /// Creates the family with this name in the namespace of a store.
    pub fn new(cache: &Cache, place: &Place, name: &str) -> Self {
        Self { cache: cache.clone(), head: Arc::new(place.family(name)), declared: Mode::Fast }
    }

    /// Creates a family that several traits share.
    pub fn declared<F: TagFamily>(cache: &Cache, place: &Place) -> Self {
        Self { declared: F::MODE, ..Self::new(cache, place, F::NAME) }
    }

    /// Returns the scope of a tag.
    pub fn scope<P: CacheKey + ?Sized>(&self, key: &P) -> Scope {
        prefix_scope(&self.head, |out| key.write_key(out)).of_mode(self.mode())
    }

    /// Returns the scope of every tag of the family.
    pub fn whole(&self) -> Scope {
        prefix_scope(&self.head, |_| ()).of_mode(self.mode())
    }

    /// The strongest mode of the methods whose entries carry tags of this family.
    fn mode(&self) -> Mode {
        self.cache.0.ownership.family_modes.of(&self.head).unwrap_or(self.declared).max(self.declared)
    }

    /// Takes the mode of a method whose entries carry tags of this family.
    pub(super) fn is_read_in(&self, mode: Mode) {
        self.cache.0.ownership.family_modes.raise(&self.head, mode);
    }
}

impl fmt::Debug for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Family").field(&self.head.text()).finish()
    }
}

impl Cache {
    /// Invalidates the entries that carry a tag, on every instance.
    ///
    /// It takes one round trip, however many entries carry the tag, and of whatever methods and traits. What readers
    /// see afterwards is as for [`Region::invalidate`](crate::Region::invalidate).
    ///
    /// A decorator that was built with a partition has tags of its own, which this does not reach.
    ///
    /// # Cancellation
    ///
    /// If the call is dropped after its first poll, a task completes the invalidation.
    pub async fn invalidate_tag<F: TagFamily>(&self, key: &F::Key) {
        let prefix = self.0.ownership.prefix.as_deref();
        let head = Arc::new(Head::of_family(prefix, F::NAMESPACE, None, F::NAME));
        // The others wait for this instance after an outage only if it is a member.
        self.0.coherence.join(head.bus_namespace());
        let scope = Family { cache: self.clone(), head, declared: F::MODE }.scope(key);
        self.invalidate(vec![scope]).await;
    }
}

/// Collects the tags of an entry.
#[derive(Debug)]
pub struct TagSink<'a> {
    families: &'a [Family],
    scopes: Scopes,
}

impl<'a> TagSink<'a> {
    fn new(families: &'a [Family]) -> Self {
        Self { families, scopes: Scopes::new() }
    }

    /// Adds the tag with this key. `family` is its place among the families of the method.
    pub fn add<P: CacheKey + ?Sized>(&mut self, family: usize, key: &P) {
        self.scopes.push(prefix_scope(&self.families[family].head, |out| key.write_key(out)));
    }
}

pub(super) type TagsOf<T> = fn(&T, &mut TagSink<'_>);

/// The tags that the entries of a read method carry, with key `K` and result `R`.
pub struct Tags<K, R> {
    pub(super) families: Vec<Family>,
    pub(super) of_key: Option<(usize, TagsOf<K>)>,
    pub(super) of_value: OfValue<R>,
}

/// The tags that the value of an entry determines.
pub(super) struct OfValue<R> {
    /// The families that they belong to, by their places.
    pub(super) families: &'static [usize],
    pub(super) count: usize,
    pub(super) tags: Option<TagsOf<R>>,
}

impl<K, R> Tags<K, R> {
    /// Creates the tags of a method whose entries carry tags of these families.
    #[must_use]
    pub fn new(families: Vec<Family>) -> Self {
        Self { families, of_key: None, of_value: OfValue { families: &[], count: 0, tags: None } }
    }

    /// Sets the function that adds the `count` tags of a key.
    #[must_use]
    pub fn of_key(self, count: usize, tags: TagsOf<K>) -> Self {
        Self { of_key: Some((count, tags)), ..self }
    }

    /// Sets the function that adds the tags of a value, at most `count`. `families` are the places of their families.
    #[must_use]
    pub fn of_value(self, families: &'static [usize], count: usize, tags: TagsOf<R>) -> Self {
        Self { of_value: OfValue { families, count, tags: Some(tags) }, ..self }
    }

    /// The number of tags of a key.
    pub(super) fn key_count(&self) -> usize {
        self.of_key.map_or(0, |(count, _)| count)
    }
}

impl<K, R> fmt::Debug for Tags<K, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tags").field("families", &self.families).finish_non_exhaustive()
    }
}

/// Returns the scopes of the tags that `tags` adds.
pub(super) fn collect<T>(families: &[Family], of: &T, tags: TagsOf<T>) -> Scopes {
    let mut sink = TagSink::new(families);
    tags(of, &mut sink);
    sink.scopes
}
