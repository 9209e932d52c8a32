//! `absent_if` and `absent_as`: absences that the store reports as errors.

use syn::{Signature, Type};

use super::given::Given;
use super::returned::option_of;
use crate::diag::{Problem, Sink};
use crate::model::Absent;
use crate::options::cached::{ABSENT_AS, ABSENT_IF, NEGATIVE_TTL};

/// The two functions, which belong together.
pub(super) fn absent(sig: &Signature, given: &Given<'_>, sink: &mut Sink) -> Option<Absent> {
    let (is_absence, error) = (given.value(&ABSENT_IF, sink), given.value(&ABSENT_AS, sink));
    let name = &sig.ident;
    if given.get(&ABSENT_IF).is_some() && given.misses(&ABSENT_AS) {
        sink.report(
            Problem::at(given.get(&ABSENT_IF), format!("`{name}` has `absent_if` and no `absent_as`"))
                .why("a cached absence is returned as an error, which the cache cannot make")
                .instead("`absent_as = not_found` as well, a function `(&key_part, ..) -> Error`"),
        );
    }
    if given.get(&ABSENT_AS).is_some() && given.misses(&ABSENT_IF) {
        sink.report(
            Problem::at(given.get(&ABSENT_AS), format!("`{name}` has `absent_as` and no `absent_if`"))
                .why("no error counts as an absence without it")
                .instead("`absent_if = is_not_found` as well, a function `(&error) -> bool`"),
        );
    }
    if given.get(&ABSENT_IF).is_some() && given.misses(&NEGATIVE_TTL) {
        sink.report(
            Problem::at(given.get(&ABSENT_IF), format!("`{name}` has `absent_if` and no `negative_ttl`"))
                .why("an absence is not cached without a time to live of its own")
                .instead("`negative_ttl = \"30s\"` as well"),
        );
    }
    Some(Absent { is_absence: is_absence?, error: error? })
}

/// Checks that only errors stand for an absence.
pub(super) fn is_never_an_option(sig: &Signature, value: &Type, given: &Given<'_>, sink: &mut Sink) {
    if let Some(option) = given.get(&ABSENT_IF).filter(|_| option_of(value).is_some()) {
        sink.report(
            Problem::at(option, format!("`absent_if` stands on `{}`, which returns an `Option`", sig.ident))
                .why("`None` is its absence already, and a cached error could not be told from it")
                .instead("leave it out, or return `Result<V, E>`"),
        );
    }
}
