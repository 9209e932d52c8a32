//! `#[cached(..)]`.

use quote::ToTokens;
use syn::{Attribute, Meta, Signature, Type, TypeImplTrait, TypeParamBound};

use super::given::Given;
use super::returned::{borrows, option_of};
use super::self_type::SelfType;
use super::{absent, key, read_options, signature, tags};
use crate::diag::{Problem, Sink};
use crate::model::{Options, Param, Read, Returned};
use crate::options::cached;
use crate::parse::OptionSyntax;
use crate::types::peel;

/// A cached method, as far as its own signature shows.
pub(super) struct Method<'a> {
    /// Its signature.
    pub(super) sig: &'a Signature,
    /// The type of the result for the caller.
    pub(super) output: &'a Type,
    /// The `impl Future` that it returns, if it is written out.
    pub(super) opaque: Option<&'a TypeImplTrait>,
    /// Its parameters.
    pub(super) params: &'a [Param],
}

/// Checks a cached method.
pub(super) fn read(
    method: &Method<'_>,
    attribute: &Attribute,
    options: &[OptionSyntax],
    self_type: &mut SelfType,
    sink: &mut Sink,
) -> Option<Read> {
    if !matches!(attribute.meta, Meta::List(_)) {
        return None;
    }
    let given = Given::check(options, &cached::SINGLE, sink);
    no_generics(method.sig, sink);
    sendable(method, sink);
    over_one_key(method.sig, &given, sink);
    let returned = returned(method, &given, sink);
    let entity = entity(method.sig, attribute, &given, sink);
    let key = key::key(method.sig, &given, sink);
    let options = read_options::all(method.sig, attribute, &given, self_type, sink);
    arguments_are_owned(method, options.as_ref(), key.as_deref(), sink);
    let (returned, key, options) = (returned?, key?, options?);
    let displayed = key::displayed(method.sig, &key, &given, sink);
    let tags = tags::tags(method.sig, method.params, &key, &given, self_type, sink);
    Some(Read {
        entity: entity?,
        key,
        displayed,
        prefixes: Vec::new(),
        tags,
        optional: options.absent.is_some()
            || returned.value(method.output).is_some_and(|value| option_of(value).is_some()),
        returned,
        options,
    })
}

fn over_one_key(sig: &Signature, given: &Given<'_>, sink: &mut Sink) {
    if let Some(by) = given.get(&cached::BY) {
        sink.report(
            Problem::at(by, format!("`{}` stands on `{}`, which is no batch", by.name, sig.ident))
                .why("it finds the keys in the rows of a method over many keys")
                .instead("leave it out, or name the method over one key with `batch = ..`"),
        );
    }
}

/// Checks the requirements on every method that uses the cache. Returns the kind of its return type.
pub(super) fn callable(method: &Method<'_>, sink: &mut Sink) -> Option<Returned> {
    no_generics(method.sig, sink);
    sendable(method, sink);
    sink.accept(checked_return_type(method))
}

fn no_generics(sig: &Signature, sink: &mut Sink) {
    if let Some(parameter) = signature::generic_parameter(sig) {
        sink.report(
            Problem::at(parameter, format!("the cached method `{}` is generic", sig.ident))
                .why("one method has one region of the cache, with one type of key and one type of value")
                .instead("a method for each type, a parameter of the trait, or `#[uncached]`"),
        );
    }
}

fn sendable(method: &Method<'_>, sink: &mut Sink) {
    let Some(opaque) = method.opaque else { return };
    let has_send = opaque.bounds.iter().any(|bound| {
        matches!(bound, TypeParamBound::Trait(bound)
            if bound.path.segments.last().is_some_and(|segment| segment.ident == "Send"))
    });
    if !has_send {
        sink.report(
            Problem::at(opaque, format!("the future of the cached method `{}` is not `Send`", method.sig.ident))
                .why("a load runs in a task of its own")
                .instead("`-> impl Future<Output = ..> + Send`, or `async fn`, whose future is `Send`"),
        );
    }
}

/// The kind of the return type, checked against the options.
fn returned(method: &Method<'_>, given: &Given<'_>, sink: &mut Sink) -> Option<Returned> {
    let returned = sink.accept(checked_return_type(method))?;
    if let Some(value) = returned.value(method.output) {
        absent::is_never_an_option(method.sig, value, given, sink);
        let is_present = option_of(value).is_none() && given.get(&cached::ABSENT_IF).is_none();
        if let Some(negative) = given.get(&cached::NEGATIVE_TTL).filter(|_| is_present) {
            sink.report(never_absent(method.sig, negative));
        }
    }
    if let (Returned::Value, Some(stale)) = (&returned, given.get(&cached::STALE_IF_ERROR)) {
        sink.report(
            Problem::at(
                stale,
                format!("`stale_if_error` needs a `Result`, which `{}` does not return", method.sig.ident),
            )
            .why("an expired value answers in place of an error, and this method has none")
            .instead("return a `Result`, or `stale_while_revalidate`, which loads in the background"),
        );
    }
    Some(returned)
}

fn checked_return_type(method: &Method<'_>) -> Result<Returned, Problem> {
    let Method { sig, output, .. } = method;
    if borrows(output) {
        return Err(Problem::at(output, format!("the value of the cached method `{}` borrows", sig.ident))
            .why("a cached value outlives the call that loaded it")
            .instead("an owned value, such as an `Arc<T>`"));
    }
    if matches!(peel(output), Type::ImplTrait(_)) {
        return Err(Problem::at(output, format!("the value of the cached method `{}` has no name", sig.ident))
            .why("the decorator keeps it in a field, whose type has to be written out")
            .instead("a type, such as `Vec<T>`, or `#[uncached]`"));
    }
    // The success of a check, `Result<(), E>`, is a value: its errors are not cached.
    if is_unit(output) {
        return Err(Problem::at(place_of(method), format!("the cached method `{}` returns no value", sig.ident))
            .why("there is nothing to cache in `()`")
            .instead("`#[uncached]`, or `#[invalidates(..)]` if it writes"));
    }
    Ok(Returned::of(output))
}

fn place_of<'a>(method: &Method<'a>) -> &'a dyn ToTokens {
    if matches!(method.sig.output, syn::ReturnType::Default) { &method.sig.ident } else { method.output }
}

fn is_unit(ty: &Type) -> bool {
    matches!(peel(ty), Type::Tuple(tuple) if tuple.elems.is_empty())
}

fn never_absent(sig: &Signature, negative: &OptionSyntax) -> Problem {
    Problem::at(negative, format!("`negative_ttl` stands on `{}`, which does not return an `Option`", sig.ident))
        .why("it is the time that an absence lives, and this value is never absent")
        .instead("leave it out, return `Result<Option<V>, E>` or `Option<V>`, written out, or name the errors that are absences with `absent_if`")
}

fn entity(sig: &Signature, attribute: &Attribute, given: &Given<'_>, sink: &mut Sink) -> Option<String> {
    if given.misses(&cached::ENTITY) {
        sink.report(
            Problem::at(attribute, format!("the cached method `{}` has no `entity`", sig.ident))
                .why("it is the part of the key that names the cached thing, and stays when the method is renamed")
                .instead("`entity = \"policy\"`, unique in the trait"),
        );
    }
    given.value(&cached::ENTITY, sink)
}

fn arguments_are_owned(method: &Method<'_>, options: Option<&Options>, key: Option<&[usize]>, sink: &mut Sink) {
    let (Some(options), Some(key)) = (options, key) else { return };
    if options.inline {
        return;
    }
    for (place, param) in method.params.iter().enumerate().filter(|(_, param)| !param.can_be_owned()) {
        let problem = if key.contains(&place) {
            Problem::at(&param.ty, format!("the key part `{}` borrows in a way that cannot be kept", param.ident))
        } else {
            Problem::at(
                &param.ty,
                format!("the parameter `{}` of `{}` cannot go into a load", param.ident, method.sig.ident),
            )
        };
        sink.report(
            problem
                .why("a load runs in a task of its own and takes owned copies, by `Clone` of a `T`, or `ToOwned` behind `&T` and `Option<&T>`")
                .instead("an owned type, or `load = inline`, which runs the load in a caller's task, and keeps the text of the key"),
        );
    }
}
