//! `#[cached(batch = ..)]`: a method over many keys beside the method over one.

use proc_macro2::Ident;
use quote::ToTokens;
use syn::{ExprPath, Signature, Type};

use super::given::Given;
use super::returned::option_of;
use super::write::Readers;
use crate::diag::{Problem, Sink, closest, list};
use crate::model::{Batch, BatchAnswer, KeyForm, Method, Param, Passing, Read, Returned};
use crate::options::{Spec, cached};
use crate::parse::OptionSyntax;
use crate::types::{first_type, last_segment, peel};

/// Checks a method over many keys against the method over one.
pub(super) fn batch(
    sig: &Signature,
    output: &Type,
    params: &[Param],
    options: &[OptionSyntax],
    readers: &Readers<'_>,
    sink: &mut Sink,
) -> Option<Batch> {
    let before = sink.count();
    let given = Given::check(options, &cached::MANY, sink);
    let named = given.value(&cached::BATCH, sink)?;
    let one = sink.accept(over_one(&text_of(&named), &named, readers))??;
    let read = one.read()?;
    let mut batch = sink.accept(compared(sig, output, params, one, read))?;
    let by = given.value(&cached::BY, sink);
    batch.answer = sink.accept(answer(sig, output, by, read))?;
    same_key(&cached::KEY, &read.key, sig, params, one, &given, sink);
    same_key(&cached::IGNORE, &ignored(read, params.len()), sig, params, one, &given, sink);
    can_be_owned(sig, params, &batch, sink);
    (sink.count() == before).then_some(batch)
}

/// The method that a batch names as its method over one key.
pub(super) fn named(options: &[OptionSyntax]) -> Option<String> {
    let option = options.iter().find(|option| option.name == cached::BATCH.row.name)?;
    (cached::BATCH.parse)(option, &cached::BATCH.row).ok().map(|path| text_of(&path))
}

/// Code without the spaces that token streams have.
fn text_of(tokens: &impl ToTokens) -> String {
    tokens.to_token_stream().to_string().replace(' ', "")
}

/// The method over one key; `None` if its own mistakes are reported.
fn over_one<'a>(name: &str, place: &dyn ToTokens, readers: &Readers<'a>) -> Result<Option<&'a Method>, Problem> {
    if let Some(reader) = readers.cached.iter().find(|reader| *reader.ident == *name) {
        return Ok(reader.method);
    }
    let names: Vec<String> = readers.cached.iter().map(|reader| reader.ident.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let problem = Problem::at(place, format!("the trait has no cached method `{name}` over one key"))
        .why("a batch shares the entries of such a method");
    Err(match closest(name, &names) {
        Some(meant) => problem.instead(format!("did you mean `{meant}`?")),
        None if names.is_empty() => problem.instead("a method over one key with `#[cached(..)]`"),
        None => problem.instead(format!("one of {}", list(names))),
    })
}

/// Finds the list. All other parameters must match the method over one key.
fn compared(sig: &Signature, output: &Type, params: &[Param], one: &Method, read: &Read) -> Result<Batch, Problem> {
    if params.len() != one.params.len() {
        let found = count(params.len());
        let expected = count(one.params.len());
        return Err(not_a_batch(sig, &sig.ident, &format!("it has {found}, `{}` has {expected}", one.ident), one));
    }
    let pairs = || params.iter().zip(&one.params).enumerate();
    let mut others = pairs().filter(|(_, (param, single))| !same(&param.ty, &single.ty));
    let Some((many, (list, single))) = others.next() else {
        return Err(not_a_batch(sig, &sig.ident, &format!("its parameters are those of `{}`", one.ident), one));
    };
    if let Some((_, (param, single))) = others.next() {
        let (name, ty) = (&param.ident, text_of(&single.ty));
        return Err(not_a_batch(
            sig,
            &param.ty,
            &format!("`{name}` is another one, and in `{}` is `{ty}`", one.ident),
            one,
        ));
    }
    let Some(part) = read.key.iter().position(|place| *place == many) else {
        let why = format!("`{}` is not in the key of `{}`", single.ident, one.ident);
        return Err(not_a_batch(sig, &list.ty, &why, one));
    };
    let (element, by_value) = element(&list.ty)
        .ok_or_else(|| not_a_batch(sig, &list.ty, &format!("`{}` is neither a slice nor a `Vec`", list.ident), one))?;
    if matches!(peel(element), Type::Reference(_)) {
        let why = format!("the elements of `{}` are borrowed", list.ident);
        return Err(not_a_batch(sig, &list.ty, &why, one));
    }
    if single.part != KeyForm::Itself {
        return Err(Problem::at(&list.ty, format!("`{}` has no batch over `{}`", one.ident, single.ident))
            .why("its key has the text or the bits of that argument, and a batch passes on the values of its key")
            .instead("a batch over another part of the key, or a method over many keys with `#[uncached]`"));
    }
    if !fits(element, single) {
        let (found, expected) = (text_of(element), text_of(&single.ty));
        let why = format!("its elements are `{found}`, and `{}` in `{}` is `{expected}`", single.ident, one.ident);
        return Err(not_a_batch(sig, &list.ty, &why, one));
    }
    let (one, returned) = (one.ident.clone(), Returned::of(output));
    Ok(Batch { one, many, part, by_value, returned, answer: BatchAnswer::Map })
}

/// The form of the result; a list is recognised by its type.
fn answer(sig: &Signature, output: &Type, by: Option<ExprPath>, one: &Read) -> Result<BatchAnswer, Problem> {
    let list = match Returned::of(output) {
        Returned::Result(value) => element(&value).filter(|(_, is_vec)| *is_vec).map(|(element, _)| element.clone()),
        Returned::Alias | Returned::Value => None,
    };
    let in_order = list.as_ref().and_then(option_of).cloned();
    match (by, list, in_order) {
        (Some(by), Some(row), None) => Ok(BatchAnswer::Rows(row, Box::new(by))),
        (None, _, Some(value)) => Ok(BatchAnswer::InOrder(value)),
        (None, Some(row), None) if is_value_of(&row, one) => {
            Err(Problem::at(output, format!("`{}` returns rows without their keys", sig.ident))
                .why("the entry of a row is found by its key, and the store may leave rows out or change their order")
                .instead("`by = id_of`, a function `(&row) -> key`, or `Result<Vec<Option<V>>, E>` in the order of the keys"))
        }
        (None, ..) if is_in_order_behind_alias(output) => {
            Err(Problem::at(output, format!("`{}` returns a list in the order of the keys behind an alias", sig.ident))
                .why("a list of `Option` is told from one of pairs by its type as it is written")
                .instead("`Result<Vec<Option<V>>, E>`, written out"))
        }
        (None, ..) => Ok(BatchAnswer::Map),
        (Some(by), ..) => Err(Problem::at(by, format!("`{}` does not return a list of rows", sig.ident))
            .why("the function finds the key in a row of `Result<Vec<V>, E>`; a map has the keys, and `Vec<Option<V>>` their order")
            .instead("`Result<Vec<V>, E>`, written out, or leave it out")),
    }
}

/// Whether the first argument of an alias is a list of `Option`.
fn is_in_order_behind_alias(output: &Type) -> bool {
    let is_alias = matches!(Returned::of(output), Returned::Alias);
    let list = last_segment(output).filter(|_| is_alias).and_then(first_type).and_then(element);
    list.is_some_and(|(row, _)| option_of(row).is_some())
}

/// Whether the method over one key returns such rows.
fn is_value_of(row: &Type, one: &Read) -> bool {
    matches!(&one.returned, Returned::Result(value) if same(row, option_of(value).unwrap_or(value)))
}

fn not_a_batch(sig: &Signature, place: &dyn ToTokens, difference: &str, one: &Method) -> Problem {
    Problem::at(place, format!("`{}` is no batch of `{}`: {difference}", sig.ident, one.ident))
        .why("a batch has the parameters of the method over one key, and in place of one part of the key a list of owned ones")
        .instead(format!("`{}(&self{})`", sig.ident, example(one)))
}

/// The parameters of a batch with the last part of the key as its list.
fn example(one: &Method) -> String {
    let many = one.read().and_then(|read| read.key.last().copied());
    let params = one.params.iter().enumerate().map(|(place, param)| {
        let (name, ty) = (&param.ident, text_of(&param.ty));
        if many != Some(place) {
            return format!(", {name}: {ty}");
        }
        match &param.passing {
            Passing::Owned => format!(", {name}s: &[{ty}]"),
            Passing::Borrowed(target) if text_of(target) == "str" => format!(", {name}s: &[String]"),
            Passing::Borrowed(target) | Passing::OptionalBorrowed(target) => {
                format!(", {name}s: &[{}]", text_of(target))
            }
        }
    });
    params.collect()
}

fn count(params: usize) -> String {
    match params {
        1 => "1 parameter".to_owned(),
        other => format!("{other} parameters"),
    }
}

fn same(left: &Type, right: &Type) -> bool {
    text_of(peel(left)) == text_of(peel(right))
}

/// The `T` of `&[T]` or `Vec<T>`, and whether it is the latter.
fn element(ty: &Type) -> Option<(&Type, bool)> {
    match peel(ty) {
        Type::Reference(reference) if reference.mutability.is_none() => match peel(&reference.elem) {
            Type::Slice(slice) => Some((&slice.elem, false)),
            _ => None,
        },
        ty => {
            let segment = last_segment(ty).filter(|segment| segment.ident == "Vec")?;
            first_type(segment).map(|element| (element, true))
        }
    }
}

/// Whether such elements can be owned parts of the key.
///
/// If the method over one key borrows, the compiler compares the types.
fn fits(element: &Type, single: &Param) -> bool {
    match &single.passing {
        Passing::Owned => same(element, &single.ty),
        Passing::Borrowed(_) => true,
        Passing::OptionalBorrowed(_) => false,
    }
}

fn ignored(read: &Read, params: usize) -> Vec<usize> {
    (0..params).filter(|place| !read.key.contains(place)).collect()
}

/// Checks that repeated `key(..)` and `ignore(..)` are unchanged.
fn same_key(
    spec: &Spec<Vec<Ident>>,
    expected: &[usize],
    sig: &Signature,
    params: &[Param],
    one: &Method,
    given: &Given<'_>,
    sink: &mut Sink,
) {
    let Some(names) = given.value(spec, sink) else { return };
    let option = spec.row.name;
    let expected: Vec<&Ident> = expected.iter().map(|place| &params[*place].ident).collect();
    if names.iter().collect::<Vec<_>>() == expected {
        return;
    }
    let instead = match expected.as_slice() {
        [] => format!("leave `{option}(..)` out"),
        names => {
            let names: Vec<String> = names.iter().map(ToString::to_string).collect();
            format!("`{option}({})`, or leave it out: it is known from `{}`", names.join(", "), one.ident)
        }
    };
    sink.report(
        Problem::at(given.get(spec), format!("`{option}(..)` of `{}` is not that of `{}`", sig.ident, one.ident))
            .why("the two methods share their entries")
            .instead(instead),
    );
}

fn can_be_owned(sig: &Signature, params: &[Param], batch: &Batch, sink: &mut Sink) {
    let others = params.iter().enumerate().filter(|(place, _)| *place != batch.many);
    for (_, param) in others.filter(|(_, param)| !param.can_be_owned()) {
        sink.report(
            Problem::at(
                &param.ty,
                format!("the parameter `{}` of `{}` cannot go into a load", param.ident, sig.ident),
            )
            .why("the load of a batch runs in a task of its own and takes owned copies, also where that of one key is inline")
            .instead("an owned type, or a method over many keys with `#[uncached]`"),
        );
    }
}
