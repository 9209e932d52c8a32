//! The parameters of the key: each parameter is in `key(..)` or in `ignore(..)`.

use proc_macro2::Ident;
use syn::{FnArg, Pat, PatType, Signature};

use super::given::Given;
use super::signature::name_of;
use crate::diag::{Problem, Sink, closest, list};
use crate::options::{Spec, cached};

/// The most parts that a key may have: the longest tuple that is a key.
const LONGEST: usize = 8;

/// The places of the parameters in the key, in its order.
pub(super) fn key(sig: &Signature, given: &Given<'_>, sink: &mut Sink) -> Option<Vec<usize>> {
    let before = sink.count();
    let key = places(&cached::KEY, sig, given, sink);
    let ignored = places(&cached::IGNORE, sig, given, sink);
    if sink.count() > before {
        return None;
    }
    no_overlap(&key, &ignored, sink);
    every_parameter(sig, &key, &ignored, sink);
    not_too_long(&key, sink);
    (sink.count() == before).then(|| key.into_iter().map(|(place, _)| place).collect())
}

/// The places of the parameters whose `Display` text is in the key.
pub(super) fn displayed(sig: &Signature, key: &[usize], given: &Given<'_>, sink: &mut Sink) -> Vec<usize> {
    let places = places(&cached::DISPLAY, sig, given, sink);
    let (inside, outside): (Places, Places) = places.into_iter().partition(|(place, _)| key.contains(place));
    for (_, name) in outside {
        sink.report(
            Problem::at(&name, format!("`{name}` is in `display(..)` and not in `key(..)`"))
                .why("its text is a part of the key")
                .instead(format!("`key(.., {name})` as well, or leave it out here")),
        );
    }
    inside.into_iter().map(|(place, _)| place).collect()
}

type Places = Vec<(usize, Ident)>;

fn places(spec: &Spec<Vec<Ident>>, sig: &Signature, given: &Given<'_>, sink: &mut Sink) -> Places {
    let names = given.value(spec, sink).unwrap_or_default();
    let mut places: Places = Vec::new();
    for name in names {
        match place(spec.row.name, sig, &name, &places) {
            Ok(place) => places.push((place, name)),
            Err(problem) => sink.report(problem),
        }
    }
    places
}

fn place(option: &str, sig: &Signature, name: &Ident, before: &Places) -> Result<usize, Problem> {
    let names: Vec<String> =
        typed(sig).map(|param| name_of(&param.pat).map_or_else(String::new, |name| name.to_string())).collect();
    let Some(place) = names.iter().position(|known| name == known) else {
        return Err(no_such_parameter(option, sig, name, &names));
    };
    if before.iter().any(|(other, _)| *other == place) {
        return Err(Problem::at(name, format!("`{name}` is in `{option}(..)` twice")).instead(format!("`{name}` once")));
    }
    Ok(place)
}

fn no_such_parameter(option: &str, sig: &Signature, name: &Ident, names: &[String]) -> Problem {
    let choices: Vec<&str> = names.iter().map(String::as_str).filter(|name| !name.is_empty()).collect();
    let problem = Problem::at(name, format!("`{}` has no parameter `{name}`", sig.ident));
    match closest(&name.to_string(), &choices) {
        Some(meant) => problem.instead(format!("did you mean `{meant}`?")),
        None if choices.is_empty() => {
            problem.instead(format!("leave `{option}(..)` out, the method has no named parameters"))
        }
        None => problem.instead(format!("one of {}", list(choices))),
    }
}

fn no_overlap(key: &Places, ignored: &Places, sink: &mut Sink) {
    for (place, name) in ignored {
        if key.iter().any(|(other, _)| other == place) {
            sink.report(
                Problem::at(name, format!("`{name}` is in `key(..)` and in `ignore(..)`"))
                    .why("either two calls that differ in it share an entry, or they do not")
                    .instead(format!("`{name}` in one of `key(..)` and `ignore(..)`")),
            );
        }
    }
}

fn every_parameter(sig: &Signature, key: &Places, ignored: &Places, sink: &mut Sink) {
    for (place, param) in typed(sig).enumerate() {
        if key.iter().chain(ignored).all(|(other, _)| *other != place) {
            sink.report(match name_of(&param.pat) {
                Some(name) => omitted_parameter(sig, param, &name, key),
                None => unnamed(sig, &param.pat),
            });
        }
    }
}

fn omitted_parameter(sig: &Signature, param: &PatType, name: &Ident, key: &Places) -> Problem {
    let mut with: Vec<String> = key.iter().map(|(_, name)| name.to_string()).collect();
    with.push(name.to_string());
    let with = with.join(", ");
    Problem::at(param, format!("the parameter `{name}` of `{}` is neither in `key(..)` nor in `ignore(..)`", sig.ident))
        .why(format!("two calls that differ only in `{name}` would share one entry"))
        .instead(format!("`key({with})`, or `ignore({name})` if the answer does not depend on it"))
}

fn unnamed(sig: &Signature, pat: &Pat) -> Problem {
    Problem::at(pat, format!("a parameter of the cached method `{}` has no name", sig.ident))
        .why("every parameter is named in `key(..)` or in `ignore(..)`")
        .instead("a plain name in place of the pattern")
}

fn not_too_long(key: &Places, sink: &mut Sink) {
    if let Some((_, name)) = key.get(LONGEST) {
        sink.report(
            Problem::at(name, format!("the key has more than {LONGEST} parts"))
                .why("a key is a tuple, and longer ones are no keys")
                .instead("a struct of your own with `#[derive(CacheKey)]` as one parameter"),
        );
    }
}

fn typed(sig: &Signature) -> impl Iterator<Item = &PatType> {
    sig.inputs.iter().filter_map(|input| match input {
        FnArg::Typed(typed) => Some(typed),
        FnArg::Receiver(_) => None,
    })
}
