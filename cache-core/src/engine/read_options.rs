//! The properties of a read method and of one call of it: absence, errors, visibility.
//!
//! Generated code describes a method by functions instead of bounds, so that a store's error type may lack `Clone` or
//! `From<Error>`, at the price that `docs::failure_modes` describes. These functions are
//! called through `guarded`: a panic in one is a log line and not a broken flight.

use std::any::TypeId;
use std::convert::Infallible;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use super::lives::Lives;
use super::previous::Previous;
use super::user_code::{guarded, panic_text};
use crate::error::{Error, ErrorKind};
use crate::single_flight::{Broken, FlightOutcome, Outcome, SharedError};

/// How a method's results represent absence, what a value weighs, and whether present ones have lives of their own.
pub struct Presence<R> {
    is_absent: Option<fn(&R) -> bool>,
    pub(super) lives: Lives<R>,
    pub(super) weigh: Option<fn(&R) -> usize>,
}

impl<R> Presence<R> {
    /// The method always returns a value.
    pub const ALWAYS: Self = Self { is_absent: None, lives: Lives::OfPolicy, weigh: None };

    /// Sets how long each value lives, at most for the time to live. `None` for an absence.
    ///
    /// A value with a life of zero is not cached, and neither is one for which this panics.
    #[must_use]
    pub const fn ttl_from(self, life: fn(&R) -> Option<Duration>) -> Self {
        Self { lives: Lives::For(life), ..self }
    }

    /// Sets the moment at which each value ends, at most after the time to live. `None` for an absence.
    ///
    /// A value whose moment has passed is not cached, and neither is one for which this panics.
    #[must_use]
    pub const fn expires_at(self, end: fn(&R) -> Option<SystemTime>) -> Self {
        Self { lives: Lives::Until(end), ..self }
    }

    /// Sets the function that weighs a value in bytes, for a local tier that is bounded by bytes.
    ///
    /// Without it, a value weighs its encoded length. It is not called for an absence.
    #[must_use]
    pub const fn weigh(self, weigh: fn(&R) -> usize) -> Self {
        Self { weigh: Some(weigh), ..self }
    }
}

impl<V> Presence<Option<V>> {
    /// The method returns an `Option`.
    pub const OPTIONAL: Self = Self { is_absent: Some(Option::is_none), lives: Lives::OfPolicy, weigh: None };
}

impl<R> Presence<R> {
    pub(super) fn is_absent(self, value: &R) -> bool {
        self.is_absent.is_some_and(|is_absent| is_absent(value))
    }
}

impl<R> Clone for Presence<R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for Presence<R> {}

impl<R> fmt::Debug for Presence<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if self.is_absent.is_some() { "Optional" } else { "Always" };
        f.debug_tuple(name).field(&self.lives).finish()
    }
}

/// The conversions that the error type of a store supports.
pub struct LoadErrors<E> {
    clone: Option<fn(&E) -> E>,
    from_cache: Option<fn(Error) -> E>,
    is_outage: Option<fn(&E) -> bool>,
}

impl<E> LoadErrors<E> {
    /// Creates the conversions.
    ///
    /// `clone` shares one error with all followers; `from_cache` converts the error of a load that panicked, timed out
    /// or recurses.
    pub const fn new(clone: Option<fn(&E) -> E>, from_cache: Option<fn(Error) -> E>) -> Self {
        Self { clone, from_cache, is_outage: None }
    }

    /// Sets which errors mean that the store is unavailable. Without it none does.
    #[must_use]
    pub const fn outages(self, is_outage: Option<fn(&E) -> bool>) -> Self {
        Self { is_outage, ..self }
    }
}

/// The conversions of outcomes. `method` is the name of the read method in errors and log lines.
impl<E: Send + 'static> LoadErrors<E> {
    /// Whether the method never fails: its error type has no values.
    pub(super) fn is_infallible() -> bool {
        TypeId::of::<E>() == TypeId::of::<Infallible>()
    }

    /// Whether the error type can report an exceeded deadline.
    pub(super) fn can_report_a_deadline(&self) -> bool {
        self.from_cache.is_some()
    }

    /// Whether the outcome of a load means that the store is unavailable, and not that it has an answer.
    pub(super) fn is_outage<T>(&self, method: &str, outcome: &Outcome<T, E>) -> bool {
        match outcome {
            Outcome::Failed(error) => {
                let ask = |is_outage: fn(&E) -> bool| guarded(method, "is_outage", || is_outage(error));
                self.is_outage.and_then(ask).unwrap_or(false)
            }
            Outcome::Broken(broken) => broken.error.kind() == ErrorKind::LoadTimedOut,
            Outcome::Found(_) | Outcome::Abandoned => false,
        }
    }

    /// Returns the outcome of a load without a value in the form for followers.
    pub(super) fn share<T, R>(&self, method: &str, outcome: &Outcome<T, E>) -> FlightOutcome<R> {
        match outcome {
            Outcome::Failed(error) => {
                let copy = guarded(method, "Clone of the error", || self.clone.map(|clone| clone(error))).flatten();
                Outcome::Failed(copy.map(|error| Arc::new(Mutex::new(error)) as SharedError))
            }
            Outcome::Broken(broken) => Outcome::Broken(broken.clone()),
            Outcome::Found(_) | Outcome::Abandoned => Outcome::Abandoned,
        }
    }

    /// Converts the outcome of a load for the caller that requested it.
    ///
    /// # Panics
    ///
    /// If the load did not return and the error type cannot represent that. A panic of the store continues here.
    pub(super) fn result<T>(&self, method: &str, outcome: Outcome<T, E>) -> Result<T, E> {
        let Broken { error, panic } = match outcome {
            Outcome::Found(value) => return Ok(value),
            Outcome::Failed(error) => return Err(error),
            Outcome::Broken(broken) => broken,
            // The runtime of its task has shut down.
            Outcome::Abandoned => Error::load_panicked(method, "its task ended without an answer").into(),
        };
        match self.of_cache(method, &error) {
            Some(error) => Err(error),
            None => std::panic::resume_unwind(panic.unwrap_or_else(|| Box::new(error.to_string()))),
        }
    }

    /// Returns the error of a flight's outcome for a follower, if representable.
    pub(super) fn of_follower<R>(&self, method: &str, outcome: &FlightOutcome<R>) -> Option<E> {
        match outcome {
            Outcome::Failed(error) => guarded(method, "Clone of the error", || self.unshare(error.as_ref()))?,
            Outcome::Broken(broken) => self.of_cache(method, &broken.error),
            Outcome::Found(_) | Outcome::Abandoned => None,
        }
    }

    fn unshare(&self, shared: Option<&SharedError>) -> Option<E> {
        let error = shared?.downcast_ref::<Mutex<E>>()?;
        Some(self.clone?(&error.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    fn of_cache(&self, method: &str, error: &Error) -> Option<E> {
        let from_cache = self.from_cache?;
        guarded(method, "From<Error>", || from_cache(error.clone()))
    }
}

impl<E> Clone for LoadErrors<E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for LoadErrors<E> {}

impl<E> fmt::Debug for LoadErrors<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoadErrors")
            .field("clone", &self.clone.is_some())
            .field("from_cache", &self.from_cache.is_some())
            .field("is_outage", &self.is_outage.is_some())
            .finish()
    }
}

/// Returns the outcome of a store that panicked, and logs the panic.
pub(super) fn panicked<T, E>(method: &str, panic: Box<dyn std::any::Any + Send>) -> Outcome<T, E> {
    let error = Error::load_panicked(method, panic_text(&*panic));
    tracing::error!(key = method, %error, "the store panicked");
    Outcome::Broken(Broken { error, panic: Some(panic) })
}

type Visible<'a, K, R> = Box<dyn Fn(&K, &R) -> bool + Send + Sync + 'a>;
pub(super) type CacheIf<R> = Arc<dyn Fn(&R) -> bool + Send + Sync>;

/// The options of one call of a read method.
#[must_use]
pub struct ReadOptions<'a, K, R, E> {
    pub(super) errors: LoadErrors<E>,
    visible: Option<Visible<'a, K, R>>,
    pub(super) cache_if: Option<CacheIf<R>>,
    pub(super) previous: Option<Previous<R>>,
}

impl<'a, K, R, E> ReadOptions<'a, K, R, E> {
    /// Creates options that let every caller see every value, and cache every value.
    pub fn new(errors: LoadErrors<E>) -> Self {
        Self { errors, visible: None, cache_if: None, previous: None }
    }

    /// Checks every value that this call did not load itself. If it returns `false`, the call reads the store.
    pub fn visible_if(mut self, visible: impl Fn(&K, &R) -> bool + Send + Sync + 'a) -> Self {
        self.visible = Some(Box::new(visible));
        self
    }

    /// Checks every loaded value. If it returns `false` or panics, the value is not cached.
    pub fn cache_if(mut self, cache_if: impl Fn(&R) -> bool + Send + Sync + 'static) -> Self {
        self.cache_if = Some(Arc::new(cache_if));
        self
    }

    /// Lets the load compare the value that it would replace with the store.
    pub fn revalidating(mut self) -> (Self, Previous<R>) {
        let previous = Previous::default();
        self.previous = Some(previous.clone());
        (self, previous)
    }

    /// Whether the caller may see the value. A check that panics counts as `false`.
    pub(super) fn is_visible(&self, method: &str, key: &K, value: &R) -> bool {
        let Some(visible) = &self.visible else { return true };
        guarded(method, "visible_if", || visible(key, value)).unwrap_or(false)
    }
}

impl<K, R, E> fmt::Debug for ReadOptions<'_, K, R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadOptions").field("errors", &self.errors).finish_non_exhaustive()
    }
}
