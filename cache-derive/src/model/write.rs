//! A method that invalidates.

use proc_macro2::Ident;
use syn::{Attribute, Expr};

/// What a write makes stale.
pub(crate) struct Write {
    /// What is known before the store is called.
    pub(crate) before: Vec<Invalidation>,
    /// What takes the result to know.
    pub(crate) after: Vec<Invalidation>,
    /// Whether `result` is the `Ok` value of the call, and not all that it returned.
    pub(crate) fallible: bool,
    /// The parameters, by place, that are needed once more after the store was called.
    pub(crate) kept: Vec<usize>,
}

/// The entries of one read method that go stale.
pub(crate) struct Invalidation {
    /// The read method.
    pub(crate) read: Ident,
    /// The `cfg` attributes of the read method.
    pub(crate) cfgs: Vec<Attribute>,
    /// Which of its entries.
    pub(crate) extent: Extent,
}

/// Which entries of a read method.
pub(crate) enum Extent {
    /// Those whose key begins with these parts; all where there are none.
    Prefix(Vec<Argument>),
    /// The one with this key.
    Entry(Vec<Argument>),
}

/// One part of a key as a write gives it.
pub(crate) struct Argument {
    /// The expression as written.
    pub(crate) expression: Expr,
    /// Whether the key takes it as it is, and not behind a reference.
    pub(crate) by_value: bool,
}
