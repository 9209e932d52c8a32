//! Options by name: unknown, repeated and misshaped ones, and the values that several options share.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Expr, ExprLit, ExprPath, Ident, Lit, LitInt, LitStr, Token};

use crate::diag::{Problem, Sink, closest, list};
use crate::parse::{OptionSyntax, Value};

/// The options that an attribute knows.
pub(super) struct Known {
    /// The attribute.
    pub(super) attribute: &'static str,
    /// Its options.
    pub(super) names: &'static [&'static str],
    /// For a batch: the options that only the method over one key takes.
    pub(super) of_the_one: &'static [&'static str],
    /// Planned options.
    pub(super) later: &'static [&'static str],
    /// Other words for its options.
    pub(super) aliases: &'static [(&'static str, &'static str)],
}

/// The options of one attribute, each known and given once.
pub(super) struct Given<'a> {
    options: Vec<&'a OptionSyntax>,
    /// The closest known names of unknown options.
    meant: Vec<&'static str>,
}

impl<'a> Given<'a> {
    /// Keeps the known ones and reports the others.
    pub(super) fn check(options: &'a [OptionSyntax], known: &Known, sink: &mut Sink) -> Self {
        let mut given: Vec<&OptionSyntax> = Vec::new();
        let mut meant = Vec::new();
        for option in options {
            let name = option.name.to_string();
            if !known.names.contains(&name.as_str()) {
                sink.report(known.unknown(option, &name));
                meant.extend(known.meant(&name));
            } else if given.iter().any(|other| other.name == option.name) {
                sink.report(twice(option, &name));
            } else {
                given.push(option);
            }
        }
        Self { options: given, meant }
    }

    /// Whether an option is neither present nor among the reported mistakes.
    pub(super) fn misses(&self, name: &str) -> bool {
        self.get(name).is_none() && !self.meant.contains(&name)
    }

    /// The option of this name.
    pub(super) fn get(&self, name: &str) -> Option<&'a OptionSyntax> {
        self.options.iter().find(|option| option.name == name).copied()
    }

    /// The value of the option of this name; `None` if it is missing or reported.
    pub(super) fn read<T>(
        &self,
        name: &'static str,
        sink: &mut Sink,
        read: impl FnOnce(&OptionSyntax, &'static str) -> Result<T, Problem>,
    ) -> Option<T> {
        let option = self.get(name)?;
        sink.accept(read(option, name))
    }
}

impl Known {
    fn unknown(&self, option: &OptionSyntax, name: &str) -> Problem {
        let Self { attribute, .. } = self;
        if self.later.contains(&name) {
            return Problem::at(&option.name, format!("`{name}` of `#[{attribute}]` is not supported yet"))
                .why("it is planned, but nothing would act on it today")
                .instead(format!("leave `{name}` out"));
        }
        if self.of_the_one.contains(&name) {
            return Problem::at(&option.name, format!("`{name}` and `batch` exclude each other"))
                .why("a batch shares the entries of the method over one key, and that says it of them")
                .instead(format!("leave `{name}` out"));
        }
        let problem = Problem::at(&option.name, format!("`#[{attribute}]` has no option `{name}`"));
        match self.meant(name) {
            Some(meant) => problem.instead(format!("did you mean `{meant}`?")),
            None => problem.instead(format!("one of {}", list(self.names))),
        }
    }

    fn meant(&self, name: &str) -> Option<&'static str> {
        let alias = self.aliases.iter().find(|(other, _)| *other == name).map(|(_, meant)| *meant);
        let every: Vec<&'static str> = self.names.iter().chain(self.of_the_one).chain(self.later).copied().collect();
        alias.or_else(|| closest(name, &every))
    }
}

fn twice(option: &OptionSyntax, name: &str) -> Problem {
    Problem::at(option, format!("`{name}` is given twice"))
        .why("only one of the two could count")
        .instead(format!("one `{name}`"))
}

/// The tokens after `=`.
fn equals<'a>(option: &'a OptionSyntax, example: &str) -> Result<&'a TokenStream, Problem> {
    match &option.value {
        Value::Equals(value) => Ok(value),
        Value::Nothing | Value::List(_) => Err(Problem::at(option, format!("`{}` takes a value", option.name))
            .instead(format!("`{} = {example}`", option.name))),
    }
}

/// The value as an expression.
pub(super) fn expression(option: &OptionSyntax, example: &str) -> Result<Expr, Problem> {
    let tokens = equals(option, example)?;
    let parsed = syn::parse2(tokens.clone()).map_err(|_| expected(option, tokens, example))?;
    Ok(without_groups(parsed))
}

/// The expression without the invisible groups that `macro_rules` leaves around a fragment.
fn without_groups(expression: Expr) -> Expr {
    match expression {
        Expr::Group(group) => without_groups(*group.expr),
        other => other,
    }
}

fn expected(option: &OptionSyntax, place: impl ToTokens, example: &str) -> Problem {
    let name = &option.name;
    Problem::at(place, format!("this is no value for `{name}`")).instead(format!("`{name} = {example}`"))
}

/// The value as a string literal.
pub(super) fn text(option: &OptionSyntax, example: &str) -> Result<LitStr, Problem> {
    match expression(option, example)? {
        Expr::Lit(ExprLit { lit: Lit::Str(literal), .. }) => Ok(literal),
        other => Err(expected(option, other, example)),
    }
}

/// The value as a whole number.
pub(super) fn number(option: &OptionSyntax, example: &str) -> Result<LitInt, Problem> {
    match expression(option, example)? {
        Expr::Lit(ExprLit { lit: Lit::Int(literal), .. }) => Ok(literal),
        other => Err(expected(option, other, example)),
    }
}

/// The value as the path of a function.
pub(super) fn function(option: &OptionSyntax, example: &str) -> Result<ExprPath, Problem> {
    match expression(option, example)? {
        Expr::Path(path) => Ok(path),
        other => {
            Err(expected(option, other, example).why("generated code calls it by its name, in more than one place"))
        }
    }
}

/// The value as one of a few words.
pub(super) fn word<T: Copy>(option: &OptionSyntax, words: &[(&str, T)]) -> Result<T, Problem> {
    let names: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
    let tokens = equals(option, names[0])?;
    let written = tokens.to_string();
    if let Some((_, value)) = words.iter().find(|(name, _)| *name == written) {
        return Ok(*value);
    }
    Err(no_such_word(&option.name, tokens, &written, &names))
}

/// The error for an unknown word, with the known words.
pub(super) fn no_such_word(option: &Ident, place: impl ToTokens, written: &str, names: &[&str]) -> Problem {
    let problem = Problem::at(place, format!("`{option}` has no choice `{written}`"));
    match closest(written.trim_matches('"'), names) {
        Some(meant) => problem.instead(format!("did you mean `{option} = {meant}`?")),
        None => problem.instead(format!("one of {}", list(names))),
    }
}

/// The names between parentheses.
pub(super) fn names(option: &OptionSyntax) -> Result<Vec<Ident>, Problem> {
    let name = &option.name;
    let Value::List(group) = &option.value else {
        return Err(Problem::at(option, format!("`{name}` takes a list"))
            .instead(format!("`{name}(first, second)` with parameters of the method")));
    };
    let parser = Punctuated::<Expr, Token![,]>::parse_terminated;
    let parsed = parser.parse2(group.stream()).map_err(|_| not_names(name, group.stream()))?;
    parsed.iter().map(|part| single(part).ok_or_else(|| not_names(name, part))).collect()
}

fn single(part: &Expr) -> Option<Ident> {
    match part {
        Expr::Path(path) if path.qself.is_none() => path.path.get_ident().cloned(),
        _ => None,
    }
}

fn not_names(option: &Ident, place: impl ToTokens) -> Problem {
    Problem::at(place, format!("`{option}(..)` takes names of parameters"))
        .why("every parameter belongs to the key as a whole, or not at all: a part of one could be forgotten")
        .instead(format!("the parameter itself, such as `{option}(tenant)`; a type of its own with `#[derive(CacheKey)]` chooses its parts"))
}
