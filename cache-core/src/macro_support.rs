//! What generated code calls. Not part of the public interface.

use std::future::poll_fn;
use std::marker::PhantomData;
use std::panic::{self, AssertUnwindSafe};
use std::pin::{Pin, pin};
use std::task::Poll;

pub use crate::__fingerprint as fingerprint;
pub use crate::__load_errors as load_errors;
pub use crate::__presence as presence;
pub use crate::__result_of as result_of;
pub use crate::__self_describing_only as self_describing_only;
pub use crate::__write_outcome as write_outcome;
pub use crate::cache::Cache;
pub use crate::codec::Codec;
pub use crate::coherence::Scope;
pub use crate::engine::{
    BatchMap, BatchTerms, LoadErrors, Presence, Region, RegionSpec, Slot, Terms, WriteGuard, WriteOutcome,
};
pub use crate::error::{Error, WriteError};
pub use crate::key::{CacheKey, KeyPart, KeyWriter, Lookup, same_display};
pub use crate::ownership::{Claim, Namespace, Place, StoreSpec};
pub use crate::policy::{LocalEngine, Mode, ReadPolicy};
pub use crate::value::{CacheValue, Cacheable};

/// Returns the decorator, or panics with the error.
///
/// # Panics
///
/// If `result` is an error.
#[track_caller]
pub fn built<T>(result: Result<T, Error>) -> T {
    result.unwrap_or_else(|error| panic!("{error}"))
}

/// A parameter that the call takes, and of which the decorator keeps a clone.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is needed after the call that takes it, and cannot be cloned",
    label = "not `Clone`",
    note = "an argument of `#[invalidates(..)]` that names this parameter is evaluated after the call, for `result` or for what the call changes",
    note = "implement `Clone`, take the parameter by reference, or name the method with `..`"
)]
pub trait KeptParameter: Clone {}

#[diagnostic::do_not_recommend]
impl<T: Clone> KeptParameter for T {}

/// The clone that the call takes.
pub fn kept<T: KeptParameter>(parameter: &T) -> T {
    parameter.clone()
}

/// No type has it: it is the bound of [`NoCopy::copied`].
#[diagnostic::on_unimplemented(
    message = "the future may not borrow from `&{Self}`, and no owned copy of it can be made",
    label = "neither `Clone` nor `ToOwned`",
    note = "the cache is asked inside of the future, which takes owned copies of what its lifetime does not cover",
    note = "implement `Clone`, give the future the lifetime of the parameter (`fn save<'a>(&'a self, record: &'a T) -> Pin<Box<dyn Future<Output = ..> + Send + 'a>>`), or make the method `#[uncached]`"
)]
pub trait CopiedParameter {
    /// What there is none of.
    type Copied;
}

/// A parameter of which an owned copy is made.
#[derive(Debug)]
pub struct Borrowed<'a, T: ?Sized>(pub &'a T);

impl<T: ToOwned + ?Sized> Borrowed<'_, T> {
    /// The owned copy.
    pub fn copied(&self) -> T::Owned {
        self.0.to_owned()
    }
}

/// What a parameter has that cannot be copied: a method that does not compile.
pub trait NoCopy<T: ?Sized> {
    /// No type has the bound.
    fn copied(&self) -> T::Copied
    where
        T: CopiedParameter,
    {
        unreachable!("no type is a `CopiedParameter`")
    }
}

impl<T: ?Sized> NoCopy<T> for Borrowed<'_, T> {}

/// The scope that a target names after the call. If its expression panics then, the whole method: the store has its answer
/// ready, and the caller has to get it.
pub fn scope_or_whole(scope: impl FnOnce() -> Scope, whole: impl FnOnce() -> Scope) -> Scope {
    panic::catch_unwind(AssertUnwindSafe(scope)).unwrap_or_else(|_| whole())
}

/// The same for an expression that awaits.
pub async fn scope_or_whole_async(scope: impl Future<Output = Scope>, whole: impl FnOnce() -> Scope) -> Scope {
    let mut scope = pin!(scope);
    let caught = poll_fn(|context| match panic::catch_unwind(AssertUnwindSafe(|| scope.as_mut().poll(context))) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(scope)) => Poll::Ready(Some(scope)),
        Err(_) => Poll::Ready(None),
    });
    caught.await.unwrap_or_else(whole)
}

/// The two types of a `Result`, also behind an alias.
#[diagnostic::on_unimplemented(
    message = "a cached method returns a `Result`, and `{Self}` is none",
    label = "not a `Result`",
    note = "a load can fail: its task may panic or run into its deadline, and an error is never cached"
)]
pub trait Fallible {
    /// What it holds when it is good.
    type Value;
    /// What it holds when it is not.
    type Error;

    /// The good value.
    fn ok(&self) -> Option<&Self::Value>;
}

impl<T, E> Fallible for Result<T, E> {
    type Value = T;
    type Error = E;

    fn ok(&self) -> Option<&T> {
        self.as_ref().ok()
    }
}

/// Asks whether a type has a trait: an associated constant of the type itself, which exists only where the bound
/// holds, comes before the one of a trait that every type has.
#[derive(Debug)]
pub struct Probe<T: ?Sized>(PhantomData<T>);

/// The answers where the bound does not hold.
pub trait Otherwise<T> {
    /// The type has no fingerprint.
    const FINGERPRINT: Option<u64> = None;
    /// Nothing is known of the type.
    const SELF_DESCRIBING_ONLY: Option<&'static str> = None;
    /// The type cannot be cloned.
    const CLONE: Option<fn(&T) -> T> = None;
    /// The type cannot tell of an error of the cache.
    const FROM_CACHE: Option<fn(Error) -> T> = None;
    /// The type is not an `Option`.
    const PRESENCE: Presence<T> = Presence::ALWAYS;
}

impl<T> Otherwise<T> for Probe<T> {}

impl<T: CacheValue> Probe<T> {
    /// The type's own fingerprint.
    pub const FINGERPRINT: Option<u64> = Some(T::FINGERPRINT);
    /// Why a codec without field names does not return the type.
    pub const SELF_DESCRIBING_ONLY: Option<&'static str> = T::SELF_DESCRIBING_ONLY;
}

impl<T: Clone> Probe<T> {
    /// How the type is cloned.
    pub const CLONE: Option<fn(&T) -> T> = Some(T::clone);
}

impl<T: From<Error>> Probe<T> {
    /// How the type tells of an error of the cache.
    pub const FROM_CACHE: Option<fn(Error) -> T> = Some(T::from);
}

impl<V> Probe<Option<V>> {
    /// The type is an `Option`.
    pub const PRESENCE: Presence<Option<V>> = Presence::OPTIONAL;
}

/// The hash of some text, from a state: what the derive of `CacheValue` builds a fingerprint with.
pub const fn hash_text(state: u64, text: &str) -> u64 {
    crate::value::fnv1a(state, text.as_bytes())
}

/// Mixes a fingerprint into a state.
pub const fn hash_fingerprint(state: u64, fingerprint: u64) -> u64 {
    crate::value::fnv1a(state, &fingerprint.to_le_bytes())
}

/// Where a hash begins.
pub const HASH_START: u64 = crate::value::FNV_START;

/// The fingerprint of a type's `CacheValue`, or else the hash of the type as it is written.
#[doc(hidden)]
#[macro_export]
macro_rules! __fingerprint {
    ($type:ty) => {{
        #[allow(unused_imports, reason = "unused where the type has the trait")]
        use $crate::__macro::Otherwise as _;
        match $crate::__macro::Probe::<$type>::FINGERPRINT {
            ::core::option::Option::Some(fingerprint) => fingerprint,
            ::core::option::Option::None => {
                $crate::__macro::hash_text($crate::__macro::HASH_START, ::core::stringify!($type))
            }
        }
    }};
}

/// The first reason among those of several types.
pub const fn first_of(reasons: &[Option<&'static str>]) -> Option<&'static str> {
    let mut at = 0;
    while at < reasons.len() {
        if reasons[at].is_some() {
            return reasons[at];
        }
        at += 1;
    }
    None
}

/// Why a codec without field names does not return a type; `None` if it does, or if nothing is known of the type.
#[doc(hidden)]
#[macro_export]
macro_rules! __self_describing_only {
    ($type:ty) => {{
        #[allow(unused_imports, reason = "unused where the type has the trait")]
        use $crate::__macro::Otherwise as _;
        $crate::__macro::Probe::<$type>::SELF_DESCRIBING_ONLY
    }};
}

/// What an error type can do.
#[doc(hidden)]
#[macro_export]
macro_rules! __load_errors {
    ($type:ty) => {{
        #[allow(unused_imports, reason = "unused where the type has the traits")]
        use $crate::__macro::Otherwise as _;
        $crate::__macro::LoadErrors::<$type>::new(
            $crate::__macro::Probe::<$type>::CLONE,
            $crate::__macro::Probe::<$type>::FROM_CACHE,
        )
    }};
}

/// How absence is recognised in a type.
#[doc(hidden)]
#[macro_export]
macro_rules! __presence {
    ($type:ty) => {{
        #[allow(unused_imports, reason = "unused where the type is an option")]
        use $crate::__macro::Otherwise as _;
        $crate::__macro::Probe::<$type>::PRESENCE
    }};
}

/// What a store's answer to a write tells. The traits are tried in the order of the references in front of them.
#[derive(Debug)]
pub struct Answer<'a, T>(pub &'a T);

/// For an error type that knows whether the write was applied.
pub trait TellingError {
    /// What is known of the write.
    fn outcome(&self) -> WriteOutcome;
}

/// For any other error type.
pub trait AnyError {
    /// What is known of the write.
    fn outcome(&self) -> WriteOutcome;
}

/// For an answer that is no `Result`.
pub trait NoError {
    /// What is known of the write.
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

/// The good value of an answer that is a `Result`.
pub trait Good<'a> {
    /// The value.
    type Value;
    /// Nothing if the answer is an `Err`.
    fn good(&self) -> Option<&'a Self::Value>;
}

/// The same of any other answer.
pub trait Whole<'a> {
    /// The answer.
    type Value;
    /// All of it.
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

/// What `result` is where only the compiler knows whether the answer is a `Result`.
#[doc(hidden)]
#[macro_export]
macro_rules! __result_of {
    ($answer:expr) => {{
        #[allow(unused_imports, reason = "one of them is used")]
        use $crate::__macro::{Good as _, Whole as _};
        (&&$crate::__macro::Answer($answer)).good()
    }};
}

/// No type has it: it is the bound of [`Answer::no_future`].
#[diagnostic::on_unimplemented(
    message = "a method that returns the future `{Self}` does not say what it does to the cache",
    label = "this is a future, and the method has no attribute",
    note = "a write without an attribute leaves old values in the cache",
    note = "add one of `#[cached(..)]`, `#[invalidates(..)]` and `#[uncached]` to the method"
)]
pub trait Attributed {}

/// For an answer that is not a future. An answer that is one has a method of the same name itself, which comes first.
pub trait NoFuture {
    /// Nothing to report.
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

/// A type of future that a decorator can return: `Pin<Box<dyn Future + Send>>` behind an alias.
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

/// What is known of a write, from a reference to what the store returned.
#[doc(hidden)]
#[macro_export]
macro_rules! __write_outcome {
    ($answer:expr) => {{
        #[allow(unused_imports, reason = "one of them is used")]
        use $crate::__macro::{AnyError as _, NoError as _, TellingError as _};
        (&&&$crate::__macro::Answer($answer)).outcome()
    }};
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
    fn outcomes_are_read_from_whatever_a_store_returns() {
        assert_eq!(crate::__write_outcome!(&Ok::<u8, Telling>(1)), WriteOutcome::Written);
        assert_eq!(crate::__write_outcome!(&Err::<u8, _>(Telling(true))), WriteOutcome::NotWritten);
        assert_eq!(crate::__write_outcome!(&Err::<u8, _>(Telling(false))), WriteOutcome::Unknown);
        assert_eq!(crate::__write_outcome!(&Err::<u8, _>(Silent)), WriteOutcome::Unknown);
        assert_eq!(crate::__write_outcome!(&()), WriteOutcome::Written);
    }

    #[test]
    fn what_a_type_can_do_is_found_out() {
        assert_eq!(format!("{:?}", crate::__load_errors!(Telling)), "LoadErrors { clone: true, from_cache: false }");
        assert_eq!(format!("{:?}", crate::__load_errors!(Silent)), "LoadErrors { clone: false, from_cache: false }");
        assert_eq!(format!("{:?}", crate::__load_errors!(Error)), "LoadErrors { clone: true, from_cache: true }");
        assert_eq!(format!("{:?}", crate::__presence!(Option<u8>)), "Optional");
        assert_eq!(format!("{:?}", crate::__presence!(u8)), "Always");
        assert_ne!(crate::__fingerprint!(Option<u8>), crate::__fingerprint!(u8));
    }
}
