//! The return types of read methods: a `Result`, or a value without an error.
//!
//! A macro sees the name of a return type and not the type. It spells out what it knows, and leaves an alias to the
//! compiler: [`ReturnType`] has one implementation for results and one for all other types, and a constant that the
//! compiler evaluates selects between them.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::convert::Infallible;
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::batch_map::{BatchMap, Slot};
use super::local::LocalRead;
use super::read_options::ReadOptions;
use super::region::Region;
use crate::key::KeyPart;
use crate::value::Cacheable;

/// The value and the error of a return type, also behind a type alias.
#[diagnostic::on_unimplemented(
    message = "whether `{Self}` is a `Result` is not known",
    label = "neither a `Result` nor a type that certainly is none",
    note = "an error is never cached, so a cached method returns a `Result`, or a type that is known to be none",
    note = "a generic type of your own is known to be none in an `Arc`: return `Arc<{Self}>`"
)]
pub trait Fallible: Sized {
    /// The type of the value that is cached.
    type Value;
    /// The type of the error, or one without values.
    type Error;

    /// Returns the value.
    fn ok(&self) -> Option<&Self::Value>;

    /// Converts into a `Result`.
    ///
    /// # Errors
    ///
    /// The error, if it is one.
    fn into_result(self) -> Result<Self::Value, Self::Error>;

    /// Converts from a `Result`.
    fn of_result(result: Result<Self::Value, Self::Error>) -> Self;
}

impl<T, E> Fallible for Result<T, E> {
    type Value = T;
    type Error = E;

    fn ok(&self) -> Option<&T> {
        self.as_ref().ok()
    }

    fn into_result(self) -> Self {
        self
    }

    fn of_result(result: Self) -> Self {
        result
    }
}

/// Types of the standard library that are no results, so that aliases with parameters of a trait are known.
macro_rules! no_results {
    ($(($($parameter:ident),*) $type:ty;)*) => {$(
        impl<$($parameter),*> Fallible for $type {
            type Value = Self;
            type Error = Infallible;

            fn ok(&self) -> Option<&Self> {
                Some(self)
            }

            fn into_result(self) -> Result<Self, Infallible> {
                Ok(self)
            }

            fn of_result(result: Result<Self, Infallible>) -> Self {
                always(result)
            }
        }
    )*};
}

no_results! {
    (T) Option<T>;
    (T) Arc<T>;
    (T) Rc<T>;
    (T) Box<T>;
    (T) Vec<T>;
    (T) VecDeque<T>;
    (T) BTreeSet<T>;
    (T, S) HashSet<T, S>;
    (K, V) BTreeMap<K, V>;
    (K, V, S) HashMap<K, V, S>;
}

fn always<T>(result: Result<T, Infallible>) -> T {
    match result {
        Ok(value) => value,
        Err(never) => match never {},
    }
}

/// A return type, as a `Result` or as a whole.
pub trait ReturnType<const IS_RESULT: bool>: Sized {
    /// The type of the value that is cached.
    type Value;
    /// The type of the error, or one without values.
    type Error;

    /// Returns a value as the method does.
    fn of_value(value: Self::Value) -> Self;

    /// Converts into a `Result`.
    ///
    /// # Errors
    ///
    /// The error, if it is one.
    fn into_result(self) -> Result<Self::Value, Self::Error>;

    /// Converts from a `Result`.
    fn of_result(result: Result<Self::Value, Self::Error>) -> Self;
}

#[diagnostic::do_not_recommend]
impl<O: Fallible> ReturnType<true> for O {
    type Value = O::Value;
    type Error = O::Error;

    #[inline]
    fn of_value(value: O::Value) -> Self {
        O::of_result(Ok(value))
    }

    fn into_result(self) -> Result<O::Value, O::Error> {
        Fallible::into_result(self)
    }

    fn of_result(result: Result<O::Value, O::Error>) -> Self {
        Fallible::of_result(result)
    }
}

impl<T> ReturnType<false> for T {
    type Value = T;
    type Error = Infallible;

    #[inline]
    fn of_value(value: T) -> T {
        value
    }

    fn into_result(self) -> Result<T, Infallible> {
        Ok(self)
    }

    fn of_result(result: Result<T, Infallible>) -> T {
        always(result)
    }
}

/// Reads of methods whose return type is not spelt out as a `Result`.
impl<K: KeyPart, R: Cacheable> Region<K, R> {
    /// Like [`read`](Self::read), for any return type.
    #[doc(hidden)]
    pub fn read_as<'a, const IS_RESULT: bool, O, F, Fut>(
        &'a self,
        key: K,
        local: LocalRead<R>,
        options: ReadOptions<'a, K, R, O::Error>,
        load: F,
    ) -> BoxFuture<'a, O>
    where
        O: ReturnType<IS_RESULT, Value = R>,
        O::Error: Send + 'static,
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = O> + Send + 'static,
    {
        let load = move || async move { load().await.into_result() };
        Box::pin(async move { O::of_result(self.read_in_task(key, local, options, load).await) })
    }

    /// Like [`read_inline`](Self::read_inline), for any return type.
    #[doc(hidden)]
    pub fn read_inline_as<'a, const IS_RESULT: bool, O, F, Fut>(
        &'a self,
        key: K,
        local: LocalRead<R>,
        options: ReadOptions<'a, K, R, O::Error>,
        load: F,
    ) -> BoxFuture<'a, O>
    where
        O: ReturnType<IS_RESULT, Value = R> + 'a,
        O::Error: Send + 'static,
        F: FnOnce() -> Fut + Send + 'a,
        Fut: Future<Output = O> + Send + 'a,
    {
        let load = move || async move { load().await.into_result() };
        Box::pin(async move { O::of_result(self.read_in_call(key, local, options, load).await) })
    }

    /// Like [`read_many`](Self::read_many), for any return type.
    #[doc(hidden)]
    pub fn read_many_as<'a, const IS_RESULT: bool, O, T, F, Fut>(
        &'a self,
        keys: Vec<K>,
        part: fn(&K) -> &T,
        options: ReadOptions<'a, K, R, O::Error>,
        load: F,
    ) -> BoxFuture<'a, O>
    where
        T: Clone + Eq + std::hash::Hash + Send + Sync + 'static,
        O: ReturnType<IS_RESULT>,
        O::Value: BatchMap<T> + 'a,
        R: Slot<<O::Value as BatchMap<T>>::Value>,
        O::Error: Send + 'static,
        F: Fn(Vec<T>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = O> + Send + 'static,
    {
        let load = move |parts| {
            let load = load(parts);
            async move { load.await.into_result() }
        };
        Box::pin(async move { O::of_result(self.read_all_of(keys, part, options, load).await) })
    }
}
