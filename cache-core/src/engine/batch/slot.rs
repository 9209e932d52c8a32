//! What one key's place in the answer of a batch means for its entry.

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
