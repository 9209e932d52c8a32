//! Scopes of writes: targets that may panic, lists of them, the old row, and entries of other traits.

use std::collections::HashSet;
use std::future::poll_fn;
use std::panic::{self, AssertUnwindSafe};
use std::pin::pin;
use std::task::Poll;

use foldhash::fast::RandomState;

use super::Answer;
use crate::cache::Cache;
use crate::key::{CacheKey, Head, KeyText, prefix_scope};
use crate::ownership::Namespace;
use crate::protocol::{Mode, Scope};

/// The most scopes that one list of a write invalidates one by one.
pub const MAX_LISTED: usize = 4096;

/// Returns the scope of a target after the call, or the whole method on a panic.
///
/// The store has answered by that time, and the caller must receive the result.
pub fn scope_or_whole(scope: impl FnOnce() -> Scope, whole: impl FnOnce() -> Scope) -> Scope {
    caught(scope).unwrap_or_else(whole)
}

/// Like [`scope_or_whole`], for an expression that awaits.
pub async fn scope_or_whole_async(scope: impl Future<Output = Scope>, whole: impl FnOnce() -> Scope) -> Scope {
    caught_async(scope).await.unwrap_or_else(whole)
}

/// Returns the scopes of a target with a list or a condition, or the whole methods on a panic.
pub fn scopes_or_whole(scopes: impl FnOnce() -> Vec<Scope>, wholes: impl FnOnce() -> Vec<Scope>) -> Vec<Scope> {
    caught(scopes).unwrap_or_else(wholes)
}

/// Like [`scopes_or_whole`], for expressions that await.
pub async fn scopes_or_whole_async(
    scopes: impl Future<Output = Vec<Scope>>,
    wholes: impl FnOnce() -> Vec<Scope>,
) -> Vec<Scope> {
    caught_async(scopes).await.unwrap_or_else(wholes)
}

fn caught<T>(evaluate: impl FnOnce() -> T) -> Option<T> {
    panic::catch_unwind(AssertUnwindSafe(evaluate)).ok()
}

async fn caught_async<T>(evaluated: impl Future<Output = T>) -> Option<T> {
    let mut evaluated = pin!(evaluated);
    let caught = poll_fn(|context| match panic::catch_unwind(AssertUnwindSafe(|| evaluated.as_mut().poll(context))) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(value)) => Poll::Ready(Some(value)),
        Err(_) => Poll::Ready(None),
    });
    caught.await
}

/// Returns the scopes of a list, each once.
///
/// Beyond [`MAX_LISTED`] they are replaced by those of their whole methods: a write sends a command for each of its
/// scopes, which every other request of the connection waits for.
pub fn limited(mut scopes: Vec<Scope>, wholes: impl FnOnce() -> Vec<Scope>) -> Vec<Scope> {
    let mut known: HashSet<Scope, RandomState> = HashSet::default();
    scopes.retain(|scope| known.insert(scope.clone()));
    if scopes.len() <= MAX_LISTED {
        return scopes;
    }
    let mut wholes = wholes();
    wholes.retain(|whole| scopes.iter().any(|scope| whole.covers(scope)));
    scopes.retain(|scope| !wholes.iter().any(|whole| whole.covers(scope)));
    wholes.append(&mut scopes);
    wholes
}

/// Separates the scopes of one method, and of the families of its tags, from the others, which come first.
pub fn apart(scopes: Vec<Scope>, wholes: &[Scope]) -> (Vec<Scope>, Vec<Scope>) {
    scopes.into_iter().partition(|scope| !wholes.iter().any(|whole| whole.covers(scope)))
}

/// The value of a row that was read before a write.
#[derive(Debug)]
pub enum OldValue<'a, V> {
    /// The store has it.
    Row(&'a V),
    /// The store does not have it.
    Absent,
    /// The store returned an error.
    Unknown,
}

/// For a read method that returns an `Option`.
pub trait RowOrNone<'a> {
    /// The type of the row.
    type Row;
    /// Returns the row.
    fn old(&self) -> OldValue<'a, Self::Row>;
}

/// For any other read method.
pub trait AnyRow<'a> {
    /// The type of the row.
    type Row;
    /// Returns the row.
    fn old(&self) -> OldValue<'a, Self::Row>;
}

impl<'a, V, E> RowOrNone<'a> for &Answer<'a, Result<Option<V>, E>> {
    type Row = V;
    fn old(&self) -> OldValue<'a, V> {
        match self.0 {
            Ok(Some(row)) => OldValue::Row(row),
            Ok(None) => OldValue::Absent,
            Err(_) => OldValue::Unknown,
        }
    }
}

impl<'a, V, E> AnyRow<'a> for Answer<'a, Result<V, E>> {
    type Row = V;
    fn old(&self) -> OldValue<'a, V> {
        self.0.as_ref().map_or(OldValue::Unknown, OldValue::Row)
    }
}

/// The value of a row, from a reference to the result of its read method.
#[doc(hidden)]
#[macro_export]
macro_rules! __old_value {
    ($answer:expr) => {{
        #[allow(unused_imports, reason = "one of them is used")]
        use $crate::__macro::v1::{AnyRow as _, RowOrNone as _};
        (&&$crate::__macro::v1::Answer($answer)).old()
    }};
}

/// A read method of another annotated trait, whose entries a write invalidates.
#[derive(Debug, Clone, Copy)]
#[must_use]
pub struct OtherRead {
    /// The namespace of its trait.
    namespace: &'static str,
    entity: &'static str,
    mode: Mode,
}

impl OtherRead {
    /// Describes a method of mode safe.
    pub const fn new(namespace: &'static str, entity: &'static str) -> Self {
        Self { namespace, entity, mode: Mode::Safe }
    }

    /// Sets the mode.
    pub const fn of_mode(self, mode: Mode) -> Self {
        Self { mode, ..self }
    }

    /// Names the entry with this key.
    pub const fn entry<K>(self, key: K) -> OtherEntry<K> {
        OtherEntry { read: self, key }
    }

    /// Returns the scope of every entry, in the partition of the writing decorator.
    pub fn whole(self, cache: &Cache, of: &Namespace) -> Scope {
        prefix_scope(&self.head(cache, of), |_| ()).of_mode(self.mode)
    }

    fn head(self, cache: &Cache, of: &Namespace) -> Head {
        cache.0.ownership.head(self.namespace, of.partition.as_deref(), self.entity)
    }
}

/// An entry of a read method of another annotated trait.
#[derive(Debug, Clone, Copy)]
#[must_use]
pub struct OtherEntry<K> {
    read: OtherRead,
    key: K,
}

impl<K: CacheKey> OtherEntry<K> {
    /// Returns the scope of the entry, in the partition of the writing decorator.
    pub fn scope(&self, cache: &Cache, of: &Namespace) -> Scope {
        KeyText::of(&self.read.head(cache, of), &self.key).own.of_mode(self.read.mode)
    }
}

/// Whether the stores of two namespaces share a bus: whether their first parts are equal.
pub const fn share_a_bus(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let mut at = 0;
    loop {
        let (first, second) = (first_part_at(one, at), first_part_at(other, at));
        match (first, second) {
            (None, None) => return true,
            (Some(first), Some(second)) if first == second => at += 1,
            _ => return false,
        }
    }
}

/// The byte of the first part of a namespace at this place; `None` behind its end.
const fn first_part_at(namespace: &[u8], at: usize) -> Option<u8> {
    if at < namespace.len() && namespace[at] != b':' { Some(namespace[at]) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scopes(numbers: impl IntoIterator<Item = usize>) -> Vec<Scope> {
        numbers.into_iter().map(|number| Scope::new(&format!("ns:e:{number}"))).collect()
    }

    #[test]
    fn a_list_of_many_scopes_becomes_its_whole_method() {
        let (whole, other) = (Scope::new("ns:e:*"), Scope::new("ns:f:*"));
        let wholes = || vec![whole.clone(), other.clone()];
        assert_eq!(limited(scopes([1, 2, 1]), wholes), scopes([1, 2]));
        assert_eq!(limited(scopes(0..MAX_LISTED), wholes).len(), MAX_LISTED);
        let mut many = scopes(0..=MAX_LISTED);
        many.push(Scope::new("ns:g:1"));
        assert_eq!(limited(many, wholes), [whole.clone(), Scope::new("ns:g:1")]);
    }

    #[test]
    fn namespaces_share_a_bus_if_their_first_parts_are_equal() {
        for (one, other, shared) in
            [("a:b", "a:c", true), ("a", "a:c", true), ("a:b", "ab", false), ("a", "b", false), ("ab:c", "a:c", false)]
        {
            assert_eq!(share_a_bus(one, other), shared, "{one} {other}");
        }
    }

    #[test]
    fn the_old_row_is_read_from_any_result() {
        assert!(matches!(crate::__old_value!(&Ok::<_, u8>(Some(1))), OldValue::Row(1)));
        assert!(matches!(crate::__old_value!(&Ok::<Option<u8>, u8>(None)), OldValue::Absent));
        assert!(matches!(crate::__old_value!(&Ok::<_, u8>(1)), OldValue::Row(1)));
        assert!(matches!(crate::__old_value!(&Err::<u8, _>(1)), OldValue::Unknown));
    }
}
