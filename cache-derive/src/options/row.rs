//! One row of a table of options.

use crate::diag::Problem;
use crate::model::{Setting, SettingValue};
use crate::parse::OptionSyntax;

/// The definition of one option, without the type of its value.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    /// Its name.
    pub(crate) name: &'static str,
    /// Its meaning, in one line of Markdown.
    #[cfg_attr(not(test), expect(dead_code, reason = "a test generates the tables of the documentation from it"))]
    pub(crate) doc: &'static str,
    /// Its values as written, or examples of them; a list has its parentheses.
    values: &'static [&'static str],
    /// The enum whose variants are its values.
    enumeration: Option<Enumeration>,
    /// Other names that users may expect.
    pub(crate) aliases: &'static [&'static str],
    /// The options that it excludes.
    pub(crate) conflicts: &'static [Conflict],
    /// The method of the policy's builder that it becomes a call of.
    method: &'static str,
    /// Turns its value into that call.
    pub(crate) setter: Option<Setter>,
    /// Whether the option may be given more than once.
    pub(crate) repeats: bool,
}

/// The definition of an option with values of the type `T`.
pub(crate) struct Spec<T> {
    /// Its row in the table.
    pub(crate) row: Row,
    /// The parser of its value.
    pub(crate) parse: fn(&OptionSyntax, &Row) -> Result<T, Problem>,
}

/// Turns the value of an option into a call of the policy's builder.
type Setter = fn(&OptionSyntax, &Row) -> Result<Setting, Problem>;

/// An enum of the runtime crate, with the names of its variants in annotations and in Rust.
#[derive(Clone, Copy)]
struct Enumeration {
    ty: &'static str,
    variants: &'static [(&'static str, &'static str)],
}

/// Two options that exclude each other, by name or as `name = value`.
#[derive(Clone, Copy)]
pub(crate) struct Conflict {
    /// The option that is reported.
    pub(crate) option: &'static str,
    /// The other option.
    pub(crate) other: &'static str,
    /// The reason.
    pub(crate) why: &'static str,
}

/// Begins the row of an option.
pub(super) const fn option(name: &'static str, values: &'static [&'static str], doc: &'static str) -> Row {
    Row { name, doc, values, enumeration: None, aliases: &[], conflicts: &[], method: "", setter: None, repeats: false }
}

/// Begins the row of an option whose values are the variants of an enum of the runtime crate.
pub(super) const fn enumerated(
    name: &'static str,
    ty: &'static str,
    variants: &'static [(&'static str, &'static str)],
    doc: &'static str,
) -> Row {
    Row { enumeration: Some(Enumeration { ty, variants }), ..option(name, &[], doc) }
}

impl Row {
    /// Sets other names that users may expect.
    pub(super) const fn aliases(self, aliases: &'static [&'static str]) -> Self {
        Self { aliases, ..self }
    }

    /// Lets it be given more than once.
    pub(super) const fn repeated(self) -> Self {
        Self { repeats: true, ..self }
    }

    /// Sets the options that it excludes.
    pub(super) const fn excludes(self, conflicts: &'static [Conflict]) -> Self {
        Self { conflicts, ..self }
    }

    /// Ends the row of an option that a rule of its own interprets.
    pub(super) const fn parsed<T>(self, parse: fn(&OptionSyntax, &Self) -> Result<T, Problem>) -> Spec<T> {
        Spec { row: self, parse }
    }

    /// Ends the row of an option that becomes a call of this method of the policy's builder.
    pub(super) const fn sets(self, method: &'static str, setter: Setter) -> Spec<Setting> {
        Spec { row: Self { method, setter: Some(setter), ..self }, parse: setter }
    }

    /// Its values as written, or examples of them.
    pub(crate) fn values(&self) -> Vec<&'static str> {
        let variants = self.enumeration.iter().flat_map(|of| of.variants.iter().map(|(name, _)| *name));
        self.values.iter().copied().chain(variants).collect()
    }

    /// The value that messages show.
    pub(crate) fn example(&self) -> &'static str {
        self.values().first().copied().unwrap_or_default()
    }

    /// The variant with this name in annotations.
    pub(super) fn variant(&self, name: &str) -> Option<SettingValue> {
        let Enumeration { ty, variants } = self.enumeration?;
        let (name, variant) = *variants.iter().find(|(other, _)| *other == name)?;
        Some(SettingValue::Variant { ty, variant, name })
    }

    /// The call that sets this value.
    pub(super) fn setting(&self, argument: SettingValue) -> Setting {
        Setting { argument: Some(argument), ..self.call() }
    }

    /// The call without an argument.
    pub(super) fn call(&self) -> Setting {
        Setting { option: self.name, method: self.method, argument: None }
    }
}

impl Conflict {
    /// Whether an option is the one of this name, or of this name and value.
    pub(crate) fn is(pattern: &str, option: &OptionSyntax) -> bool {
        match pattern.split_once(" = ") {
            Some((name, value)) => option.name == name && option.is(value),
            None => option.name == pattern,
        }
    }
}
