//! A method that invalidates.

use proc_macro2::Ident;
use syn::{Attribute, Expr, Type};

use super::Passing;

/// The entries that a write makes stale, and its properties.
pub(crate) struct Write {
    /// The targets that are known before the store is called.
    pub(crate) before: Vec<Invalidation>,
    /// The targets that only the result names.
    pub(crate) after: Vec<Invalidation>,
    /// The meaning of `result`.
    pub(crate) result: ResultValue,
    /// The indices of parameters that are needed after the call, and cloned for it.
    pub(crate) kept: Vec<usize>,
    /// The indices of the parameters that are lent to the call, for the same reason.
    pub(crate) lent: Vec<(usize, Lending)>,
    /// The side that commits it.
    pub(crate) commits: Commits,
}

/// The part of the call's return value that `result` in a target means.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum ResultValue {
    /// All of it.
    Whole,
    /// The value in its `Ok`.
    Ok,
    /// The value in its `Ok` if it is a `Result`; otherwise all of it.
    ///
    /// Only the compiler knows which.
    Probed,
}

/// Which side commits a write.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Commits {
    /// The store, before its method returns.
    Store,
    /// The caller, after the method has returned.
    Caller,
}

/// How a parameter is lent to the call and used again after it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lending {
    /// `&mut T`
    Reference,
    /// `Option<&mut T>`
    Optional,
    /// `Pin<&mut T>`
    Pinned,
}

/// The entries of one read method that go stale.
pub(crate) struct Invalidation {
    /// The read method.
    pub(crate) read: Ident,
    /// The `cfg` attributes of the read method.
    pub(crate) cfgs: Vec<Attribute>,
    /// The entries of that method.
    pub(crate) extent: Extent,
    /// How the target is treated after the call.
    pub(crate) reevaluation: Reevaluation,
}

/// How a target that was known before the call is treated after it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reevaluation {
    /// Nothing: the call cannot change its parameters.
    Nothing,
    /// It is evaluated once more: a shared reference may hide interior mutability.
    Evaluated,
    /// The same, and the write is registered as one whose targets only the result names.
    ///
    /// The call can change the value of the target, through an exclusive reference, or a lock, a cell or an atomic.
    Registered,
    /// The whole method is invalidated: the call takes the reference, and may change its value.
    Whole,
}

/// Which entries of a read method.
pub(crate) enum Extent {
    /// Those whose key begins with these parts; all if there are none.
    Prefix(Vec<Argument>),
    /// The one with this key.
    Entry(Vec<Argument>),
}

/// One part of a key in a target of a write.
pub(crate) struct Argument {
    /// The expression as written.
    pub(crate) expression: Expr,
    /// Whether the key takes it by value, and not behind a reference.
    pub(crate) by_value: bool,
    /// The owned part, if it is computed before the call and used again after it.
    pub(crate) part: Option<Part>,
}

/// A part of a key that is computed once, because the call consumes its parameter.
pub(crate) struct Part {
    /// The name of its variable.
    pub(crate) name: String,
    /// The type of the key's part.
    pub(crate) ty: Type,
    /// How the read method takes it.
    pub(crate) passing: Passing,
}

impl Extent {
    /// The given parts.
    pub(crate) fn arguments(&self) -> &[Argument] {
        match self {
            Self::Prefix(arguments) | Self::Entry(arguments) => arguments,
        }
    }

    /// The given parts, mutably.
    pub(crate) fn arguments_mut(&mut self) -> &mut [Argument] {
        match self {
            Self::Prefix(arguments) | Self::Entry(arguments) => arguments,
        }
    }
}

impl Write {
    /// Whether any target is determined after the call.
    pub(crate) fn reevaluates(&self) -> bool {
        !self.after.is_empty() || self.before.iter().any(|target| target.reevaluation != Reevaluation::Nothing)
    }
}
