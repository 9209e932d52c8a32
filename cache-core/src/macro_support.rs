//! Functions, traits and macros for generated code. Not part of the public interface.
//!
//! Anything that generated code needs and that can be an ordinary function is one, so that expansions stay short and
//! are compiled once. A trait here that no type implements exists for its error message. A change needs a new version
//! of `__macro`.

mod absences;
mod batches;
mod tag_parts;
mod writes;

use std::marker::PhantomData;
use std::pin::Pin;

pub use futures_util::future::BoxFuture;

pub use crate::__fingerprint as fingerprint;
pub use crate::__is_result as is_result;
#[cfg(feature = "json")]
pub use crate::__json_key as json_key;
pub use crate::__load_errors as load_errors;
pub use crate::__old_value as old_value;
pub use crate::__presence as presence;
pub use crate::__result_of as result_of;
pub use crate::__self_describing_only as self_describing_only;
pub use crate::__tag_part as tag_part;
pub use crate::__with_json as with_json;
pub use crate::__write_outcome as write_outcome;
pub use crate::cache::Cache;
pub use crate::cache_info::{CacheInfo, informed};
pub use crate::codec::Codec;
pub use crate::engine::{
    Access, AnyUpdate, BatchMap, Fallible, Family, LoadErrors, LocalRead, OldRow, Presence, Previous, ReadOptions,
    Region, RegionSpec, ReportsMiss, ReturnType, RowFence, Slot, TagFamily, TagSink, Tags, Update, VersionAnswer,
    Warming, Warmth, WriteGuard, WriteOutcome,
};
#[cfg(feature = "json")]
pub use crate::engine::{JsonKey, KeySnapshot, KeysOf, MethodKeys, OtherKeys, SerdeKeys};
pub use crate::error::{Error, LoadError, WriteError, built};
pub use crate::key::{CacheKey, Float, KeyPart, KeyWriter, Lookup, TextPart, same_display};
pub use crate::ownership::{Claim, Namespace, Place, StoreSpec};
pub use crate::policy::{LocalEngine, ReadPolicy};
pub use crate::protocol::{Mode, Scope};
pub use crate::value::{CacheValue, Cacheable, first_of};
pub use absences::{or_absent, present};
pub use batches::{found_in_order, found_rows, in_order, keyed, paired, rows};
pub use tag_parts::{AnyPart, OneTag, TagPart};
pub use writes::{
    AnyRow, MAX_LISTED, OldValue, OtherEntry, OtherRead, RowOrNone, apart, limited, scope_or_whole,
    scope_or_whole_async, scopes_or_whole, scopes_or_whole_async, share_a_bus,
};

impl Place {
    /// Claims the keys of every read method of a decorator.
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config) if another trait or method already uses them in this cache.
    pub fn of_store(cache: &Cache, spec: &StoreSpec<'_>, namespace: Namespace) -> Result<Self, Error> {
        Self::of_decorator(&cache.0.ownership, spec, namespace)
    }
}

/// A parameter that the call consumes, so that the decorator keeps a clone.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is needed after the call that takes it, and cannot be cloned",
    label = "not `Clone`",
    note = "an argument of `#[invalidates(..)]` that names this parameter is evaluated after the call, for `result` or for what the call changes",
    note = "implement `Clone`, take the parameter by reference, or name the method with `..`"
)]
pub trait KeptParameter: Clone {}

#[diagnostic::do_not_recommend]
impl<T: Clone> KeptParameter for T {}

/// Returns the clone that is passed to the call.
pub fn kept<T: KeptParameter>(parameter: &T) -> T {
    parameter.clone()
}

/// The bound of [`NoCopy::copied`], which no type implements.
#[diagnostic::on_unimplemented(
    message = "the future may not borrow from `&{Self}`, and no owned copy of it can be made",
    label = "neither `Clone` nor `ToOwned`",
    note = "the cache is asked inside of the future, which takes owned copies of what its lifetime does not cover",
    note = "implement `Clone`, give the future the lifetime of the parameter (`fn save<'a>(&'a self, record: &'a T) -> Pin<Box<dyn Future<Output = ..> + Send + 'a>>`), or make the method `#[uncached]`"
)]
pub trait CopiedParameter {
    /// The owned copy, which does not exist.
    type Copied;
}

/// A borrowed parameter of which an owned copy is made.
#[derive(Debug)]
pub struct Borrowed<'a, T: ?Sized>(pub &'a T);

impl<T: ToOwned + ?Sized> Borrowed<'_, T> {
    /// Returns the owned copy.
    pub fn copied(&self) -> T::Owned {
        self.0.to_owned()
    }
}

/// The fallback for a parameter that cannot be copied: a method that does not compile.
pub trait NoCopy<T: ?Sized> {
    /// Never compiles, since no type implements the bound.
    fn copied(&self) -> T::Copied
    where
        T: CopiedParameter,
    {
        unreachable!("no type is a `CopiedParameter`")
    }
}

impl<T: ?Sized> NoCopy<T> for Borrowed<'_, T> {}

/// Returns the scopes of a list in generated code, which has no prelude.
pub fn scopes<const N: usize>(scopes: [Scope; N]) -> Vec<Scope> {
    scopes.into()
}

/// Returns the updates of a write as a list.
pub fn updates<const N: usize>(updates: [AnyUpdate; N]) -> Vec<AnyUpdate> {
    updates.into()
}

/// Returns families of tags as a list.
pub fn families<const N: usize>(families: [Family; N]) -> Vec<Family> {
    families.into()
}

/// Returns the keys of a batch.
pub fn keys_of<T, K>(list: &[T], key: impl FnMut(&T) -> K) -> Vec<K> {
    list.iter().map(key).collect()
}

/// Returns the key of a tag, with the type that its family declares.
pub fn tag_key<F: TagFamily>(key: &F::Key) -> &F::Key {
    key
}

/// Returns the text of a `display` parameter as the key of a tag, whose family declares a text.
pub fn tag_text<F: TagFamily<Key = String>>(text: &TextPart) -> &TextPart {
    text
}

/// Whether a write in this mode waits as long as readers in the other one demand, in a constant.
pub const fn includes_mode(write: Mode, read: Mode) -> bool {
    write as u8 >= read as u8
}

/// Whether two texts are equal, in a constant.
pub const fn same_text(one: &str, two: &str) -> bool {
    let (one, two) = (one.as_bytes(), two.as_bytes());
    if one.len() != two.len() {
        return false;
    }
    let mut at = 0;
    while at < one.len() {
        if one[at] != two[at] {
            return false;
        }
        at += 1;
    }
    true
}

/// Detects whether a type implements a trait, by autoref specialisation on constants.
///
/// An inherent constant exists only if the bound holds, and takes precedence over the constant of a trait that every
/// type implements.
#[derive(Debug)]
pub struct Probe<T: ?Sized>(PhantomData<T>);

/// The constants for a type without the bound.
pub trait Otherwise<T> {
    /// The type has no fingerprint.
    const FINGERPRINT: Option<u64> = None;
    /// The type is unknown.
    const SELF_DESCRIBING_ONLY: Option<&'static str> = None;
    /// The type cannot be cloned.
    const CLONE: Option<fn(&T) -> T> = None;
    /// The type cannot be created from an error of the cache.
    const FROM_CACHE: Option<fn(Error) -> T> = None;
    /// The type does not say which errors are outages.
    const IS_OUTAGE: Option<fn(&T) -> bool> = None;
    /// The type is no `Result`.
    const IS_RESULT: bool = false;
    /// The type is not an `Option`.
    const PRESENCE: Presence<T> = Presence::ALWAYS;
}

impl<T> Otherwise<T> for Probe<T> {}

impl<T: CacheValue> Probe<T> {
    /// The type's own fingerprint.
    pub const FINGERPRINT: Option<u64> = Some(T::FINGERPRINT);
    /// The reason why a codec without field names alters the type.
    pub const SELF_DESCRIBING_ONLY: Option<&'static str> = T::SELF_DESCRIBING_ONLY;
}

impl<T: Clone> Probe<T> {
    /// Clones the type.
    pub const CLONE: Option<fn(&T) -> T> = Some(T::clone);
}

impl<T: From<Error>> Probe<T> {
    /// Converts an error of the cache into the type.
    pub const FROM_CACHE: Option<fn(Error) -> T> = Some(T::from);
}

impl<T: LoadError> Probe<T> {
    /// Whether an error is an outage.
    pub const IS_OUTAGE: Option<fn(&T) -> bool> = Some(T::is_outage);
}

impl<T, E> Probe<Result<T, E>> {
    /// The type is a `Result`.
    pub const IS_RESULT: bool = true;
}

impl<V> Probe<Option<V>> {
    /// The type is an `Option`.
    pub const PRESENCE: Presence<Option<V>> = Presence::OPTIONAL;
}

/// Hashes text from a state, for the fingerprints of the derive of `CacheValue`.
pub const fn hash_text(state: u64, text: &str) -> u64 {
    crate::value::fnv1a(state, text.as_bytes())
}

/// Mixes a fingerprint into a state.
pub const fn hash_fingerprint(state: u64, fingerprint: u64) -> u64 {
    crate::value::fnv1a(state, &fingerprint.to_le_bytes())
}

/// The initial state of a hash.
pub const HASH_START: u64 = crate::value::FNV_START;

/// The fingerprint of a type's `CacheValue`, or otherwise the hash of the type's source text.
#[doc(hidden)]
#[macro_export]
macro_rules! __fingerprint {
    ($type:ty) => {{
        #[allow(unused_imports, reason = "unused where the type has the trait")]
        use $crate::__macro::v1::Otherwise as _;
        match $crate::__macro::v1::Probe::<$type>::FINGERPRINT {
            ::core::option::Option::Some(fingerprint) => fingerprint,
            ::core::option::Option::None => {
                $crate::__macro::v1::hash_text($crate::__macro::v1::HASH_START, ::core::stringify!($type))
            }
        }
    }};
}

/// The reason why a codec without field names alters a type, if any is known.
#[doc(hidden)]
#[macro_export]
macro_rules! __self_describing_only {
    ($type:ty) => {{
        #[allow(unused_imports, reason = "unused where the type has the trait")]
        use $crate::__macro::v1::Otherwise as _;
        $crate::__macro::v1::Probe::<$type>::SELF_DESCRIBING_ONLY
    }};
}

/// The conversions that an error type supports.
#[doc(hidden)]
#[macro_export]
macro_rules! __load_errors {
    ($type:ty) => {{
        #[allow(unused_imports, reason = "unused where the type has the traits")]
        use $crate::__macro::v1::Otherwise as _;
        $crate::__macro::v1::LoadErrors::<$type>::new(
            $crate::__macro::v1::Probe::<$type>::CLONE,
            $crate::__macro::v1::Probe::<$type>::FROM_CACHE,
        )
        .outages($crate::__macro::v1::Probe::<$type>::IS_OUTAGE)
    }};
}

/// Whether a type is a `Result`, also behind a type alias. It must not mention a generic parameter.
#[doc(hidden)]
#[macro_export]
macro_rules! __is_result {
    ($type:ty) => {{
        #[allow(unused_imports, reason = "unused where the type is a result")]
        use $crate::__macro::v1::Otherwise as _;
        $crate::__macro::v1::Probe::<$type>::IS_RESULT
    }};
}

/// How a type represents absence.
#[doc(hidden)]
#[macro_export]
macro_rules! __presence {
    ($type:ty) => {{
        #[allow(unused_imports, reason = "unused where the type is an option")]
        use $crate::__macro::v1::Otherwise as _;
        $crate::__macro::v1::Probe::<$type>::PRESENCE
    }};
}

/// The outcome of a write, by autoref specialisation. The number of references selects the trait.
#[derive(Debug)]
pub struct Answer<'a, T>(pub &'a T);

/// For an error type that reports whether the write was applied.
pub trait TellingError {
    /// Returns the outcome of the write.
    fn outcome(&self) -> WriteOutcome;
}

/// For any other error type.
pub trait AnyError {
    /// Returns the outcome of the write.
    fn outcome(&self) -> WriteOutcome;
}

/// For a return value that is not a `Result`.
pub trait NoError {
    /// Returns the outcome of the write.
    fn outcome(&self) -> WriteOutcome;
}

impl<T, E: WriteError> TellingError for &&Answer<'_, Result<T, E>> {
    fn outcome(&self) -> WriteOutcome {
        match self.0 {
            Ok(_) => WriteOutcome::Written,
            Err(error) if error.not_written() => WriteOutcome::NotWritten,
            Err(_) => WriteOutcome::Unknown,
        }
    }
}

impl<T, E> AnyError for &Answer<'_, Result<T, E>> {
    fn outcome(&self) -> WriteOutcome {
        if self.0.is_ok() { WriteOutcome::Written } else { WriteOutcome::Unknown }
    }
}

impl<T> NoError for Answer<'_, T> {
    fn outcome(&self) -> WriteOutcome {
        WriteOutcome::Written
    }
}

/// The `Ok` value of a return value that is a `Result`.
pub trait Good<'a> {
    /// The value.
    type Value;
    /// Returns the `Ok` value, or `None` for an `Err`.
    fn good(&self) -> Option<&'a Self::Value>;
}

/// The whole of any other return value.
pub trait Whole<'a> {
    /// The type of the return value.
    type Value;
    /// Returns the whole value.
    fn good(&self) -> Option<&'a Self::Value>;
}

impl<'a, T, E> Good<'a> for &Answer<'a, Result<T, E>> {
    type Value = T;
    fn good(&self) -> Option<&'a T> {
        self.0.as_ref().ok()
    }
}

impl<'a, T> Whole<'a> for Answer<'a, T> {
    type Value = T;
    fn good(&self) -> Option<&'a T> {
        Some(self.0)
    }
}

/// The value of `result`, if only the compiler knows whether the return value is a `Result`.
#[doc(hidden)]
#[macro_export]
macro_rules! __result_of {
    ($answer:expr) => {{
        #[allow(unused_imports, reason = "one of them is used")]
        use $crate::__macro::v1::{Good as _, Whole as _};
        (&&$crate::__macro::v1::Answer($answer)).good()
    }};
}

/// The bound of [`Answer::no_future`], which no type implements.
#[diagnostic::on_unimplemented(
    message = "a method that returns the future `{Self}` does not say what it does to the cache",
    label = "this is a future, and the method has no attribute",
    note = "a write without an attribute leaves old values in the cache",
    note = "add one of `#[cached(..)]`, `#[invalidates(..)]` and `#[uncached]` to the method"
)]
pub trait Attributed {}

/// For a return value that is not a future. A future has an inherent method of the same name, which takes precedence.
pub trait NoFuture {
    /// Does nothing.
    fn no_future(&self) {}
}

impl<T> NoFuture for Answer<'_, T> {}

impl<T: Future> Answer<'_, T> {
    /// Does not compile: the method that returned this future has no attribute.
    pub fn no_future(&self)
    where
        T: Attributed,
    {
    }
}

/// The future of a load.
#[diagnostic::on_unimplemented(
    message = "the trait of another crate does not promise that the future of this cached method is `Send`",
    label = "not known to be `Send`",
    note = "a load runs in a task of its own, on any thread; the trait declares a plain `async fn`, which does not promise that",
    note = "make the method `#[uncached]`, or put a trait of your own in front of it, with `#[cached_store]` and `async fn`"
)]
pub trait SendableFuture: Future + Send {}

#[diagnostic::do_not_recommend]
impl<F: Future + Send> SendableFuture for F {}

/// Returns the future of a load if it is `Send`.
pub fn sendable<T, F: Future<Output = T> + SendableFuture>(future: F) -> impl Future<Output = T> + Send {
    future
}

/// A future type that a decorator can return: an alias of `Pin<Box<dyn Future + Send>>`.
#[diagnostic::on_unimplemented(
    message = "the decorator cannot return a `{Self}`",
    label = "not a `Pin<Box<dyn Future<Output = ..> + Send + '_>>`",
    note = "`#[cached]` and `#[invalidates]` wrap the store's future in a boxed one",
    note = "return `Pin<Box<dyn Future<Output = ..> + Send + '_>>`, or `impl Future<Output = ..> + Send`, or make it an `async fn`; any other future can be `#[uncached]`"
)]
pub trait FutureOfDecorator: Sized {
    /// The boxed future.
    type Boxed;
    /// The future itself.
    fn boxed(boxed: Self::Boxed) -> Self;
}

impl<T> FutureOfDecorator for Pin<Box<dyn Future<Output = T> + Send + '_>> {
    type Boxed = Self;
    fn boxed(boxed: Self) -> Self {
        boxed
    }
}

/// The outcome of a write, from a reference to the return value of the store.
#[doc(hidden)]
#[macro_export]
macro_rules! __write_outcome {
    ($answer:expr) => {{
        #[allow(unused_imports, reason = "one of them is used")]
        use $crate::__macro::v1::{AnyError as _, NoError as _, TellingError as _};
        (&&&$crate::__macro::v1::Answer($answer)).outcome()
    }};
}

/// The form of a region's keys in JSON, if they have one.
#[cfg(feature = "json")]
#[doc(hidden)]
#[macro_export]
macro_rules! __json_key {
    ($region:expr) => {{
        #[allow(unused_imports, reason = "one of them is used")]
        use $crate::__macro::v1::{OtherKeys as _, SerdeKeys as _};
        (&&$crate::__macro::v1::KeysOf($region)).json_key()
    }};
}

/// Functions of a decorator that need the feature `json` of this crate, which the macros do not know.
#[cfg(feature = "json")]
#[doc(hidden)]
#[macro_export]
macro_rules! __with_json {
    ($($functions:tt)*) => { $($functions)* };
}

/// Functions of a decorator that need the feature `json` of this crate, which the macros do not know.
#[cfg(not(feature = "json"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __with_json {
    ($($functions:tt)*) => {};
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Debug)]
    struct Telling(bool);
    impl WriteError for Telling {
        fn not_written(&self) -> bool {
            self.0
        }
    }
    struct Silent;

    #[test]
    fn outcomes_are_read_from_any_return_type() {
        assert_eq!(crate::__write_outcome!(&Ok::<u8, Telling>(1)), WriteOutcome::Written);
        assert_eq!(crate::__write_outcome!(&Err::<u8, _>(Telling(true))), WriteOutcome::NotWritten);
        assert_eq!(crate::__write_outcome!(&Err::<u8, _>(Telling(false))), WriteOutcome::Unknown);
        assert_eq!(crate::__write_outcome!(&Err::<u8, _>(Silent)), WriteOutcome::Unknown);
        assert_eq!(crate::__write_outcome!(&()), WriteOutcome::Written);
    }

    #[test]
    fn capabilities_of_a_type_are_detected() {
        assert_eq!(
            format!("{:?}", crate::__load_errors!(Telling)),
            "LoadErrors { clone: true, from_cache: false, is_outage: false }"
        );
        assert_eq!(
            format!("{:?}", crate::__load_errors!(Silent)),
            "LoadErrors { clone: false, from_cache: false, is_outage: false }"
        );
        assert_eq!(
            format!("{:?}", crate::__load_errors!(Error)),
            "LoadErrors { clone: true, from_cache: true, is_outage: false }"
        );
        assert!(format!("{:?}", crate::__presence!(Option<u8>)).starts_with("Optional"));
        assert!(format!("{:?}", crate::__presence!(u8)).starts_with("Always"));
        assert_ne!(crate::__fingerprint!(Option<u8>), crate::__fingerprint!(u8));
    }

    #[test]
    fn a_return_type_is_seen_through_its_alias() {
        type Found<T> = Result<Option<T>, Telling>;
        type Maybe<T> = Option<T>;
        const { assert!(crate::__is_result!(Found<u8>) && !crate::__is_result!(Maybe<u8>)) };
        let found = <Found<u8> as ReturnType<{ crate::__is_result!(Found<u8>) }>>::of_value(Some(1));
        let maybe = <Maybe<u8> as ReturnType<{ crate::__is_result!(Maybe<u8>) }>>::of_value(Some(1));
        assert!(matches!(found, Ok(Some(1))) && maybe == Some(1));
    }
}
