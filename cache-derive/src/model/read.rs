//! A cached read method.

use std::time::Duration;

use proc_macro2::{Ident, Literal};
use syn::ExprPath;

use super::Returned;

use super::Tag;

/// The entity, the key and the options of a read method.
pub(crate) struct Read {
    /// The part of the key after the namespace.
    pub(crate) entity: String,
    /// The indices of the parameters in the key, in the order of the key.
    pub(crate) key: Vec<usize>,
    /// The indices of the parameters whose `Display` text is in the key.
    pub(crate) displayed: Vec<usize>,
    /// The lengths, shorter than the whole key, by which some write of the trait invalidates.
    pub(crate) prefixes: Vec<usize>,
    /// The tags of its entries.
    pub(crate) tags: Vec<Tag>,
    /// Whether the value is written as an `Option`.
    pub(crate) optional: bool,
    /// The kind of its return type.
    pub(crate) returned: Returned,
    /// The other options.
    pub(crate) options: Options,
}

/// The options of a read method.
pub(crate) struct Options {
    /// How long a value lives.
    pub(crate) ttl: Span,
    /// The calls of the policy's builder, in the order of the options.
    pub(crate) settings: Vec<Setting>,
    /// The version of the cached form.
    pub(crate) version: u32,
    /// The location of a codec without names of fields, which not every value survives.
    pub(crate) positional: Option<proc_macro2::Span>,
    /// Decides which values are cached.
    pub(crate) cache_if: Option<ExprPath>,
    /// How long a value lives by itself.
    pub(crate) life: Option<Life>,
    /// Weighs a value.
    pub(crate) weigh: Option<ExprPath>,
    /// The method that returns the version of a row, and the function that returns that of a value.
    pub(crate) revalidate: Option<(Ident, ExprPath)>,
    /// Decides which calls may see a cached value.
    pub(crate) visible_if: Option<ExprPath>,
    /// Which errors are absences.
    pub(crate) absent: Option<Absent>,
    /// Whether the load runs in a caller's task.
    pub(crate) inline: bool,
}

/// A function that says how long a value lives.
pub(crate) enum Life {
    /// For a length of time.
    For(ExprPath),
    /// Until a moment.
    Until(ExprPath),
}

/// The functions of a method whose store reports an absence as an error.
pub(crate) struct Absent {
    /// Decides which errors are absences.
    pub(crate) is_absence: ExprPath,
    /// Makes the error of an absence.
    pub(crate) error: ExprPath,
}

/// An option as a call of the policy's builder.
#[derive(Clone)]
pub(crate) struct Setting {
    /// The name of the option.
    pub(crate) option: &'static str,
    /// The method of the builder.
    pub(crate) method: &'static str,
    /// Its argument.
    pub(crate) argument: Option<SettingValue>,
}

/// The argument of such a call.
#[derive(Clone)]
pub(crate) enum SettingValue {
    /// A length of time.
    Duration(Span),
    /// A number of the method's type.
    Number(Literal),
    /// A variant of an enum of the runtime crate.
    Variant {
        /// The enum.
        ty: &'static str,
        /// The variant.
        variant: &'static str,
        /// Its name in the annotation.
        name: &'static str,
    },
}

/// A length of time.
#[derive(Clone)]
pub(crate) enum Span {
    /// Written as text.
    Literal(Duration),
    /// A constant, and the option that names it.
    Const(ExprPath, &'static str),
}

impl Life {
    /// The function.
    pub(crate) fn path_mut(&mut self) -> &mut ExprPath {
        match self {
            Self::For(path) | Self::Until(path) => path,
        }
    }
}

impl Options {
    /// The setting that an option became.
    pub(crate) fn setting(&self, option: &str) -> Option<&Setting> {
        self.settings.iter().find(|setting| setting.option == option)
    }
}
