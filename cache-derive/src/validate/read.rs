//! `#[cached(..)]`.

use proc_macro2::Ident;
use quote::ToTokens;
use syn::visit_mut::VisitMut;
use syn::{Attribute, ExprPath, LitInt, Meta, Signature, Type, TypeImplTrait, TypeParamBound};

use super::backing::Backing;
use super::options::{self, Given, Known};
use super::returned::{Returned, borrows, option_of, peel};
use super::{duration, key, signature, text};
use crate::diag::{Problem, Sink};
use crate::model::{Codec, LocalEngine, LocalTier, Options, Param, Read, Span};
use crate::parse::{OptionSyntax, Value};

const KNOWN: Known = Known {
    attribute: "cached",
    names: &[
        "entity",
        "key",
        "ignore",
        "ttl",
        "negative_ttl",
        "jitter",
        "local",
        "local_capacity",
        "local_engine",
        "version",
        "codec",
        "cache_if",
        "visible_if",
        "load",
    ],
    later: &["refresh_after", "stale_while_revalidate", "stale_if_error", "batch", "mode"],
    aliases: &[
        ("expire", "ttl"),
        ("expires", "ttl"),
        ("expiry", "ttl"),
        ("time_to_live", "ttl"),
        ("time", "ttl"),
        ("skip", "ignore"),
        ("exclude", "ignore"),
        ("name", "entity"),
        ("capacity", "local_capacity"),
        ("size", "local_capacity"),
        ("engine", "local_engine"),
        ("encoding", "codec"),
        ("format", "codec"),
        ("filter", "cache_if"),
    ],
};

const CODECS: [(&str, Codec); 3] =
    [("json", Codec::Json), ("msgpack", Codec::MessagePack), ("postcard", Codec::Postcard)];

const ENGINES: [(&str, LocalEngine); 2] = [("quick", LocalEngine::Quick), ("moka", LocalEngine::Moka)];

const MOST_JITTER: u8 = 50;

/// A cached method, as far as its own signature tells.
pub(super) struct Method<'a> {
    /// Its signature.
    pub(super) sig: &'a Signature,
    /// What the caller gets in the end.
    pub(super) output: &'a Type,
    /// The `impl Future` that it returns, where it says so itself.
    pub(super) opaque: Option<&'a TypeImplTrait>,
    /// Its parameters.
    pub(super) params: &'a [Param],
}

/// Checks a cached method.
pub(super) fn read(
    method: &Method<'_>,
    attribute: &Attribute,
    options: &[OptionSyntax],
    backing: &mut Backing,
    sink: &mut Sink,
) -> Option<Read> {
    if !matches!(attribute.meta, Meta::List(_)) {
        return None;
    }
    let given = Given::check(options, &KNOWN, sink);
    no_generics(method.sig, sink);
    sendable(method, sink);
    conflicts(&given, sink);
    let value = value(method, &given, sink);
    let entity = entity(method.sig, attribute, &given, sink);
    let key = key::key(method.sig, method.params, &given, sink);
    let options = all_options(method.sig, attribute, &given, backing, sink);
    arguments_are_owned(method, options.as_ref(), key.as_deref(), sink);
    let value = value?;
    Some(Read {
        entity: entity?,
        key: key?,
        prefixes: Vec::new(),
        optional: value.as_ref().is_some_and(|value| option_of(value).is_some()),
        value,
        options: options?,
    })
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
                .instead("`-> impl Future<Output = ..> + Send`, or `async fn`, which says so for you"),
        );
    }
}

/// The `V` of a visible `Result<V, ..>`; the outer nothing stands for what was reported.
#[expect(clippy::option_option, reason = "reported, not spelt out, and spelt out are three answers")]
fn value(method: &Method<'_>, given: &Given<'_>, sink: &mut Sink) -> Option<Option<Type>> {
    match sink.accept(checked_value(method))? {
        Some(value) => {
            if let Some(negative) = given.get("negative_ttl").filter(|_| option_of(&value).is_none()) {
                sink.report(never_absent(method.sig, negative));
            }
            Some(Some(value))
        }
        None => Some(None),
    }
}

fn checked_value(method: &Method<'_>) -> Result<Option<Type>, Problem> {
    let Method { sig, output, .. } = method;
    if borrows(output) {
        return Err(Problem::at(output, format!("the value of the cached method `{}` borrows", sig.ident))
            .why("a cached value outlives the call that loaded it")
            .instead("an owned value, such as an `Arc<T>`"));
    }
    match Returned::of(output) {
        Returned::Other => {
            Err(Problem::at(place_of(method), format!("the cached method `{}` does not return a `Result`", sig.ident))
                .why("a load can fail: its task may panic or run into its deadline, and an error is never cached")
                .instead("`Result<V, E>` or `Result<Option<V>, E>`"))
        }
        Returned::Result(value) if is_unit(&value) => {
            Err(Problem::at(output, format!("the cached method `{}` returns no value", sig.ident))
                .why("there is nothing to cache in `()`")
                .instead("`#[uncached]`, or `#[invalidates(..)]` if it writes"))
        }
        Returned::Result(value) => Ok(Some(*value)),
        Returned::Alias => Ok(None),
    }
}

fn place_of<'a>(method: &Method<'a>) -> &'a dyn ToTokens {
    if matches!(method.sig.output, syn::ReturnType::Default) { &method.sig.ident } else { method.output }
}

fn is_unit(ty: &Type) -> bool {
    matches!(peel(ty), Type::Tuple(tuple) if tuple.elems.is_empty())
}

fn never_absent(sig: &Signature, negative: &OptionSyntax) -> Problem {
    Problem::at(
        negative,
        format!("`negative_ttl` stands on `{}`, which does not return `Result<Option<..>, ..>`", sig.ident),
    )
    .why("it is the time that an absence lives, and this value is never absent")
    .instead("leave it out, or return `Result<Option<V>, E>`, written out")
}

fn entity(sig: &Signature, attribute: &Attribute, given: &Given<'_>, sink: &mut Sink) -> Option<String> {
    if given.misses("entity") {
        sink.report(
            Problem::at(attribute, format!("the cached method `{}` has no `entity`", sig.ident))
                .why("it is the part of the key that says what is cached, and stays when the method is renamed")
                .instead("`entity = \"policy\"`, unique in the trait"),
        );
    }
    given.read("entity", sink, |option, _| text::entity(&options::text(option, "\"policy\"")?))
}

fn all_options(
    sig: &Signature,
    attribute: &Attribute,
    given: &Given<'_>,
    backing: &mut Backing,
    sink: &mut Sink,
) -> Option<Options> {
    let before = sink.count();
    let ttl = ttl(sig, attribute, given, sink);
    let negative_ttl = given.read("negative_ttl", sink, duration::duration);
    let local = given.read("local", sink, local);
    shorter_than(ttl.as_ref(), local.as_ref(), given, sink);
    let options = Options {
        ttl: of_backing(ttl?, backing),
        negative_ttl: negative_ttl.map(|span| of_backing(span, backing)),
        jitter: given.read("jitter", sink, jitter),
        local: local.map(|local| local_of_backing(local, backing)),
        local_capacity: given.read("local_capacity", sink, capacity),
        local_engine: given.read("local_engine", sink, |option, _| options::word(option, &ENGINES)),
        version: given.read("version", sink, version).unwrap_or_default(),
        codec: given.read("codec", sink, |option, _| options::word(option, &CODECS)),
        cache_if: given.read("cache_if", sink, |option, _| question(option, "worth_keeping", backing)),
        visible_if: given.read("visible_if", sink, |option, _| question(option, "may_read", backing)),
        inline: given.read("load", sink, |option, _| options::word(option, &[("inline", ())])).is_some(),
    };
    (sink.count() == before).then_some(options)
}

fn ttl(sig: &Signature, attribute: &Attribute, given: &Given<'_>, sink: &mut Sink) -> Option<Span> {
    if given.misses("ttl") {
        sink.report(
            Problem::at(attribute, format!("the cached method `{}` has no `ttl`", sig.ident))
                .why("it bounds how long a reader may see an old value when everything else fails")
                .instead("`ttl = \"5m\"`, or the path of a `Duration` constant"),
        );
    }
    given.read("ttl", sink, duration::duration)
}

fn of_backing(span: Span, backing: &mut Backing) -> Span {
    match span {
        Span::Const(mut path, name) => {
            backing.visit_expr_path_mut(&mut path);
            Span::Const(path, name)
        }
        literal @ Span::Literal(_) => literal,
    }
}

fn local_of_backing(local: LocalTier, backing: &mut Backing) -> LocalTier {
    match local {
        LocalTier::AtMost(span) => LocalTier::AtMost(of_backing(span, backing)),
        LocalTier::Off => LocalTier::Off,
    }
}

fn question(option: &OptionSyntax, example: &str, backing: &mut Backing) -> Result<ExprPath, Problem> {
    let mut path = options::function(option, example)?;
    backing.visit_expr_path_mut(&mut path);
    Ok(path)
}

fn local(option: &OptionSyntax, name: &'static str) -> Result<LocalTier, Problem> {
    let Value::Equals(tokens) = &option.value else {
        return Err(Problem::at(option, "`local` takes a value").instead("`local = off` or `local = \"30s\"`"));
    };
    match syn::parse2::<Ident>(tokens.clone()) {
        Ok(word) if word == "off" => Ok(LocalTier::Off),
        Ok(word) if word.to_string().chars().any(char::is_lowercase) => {
            Err(options::no_such_word(&option.name, &word, &word.to_string(), &["off"]))
        }
        _ => duration::duration(option, name).map(LocalTier::AtMost),
    }
}

fn shorter_than(ttl: Option<&Span>, local: Option<&LocalTier>, given: &Given<'_>, sink: &mut Sink) {
    if let (Some(Span::Literal(ttl)), Some(LocalTier::AtMost(Span::Literal(local)))) = (ttl, local)
        && local > ttl
    {
        sink.report(
            Problem::at(given.get("local"), "`local` is longer than `ttl`")
                .why("no entry outlives its `ttl` in any tier, so `local` would change nothing")
                .instead("a shorter `local`, or leave it out"),
        );
    }
}

fn jitter(option: &OptionSyntax, _: &'static str) -> Result<u8, Problem> {
    let percent = options::number(option, "10")?;
    let value = percent.base10_parse::<u8>().ok().filter(|value| *value <= MOST_JITTER);
    value.ok_or_else(|| {
        Problem::at(&percent, format!("`jitter = {percent}` is out of range"))
            .why("it is the percentage by which a life is shortened at random")
            .instead(format!("a whole number from 0 to {MOST_JITTER}"))
    })
}

fn capacity(option: &OptionSyntax, _: &'static str) -> Result<usize, Problem> {
    let entries = options::number(option, "10_000")?;
    let value = in_range::<usize>(option, &entries, "a positive number of entries")?;
    if value > 0 {
        return Ok(value);
    }
    Err(Problem::at(&entries, "`local_capacity` is zero")
        .why("a local tier without room keeps nothing")
        .instead("a positive number of entries, or `local = off`"))
}

fn version(option: &OptionSyntax, _: &'static str) -> Result<u32, Problem> {
    let number = options::number(option, "2")?;
    in_range(option, &number, "a whole number below 2^32")
}

fn in_range<T: std::str::FromStr>(option: &OptionSyntax, number: &LitInt, expected: &str) -> Result<T, Problem>
where
    T::Err: std::fmt::Display,
{
    number
        .base10_parse()
        .map_err(|_| Problem::at(number, format!("`{} = {number}` is out of range", option.name)).instead(expected))
}

fn conflicts(given: &Given<'_>, sink: &mut Sink) {
    if let (Some(negative), Some(_)) = (given.get("negative_ttl"), given.get("visible_if")) {
        sink.report(
            Problem::at(negative, "`negative_ttl` and `visible_if` exclude each other")
                .why("an absence may only mean that this reader may not see the value, and would hide it from the others")
                .instead("one of the two"),
        );
    }
    let off =
        given.get("local").filter(|local| matches!(&local.value, Value::Equals(value) if value.to_string() == "off"));
    for name in ["local_capacity", "local_engine"] {
        if let (Some(_), Some(option)) = (off, given.get(name)) {
            sink.report(
                Problem::at(option, format!("`{name}` and `local = off` exclude each other"))
                    .why("there is no local tier for it to describe")
                    .instead("one of the two"),
            );
        }
    }
}

fn arguments_are_owned(method: &Method<'_>, options: Option<&Options>, key: Option<&[usize]>, sink: &mut Sink) {
    let (Some(options), Some(key)) = (options, key) else { return };
    for (place, param) in method.params.iter().enumerate() {
        if !key.contains(&place) && !options.inline && !param.can_be_owned() {
            sink.report(
                Problem::at(&param.ty, format!("the parameter `{}` of `{}` cannot go into a load", param.ident, method.sig.ident))
                    .why("a load runs in a task of its own and takes owned copies, by `Clone` of a `T`, or `ToOwned` behind `&T` and `Option<&T>`")
                    .instead("an owned type, or `load = inline`, which runs the load in a caller's task"),
            );
        }
    }
}
