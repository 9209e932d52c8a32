//! A method that invalidates.

use proc_macro2::Ident;
use syn::{Expr, Type};

use super::Passing;
use super::target::{Argument, Target};

/// The entries that a write makes stale, and its properties.
pub(crate) struct Write {
    /// The targets that are known before the store is called.
    pub(crate) before: Vec<Invalidation>,
    /// The targets that name the old row, and not the result.
    pub(crate) old: Vec<Invalidation>,
    /// The targets that name the result.
    pub(crate) after: Vec<Invalidation>,
    /// The entries that it stores, whose targets are known before the call.
    pub(crate) stored: Vec<Stored>,
    /// The row that is read before the call.
    pub(crate) row: Option<OldRow>,
    /// The meaning of `result`.
    pub(crate) result: ResultValue,
    /// The indices of parameters that are needed after the call, and cloned for it.
    pub(crate) kept: Vec<usize>,
    /// The indices of the parameters that are lent to the call, for the same reason.
    pub(crate) lent: Vec<(usize, Lending)>,
    /// The side that commits it.
    pub(crate) commits: Commits,
}

/// An entry whose new value the write stores.
pub(crate) struct Stored {
    /// The place of its target among those before the call.
    pub(crate) target: usize,
    /// The value.
    pub(crate) value: Expr,
    /// The condition under which it is stored, evaluated after the call.
    pub(crate) condition: Option<Expr>,
    /// Whether the value is evaluated after the call.
    pub(crate) is_late: bool,
    /// Whether it names the result.
    pub(crate) names_result: bool,
}

/// The row that a write reads in the store before it changes it.
pub(crate) struct OldRow {
    /// The name of its value in targets and conditions.
    pub(crate) name: Ident,
    /// The read method.
    pub(crate) read: Ident,
    /// Its key.
    pub(crate) args: Vec<Argument>,
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

/// A target, and how it is treated after the call.
pub(crate) struct Invalidation {
    /// What goes stale.
    pub(crate) target: Target,
    /// Whether it names the old row.
    pub(crate) names_old: bool,
    /// How it is treated after the call, if it was known before.
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

/// A part of a key that is computed once, because the call consumes its parameter.
pub(crate) struct Part {
    /// The name of its variable.
    pub(crate) name: String,
    /// The type of the key's part.
    pub(crate) ty: Type,
    /// How the read method takes it.
    pub(crate) passing: Passing,
}

impl Write {
    /// Every target, those that the result names last.
    pub(crate) fn targets(&self) -> impl Iterator<Item = &Invalidation> {
        self.before.iter().chain(&self.old).chain(&self.after)
    }

    /// The targets that are known before the call, and determined once more after it.
    pub(crate) fn reevaluated(&self) -> impl Iterator<Item = &Invalidation> {
        self.before.iter().chain(&self.old).filter(|target| target.reevaluation != Reevaluation::Nothing)
    }

    /// Whether any target is determined after the call.
    pub(crate) fn finds_scopes(&self) -> bool {
        self.row.is_some() || !self.after.is_empty() || self.reevaluated().next().is_some()
    }
}
