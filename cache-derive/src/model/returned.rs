//! The return type of a cached method.

use syn::Type;

/// The kind of a return type, as far as its name shows.
pub(crate) enum Returned {
    /// `Result<V, ..>`, with the `V`.
    Result(Box<Type>),
    /// Certainly no `Result`: all of it is the value.
    Value,
    /// A name that may stand for a `Result`.
    Alias,
}
