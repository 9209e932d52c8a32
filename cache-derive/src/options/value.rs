//! Parsers of the values of options.

use proc_macro2::{Ident, Literal, TokenStream};
use quote::ToTokens;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Expr, ExprLit, ExprPath, Lit, LitInt, LitStr, Path, Token};

use super::row::{Row, enumerated};
use crate::diag::{Problem, closest, list};
use crate::model::{Exclusive, Setting, SettingValue};
use crate::parse::{OptionSyntax, TagSyntax, Value};

pub(super) use super::duration::{age, duration, limit, positive_duration};
pub(super) use super::size::capacity;

/// The value that disables the local tier.
pub(super) const OFF: &str = "off";

const MOST_JITTER: u8 = 50;

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
pub(super) fn text(option: &OptionSyntax, row: &Row) -> Result<LitStr, Problem> {
    match expression(option, row.example())? {
        Expr::Lit(ExprLit { lit: Lit::Str(literal), .. }) => Ok(literal),
        other => Err(expected(option, other, row.example())),
    }
}

/// The value as a whole number.
fn number(option: &OptionSyntax, row: &Row) -> Result<LitInt, Problem> {
    match expression(option, row.example())? {
        Expr::Lit(ExprLit { lit: Lit::Int(literal), .. }) => Ok(literal),
        other => Err(expected(option, other, row.example())),
    }
}

/// The value as the path of a function.
pub(super) fn function(option: &OptionSyntax, row: &Row) -> Result<ExprPath, Problem> {
    match expression(option, row.example())? {
        Expr::Path(path) => Ok(path),
        other => {
            Err(expected(option, other, row.example())
                .why("generated code calls it by its name, in more than one place"))
        }
    }
}

/// The value as one of those of the row.
pub(super) fn choice(option: &OptionSyntax, row: &Row) -> Result<&'static str, Problem> {
    let values = row.values();
    let tokens = equals(option, row.example())?;
    let written = tokens.to_string();
    let known = values.iter().find(|value| **value == written);
    known.copied().ok_or_else(|| unknown_choice(&option.name, tokens, &written, &values))
}

/// The error for an unknown value, with the known ones.
fn unknown_choice(option: &Ident, place: impl ToTokens, written: &str, values: &[&str]) -> Problem {
    let problem = Problem::at(place, format!("`{option}` has no choice `{written}`"));
    match closest(written.trim_matches('"'), values) {
        Some(meant) => problem.instead(format!("did you mean `{option} = {meant}`?")),
        None => problem.instead(format!("one of {}", list(values))),
    }
}

/// The value as a variant of the row's enum.
pub(super) fn variant(option: &OptionSyntax, row: &Row) -> Result<Setting, Problem> {
    let name = choice(option, row)?;
    Ok(row.setting(row.variant(name).expect("the choices of a row with an enum are its variants")))
}

/// Begins the row of a mode, with its meaning for one attribute.
pub(super) const fn mode(doc: &'static str) -> Row {
    let variants = &[("fast", "Fast"), ("safe", "Safe"), ("strict", "Strict")];
    enumerated("mode", "Mode", variants, doc).aliases(&["consistency"])
}

/// `off`, or a length of time.
pub(super) fn local(option: &OptionSyntax, row: &Row) -> Result<Setting, Problem> {
    let Value::Equals(tokens) = &option.value else {
        return Err(Problem::at(option, "`local` takes a value").instead("`local = off` or `local = \"30s\"`"));
    };
    match syn::parse2::<Ident>(tokens.clone()) {
        Ok(choice) if choice == OFF => Ok(Setting { method: "local_off", ..row.call() }),
        Ok(choice) if choice.to_string().chars().any(char::is_lowercase) => {
            Err(unknown_choice(&option.name, &choice, &choice.to_string(), &[OFF]))
        }
        _ => positive_duration(option, row),
    }
}

/// The only choice of an option, whose call takes no argument.
pub(super) fn only_choice(option: &OptionSyntax, row: &Row) -> Result<Setting, Problem> {
    choice(option, row).map(|_| row.call())
}

/// A share of an entry's life, in percent.
pub(super) fn share_of_life(option: &OptionSyntax, row: &Row) -> Result<Setting, Problem> {
    let percent = number(option, row)?;
    let value = percent.base10_parse::<u8>().ok().filter(|value| *value <= MOST_JITTER);
    let value = value.ok_or_else(|| {
        Problem::at(&percent, format!("`{} = {percent}` is out of range", row.name))
            .why("it is the percentage by which a life is shortened at random")
            .instead(format!("a whole number from 0 to {MOST_JITTER}"))
    })?;
    Ok(row.setting(SettingValue::Number(Literal::u8_suffixed(value))))
}

/// The version of the cached form.
pub(super) fn version(option: &OptionSyntax, row: &Row) -> Result<u32, Problem> {
    in_range(option, &number(option, row)?, "a whole number below 2^32")
}

/// The number, if its type can represent it.
pub(super) fn in_range<T: std::str::FromStr>(
    option: &OptionSyntax,
    number: &LitInt,
    expected: &str,
) -> Result<T, Problem>
where
    T::Err: std::fmt::Display,
{
    number
        .base10_parse()
        .map_err(|_| Problem::at(number, format!("`{} = {number}` is out of range", option.name)).instead(expected))
}

/// The path of a crate.
pub(super) fn crate_path(option: &OptionSyntax, row: &Row) -> Result<Path, Problem> {
    let parsed = match &option.value {
        Value::Equals(tokens) => Path::parse_mod_style.parse2(tokens.clone()).ok(),
        Value::Nothing | Value::List(_) => None,
    };
    parsed.ok_or_else(|| {
        Problem::at(option, format!("`{}` is not a path", row.name))
            .why("generated code names the runtime crate by it")
            .instead("`crate = caching`, if the manifest has `caching = { package = \"cache-core\", .. }`")
    })
}

/// A method and a function between parentheses.
pub(super) fn method_and_function(option: &OptionSyntax, row: &Row) -> Result<(Ident, ExprPath), Problem> {
    let parser = |input: syn::parse::ParseStream<'_>| -> syn::Result<(Ident, ExprPath)> {
        let method = input.parse()?;
        input.parse::<Token![,]>()?;
        let function = input.parse()?;
        input.parse::<Option<Token![,]>>()?;
        Ok((method, function))
    };
    let parsed = match &option.value {
        Value::List(list) => parser.parse2(list.stream()).ok(),
        Value::Nothing | Value::Equals(_) => None,
    };
    parsed.ok_or_else(|| {
        Problem::at(option, format!("`{}` takes a method and a function", row.name))
            .why("the method returns the version that the store has, and the function that of a cached value")
            .instead(format!("`{}{}`", row.name, row.example()))
    })
}

/// A family of tags, and the key of one.
pub(super) fn tag(option: &OptionSyntax, row: &Row) -> Result<TagSyntax, Problem> {
    let parsed = match &option.value {
        Value::List(group) => syn::parse2(group.stream()).ok(),
        Value::Nothing | Value::Equals(_) => None,
    };
    parsed.ok_or_else(|| {
        Problem::at(option, format!("`{}` takes a family and a key", row.name))
            .why("the family is a text or a type, and the key says which of its tags an entry carries")
            .instead(format!("`{0}(\"tenant\", tenant)` or `{0}(UserTag, value.id)`", row.name))
    })
}

/// The path of a trait, with its arguments or without.
pub(super) fn trait_path(option: &OptionSyntax, row: &Row) -> Result<Path, Problem> {
    let tokens = match &option.value {
        Value::Equals(tokens) => Some(tokens),
        Value::Nothing | Value::List(_) => None,
    };
    tokens.and_then(|tokens| syn::parse2(tokens.clone()).ok()).ok_or_else(|| {
        Problem::at(option, format!("`{}` is not the path of a trait", row.name))
            .why("the decorator implements the trait of that path")
            .instead(format!("`{} = {}`", row.name, row.example()))
    })
}

/// How `&mut self` methods reach the store.
pub(super) fn exclusive(option: &OptionSyntax, row: &Row) -> Result<Exclusive, Problem> {
    choice(option, row).map(|name| if name == "clone" { Exclusive::Clone } else { Exclusive::Lock })
}

/// The names of parameters between parentheses.
pub(super) fn names(option: &OptionSyntax, _: &Row) -> Result<Vec<Ident>, Problem> {
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
        .instead(format!(
            "the parameter itself, such as `{option}(tenant)`, or a type with `#[derive(CacheKey)]` for a part of it"
        ))
}
