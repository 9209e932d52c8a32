//! Scopes: the units of invalidation.
//!
//! A scope has a name, which is the key of an entry or the beginning of keys with `*`, and everything that is shared
//! about it follows from the name: the key of its generation in Redis, its hash in envelopes and local sequences, and
//! the bus that carries its messages. Two instances that form the same name agree without any configuration.
//!
//! Invariant: equal hashes of different names cost a miss and never a stale hit.

use std::cell::Cell;
use std::fmt::Write as _;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use smallvec::SmallVec;

use super::Mode;
#[cfg(feature = "redis")]
use super::key_names::writers_key;

/// The prefix of every generation's key. The name of its scope and `}` follow.
pub(super) const GENERATION_PREFIX: &str = "g:{";

/// Whether a key of a look-up is that of a generation. The key of an entry has no braces.
#[cfg(feature = "redis")]
pub(crate) fn is_generation(key: &[u8]) -> bool {
    key.starts_with(GENERATION_PREFIX.as_bytes())
}

/// The key of the pending writers of a scope, by the key of its generation.
#[cfg(feature = "redis")]
pub(crate) fn writers_of(generation_key: &str) -> String {
    let name = &generation_key[GENERATION_PREFIX.len()..];
    let is_wide = name.strip_suffix(GENERATION_SUFFIX).is_some_and(|name| Scope::is_wide_name(name.as_bytes()));
    if is_wide { writers_key(generation_key) } else { generation_key.to_owned() }
}

/// The end of every generation's key.
pub(super) const GENERATION_SUFFIX: &str = "}";

/// The end of the name of a wide scope. The parts of a key are escaped and never contain it.
const ALL: char = '*';

/// The beginning of the name of a tag family, after the namespace. No entity looks like it.
pub(crate) const TAG_MARK: &str = "%t";
/// The beginning of the name of a family's clock, likewise.
const CLOCK_MARK: &str = "%c";

/// The number of clocks of a family. A tag has one of them, by its hash.
///
/// A fill fails if a write of a tag with the same clock ends during its load, so there are several; each look-up reads
/// all of them.
const TAG_CLOCKS: u64 = 8;

/// The most key prefixes and tags that an entry may have. It also has its own scope, and that of its method.
pub(crate) const MAX_PREFIXES: usize = 4;

/// The scopes of an entry, its own first. Most entries have two.
pub(crate) type Scopes = SmallVec<[Scope; 2]>;

/// A unit of invalidation: an entry, a key prefix, or a whole read method.
///
/// Only a [`Region`](crate::Region) creates scopes, so the name is always well formed. To invalidate a scope takes the
/// same time for one entry and for a million: its generation changes, and entries of an older one are misses.
///
/// Two scopes are equal if their names are. The mode of the readers is not part of that.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), cache_core::Error> {
/// use std::time::Duration;
/// use cache_core::{Cache, Error, ReadPolicy};
///
/// let cache = Cache::single_instance();
/// let squares = cache.region::<u64, u64>("demo", "square", ReadPolicy::new(Duration::from_secs(60)));
/// squares.get_or_load(&3, || async { Ok::<_, Error>(9) }).await?;
///
/// squares.invalidate(squares.scope(&&4)).await; // another entry
/// assert_eq!(squares.peek(&&3), Some(9));
/// squares.invalidate(squares.scope_prefix(&())).await; // every entry of the region
/// assert_eq!(squares.peek(&&3), None);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Scope {
    /// Contains the name, so that both need one allocation.
    generation_key: Arc<str>,
    hash: ScopeHash,
    /// The length of the bus namespace at the start of the name.
    bus: u32,
    /// The consistency mode of its readers. It is not part of the identity.
    mode: Mode,
}

thread_local! {
    /// The buffer in which a name is written, so that a scope needs one allocation, of its exact size.
    static BUFFER: Cell<String> = const { Cell::new(String::new()) };
}

/// The largest buffer to keep: names are shorter, but the text of a long key is written before it is hashed.
const MAX_BUFFER: usize = 4096;

impl PartialEq for Scope {
    fn eq(&self, other: &Self) -> bool {
        self.generation_key == other.generation_key
    }
}

impl Eq for Scope {}

impl Hash for Scope {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.hash.hash(state);
    }
}

impl Scope {
    #[cfg(test)]
    pub(crate) fn new(name: &str) -> Self {
        Self::written(name.find(':').unwrap_or(name.len()), |out| out.push_str(name))
    }

    /// Creates a scope with a given hash.
    #[cfg(test)]
    pub(crate) fn hashed(hash: u64) -> Self {
        Self { hash: ScopeHash(hash), ..Self::new("chosen") }
    }

    /// Creates the scope whose name `write` appends.
    ///
    /// The name begins with a bus namespace of `bus` bytes.
    pub(crate) fn written(bus: usize, write: impl FnOnce(&mut String)) -> Self {
        // A key that looks up another one while it is written gets a new buffer here.
        let mut text = BUFFER.take();
        text.clear();
        text.push_str(GENERATION_PREFIX);
        write(&mut text);
        let hash = ScopeHash::of_name(&text.as_bytes()[GENERATION_PREFIX.len()..]);
        text.push_str(GENERATION_SUFFIX);
        let generation_key = text.as_str().into();
        if text.capacity() <= MAX_BUFFER {
            BUFFER.set(text);
        }
        // Never reached: a Redis string cannot be that long.
        let bus = u32::try_from(bus).unwrap_or(u32::MAX);
        Self { generation_key, hash, bus, mode: Mode::default() }
    }

    /// The name. It is the key of the entry, or ends in `*`.
    pub(crate) fn name(&self) -> &str {
        &self.generation_key[GENERATION_PREFIX.len()..self.generation_key.len() - GENERATION_SUFFIX.len()]
    }

    /// The namespace whose bus carries the messages about this scope.
    pub(crate) fn bus_namespace(&self) -> &str {
        &self.name()[..self.bus as usize]
    }

    /// The Redis key of this scope's generation.
    ///
    /// The braces are a hash tag: in a cluster the generation is in the slot of the entry.
    pub(crate) fn generation_key(&self) -> &str {
        &self.generation_key
    }

    /// The key of its pending writers; that of its generation if it cannot have any, since only wide scopes can.
    ///
    /// A command with a key that does not exist cannot be executed while its slot moves to another server of a cluster.
    #[cfg(feature = "redis")]
    pub(crate) fn writers_key(&self) -> String {
        writers_of(&self.generation_key)
    }

    /// Whether this is a whole-method or key-prefix scope that contains or equals `other`.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        self.name().strip_suffix(ALL).is_some_and(|beginning| other.name().starts_with(beginning))
    }

    /// Whether this is the scope of a whole method or of a key prefix, and not that of one entry.
    pub(crate) fn is_wide(&self) -> bool {
        Self::is_wide_name(self.name().as_bytes())
    }

    /// Whether the scope with this name is [wide](Self::is_wide).
    pub(crate) fn is_wide_name(name: &[u8]) -> bool {
        name.ends_with(&[ALL as u8])
    }

    /// The name of the tag family, if this is the scope of a tag or of a whole family.
    pub(crate) fn tag_family(&self) -> Option<&str> {
        std::str::from_utf8(Self::tag_family_of(self.name().as_bytes())?).ok()
    }

    /// The name of the tag family in the name of a scope.
    pub(crate) fn tag_family_of(name: &[u8]) -> Option<&[u8]> {
        let mark =
            name.windows(1 + TAG_MARK.len()).position(|part| part[0] == b':' && &part[1..] == TAG_MARK.as_bytes())?;
        let family = mark + 1;
        let end = name[family..].iter().position(|byte| *byte == b':')?;
        Some(&name[..family + end])
    }

    /// The clock of a tag, if this is its scope.
    ///
    /// Every invalidation of the tag renews the clock's generation first. A whole family needs none: its scope is known
    /// before a load.
    pub(crate) fn tag_clock(&self) -> Option<Self> {
        let family = self.tag_family()?;
        let is_whole = self.name().len() == family.len() + ":*".len();
        (!is_whole).then(|| self.clock(family, self.hash.0 % TAG_CLOCKS))
    }

    /// Every clock of the family, if this is the scope of a tag or of a whole family.
    pub(crate) fn family_clocks(&self) -> impl Iterator<Item = Self> {
        let family = self.tag_family();
        family.into_iter().flat_map(move |family| (0..TAG_CLOCKS).map(move |number| self.clock(family, number)))
    }

    fn clock(&self, family: &str, number: u64) -> Self {
        let mark = family.rfind(TAG_MARK).unwrap_or_default();
        Self::written(self.bus as usize, |name| {
            name.push_str(&family[..mark]);
            name.push_str(CLOCK_MARK);
            name.push_str(&family[mark + TAG_MARK.len()..]);
            // Writing to a String does not fail.
            let _ = write!(name, ":{number}:*");
        })
    }

    /// The hash of the family's name, if this is the scope of a tag or of a whole family.
    pub(crate) fn tag_clock_name(&self) -> Option<ScopeHash> {
        Some(ScopeHash::of_name(Self::tag_family_of(self.name().as_bytes())?))
    }

    /// The clocks of the tags among these scopes, each once.
    pub(crate) fn tag_clocks<'a>(scopes: impl IntoIterator<Item = &'a Self>) -> Vec<Self> {
        let mut clocks = Vec::new();
        for clock in scopes.into_iter().filter_map(Self::tag_clock) {
            if !clocks.contains(&clock) {
                clocks.push(clock);
            }
        }
        clocks
    }

    /// The hash of the name, the same in every build.
    pub(crate) fn hash(&self) -> ScopeHash {
        self.hash
    }

    /// Returns the same scope with the consistency mode of its readers.
    #[must_use]
    pub(crate) fn of_mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// Returns the strongest mode of these scopes, which a write of them must satisfy.
    pub(crate) fn strongest_mode<'a>(scopes: impl IntoIterator<Item = &'a Self>) -> Mode {
        scopes.into_iter().map(|scope| scope.mode).max().unwrap_or_default()
    }
}

/// The stable hash of a scope's name, for envelopes and local sequences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ScopeHash(pub(crate) u64);

impl ScopeHash {
    pub(crate) fn of_name(name: &[u8]) -> Self {
        Self(xxhash_rust::xxh3::xxh3_64(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_knows_its_family_and_its_clock() {
        let tag = Scope::new("shop:%tuser:1:2:*");
        assert_eq!(tag.tag_family(), Some("shop:%tuser"));
        let clock = tag.tag_clock().unwrap();
        assert!(clock.name().starts_with("shop:%cuser:") && clock.bus_namespace() == "shop", "{}", clock.name());
        let whole = Scope::new("shop:%tuser:*");
        assert_eq!((whole.tag_clock(), whole.family_clocks().count()), (None, 8));
        assert!(whole.family_clocks().any(|other| other == clock));
        assert!(whole.covers(&tag) && !clock.covers(&tag) && !whole.covers(&clock));
        assert_eq!(Scope::tag_clocks([&tag, &whole, &tag, &Scope::new("shop:user:1")]).len(), 1);
        for other in ["shop:user:1", "shop:user:*", "shop:%pt:user:*", clock.name()] {
            assert_eq!(Scope::new(other).tag_family(), None, "{other}");
        }
        assert_eq!(Scope::new("shop:%peu:%tuser:1:*").tag_family(), Some("shop:%peu:%tuser"));
    }
}
