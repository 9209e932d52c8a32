//! The options of `#[invalidates(..)]`, besides the entries that go stale.

use proc_macro2::Ident;
use syn::parse::{ParseStream, Parser as _};
use syn::{Expr, Token};

use super::row::{Row, option};
use super::{AttributeName, Table, options, value};
use crate::diag::Problem;
use crate::model::Commits;
use crate::parse::{EntriesTarget, OptionSyntax, Value};

const CALLER: &str = "caller";

options! {
    COMMITS: Commits = option(
        "commits",
        &[CALLER, "store"],
        "which side commits the transaction of the write: the caller, after the method has returned, or the store before that",
    )
    .aliases(&["transaction", "commit", "committed_by"])
    .parsed(|option, row| {
        Ok(if value::choice(option, row)? == CALLER { Commits::Caller } else { Commits::Store })
    });
    IF: Expr = option(
        "if",
        &["user.active"],
        "a condition of every target: the write invalidates nothing where it is false; the last item of a target is the same \
         for one (`get_user(id, if = user.active)`)",
    )
    .aliases(&["when", "condition", "only_if"])
    .parsed(|option, row| value::expression(option, row.example()));
    READS: (Ident, EntriesTarget) = option(
        "reads",
        &["(old = get_user(user))"],
        "reads the row in the store before the write changes it; targets and conditions may use its value by that name",
    )
    .aliases(&["old", "before"])
    .parsed(reads);
}

/// `name = read(args..)` between parentheses.
fn reads(option: &OptionSyntax, row: &Row) -> Result<(Ident, EntriesTarget), Problem> {
    let parser = |input: ParseStream<'_>| -> syn::Result<(Ident, EntriesTarget)> {
        let name = input.parse()?;
        input.parse::<Token![=]>()?;
        let read = input.parse()?;
        input.parse::<Option<Token![,]>>()?;
        Ok((name, read))
    };
    let parsed = match &option.value {
        Value::List(list) => parser.parse2(list.stream()).ok(),
        Value::Nothing | Value::Equals(_) => None,
    };
    parsed.ok_or_else(|| {
        Problem::at(option, format!("`{}` does not say which row it reads", row.name))
            .why("it calls one read method of the store before the write, and names the value")
            .instead(format!("`{}(old = get(user.id))`", row.name))
    })
}

/// A method that invalidates.
pub(crate) const TABLE: Table = Table { attribute: AttributeName::Invalidates, options: ALL, excluded: &[] };
