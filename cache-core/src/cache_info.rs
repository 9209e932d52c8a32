//! The source, the age and the end of an answer, for its caller.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::future::Future;
use std::time::Duration;

use crate::single_flight::Source;

/// The source of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum CacheSource {
    /// The local tier.
    Local,
    /// The shared tier.
    Shared,
    /// The store.
    Store,
    /// A tier, with an expired value in place of an outage of the store (`stale_if_error`), or of a load that takes longer than
    /// `soft_timeout`.
    InsteadOfStore,
}

/// The source and the age of an answer, and the end of its life.
///
/// The reads of `with_info()` of a decorator return it beside the value. For a read of many keys it describes all of them:
/// the farthest source, the greatest age, the nearest end, and whether any of them is stale.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use std::sync::Arc;
/// use cache_core::{Cache, CacheSource, cached_store};
///
/// #[cached_store(namespace = "demo")]
/// trait SquareStore: Send + Sync {
///     #[cached(entity = "square", key(n), ttl = "1h")]
///     async fn square(&self, n: u64) -> u64;
/// }
///
/// struct Arithmetic;
///
/// impl SquareStore for Arithmetic {
///     async fn square(&self, n: u64) -> u64 {
///         n * n
///     }
/// }
///
/// let squares = CachingSquareStore::new(Arc::new(Arithmetic), &Cache::single_instance());
/// let (nine, info) = squares.with_info().square(3).await;
/// assert_eq!((nine, info.source), (9, CacheSource::Store));
/// let (_, info) = squares.with_info().square(3).await;
/// assert_eq!(info.source, CacheSource::Local);
/// assert!(info.cache_status("squares").starts_with("squares; hit; ttl="));
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheInfo {
    /// The source of the value.
    pub source: CacheSource,
    /// The age of the value, at most: the time since the beginning of its load.
    ///
    /// The tiers store when a life ends and not when it began. The jitter of the life counts as age, so the value is up to
    /// that share of its time to live younger. It is zero for a value of the store, and `None` for one with
    /// `expires_at`, and if the end is unknown or is that of the local entry alone.
    pub age: Option<Duration>,
    /// The time until the end of the value's life; zero for an expired value.
    ///
    /// It is the end of the local entry, if the local tier has a shorter life (`local = ..`). `None` if it is unknown, as for
    /// a value that the store returned and the local tier does not keep.
    pub expires_in: Option<Duration>,
    /// The time since the end of the value's life, of an expired value whose end is known.
    pub expired_for: Option<Duration>,
    /// Whether the life of the value has ended (`stale_while_revalidate`, `stale_if_error`).
    pub stale: bool,
    /// Whether the value has reached the age of its refresh.
    ///
    /// This read then starts a load in the background, unless one is in progress, or the method pauses after a failure.
    pub due: bool,
    /// Whether another caller's look-up or load found the value.
    pub collapsed: bool,
    /// The generation of the entry in the shared tier, if that answered. Entries of different generations may differ.
    pub generation: Option<String>,
}

impl CacheInfo {
    /// The information about an answer of the store.
    pub(crate) fn of_store() -> Self {
        Self {
            source: CacheSource::Store,
            age: Some(Duration::ZERO),
            expires_in: None,
            expired_for: None,
            stale: false,
            due: false,
            collapsed: false,
            generation: None,
        }
    }

    pub(crate) fn of(source: Source) -> Self {
        let (source, age) = match source {
            Source::Local | Source::Degraded => (CacheSource::Local, None),
            Source::Shared => (CacheSource::Shared, None),
            Source::Expired => (CacheSource::InsteadOfStore, None),
            Source::Store => return Self::of_store(),
        };
        Self { source, age, stale: source == CacheSource::InsteadOfStore, ..Self::of_store() }
    }

    /// Sets the rest of the value's life, and the time since its end.
    #[must_use]
    pub(crate) fn with_life(self, ttl: Option<Duration>, left: Duration, past: Duration) -> Self {
        let age = match self.source {
            CacheSource::Store => self.age,
            _ => ttl.map(|ttl| ttl.saturating_sub(left).saturating_add(past)),
        };
        Self { age, expires_in: Some(left), expired_for: (!past.is_zero()).then_some(past), ..self }
    }

    /// The information about several answers together.
    fn and(&self, other: &Self) -> Self {
        Self {
            source: self.source.max(other.source),
            age: self.age.zip(other.age).map(|(one, other)| one.max(other)),
            expires_in: self.expires_in.into_iter().chain(other.expires_in).min(),
            stale: self.stale || other.stale,
            expired_for: self.expired_for.into_iter().chain(other.expired_for).max(),
            due: self.due || other.due,
            collapsed: self.collapsed || other.collapsed,
            generation: None,
        }
    }

    /// Returns a member of the header `Cache-Status` (RFC 9211), for a response that contains the value.
    ///
    /// `cache` is the name of the cache, such as that of the service. A name that is no token is quoted, and characters that
    /// a header cannot have become `?`. The parameters are `hit`, or `fwd` with the reason for the call of the store (`miss`
    /// or `stale`); `ttl` in seconds, negative after the end of the life; for a call of the store also `stored` and
    /// `collapsed`, and otherwise the tier as `detail`.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn of(info: cache_core::CacheInfo) {
    /// let header = info.cache_status("policies"); // policies; hit; ttl=241; detail=local
    /// # }
    /// ```
    pub fn cache_status(&self, cache: &str) -> String {
        let mut text = quoted(cache);
        text.push_str(match self.source {
            CacheSource::Local | CacheSource::Shared => "; hit",
            CacheSource::Store => "; fwd=miss",
            CacheSource::InsteadOfStore => "; fwd=stale",
        });
        // Writing to a string cannot fail.
        let _ = match (self.source, self.expires_in, self.expired_for) {
            (CacheSource::Store, Some(left), _) => write!(text, "; stored; ttl={}", left.as_secs()),
            (_, _, Some(past)) => write!(text, "; ttl=-{}", past.as_secs()),
            (_, Some(left), _) if !self.stale => write!(text, "; ttl={}", left.as_secs()),
            _ => Ok(()),
        };
        if self.collapsed && self.source == CacheSource::Store {
            text.push_str("; collapsed");
        }
        text.push_str(match self.source {
            CacheSource::Local => "; detail=local",
            CacheSource::Shared => "; detail=shared",
            CacheSource::Store | CacheSource::InsteadOfStore => "",
        });
        text
    }
}

/// The name as a token or as a string of a structured field (RFC 9651).
fn quoted(name: &str) -> String {
    let is_token_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~:/".contains(&byte);
    let begins_a_token = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '*');
    if begins_a_token && name.bytes().all(is_token_byte) {
        return name.to_owned();
    }
    let mut text = String::from("\"");
    for character in name.chars() {
        match character {
            '"' | '\\' => text.extend(['\\', character]),
            ' '..='~' => text.push(character),
            _ => text.push('?'),
        }
    }
    text.push('"');
    text
}

tokio::task_local! {
    static INFO: RefCell<Option<CacheInfo>>;
}

/// Runs a read of a handle that informs, and returns the information about its answer.
///
/// It is in a task-local value, which only the caller's task has: a load runs in another one.
pub async fn informed<T>(read: impl Future<Output = T>) -> (T, CacheInfo) {
    let scope = INFO.scope(RefCell::default(), async { (read.await, INFO.with(RefCell::take)) });
    let (value, info) = scope.await;
    (value, info.unwrap_or_else(CacheInfo::of_store))
}

/// Adds the information about one key to that of the read in progress.
pub(crate) fn inform(info: CacheInfo) {
    // Fails outside of `informed`.
    let _ = INFO.try_with(|known| {
        let before = known.take();
        known.replace(Some(match before {
            Some(before) => before.and(&info),
            None => info,
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_status_has_the_parameters_of_its_source() {
        let local = CacheInfo::of(Source::Local).with_life(Some(SECOND * 60), SECOND * 40, Duration::ZERO);
        assert_eq!(local.cache_status("app"), "app; hit; ttl=40; detail=local");
        let stored = CacheInfo::of_store().with_life(Some(SECOND * 60), SECOND * 60, Duration::ZERO);
        assert_eq!(stored.cache_status("app"), "app; fwd=miss; stored; ttl=60");
        let joined = CacheInfo { collapsed: true, ..CacheInfo::of_store() };
        assert_eq!(joined.cache_status("app"), "app; fwd=miss; collapsed");
        let joined = CacheInfo { collapsed: true, ..local.clone() };
        assert_eq!(joined.cache_status("app"), local.cache_status("app"), "nothing was forwarded");
        let stale = CacheInfo::of(Source::Shared).with_life(Some(SECOND * 60), Duration::ZERO, SECOND * 5);
        assert_eq!(stale.cache_status("app"), "app; hit; ttl=-5; detail=shared");
        assert_eq!(CacheInfo::of(Source::Expired).cache_status("app"), "app; fwd=stale");
    }

    #[test]
    fn a_name_that_is_no_token_is_quoted() {
        for (name, text) in [
            ("app:policies", "app:policies"),
            ("", "\"\""),
            ("1st", "\"1st\""),
            ("two words", "\"two words\""),
            ("a\"b\\c", "\"a\\\"b\\\\c\""),
            ("Zürich\r\n", "\"Z?rich??\""),
        ] {
            assert_eq!(quoted(name), text);
        }
    }

    #[test]
    fn an_age_is_at_most_what_has_passed_of_the_time_to_live() {
        let fresh = CacheInfo::of(Source::Shared).with_life(Some(SECOND * 60), SECOND * 40, Duration::ZERO);
        assert_eq!((fresh.age, fresh.expires_in), (Some(SECOND * 20), Some(SECOND * 40)));
        let stale = CacheInfo::of(Source::Local).with_life(Some(SECOND * 60), Duration::ZERO, SECOND * 5);
        assert_eq!((stale.age, stale.expires_in), (Some(SECOND * 65), Some(Duration::ZERO)));
    }

    #[test]
    fn several_answers_have_the_worst_of_each() {
        let near = CacheInfo::of(Source::Local).with_life(Some(SECOND * 60), SECOND * 10, Duration::ZERO);
        let far = CacheInfo::of(Source::Shared).with_life(Some(SECOND * 60), SECOND * 40, Duration::ZERO);
        let both = near.and(&far);
        assert_eq!((both.source, both.age, both.expires_in), (CacheSource::Shared, near.age, near.expires_in));
        let unknown = both.and(&CacheInfo::of(Source::Expired));
        assert_eq!((unknown.age, unknown.stale, unknown.source), (None, true, CacheSource::InsteadOfStore));
        assert_eq!(unknown.expires_in, near.expires_in);
    }
}
