//! How a look-up or a load ends.
//!
//! The caller that leads a flight gets the outcome itself, with the store's error. Followers get the form that can be
//! shared: a clone of the value or of the error, or none, in which case each of them loads for itself.

use std::any::Any;
use std::sync::Arc;

use crate::error::Error;
use crate::protocol::Fence;

/// How a look-up or a load ended, with a value of type `T` or the store's error `E`.
#[derive(Debug, Clone)]
pub(crate) enum Outcome<T, E> {
    Found(T),
    /// The store returned an error.
    Failed(E),
    /// The load panicked or exceeded its deadline.
    Broken(Broken),
    /// It was dropped before it had an outcome.
    Abandoned,
}

/// The outcome of a flight, as its followers receive it.
pub(crate) type FlightOutcome<R> = Outcome<Found<R>, Option<SharedError>>;

/// A store's error that can be cloned for each follower. There is none if its type cannot be cloned.
pub(crate) type SharedError = Arc<dyn Any + Send + Sync>;

/// Why a load has no result of its store.
#[derive(Debug)]
pub(crate) struct Broken {
    pub(crate) error: Error,
    /// The panic, which continues in the caller of the load if its error type cannot represent it.
    pub(crate) panic: Option<Box<dyn Any + Send>>,
}

/// A clone has no panic: it continues in one caller only.
impl Clone for Broken {
    fn clone(&self) -> Self {
        Self { error: self.error.clone(), panic: None }
    }
}

impl From<Error> for Broken {
    fn from(error: Error) -> Self {
        Self { error, panic: None }
    }
}

/// A value, with the fence that was read before it if that is known.
#[derive(Debug, Clone)]
pub(crate) struct Found<R> {
    pub(crate) value: R,
    pub(crate) source: Source,
    pub(crate) fence: Option<Arc<Fence>>,
}

/// The source of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(not(feature = "testing"), expect(unreachable_pub, reason = "public with the feature `testing`"))]
pub enum Source {
    /// The local tier.
    Local,
    /// The local tier, with a value that was loaded while the shared tier was unreachable.
    Degraded,
    /// The shared tier, with its own value or by confirming one that was just loaded.
    Shared,
    /// An expired value, in place of an error of the store or of a load that takes longer than the soft timeout.
    Expired,
    /// The store.
    Store,
}

impl Source {
    /// The number of sources.
    #[cfg_attr(not(feature = "testing"), expect(dead_code, reason = "a trace has a place for each"))]
    pub(crate) const COUNT: usize = Self::Store as usize + 1;
}
