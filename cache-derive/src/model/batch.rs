//! A read of many keys that shares the entries of a read of one.

use proc_macro2::Ident;
use syn::{ExprPath, Type};

use super::Returned;

/// A method over many keys.
///
/// It has the parameters of the method over one key, with a list in place of one of them.
pub(crate) struct Batch {
    /// The method over one key.
    pub(crate) one: Ident,
    /// The place of the list among the parameters.
    pub(crate) many: usize,
    /// The place of its elements in the key.
    pub(crate) part: usize,
    /// Whether the list is passed as a `Vec`; else it is a slice.
    pub(crate) by_value: bool,
    /// The kind of its return type.
    pub(crate) returned: Returned,
    /// The form of its result.
    pub(crate) answer: BatchAnswer,
}

/// The form in which a method over many keys returns the values.
pub(crate) enum BatchAnswer {
    /// A map from keys to values.
    Map,
    /// `Vec<Option<V>>`, in the order of the keys.
    InOrder(Type),
    /// `Vec<V>`, and the function that returns the key of a row.
    Rows(Type, Box<ExprPath>),
}
