//! `#[invalidates(..)]`.

use proc_macro2::Ident;
use quote::ToTokens;
use syn::visit_mut::VisitMut;
use syn::{Attribute, Expr, Signature, Type};

use super::backing::{Backing, mentions};
use super::returned::is_called_result;
use crate::diag::{Problem, Sink, closest, list};
use crate::model::{Argument, Extent, Invalidation, Method, Param, Passing, Write};
use crate::parse::{Target, is_rest};

/// A cached method that a write may name.
pub(super) struct Reader<'a> {
    /// Its name.
    pub(super) ident: &'a Ident,
    /// Its model, where nothing is wrong with it.
    pub(super) method: Option<&'a Method>,
}

/// Every method that a write may name, and the others, for better words.
pub(super) struct Readers<'a> {
    /// The cached ones.
    pub(super) cached: Vec<Reader<'a>>,
    /// The methods over many keys, with the ones over one.
    pub(super) batches: Vec<(&'a Ident, String)>,
    /// The names of all that are not cached by themselves.
    pub(super) others: Vec<&'a Ident>,
}

/// Checks what a write invalidates.
pub(super) fn write(
    sig: &Signature,
    output: &Type,
    params: &[Param],
    targets: &[Target],
    readers: &Readers<'_>,
    backing: &mut Backing,
    sink: &mut Sink,
) -> Write {
    let mut write =
        Write { before: Vec::new(), after: Vec::new(), fallible: is_called_result(output), kept: Vec::new() };
    for target in targets {
        let needs_result = target.args.iter().any(|arg| mentions(&arg.to_token_stream(), "result"));
        if needs_result {
            no_such_parameter(sig, params, target, sink);
            keep(params, target, &mut write.kept);
        }
        if let Some(invalidation) = sink.accept(invalidation(target, readers, backing)).flatten() {
            if needs_result { write.after.push(invalidation) } else { write.before.push(invalidation) }
        }
    }
    write
}

fn no_such_parameter(sig: &Signature, params: &[Param], target: &Target, sink: &mut Sink) {
    if params.iter().any(|param| param.ident == "result") {
        sink.report(
            Problem::at(&target.read, format!("`{}` has a parameter called `result`", sig.ident))
                .why("in `#[invalidates(..)]` that word stands for what the call returned")
                .instead("another name for the parameter"),
        );
    }
}

/// Notes the parameters that are moved into the call and needed after it.
fn keep(params: &[Param], target: &Target, kept: &mut Vec<usize>) {
    for (place, param) in params.iter().enumerate() {
        let name = param.ident.to_string();
        let used = target.args.iter().any(|arg| mentions(&arg.to_token_stream(), &name));
        if used && matches!(param.passing, Passing::Owned) && !kept.contains(&place) {
            kept.push(place);
        }
    }
}

fn invalidation(
    target: &Target,
    readers: &Readers<'_>,
    backing: &mut Backing,
) -> Result<Option<Invalidation>, Problem> {
    let Some(reader) = readers.cached.iter().find(|reader| *reader.ident == target.read) else {
        return Err(no_such_reader(&target.read, readers));
    };
    let Some(method) = reader.method else { return Ok(None) };
    let Some(read) = method.read() else { return Ok(None) };
    let key: Vec<&Param> = read.key.iter().map(|place| &method.params[*place]).collect();
    check_count(target, &key)?;
    let args = target.args.iter().zip(&key).map(|(arg, part)| argument(arg, part, backing)).collect();
    let extent =
        if target.rest.is_some() && target.args.len() < key.len() { Extent::Prefix(args) } else { Extent::Entry(args) };
    Ok(Some(Invalidation { read: target.read.clone(), cfgs: method.cfgs.clone(), extent }))
}

fn argument(arg: &Expr, part: &Param, backing: &mut Backing) -> Argument {
    let mut expression = arg.clone();
    backing.visit_expr_mut(&mut expression);
    Argument { expression, by_value: matches!(part.passing, Passing::OptionalBorrowed(_)) }
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
