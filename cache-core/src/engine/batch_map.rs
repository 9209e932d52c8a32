//! The result types of a batch, and how they represent the entry of one key.

/// A result type of a method over many keys: a `HashMap`, a `BTreeMap`, a `Vec` of pairs.
pub trait BatchMap<T>: Sized {
    /// The type of the values.
    type Value;

    /// Converts into pairs.
    fn into_pairs(self) -> impl Iterator<Item = (T, Self::Value)>;

    /// Collects pairs.
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

/// The result of a read method as a slot in a map of found values.
///
/// `Option<V>` represents an absence too, any other type only a value.
#[diagnostic::on_unimplemented(
    message = "the map of a batch does not hold what the method over one key returns",
    label = "expected a map to the values of the method over one key"
)]
pub trait Slot<V>: Sized {
    /// Returns the value to cache for a key; `None` if there is nothing to cache.
    fn of_found(found: Option<V>) -> Option<Self>;

    /// Returns the value of a key in the result; `None` if the key is left out.
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
