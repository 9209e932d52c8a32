//! `reads(old = get(id))`: the row that the write is about to change.

use quote::ToTokens;
use syn::Ident;

use super::expressions::early_return;
use super::readers::{check_count, key_of, signature_of};
use super::target::Targets;
use crate::diag::{Problem, Sink};
use crate::model::{Method, OldRow, Write};
use crate::parse::EntriesTarget;
use crate::validate::self_type::mentions_in;

/// Checks the read of the old row; `None` if a mistake elsewhere is reported.
pub(super) fn old_row(
    name: &Ident,
    read: &EntriesTarget,
    targets: &mut Targets<'_>,
    sink: &mut Sink,
) -> Option<OldRow> {
    sink.accept(name_is_free(name, targets))?;
    sink.accept(read.args.iter().find_map(early_return).map_or(Ok(()), Err))?;
    sink.accept(is_known_before(name, read))?;
    if let Some(owner) = &read.owner {
        sink.report(
            Problem::at(owner, format!("`{name}` is read from another store"))
                .why("the decorator has only the store of its own trait")
                .instead("a read method of this trait"),
        );
        return None;
    }
    let method = sink.accept(targets.readers.find(&read.read))??;
    sink.accept(is_one_call(name, read, method))?;
    let key = key_of(method);
    sink.accept(check_count(read, &key))?;
    let args = targets.arguments(&read.args, &key);
    Some(OldRow { name: name.clone(), read: read.read.clone(), args })
}

fn name_is_free(name: &Ident, targets: &Targets<'_>) -> Result<(), Problem> {
    if name != "result" && targets.call.params.iter().all(|param| param.ident != *name) {
        return Ok(());
    }
    Err(Problem::at(name, format!("the old row is called `{name}`, like another value"))
        .why("targets and conditions could not name the other one")
        .instead("another name, such as `old`"))
}

fn is_known_before(name: &Ident, read: &EntriesTarget) -> Result<(), Problem> {
    let late = read.args.iter().find(|arg| mentions_in(arg, "result") || mentions_in(arg, &name.to_string()));
    late.map_or(Ok(()), |arg| {
        Err(Problem::at(arg, format!("the key of `{name}` is not known before the call"))
            .why("the row is read before the write changes it")
            .instead("an expression over the parameters"))
    })
}

/// Checks that the key is everything that the read method takes.
fn is_one_call(name: &Ident, read: &EntriesTarget, method: &Method) -> Result<(), Problem> {
    let key = key_of(method);
    if let Some(rest) = &read.rest {
        return Err(one_row(rest, name, &signature_of(&read.read, &key)));
    }
    if let Some(value) = &read.value {
        return Err(one_row(value, name, &signature_of(&read.read, &key)));
    }
    if let Some(condition) = &read.condition {
        return Err(one_row(condition, name, &signature_of(&read.read, &key)));
    }
    if key.len() < method.params.len() {
        return Err(Problem::at(&read.read, format!("`{}` has parameters that are not in its key", read.read))
            .why("the row is read with the key alone, and there is no value for the others")
            .instead("a read method whose parameters are all in its key"));
    }
    Ok(())
}

fn one_row(place: &dyn ToTokens, name: &Ident, instead: &str) -> Problem {
    Problem::at(place, format!("`{name}` is not the row of one key"))
        .why("it is the value that one call of the read method returns")
        .instead(format!("`{instead}`"))
}

/// Reports a row that no target names.
pub(super) fn is_used(write: &Write, sink: &mut Sink) {
    let Some(row) = &write.row else { return };
    if write.targets().all(|target| !target.names_old) {
        let (name, read) = (&row.name, &row.read);
        sink.report(
            Problem::at(name, format!("no target names `{name}`"))
                .why("the row is read before every call, and would be read for nothing")
                .instead(format!("a target with a value of the row, such as `{read}({name}.id)`, or leave it out")),
        );
    }
}
