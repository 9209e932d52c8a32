//! The options of `#[invalidates(..)]`, besides the entries that go stale.

use super::row::option;
use super::{AttributeName, Table, options, value};
use crate::model::Commits;

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
}

/// A method that invalidates.
pub(crate) const TABLE: Table = Table { attribute: AttributeName::Invalidates, options: ALL, excluded: &[] };
