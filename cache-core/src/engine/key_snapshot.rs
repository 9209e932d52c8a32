//! Snapshots of keys: a new instance warms its cache with the keys that an old one had in its local tier.
//!
//! A snapshot has keys and no values, so it can be of any age: whatever is read with it is read anew.
//!
//! Keys are JSON values, because their types are those of the traits, and a snapshot is read by another build. A method
//! takes part if its whole key implements `Serialize` and `DeserializeOwned`, which autoref specialisation finds out.
//! Invariant: a key in a snapshot has been converted to JSON and back, and was the same key. Others are skipped and counted.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeOwned, Error as _};
use serde::ser::SerializeStruct as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::region::Region;
use super::user_code::guarded;
use crate::error::Error;
use crate::key::KeyPart;
use crate::value::Cacheable;

/// The version of the JSON text. Another one is an error.
const VERSION: u64 = 1;
const VERSION_FIELD: &str = "version";
const METHODS_FIELD: &str = "methods";

/// The maximum depth of a key.
///
/// `serde_json` refuses a text with more than 128 levels as a whole, and three of them are around each key.
const MAX_DEPTH: usize = 100;

/// The keys of read methods, for the warming of another instance.
///
/// `snapshot_keys` of a decorator creates one from the keys in its local tier, and `warm_from` of the same decorator in
/// another process reads them. It has no values.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use cache_core::{Cache, KeySnapshot, Warmed, cached_store};
///
/// #[cached_store(namespace = "demo")]
/// trait SquareStore: Send + Sync {
///     #[cached(entity = "square", key(n), ttl = "1h")]
///     async fn square(&self, n: u64) -> Result<u64, cache_core::Error>;
/// }
///
/// struct Arithmetic;
///
/// impl SquareStore for Arithmetic {
///     async fn square(&self, n: u64) -> Result<u64, cache_core::Error> {
///         Ok(n * n)
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), cache_core::Error> {
/// let old = CachingSquareStore::new(Arc::new(Arithmetic), &Cache::single_instance());
/// old.warm_square(0..100, 16).await;
/// let text = old.snapshot_keys().to_json(); // before the process ends, to a file
///
/// let new = CachingSquareStore::new(Arc::new(Arithmetic), &Cache::single_instance());
/// let snapshot = KeySnapshot::from_json(&text)?; // in the next process
/// assert_eq!(new.warm_from(&snapshot, 16).await, Warmed { cached: 0, loaded: 100, failed: 0 });
/// # Ok(())
/// # }
/// ```
///
/// # Privacy
///
/// Keys may be personal data, such as ids of users and addresses. Store a snapshot as you would store a list of them:
/// with the access rights and the time of deletion of such a list. `Debug` and the errors of this type show none.
///
/// # Which keys
///
/// The keys of a method are in a snapshot if its whole key implements `serde::Serialize` and
/// `serde::de::DeserializeOwned`. Keys of other types are skipped, as are those with a
/// parameter of a generic trait that has no such bounds, and those that are known as text only (`display(..)`, and types
/// with floating-point numbers inside).
#[derive(Clone, Default)]
pub struct KeySnapshot {
    methods: BTreeMap<String, Vec<Value>>,
    skipped: u64,
}

impl KeySnapshot {
    /// Joins the keys of the methods of a decorator.
    #[doc(hidden)]
    pub fn of<const N: usize>(methods: [MethodKeys; N]) -> Self {
        let mut snapshot = Self::default();
        for MethodKeys { id, keys, skipped } in methods {
            snapshot.skipped += skipped;
            snapshot.add(id, keys);
        }
        snapshot
    }

    fn add(&mut self, id: String, keys: Vec<Value>) {
        if !keys.is_empty() {
            self.methods.entry(id).or_default().extend(keys);
        }
    }

    /// Returns the number of keys, which is the length of a progress bar.
    ///
    /// # Examples
    ///
    /// ```
    /// let snapshot = cache_core::KeySnapshot::from_json(r#"{"version":1,"methods":{"demo:square square":[[1],[2]]}}"#)?;
    /// assert_eq!(snapshot.len(), 2);
    /// # Ok::<(), cache_core::Error>(())
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.methods.values().map(Vec::len).sum()
    }

    /// Whether there are no keys.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.methods.is_empty()
    }

    /// Returns the number of keys that JSON cannot represent, and that are therefore missing.
    ///
    /// Each key is converted to JSON and back when the snapshot is taken, and is skipped if it is then another one. So are
    /// integers of more than 64 bits, maps whose keys are no text, paths that are no UTF-8, and types whose `Serialize` and
    /// `Deserialize` do not match. The JSON text does not have this number.
    #[must_use]
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Adds the keys of another snapshot, such as that of a second decorator or of another instance.
    ///
    /// Keys that both have are in it twice. In a warming the second one is a local hit.
    ///
    /// # Examples
    ///
    /// ```
    /// use cache_core::KeySnapshot;
    ///
    /// let mut all = KeySnapshot::from_json(r#"{"version":1,"methods":{"demo:square square":[[1]]}}"#)?;
    /// all.merge(KeySnapshot::from_json(r#"{"version":1,"methods":{"demo:cube cube":[[1],[2]]}}"#)?);
    /// assert_eq!(all.len(), 3);
    /// # Ok::<(), cache_core::Error>(())
    /// ```
    pub fn merge(&mut self, other: Self) {
        self.skipped += other.skipped;
        for (id, keys) in other.methods {
            self.add(id, keys);
        }
    }

    /// Returns the snapshot as JSON text on one line.
    ///
    /// Later versions of this crate read it, or refuse it as a whole. See [Privacy](Self#privacy).
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(cache_core::KeySnapshot::default().to_json(), r#"{"version":1,"methods":{}}"#);
    /// ```
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "it does not panic: the keys of its maps are text")]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("the keys of its maps are text")
    }

    /// Reads the text of [`to_json`](Self::to_json).
    ///
    /// Methods that no longer exist and keys that no longer parse are no errors: `warm_from` skips them.
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config) if it is no JSON, no snapshot, or one of another version. The message has no
    /// key.
    ///
    /// # Examples
    ///
    /// ```
    /// use cache_core::KeySnapshot;
    ///
    /// assert!(KeySnapshot::from_json(r#"{"version":1,"methods":{}}"#)?.is_empty());
    /// let error = KeySnapshot::from_json(r#"{"version":7}"#).unwrap_err();
    /// assert_eq!(error.to_string(), "the key snapshot has version 7, and this version of cache-core reads version 1");
    /// # Ok::<(), cache_core::Error>(())
    /// ```
    pub fn from_json(text: &str) -> Result<Self, Error> {
        // A syntax error has a place, and never the text at that place.
        let value: Value = serde_json::from_str(text)
            .map_err(|error| Error::config(format!("the key snapshot is no JSON text: {error}")))?;
        Self::from_value(value).map_err(Error::config)
    }

    /// Returns what is wrong with the value, if it is no snapshot.
    fn from_value(value: Value) -> Result<Self, String> {
        let Value::Object(mut fields) = value else { return Err(shape("an object")) };
        check_version(&fields)?;
        let Some(Value::Object(methods)) = fields.remove(METHODS_FIELD) else {
            return Err(shape("an object `methods`"));
        };
        let mut snapshot = Self::default();
        for (id, keys) in methods {
            let Value::Array(keys) = keys else { return Err(shape("a list of keys for each method")) };
            snapshot.add(id, keys);
        }
        Ok(snapshot)
    }

    /// Returns the keys of a region, in the form in which `arguments` returns them.
    ///
    /// Those that do not parse are skipped.
    #[doc(hidden)]
    pub fn keys_of<'a, K: KeyPart, R: Cacheable, T>(
        &'a self,
        region: &'a Region<K, R>,
        form: Option<JsonKey<K>>,
        arguments: fn(K) -> T,
    ) -> impl Iterator<Item = T> + Send + use<'a, K, R, T> {
        let keys = form.and_then(|form| Some((form, self.methods.get(&region.snapshot_id())?)));
        let keys = keys.into_iter().flat_map(|(form, keys)| keys.iter().map(move |key| (form, key)));
        keys.filter_map(|(form, key)| region.key_of(form, key)).map(arguments)
    }
}

fn shape(expected: &str) -> String {
    format!("the key snapshot has another form: {expected} is missing")
}

fn check_version(fields: &Map<String, Value>) -> Result<(), String> {
    match fields.get(VERSION_FIELD).and_then(Value::as_u64) {
        Some(VERSION) => Ok(()),
        Some(other) => {
            Err(format!("the key snapshot has version {other}, and this version of cache-core reads version {VERSION}"))
        }
        None => Err(shape("a number `version`")),
    }
}

impl fmt::Debug for KeySnapshot {
    /// Shows how many keys each method has, and no key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts: BTreeMap<_, _> = self.methods.iter().map(|(id, keys)| (id, keys.len())).collect();
        f.debug_struct("KeySnapshot").field("methods", &counts).field("skipped", &self.skipped).finish()
    }
}

impl Serialize for KeySnapshot {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("KeySnapshot", 2)?;
        fields.serialize_field(VERSION_FIELD, &VERSION)?;
        fields.serialize_field(METHODS_FIELD, &self.methods)?;
        fields.end()
    }
}

impl<'de> Deserialize<'de> for KeySnapshot {
    /// From a format that describes itself, such as JSON.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_value(Value::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// The keys of one method.
pub struct MethodKeys {
    id: String,
    keys: Vec<Value>,
    skipped: u64,
}

impl fmt::Debug for MethodKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MethodKeys").field("id", &self.id).field("keys", &self.keys.len()).finish_non_exhaustive()
    }
}

/// The form of a key type in JSON.
#[derive(Debug)]
pub struct JsonKey<K> {
    write: fn(&K) -> Option<Value>,
    read: fn(&Value) -> Option<K>,
}

impl<K> Clone for JsonKey<K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K> Copy for JsonKey<K> {}

impl<K: Serialize + DeserializeOwned> JsonKey<K> {
    fn new() -> Self {
        Self { write: |key| serde_json::to_value(key).ok(), read: |value| K::deserialize(value).ok() }
    }
}

impl<K: KeyPart> JsonKey<K> {
    /// Returns the JSON value of a key, if that value is this key again.
    fn lossless(&self, key: &K) -> Option<Value> {
        let value = (self.write)(key).filter(|value| is_within(value, MAX_DEPTH))?;
        (self.read)(&value).is_some_and(|read| read.same_key(key)).then_some(value)
    }
}

/// Whether a value has at most this many levels.
fn is_within(value: &Value, depth: usize) -> bool {
    let Some(rest) = depth.checked_sub(1) else { return false };
    match value {
        Value::Array(values) => values.iter().all(|value| is_within(value, rest)),
        Value::Object(fields) => fields.values().all(|value| is_within(value, rest)),
        _ => true,
    }
}

/// Selects the form of a region's keys, by autoref specialisation.
#[derive(Debug)]
pub struct KeysOf<'a, K, R>(pub &'a Region<K, R>);

/// For keys that serde reads and writes.
pub trait SerdeKeys<K> {
    /// Returns their form.
    fn json_key(&self) -> Option<JsonKey<K>>;
}

/// For keys of any other type.
pub trait OtherKeys<K> {
    /// Returns nothing.
    fn json_key(&self) -> Option<JsonKey<K>>;
}

impl<K: Serialize + DeserializeOwned, R> SerdeKeys<K> for &KeysOf<'_, K, R> {
    fn json_key(&self) -> Option<JsonKey<K>> {
        Some(JsonKey::new())
    }
}

impl<K, R> OtherKeys<K> for KeysOf<'_, K, R> {
    fn json_key(&self) -> Option<JsonKey<K>> {
        None
    }
}

impl<K: KeyPart, R: Cacheable> Region<K, R> {
    /// Identifies the read method in every build of a service.
    ///
    /// It has the namespace, the partition and the entity, which no two decorators of a cache share, and the name of the
    /// method, which changes if the meaning of its key does. The key prefix is no part of it: it distinguishes environments,
    /// and the keys of production are useful in a load test. A partition distinguishes the stores of one process, such as
    /// those of two accounts, which must not exchange keys; a deploy does not change it.
    fn snapshot_id(&self) -> String {
        let method = self.method();
        let prefix = method.cache.0.ownership.prefix.as_deref().map_or(0, |prefix| prefix.len() + 1);
        format!("{} {}", &method.head.full_text()[prefix..], method.counters.method)
    }

    /// Returns the keys of the entries in the local tier that still answer. The reads of callers continue meanwhile.
    #[doc(hidden)]
    pub fn snapshot(&self, form: Option<JsonKey<K>>) -> MethodKeys {
        let mut found = MethodKeys { id: self.snapshot_id(), keys: Vec::new(), skipped: 0 };
        let Some(form) = form else { return found };
        self.inner.local.visit_keys(|key| {
            match guarded(self.method().name(), "Serialize", || form.lossless(&key)).flatten() {
                Some(value) => found.keys.push(value),
                None => found.skipped += 1,
            }
        });
        found
    }

    fn key_of(&self, form: JsonKey<K>, value: &Value) -> Option<K> {
        guarded(self.method().name(), "Deserialize", || (form.read)(value)).flatten()
    }
}
