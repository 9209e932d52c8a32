//! `#[invalidates(..)]`.

use proc_macro2::{Ident, TokenStream};
use quote::ToTokens;
use syn::visit::Visit;
use syn::visit_mut::VisitMut;
use syn::{Attribute, Expr, ExprAsync, ExprClosure, ExprReturn, ExprTry, Signature, Type};

use super::changes::{Change, change, is_small};
use super::returned::is_called_result;
use super::self_type::{SelfType, mentions};
use super::transaction;
use crate::diag::{Problem, Sink, closest, list};
use crate::model::{
    Argument, Extent, Invalidation, Lending, Method, Param, Part, Passing, Reevaluation, ResultValue, Write,
};
use crate::parse::{OptionSyntax, Target, is_rest};
use crate::types::peel;

/// A cached method that a write may name.
pub(super) struct Reader<'a> {
    /// Its name.
    pub(super) ident: &'a Ident,
    /// Its model, if it has no mistakes.
    pub(super) method: Option<&'a Method>,
}

/// The methods that a write may name, and the others, for better messages.
pub(super) struct Readers<'a> {
    /// The cached ones.
    pub(super) cached: Vec<Reader<'a>>,
    /// The methods over many keys, with the ones over one.
    pub(super) batches: Vec<(&'a Ident, String)>,
    /// The names of all that are not cached by themselves.
    pub(super) others: Vec<&'a Ident>,
}

/// The signature of a writing method.
pub(super) struct Call<'a> {
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
    targets: &[Target],
    options: &[OptionSyntax],
    readers: &Readers<'_>,
    self_type: &mut SelfType,
    sink: &mut Sink,
) -> Write {
    let result = match call.output {
        output if is_called_result(output) => ResultValue::Ok,
        Type::Path(path) if path.qself.is_some() => ResultValue::Probed,
        _ => ResultValue::Whole,
    };
    let commits = transaction::commits(call.sig, options, sink);
    let (before, after, kept, lent) = Default::default();
    let mut write = Write { before, after, result, kept, lent, commits };
    for target in targets {
        if let Some(problem) = target.args.iter().find_map(early_return) {
            sink.report(problem);
            continue;
        }
        let needs_result = target.args.iter().any(|arg| mentions(&arg.to_token_stream(), "result"));
        if needs_result {
            no_such_parameter(call.sig, call.params, target, sink);
        }
        let Some(mut invalidation) = sink.accept(invalidation(target, readers, self_type)).flatten() else { continue };
        if needs_result {
            keep(call, target, &mut write, sink);
            write.after.push(invalidation);
        } else {
            plan_reevaluation(call, target, &mut invalidation, readers, &mut write);
            write.before.push(invalidation);
        }
    }
    write
}

fn no_such_parameter(sig: &Signature, params: &[Param], target: &Target, sink: &mut Sink) {
    if params.iter().any(|param| param.ident == "result") {
        sink.report(
            Problem::at(&target.read, format!("`{}` has a parameter called `result`", sig.ident))
                .why("in `#[invalidates(..)]` this name is the result of the call")
                .instead("another name for the parameter"),
        );
    }
}

/// Reports an expression that would return from the method.
fn early_return(argument: &Expr) -> Option<Problem> {
    struct Search(Option<TokenStream>);
    impl Visit<'_> for Search {
        fn visit_expr_try(&mut self, expression: &ExprTry) {
            self.0 = Some(expression.question_token.to_token_stream());
        }
        fn visit_expr_return(&mut self, expression: &ExprReturn) {
            self.0 = Some(expression.return_token.to_token_stream());
        }
        fn visit_expr_async(&mut self, _: &ExprAsync) {}
        fn visit_expr_closure(&mut self, _: &ExprClosure) {}
    }
    let mut search = Search(None);
    search.visit_expr(argument);
    let token = search.0?;
    Some(
        Problem::at(&token, format!("`{token}` in an argument of `#[invalidates(..)]`"))
            .why("it would return from the method: before the call without a write, or after it without the store's answer")
            .instead("an expression that always has a value, such as `.unwrap_or_default()`, or `..` for the whole method"),
    )
}

/// Notes the parameters that are moved into the call and needed after it.
fn keep(call: &Call<'_>, target: &Target, write: &mut Write, sink: &mut Sink) {
    for (place, param) in call.params.iter().enumerate() {
        if !mentioned(&target.args, param) {
            continue;
        }
        match change(&param.ty, call.output) {
            Change::Exclusive(Some(lending)) => lend(write, place, lending),
            Change::Exclusive(None) => sink.report(consumed_by_the_call(call, target, param)),
            _ if matches!(param.passing, Passing::Owned) => clone(write, place),
            _ => {}
        }
    }
}

fn consumed_by_the_call(call: &Call<'_>, target: &Target, param: &Param) -> Problem {
    let (name, read) = (&param.ident, &target.read);
    Problem::at(&param.ty, format!("`{name}` of `{}` is named together with `result`", call.sig.ident))
        .why("the call consumes it, and an exclusive reference or a guard cannot be cloned for the time after the call")
        .instead(format!("`{name}: &mut ..`, or `{read}(..)` for the whole method"))
}

/// Decides how a target known before the call is treated after it, by its remaining parameters.
fn plan_reevaluation(
    call: &Call<'_>,
    target: &Target,
    invalidation: &mut Invalidation,
    readers: &Readers<'_>,
    write: &mut Write,
) {
    let changes: Vec<Change> = call.params.iter().map(|param| change(&param.ty, call.output)).collect();
    let mentioned_by = |args: &[Expr]| -> Vec<usize> {
        (0..call.params.len()).filter(|place| mentioned(args, &call.params[*place])).collect()
    };
    let named = mentioned_by(&target.args);
    invalidation.reevaluation =
        named.iter().map(|place| reevaluation(changes[*place])).max().unwrap_or(Reevaluation::Nothing);
    if matches!(invalidation.reevaluation, Reevaluation::Nothing | Reevaluation::Whole) {
        return;
    }
    let parts = parts(target, readers);
    let entry = write.before.len();
    for (position, arg) in invalidation.extent.arguments_mut().iter_mut().enumerate() {
        let named = mentioned_by(&target.args[position..=position]);
        let changes_here = named.iter().any(|place| reevaluation(changes[*place]) != Reevaluation::Nothing);
        for place in named {
            let param = &call.params[place];
            match changes[place] {
                Change::Exclusive(Some(lending)) => lend(write, place, lending),
                Change::Handle => clone(write, place),
                _ if !is_moved(param) => {}
                _ if changes_here || is_small(&param.ty) => clone(write, place),
                _ => {
                    let Some(part) = parts.get(position) else { continue };
                    let name = format!("part_{entry}_{position}");
                    arg.part = Some(Part { name, ty: part.ty.clone(), passing: part.passing.clone() });
                }
            }
        }
    }
}

fn reevaluation(change: Change) -> Reevaluation {
    match change {
        Change::Nothing => Reevaluation::Nothing,
        Change::Perhaps => Reevaluation::Evaluated,
        Change::Shared | Change::Handle | Change::Exclusive(Some(_)) => Reevaluation::Registered,
        Change::Exclusive(None) => Reevaluation::Whole,
    }
}

fn mentioned(args: &[Expr], param: &Param) -> bool {
    let name = param.ident.to_string();
    args.iter().any(|arg| mentions(&arg.to_token_stream(), &name))
}

/// Whether the call consumes the parameter.
fn is_moved(param: &Param) -> bool {
    matches!(param.passing, Passing::Owned) && !matches!(peel(&param.ty), Type::Reference(_))
}

fn lend(write: &mut Write, place: usize, lending: Lending) {
    if !write.lent.iter().any(|(other, _)| *other == place) {
        write.lent.push((place, lending));
    }
}

fn clone(write: &mut Write, place: usize) {
    if !write.kept.contains(&place) {
        write.kept.push(place);
    }
}

/// The parts of the key that a target names, as the read method declares them.
fn parts<'a>(target: &Target, readers: &Readers<'a>) -> Vec<&'a Param> {
    let reader = readers.cached.iter().find(|reader| *reader.ident == target.read);
    let method = reader.and_then(|reader| reader.method);
    let read = method.and_then(|method| Some((method, method.read()?)));
    read.map_or_else(Vec::new, |(method, read)| read.key.iter().map(|place| &method.params[*place]).collect())
}

fn invalidation(
    target: &Target,
    readers: &Readers<'_>,
    self_type: &mut SelfType,
) -> Result<Option<Invalidation>, Problem> {
    let Some(reader) = readers.cached.iter().find(|reader| *reader.ident == target.read) else {
        return Err(no_such_reader(&target.read, readers));
    };
    let Some(method) = reader.method else { return Ok(None) };
    let Some(read) = method.read() else { return Ok(None) };
    let key: Vec<&Param> = read.key.iter().map(|place| &method.params[*place]).collect();
    check_count(target, &key)?;
    let args = target.args.iter().zip(&key).map(|(arg, part)| argument(arg, part, self_type)).collect();
    let extent =
        if target.rest.is_some() && target.args.len() < key.len() { Extent::Prefix(args) } else { Extent::Entry(args) };
    Ok(Some(Invalidation {
        read: target.read.clone(),
        cfgs: method.cfgs.clone(),
        extent,
        reevaluation: Reevaluation::Nothing,
    }))
}

fn argument(arg: &Expr, part: &Param, self_type: &mut SelfType) -> Argument {
    let mut expression = arg.clone();
    self_type.visit_expr_mut(&mut expression);
    Argument { expression, by_value: matches!(part.passing, Passing::OptionalBorrowed(_)), part: None }
}

fn no_such_reader(read: &Ident, readers: &Readers<'_>) -> Problem {
    if let Some((_, one)) = readers.batches.iter().find(|(batch, _)| *batch == read) {
        return Problem::at(read, format!("`{read}` has no entries of its own"))
            .why(format!("it is a batch of `{one}`, and shares its entries"))
            .instead(format!("`{one}(..)`"));
    }
    if readers.others.contains(&read) {
        return Problem::at(read, format!("`{read}` is not cached"))
            .why("only a cached method has entries that can go stale")
            .instead(format!("`#[cached(..)]` on `{read}`, or leave it out here"));
    }
    let names: Vec<String> = readers.cached.iter().map(|reader| reader.ident.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let problem = Problem::at(read, format!("the trait has no read method `{read}`"))
        .why("`#[invalidates(..)]` names cached methods of the same trait");
    match closest(&read.to_string(), &names) {
        Some(meant) => problem.instead(format!("did you mean `{meant}`?")),
        None if names.is_empty() => problem.instead("`#[cached(..)]` on the method that reads what this one writes"),
        None => problem.instead(format!("one of {}", list(names))),
    }
}

fn check_count(target: &Target, key: &[&Param]) -> Result<(), Problem> {
    let Target { read, args, rest } = target;
    if let Some(early) = args.iter().find(|arg| is_rest(arg)) {
        return Err(Problem::at(early, "`..` is not the last argument")
            .why("it stands for every entry that begins with the parts before it")
            .instead(format!("`{}`", signature_of(read, key))));
    }
    if let Some(extra) = args.get(key.len()) {
        return Err(Problem::at(
            extra,
            format!("`{read}` has {} here, its key has {}", count(args.len()), count(key.len())),
        )
        .instead(format!("`{}`", signature_of(read, key))));
    }
    if rest.is_some() && args.len() == key.len() && !key.is_empty() {
        return Err(Problem::at(rest, format!("`..` after every part of the key of `{read}`"))
            .why("nothing is left for it to stand for")
            .instead(format!("`{}`", signature_of(read, key))));
    }
    if rest.is_none() && args.len() < key.len() {
        return Err(too_few(target, key));
    }
    Ok(())
}

fn too_few(target: &Target, key: &[&Param]) -> Problem {
    let Target { read, args, .. } = target;
    let mut prefix: Vec<String> = key.iter().take(args.len()).map(|param| param.ident.to_string()).collect();
    prefix.push("..".to_owned());
    Problem::at(read, format!("`{read}` has {} here, its key has {}", count(args.len()), count(key.len())))
        .why("without the others this names no entry")
        .instead(format!(
            "`{}`, or `{read}({})` for every entry that begins so",
            signature_of(read, key),
            prefix.join(", ")
        ))
}

fn signature_of(read: &Ident, key: &[&Param]) -> String {
    let names: Vec<String> = key.iter().map(|param| param.ident.to_string()).collect();
    format!("{read}({})", names.join(", "))
}

fn count(parts: usize) -> String {
    if parts == 1 { "1 part".to_owned() } else { format!("{parts} parts") }
}

/// Reports an `#[updates(..)]`.
pub(super) fn updates(attribute: &Attribute) -> Problem {
    Problem::at(attribute, "`#[updates(..)]` is not supported yet")
        .why("it is planned: a write that also fills the cache")
        .instead("`#[invalidates(..)]`, the next read fills the cache")
}
