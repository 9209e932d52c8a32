//! The answer of a batch, and what one key's place in it means for its entry.

/// What a method over many keys may return: a `HashMap`, a `BTreeMap`, a `Vec` of pairs.
pub trait BatchMap<T>: Sized {
    /// What is mapped to.
    type Value;

    /// The pairs.
    fn into_pairs(self) -> impl Iterator<Item = (T, Self::Value)>;

    /// A map of these pairs.
    fn from_pairs(pairs: impl Iterator<Item = (T, Self::Value)>) -> Self;
}

impl<T, V, M: IntoIterator<Item = (T, V)> + FromIterator<(T, V)>> BatchMap<T> for M {
    type Value = V;

    fn into_pairs(self) -> impl Iterator<Item = (T, V)> {
        self.into_iter()
    }

    fn from_pairs(pairs: impl Iterator<Item = (T, V)>) -> Self {
        pairs.collect()
    }
}

/// An answer of a read method, seen from a map of the values that were found: `Option<V>` holds an absence too, any other
/// type only a value.
#[diagnostic::on_unimplemented(
    message = "the map of a batch does not hold what the method over one key returns",
    label = "expected a map to the values of the method over one key"
)]
pub trait Slot<V>: Sized {
    /// What is cached for a key; `None` when there is nothing to cache.
    fn of_found(found: Option<V>) -> Option<Self>;

    /// What is returned for a key; `None` when it is left out.
    fn into_found(self) -> Option<V>;
}

impl<V> Slot<V> for V {
    fn of_found(found: Option<V>) -> Option<Self> {
        found
    }

    fn into_found(self) -> Option<V> {
        Some(self)
    }
}

impl<V> Slot<V> for Option<V> {
    fn of_found(found: Option<V>) -> Option<Self> {
        Some(found)
    }

    fn into_found(self) -> Option<V> {
        self
    }
}
