//! The options of `#[cached(..)]`, and the rules that concern more than one of them.

use std::time::Duration;

use proc_macro2::Span as Place;
use syn::spanned::Spanned as _;
use syn::visit_mut::VisitMut;
use syn::{Attribute, Signature};

use super::absent;
use super::given::Given;
use super::self_type::SelfType;
use crate::diag::{Problem, Sink};
use crate::model::{Life, Options, Setting, SettingValue, Span};
use crate::options::{Spec, cached, size};
use crate::parse::Value;

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
    let settings = given.settings(&cached::SINGLE, sink);
    local_no_longer_than_ttl(ttl.as_ref(), &settings, given, sink);
    refreshed_before_the_end(ttl.as_ref(), &settings, given, sink);
    refreshes_at_all(given, sink);
    keeps_old_values(given, sink);
    old_values_at_the_soft_timeout(given, sink);
    idle_before_the_end(ttl.as_ref(), &settings, given, sink);
    weighed_in_bytes(&settings, given, sink);
    let mut options = Options {
        ttl: ttl?,
        settings,
        version: given.value(&cached::VERSION, sink).unwrap_or_default(),
        positional: positional(given),
        cache_if: given.value(&cached::CACHE_IF, sink),
        life: life(given, sink),
        weigh: given.value(&cached::WEIGH, sink),
        revalidate: given.value(&cached::REVALIDATE, sink),
        visible_if: given.value(&cached::VISIBLE_IF, sink),
        absent: absent::absent(sig, given, sink),
        inline: given.value(&cached::LOAD, sink).is_some(),
    };
    replace_self(&mut options, self_type);
    (sink.count() == before).then_some(options)
}

fn ttl(sig: &Signature, attribute: &Attribute, given: &Given<'_>, sink: &mut Sink) -> Option<Span> {
    if given.misses(&cached::TTL) {
        sink.report(
            Problem::at(attribute, format!("the cached method `{}` has no `ttl`", sig.ident))
                .why("it bounds how long a reader may see an old value when everything else fails")
                .instead("`ttl = \"5m\"`, or the path of a `Duration` constant"),
        );
    }
    given.value(&cached::TTL, sink)
}

/// Reports `refresh` on a method that loads nothing in the background.
fn refreshes_at_all(given: &Given<'_>, sink: &mut Sink) {
    if let Some(refresh) = given.get(&cached::REFRESH)
        && given.misses(&cached::REFRESH_AFTER)
        && given.misses(&cached::STALE_WHILE_REVALIDATE)
    {
        sink.report(
            Problem::at(refresh, "`refresh = once` without a refresh")
                .why("it says how a value is loaded in the background, and nothing says when")
                .instead("`refresh_after = \"80%\"` or `stale_while_revalidate = \"10m\"` beside it"),
        );
    }
}

/// Reports `revalidate` on a method that has no old value when it loads.
fn keeps_old_values(given: &Given<'_>, sink: &mut Sink) {
    let keeps = [&cached::REFRESH_AFTER, &cached::STALE_WHILE_REVALIDATE, &cached::STALE_IF_ERROR];
    if let Some(revalidate) = given.get(&cached::REVALIDATE)
        && keeps.into_iter().all(|option| given.misses(option))
    {
        sink.report(
            Problem::at(revalidate, "`revalidate` without an old value")
                .why("an expired value is gone before the next load, unless another option keeps it or loads it ahead")
                .instead("`refresh_after = \"80%\"`, `stale_while_revalidate = \"10m\"` or `stale_if_error = \"1h\"` beside it"),
        );
    }
}

/// The location of a codec that loses what needs names of fields.
fn positional(given: &Given<'_>) -> Option<Place> {
    let codec = given.get(&cached::CODEC).filter(|codec| codec.is(cached::POSTCARD))?;
    match &codec.value {
        Value::Equals(tokens) => Some(tokens.span()),
        Value::Nothing | Value::List(_) => None,
    }
}

/// The function that says how long a value lives. Two of them exclude each other.
fn life(given: &Given<'_>, sink: &mut Sink) -> Option<Life> {
    let ttl_from = given.value(&cached::TTL_FROM, sink).map(Life::For);
    let expires_at = given.value(&cached::EXPIRES_AT, sink).map(Life::Until);
    ttl_from.or(expires_at)
}

/// Replaces `Self` in every path of the options.
fn replace_self(options: &mut Options, self_type: &mut SelfType) {
    let arguments = options.settings.iter_mut().filter_map(|setting| setting.argument.as_mut());
    let durations = arguments.filter_map(|argument| match argument {
        SettingValue::Duration(span) => Some(span),
        SettingValue::Number(_) | SettingValue::Variant { .. } => None,
    });
    let constants = durations.chain([&mut options.ttl]).filter_map(|span| match span {
        Span::Const(path, _) => Some(path),
        Span::Literal(_) => None,
    });
    let absent = options.absent.iter_mut().flat_map(|absent| [&mut absent.is_absence, &mut absent.error]);
    let life = options.life.as_mut().map(Life::path_mut);
    let functions = options.cache_if.iter_mut().chain(life).chain(&mut options.weigh).chain(&mut options.visible_if);
    for path in constants.chain(functions).chain(absent) {
        self_type.visit_expr_path_mut(path);
    }
}

/// The value of a setting, if it is a literal length of time.
fn literal(settings: &[Setting], option: &Spec<Setting>) -> Option<Duration> {
    let setting = settings.iter().find(|setting| setting.option == option.row.name)?;
    match &setting.argument {
        Some(SettingValue::Duration(Span::Literal(span))) => Some(*span),
        _ => None,
    }
}

fn refreshed_before_the_end(ttl: Option<&Span>, settings: &[Setting], given: &Given<'_>, sink: &mut Sink) {
    if let (Some(Span::Literal(ttl)), Some(age)) = (ttl, literal(settings, &cached::REFRESH_AFTER))
        && age >= *ttl
    {
        sink.report(
            Problem::at(given.get(&cached::REFRESH_AFTER), "`refresh_after` is not below `ttl`")
                .why("an entry of that age has expired: the next read loads it anyway")
                .instead("a shorter `refresh_after`, such as `\"80%\"`, or `stale_while_revalidate` for values that have expired"),
        );
    }
}

fn old_values_at_the_soft_timeout(given: &Given<'_>, sink: &mut Sink) {
    if let Some(option) = given.get(&cached::SOFT_TIMEOUT)
        && given.misses(&cached::STALE_IF_ERROR)
    {
        sink.report(
            Problem::at(option, "`soft_timeout` without `stale_if_error`")
                .why("a caller that stops waiting needs an expired value, and only that option keeps one that does not answer at once")
                .instead(
                    "also `stale_if_error = \"1h\"`, for how long a value may answer after its `ttl`, or `load_deadline` for \
                     callers that are to get an error",
                ),
        );
    }
}

fn local_no_longer_than_ttl(ttl: Option<&Span>, settings: &[Setting], given: &Given<'_>, sink: &mut Sink) {
    if let (Some(Span::Literal(ttl)), Some(local)) = (ttl, literal(settings, &cached::LOCAL))
        && local > *ttl
    {
        sink.report(
            Problem::at(given.get(&cached::LOCAL), "`local` is longer than `ttl`")
                .why("no entry outlives its `ttl` in any tier, so `local` would change nothing")
                .instead("a shorter `local`, or leave it out"),
        );
    }
}

fn idle_before_the_end(ttl: Option<&Span>, settings: &[Setting], given: &Given<'_>, sink: &mut Sink) {
    let outlives_its_ttl = [&cached::STALE_WHILE_REVALIDATE, &cached::STALE_IF_ERROR];
    if let (Some(Span::Literal(ttl)), Some(idle)) = (ttl, literal(settings, &cached::TTI))
        && idle >= *ttl
        && outlives_its_ttl.iter().all(|option| given.misses(option))
    {
        sink.report(
            Problem::at(given.get(&cached::TTI), "`tti` is not below `ttl`")
                .why("an entry that was not read for that long has expired already")
                .instead("a shorter `tti`, or leave it out"),
        );
    }
}

fn weighed_in_bytes(settings: &[Setting], given: &Given<'_>, sink: &mut Sink) {
    let capacity = settings.iter().find(|setting| setting.option == cached::LOCAL_CAPACITY.row.name);
    let is_in_bytes = capacity.map_or_else(|| !given.misses(&cached::LOCAL_CAPACITY), |set| set.method == size::BYTES);
    if let Some(weigh) = given.get(&cached::WEIGH).filter(|_| !is_in_bytes) {
        sink.report(
            Problem::at(weigh, "`weigh` without a `local_capacity` in bytes")
                .why("a local tier that is bounded by its number of entries weighs no value")
                .instead("a size beside it, such as `local_capacity = \"64MiB\"`, or leave it out"),
        );
    }
}
