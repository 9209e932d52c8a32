//! The attributes of the macros and their options, each written down once.
//!
//! A table per attribute defines for each option its name, its values, its conflicts, its documentation, the parser of its
//! value, and the call of the policy's builder that it becomes. Known names, suggestions for misspelt names, the tables
//! in the documentation, the dictionary of the fuzz tests and the completeness tests come from these tables.

mod attribute;
pub(crate) mod cached;
pub(crate) mod cached_store;
pub(crate) mod derives;
#[cfg(test)]
mod docs;
mod duration;
pub(crate) mod invalidates;
mod key_text;
mod row;
pub(crate) mod size;
#[cfg(test)]
mod tests;
mod value;

pub(crate) use attribute::{AttributeName, DECORATOR};
pub(crate) use row::{Conflict, Row, Spec};

/// The options that one form of an attribute accepts.
pub(crate) struct Table {
    /// The attribute.
    pub(crate) attribute: AttributeName,
    /// Its options.
    pub(crate) options: &'static [Row],
    /// The options that this form excludes, which another form of the attribute accepts.
    pub(crate) excluded: &'static [Row],
}

/// Declares the options of an attribute: a constant for each option, and `ALL`.
macro_rules! options {
    ($($(#[$meta:meta])* $handle:ident: $ty:ty = $spec:expr;)*) => {
        $($(#[$meta])* pub(crate) const $handle: $crate::options::Spec<$ty> = $spec;)*

        /// Every option, in the order of the documentation.
        pub(crate) const ALL: &[$crate::options::Row] = &[$($handle.row),*];
    };
}
use options;
