//! `#[invalidates(..)]` and `#[updates(..)]`.

mod expressions;
mod old_row;
mod readers;
mod reevaluation;
mod target;
mod update;

use syn::{Expr, Signature, Type};

use self::expressions::early_return;
pub(super) use self::readers::{Reader, Readers};
use self::reevaluation::Named;
use self::target::Targets;
use super::given::Given;
use super::returned::is_called_result;
use super::self_type::SelfType;
use super::transaction;
use crate::diag::{Problem, Sink};
use crate::model::{Invalidation, OldRow, Param, Reevaluation, ResultValue, Target, Write};
use crate::options::AttributeName;
use crate::options::invalidates::{IF, READS, TABLE};
use crate::parse::{self, OptionSyntax};

/// The signature of a writing method.
pub(super) struct Call<'a> {
    /// Its attribute.
    pub(super) name: AttributeName,
    /// Its signature.
    pub(super) sig: &'a Signature,
    /// The output of its future.
    pub(super) output: &'a Type,
    /// Its parameters.
    pub(super) params: &'a [Param],
}

/// Checks the targets of a write.
pub(super) fn write(
    call: &Call<'_>,
    targets: &[parse::Target],
    options: &[OptionSyntax],
    readers: &Readers<'_>,
    self_type: &mut SelfType,
    sink: &mut Sink,
) -> Write {
    let given = Given::check(options, &TABLE, sink);
    let commits = transaction::commits(call.sig, &given, sink);
    let condition = given.value(&IF, sink);
    if let Some(problem) = condition.as_ref().and_then(early_return) {
        sink.report(problem);
    }
    let reads = given.value(&READS, sink);
    let mut builder = Targets { call, readers, reserved: reads.iter().map(|(name, _)| name).collect(), self_type };
    let row = reads.as_ref().and_then(|(name, read)| old_row::old_row(name, read, &mut builder, sink));
    let mut write = empty(call, commits, row);
    let before = sink.count();
    for target in targets {
        add(target, condition.as_ref(), &mut builder, &mut write, sink);
    }
    if sink.count() == before {
        old_row::is_used(&write, sink);
        update::stores(call, targets, readers, &write, sink);
    }
    write
}

fn empty(call: &Call<'_>, commits: crate::model::Commits, row: Option<OldRow>) -> Write {
    let result = match call.output {
        output if is_called_result(output) => ResultValue::Ok,
        Type::Path(_) => ResultValue::Probed,
        _ => ResultValue::Whole,
    };
    let (before, old, after, kept, lent) = Default::default();
    Write { before, old, after, stored: Vec::new(), row, result, kept, lent, commits }
}

/// Adds a target to those of its kind.
fn add(
    target: &parse::Target,
    condition: Option<&Expr>,
    builder: &mut Targets<'_>,
    write: &mut Write,
    sink: &mut Sink,
) {
    let call = builder.call;
    let expressions = target.expressions();
    if let Some(problem) = expressions.iter().find_map(|expression| early_return(expression)) {
        sink.report(problem);
        return;
    }
    let named = Named::new(call, expressions.into_iter().chain(condition).collect());
    let needs_result = named.mentions("result");
    if needs_result {
        no_such_parameter(call, target.place(), sink);
    }
    let Some(stored) = sink.accept(update::stored(target, builder, condition)) else { return };
    let Some(mut model) = sink.accept(builder.target(target)).flatten() else { return };
    if let Some(condition) = condition {
        add_condition(&mut model, builder.expression(condition));
    }
    let names_old = write.row.as_ref().is_some_and(|row| named.mentions(&row.name.to_string()));
    let mut invalidation = Invalidation { target: model, names_old, reevaluation: Reevaluation::Nothing };
    if needs_result {
        if let Some(value) = stored {
            sink.report(value.unknown_before_the_call());
        }
        named.keep(target.place(), write, sink);
        write.after.push(invalidation);
        return;
    }
    named.plan(&mut invalidation, builder.readers, write);
    if let Some(value) = stored {
        update::add(call, value, &invalidation, names_old, write, sink);
    }
    if names_old { write.old.push(invalidation) } else { write.before.push(invalidation) }
}

/// The condition of the whole attribute comes first.
fn add_condition(target: &mut Target, condition: Expr) {
    let conditions = match target {
        Target::Entries(entries) => &mut entries.conditions,
        Target::Each(each) => &mut each.conditions,
    };
    conditions.insert(0, condition);
}

fn no_such_parameter(call: &Call<'_>, place: &dyn quote::ToTokens, sink: &mut Sink) {
    if call.params.iter().any(|param| param.ident == "result") {
        sink.report(
            Problem::at(place, format!("`{}` has a parameter called `result`", call.sig.ident))
                .why(format!("in `#[{}(..)]` this name is the result of the call", call.name))
                .instead("another name for the parameter"),
        );
    }
}
