//! The values of the options of `#[cached(..)]`, one function for each kind, and their conflicts.

use proc_macro2::Ident;
use syn::spanned::Spanned as _;
use syn::visit_mut::VisitMut;
use syn::{Attribute, ExprPath, LitInt, Signature};

use super::duration;
use super::options::{self, Given};
use super::self_type::SelfType;
use crate::diag::{Problem, Sink};
use crate::model::{Codec, LocalEngine, LocalTier, Mode, Options, Span};
use crate::parse::{OptionSyntax, Value};

const CODECS: [(&str, Codec); 3] =
    [("json", Codec::Json), ("msgpack", Codec::MessagePack), ("postcard", Codec::Postcard)];

const ENGINES: [(&str, LocalEngine); 2] = [("quick", LocalEngine::Quick), ("moka", LocalEngine::Moka)];

const MODES: [(&str, Mode); 3] = [("fast", Mode::Fast), ("safe", Mode::Safe), ("strict", Mode::Strict)];

const MOST_JITTER: u8 = 50;

/// Every option but the entity and the key.
pub(super) fn all(
    sig: &Signature,
    attribute: &Attribute,
    given: &Given<'_>,
    self_type: &mut SelfType,
    sink: &mut Sink,
) -> Option<Options> {
    let before = sink.count();
    let ttl = ttl(sig, attribute, given, sink);
    let negative_ttl = given.read("negative_ttl", sink, duration::duration);
    let local = given.read("local", sink, local);
    shorter_than(ttl.as_ref(), local.as_ref(), given, sink);
    let options = Options {
        ttl: of_backing(ttl?, self_type),
        negative_ttl: negative_ttl.map(|span| of_backing(span, self_type)),
        jitter: given.read("jitter", sink, jitter),
        local: local.map(|local| local_of_backing(local, self_type)),
        local_capacity: given.read("local_capacity", sink, capacity),
        local_engine: given.read("local_engine", sink, |option, _| options::word(option, &ENGINES)),
        version: given.read("version", sink, version).unwrap_or_default(),
        mode: given.read("mode", sink, mode),
        codec: given.read("codec", sink, codec),
        cache_if: given.read("cache_if", sink, |option, _| question(option, "worth_keeping", self_type)),
        visible_if: given.read("visible_if", sink, |option, _| question(option, "may_read", self_type)),
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

fn of_backing(span: Span, self_type: &mut SelfType) -> Span {
    match span {
        Span::Const(mut path, name) => {
            self_type.visit_expr_path_mut(&mut path);
            Span::Const(path, name)
        }
        literal @ Span::Literal(_) => literal,
    }
}

fn local_of_backing(local: LocalTier, self_type: &mut SelfType) -> LocalTier {
    match local {
        LocalTier::AtMost(span) => LocalTier::AtMost(of_backing(span, self_type)),
        LocalTier::Off => LocalTier::Off,
    }
}

fn question(option: &OptionSyntax, example: &str, self_type: &mut SelfType) -> Result<ExprPath, Problem> {
    let mut path = options::function(option, example)?;
    self_type.visit_expr_path_mut(&mut path);
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

fn codec(option: &OptionSyntax, _: &'static str) -> Result<(Codec, proc_macro2::Span), Problem> {
    let codec = options::word(option, &CODECS)?;
    let place = match &option.value {
        Value::Equals(tokens) => tokens.span(),
        _ => option.name.span(),
    };
    Ok((codec, place))
}

/// The mode, which determines what writes wait for.
pub(super) fn mode(option: &OptionSyntax, _: &'static str) -> Result<Mode, Problem> {
    options::word(option, &MODES)
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

fn says(option: &OptionSyntax, word: &str) -> bool {
    matches!(&option.value, Value::Equals(value) if value.to_string() == word)
}

/// Reports options that exclude each other.
pub(super) fn conflicts(given: &Given<'_>, sink: &mut Sink) {
    if let (Some(negative), Some(_)) = (given.get("negative_ttl"), given.get("visible_if")) {
        sink.report(
            Problem::at(negative, "`negative_ttl` and `visible_if` exclude each other")
                .why("an absence may only mean that this reader may not see the value, and would hide it from the others")
                .instead("one of the two"),
        );
    }
    let off = given.get("local").filter(|local| says(local, "off"));
    for name in ["local_capacity", "local_engine"] {
        if let (Some(_), Some(option)) = (off, given.get(name)) {
            sink.report(
                Problem::at(option, format!("`{name}` and `local = off` exclude each other"))
                    .why("there is no local tier for it to describe")
                    .instead("one of the two"),
            );
        }
    }
    if let (Some(_), Some(mode)) = (off, given.get("mode").filter(|mode| says(mode, "strict"))) {
        sink.report(
            Problem::at(mode, "`mode = strict` and `local = off` exclude each other")
                .why("a strict write waits until no local tier answers with what was there before, and there is none")
                .instead("one of the two"),
        );
    }
}
