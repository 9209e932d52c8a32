//! `#[updates(get(id) = value)]`: an entry whose new value the write stores.

use syn::Expr;

use super::expressions::early_return_of_a_value;
use super::readers::Readers;
use super::reevaluation::Named;
use super::target::Targets;
use super::{Call, no_such_parameter};
use crate::awaits::awaits;
use crate::diag::{Problem, Sink};
use crate::model::{Commits, Entries, Extent, FamilyName, Invalidation, Method, Reevaluation, Stored, Target, Write};
use crate::options::AttributeName;
use crate::parse;

/// The value of an entry, and the condition under which it is stored.
pub(super) struct Value {
    value: Expr,
    condition: Option<Expr>,
}

impl Value {
    /// Reports a value whose entry only the result names.
    pub(super) fn unknown_before_the_call(&self) -> Problem {
        unknown_before_the_call(&self.value)
    }
}

/// The value of a target, if it has one, with its condition.
pub(super) fn stored(
    target: &parse::Target,
    builder: &mut Targets<'_>,
    condition: Option<&Expr>,
) -> Result<Option<Value>, Problem> {
    let parse::Target::Entries(entries) = target else {
        return match target.entries().into_iter().find_map(|entries| entries.value.as_ref()) {
            Some(value) => Err(Problem::at(value, "`each(..)` cannot store values")
                .why("a write prepares the entries that it stores before the call, one by one")
                .instead("the target without a value: the next reads load the entries")),
            None => Ok(None),
        };
    };
    let Some(value) = &entries.value else { return Ok(None) };
    if builder.call.name != AttributeName::Updates {
        return Err(Problem::at(value, format!("`{}(..) = ..` stores a value", entries.read))
            .why("`#[invalidates(..)]` only ends entries")
            .instead(format!(
                "`#[{}(..)]`, which stores values and invalidates the other targets",
                AttributeName::Updates
            )));
    }
    if let Some(problem) = [value].into_iter().chain(&entries.condition).find_map(early_return_of_a_value) {
        return Err(problem);
    }
    if let Some(rest) = &entries.rest {
        return Err(Problem::at(rest, "a value belongs to one entry")
            .why("`..` stands for many of them")
            .instead("the whole key, or the target without a value"));
    }
    if let Some(condition) = condition {
        return Err(Problem::at(condition, "a condition of every target, and an entry that is stored")
            .why("the write has to lock that entry before it knows more than its arguments")
            .instead(format!(
                "`{}(.., if = ..) = value`, which decides whether the value is stored, and one for each other target",
                entries.read
            )));
    }
    if entries.owner.is_some() || builder.readers.is_tag(entries) {
        return Err(Problem::at(&entries.read, "only entries of this trait are stored")
            .why("the decorator has the cache of its own read methods")
            .instead("the target without a value, which is invalidated"));
    }
    let condition = entries.condition.as_ref().map(|condition| builder.expression(condition));
    Ok(Some(Value { value: builder.expression(value), condition }))
}

/// Adds the value of a target that is the next one of those before the call.
pub(super) fn add(
    call: &Call<'_>,
    Value { value, condition }: Value,
    invalidation: &Invalidation,
    names_old: bool,
    write: &mut Write,
    sink: &mut Sink,
) {
    if names_old || matches!(invalidation.reevaluation, Reevaluation::Registered | Reevaluation::Whole) {
        sink.report(unknown_before_the_call(&value));
        return;
    }
    let named = Named::new(call, [&value].into_iter().chain(&condition).collect());
    let names_result = named.mentions("result");
    if let Some(row) = write.row.as_ref().filter(|row| named.mentions(&row.name.to_string())) {
        sink.report(
            Problem::at(&value, format!("the value of an entry names the old row `{}`", row.name))
                .why("another write may have changed the row since it was read")
                .instead("an expression over the parameters and `result`"),
        );
        return;
    }
    if names_result {
        no_such_parameter(call, &value, sink);
    }
    let is_late = names_result || named.may_change() || condition.is_some();
    if is_late && [&value].into_iter().chain(&condition).any(awaits) {
        sink.report(
            Problem::at(&value, "`.await` in a value that is evaluated after the call")
                .why("it names `result`, or something that the call may change, and a panic of it is caught")
                .instead("an expression without `.await`"),
        );
        return;
    }
    if is_late {
        named.keep(&value, write, sink);
    }
    write.stored.push(Stored { target: write.before.len(), value, condition, is_late, names_result });
}

/// Reports a value whose entry is not locked before the call.
fn unknown_before_the_call(value: &Expr) -> Problem {
    Problem::at(value, "the entry of this value is not known before the call")
        .why("a write stores a value only under its own lock, which it needs before the call")
        .instead("a key of parameters that the call does not change, or the target without a value")
}

/// Checks the attribute as a whole.
pub(super) fn stores(
    call: &Call<'_>,
    targets: &[parse::Target],
    readers: &Readers<'_>,
    write: &Write,
    sink: &mut Sink,
) {
    if call.name != AttributeName::Updates {
        return;
    }
    let Some(first) = targets.first() else { return };
    if write.stored.is_empty() {
        sink.report(
            Problem::at(first.place(), "`#[updates(..)]` stores no value")
                .why("a target with `= value` is stored, one without it is invalidated")
                .instead(format!("`{}(..) = value`, or `#[{}(..)]`", first.place(), AttributeName::Invalidates)),
        );
    }
    if write.commits == Commits::Caller {
        sink.report(
            Problem::at(first.place(), "a write of the caller's transaction stores no value")
                .why("the value is known only when the transaction has been committed")
                .instead(format!("`#[{}(.., commits = caller)]`", AttributeName::Invalidates)),
        );
    }
    for stored in &write.stored {
        if let Some(problem) = ends_itself(stored, write, readers) {
            sink.report(problem);
        }
    }
}

/// Reports an entry that another target of the same write ends.
fn ends_itself(stored: &Stored, write: &Write, readers: &Readers<'_>) -> Option<Problem> {
    let Target::Entries(Entries { reader, .. }) = &write.before[stored.target].target else { return None };
    let read = readers.find(&reader.read).ok().flatten().and_then(Method::read);
    let carries = |family: &FamilyName| read.is_some_and(|read| read.tags.iter().any(|tag| tag.family == *family));
    let is_wider = |entries: &Entries| match &entries.reader.family {
        Some(family) => carries(family),
        None => entries.reader.is(&reader.read) && matches!(entries.extent, Extent::Prefix(_)),
    };
    let is_row = write.row.as_ref().is_some_and(|row| row.read == reader.read);
    let targets = write.targets().flat_map(|invalidation| invalidation.target.entries());
    (is_row || targets.into_iter().any(is_wider)).then(|| {
        Problem::at(&stored.value, format!("the same write ends the entry of `{}` that it stores", reader.read))
            .why("another target of it, or the row that it reads, stands for entries of that method as well")
            .instead("the target without a value")
    })
}
