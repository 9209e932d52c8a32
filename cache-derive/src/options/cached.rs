//! The options of `#[cached(..)]`.

use proc_macro2::Ident;
use syn::ExprPath;

use super::row::{Conflict, enumerated, option};
use super::{AttributeName, Table, key_text, options, value};
use crate::model::{Setting, Span};
use crate::parse::TagSyntax;

/// The codec without names of fields, which not every value survives.
pub(crate) const POSTCARD: &str = "postcard";

/// The mode of a read without a mode of its own or of its trait.
pub(crate) const DEFAULT_MODE: &str = "safe";

/// The conflict of an option of the local tier with `local = off`.
const fn without_local_tier(option: &'static str) -> Conflict {
    Conflict { option, other: "local = off", why: "there is no local tier for it to describe" }
}

/// The conflict of an option that loads in the background with `load = inline`.
const fn without_task(option: &'static str) -> Conflict {
    Conflict {
        option,
        other: "load = inline",
        why: "a load in the background has no caller from whose arguments it could borrow",
    }
}

/// The conflict of an option that keeps expired values with values that end at a moment.
const fn without_old_values(option: &'static str) -> Conflict {
    Conflict {
        option,
        other: "expires_at",
        why: "a value is of no use after the moment that `expires_at` returns for it",
    }
}

options! {
    ENTITY: String = option("entity", &["\"policy\""], "follows the namespace in every key; unique in the trait")
        .aliases(&["name"])
        .parsed(key_text::entity);
    KEY: Vec<Ident> = option("key", &["(tenant, user)"], "the parameters that make up the key, in this order")
        .parsed(value::names);
    IGNORE: Vec<Ident> = option("ignore", &["(trace)"], "the parameters that do not change the answer")
        .aliases(&["skip", "exclude"])
        .parsed(value::names);
    DISPLAY: Vec<Ident> = option(
        "display",
        &["(tenant)"],
        "the parameters of the key whose types are no keys: their `Display` text is the part of the key",
    )
    .parsed(value::names);
    TAGS: TagSyntax = option(
        "tags",
        &["(\"tenant\", tenant)", "(\"user\", value.id)", "(UserTag, value.id)"],
        "a tag of the entries, by parameters of the key or by fields of `value`, for `#[invalidates(tag(..))]`; may be \
         repeated",
    )
    .aliases(&["tag"])
    .repeated()
    .parsed(value::tag);
    TTL: Span = option(
        "ttl",
        &["\"5m\""],
        "how long a value lives, at most; in Redis no longer than 24 hours: such as `\"90s\"`, `\"1h 30m\"`, or a path to a \
         `Duration` constant",
    )
    .aliases(&["expire", "expires", "expiry", "time_to_live", "time"])
    .parsed(value::duration);
    NEGATIVE_TTL: Setting =
        option("negative_ttl", &["\"30s\""], "how long an absence (`None`) lives; without it absence is not cached")
            .excludes(&[Conflict {
                option: "negative_ttl",
                other: "visible_if",
                why: "an absence may only mean that this reader may not see the value, and would hide it from the others",
            }])
            .sets("negative_ttl", value::positive_duration);
    ABSENT_IF: ExprPath = option(
        "absent_if",
        &["is_not_found"],
        "a function `(&error) -> bool`: whether an error of the store says that there is no value, which is cached for \
         `negative_ttl`",
    )
    .parsed(value::function);
    ABSENT_AS: ExprPath = option(
        "absent_as",
        &["not_found"],
        "a function `(&key_part, ..) -> Error`: the error for a value that does not exist, by `absent_if`",
    )
    .parsed(value::function);
    JITTER: Setting = option("jitter", &["10"], "shortens each life by a random share of up to this many percent, at most 50")
        .sets("jitter_percent", value::share_of_life);
    LOCAL: Setting = option("local", &[value::OFF, "\"30s\""], "no local tier, or a shorter life there")
        .sets("local_ttl", value::local);
    LOCAL_CAPACITY: Setting = option(
        "local_capacity",
        &["10_000", "\"64MiB\""],
        "the most entries of the local tier, or the most bytes of their encoded values",
    )
    .aliases(&["capacity", "size"])
    .excludes(&[without_local_tier("local_capacity")])
    .sets("local_capacity", value::capacity);
    WEIGH: ExprPath = option(
        "weigh",
        &["size_of_policy"],
        "with `local_capacity` in bytes: a function `(&value) -> usize`, the bytes that a value counts in place of its \
         encoded length; called once when it is stored; a value for which it panics is not stored locally",
    )
    .aliases(&["weight", "weigher"])
    .excludes(&[without_local_tier("weigh")])
    .parsed(value::function);
    TTI: Setting = option("tti", &["\"1m\""], "an entry that is not read for this long leaves the local tier")
        .aliases(&["time_to_idle", "idle", "expire_after_access"])
        .excludes(&[without_local_tier("tti")])
        .sets("tti", value::positive_duration);
    LOCAL_ENGINE: Setting = enumerated(
        "local_engine",
        "LocalEngine",
        &[("quick", "Quick"), ("moka", "Moka")],
        "the implementation of the local tier; `quick` by default",
    )
    .aliases(&["engine"])
    .excludes(&[without_local_tier("local_engine")])
    .sets("local_engine", value::variant);
    VERSION: u32 = option("version", &["2"], "entries of another version are misses").parsed(value::version);
    CODEC: Setting = enumerated(
        "codec",
        "Codec",
        &[("json", "Json"), ("msgpack", "MessagePack"), (POSTCARD, "Postcard")],
        "the encoding in the shared tier, `msgpack` by default; `postcard` refuses types with certain attributes of serde \
         (see `CacheValue`)",
    )
    .aliases(&["encoding", "format"])
    .sets("codec", value::variant);
    CACHE_IF: ExprPath = option(
        "cache_if",
        &["worth_keeping"],
        "a function `(&value) -> bool`: whether a value is cached; a panic counts as false",
    )
    .aliases(&["filter"])
    .parsed(value::function);
    TTL_FROM: ExprPath = option(
        "ttl_from",
        &["max_age"],
        "a function `(&value) -> Duration`: how long this value lives, at most for `ttl`; with zero or a panic it is not \
         cached",
    )
    .aliases(&["ttl_of", "ttl_by", "ttl_fn"])
    .parsed(value::function);
    EXPIRES_AT: ExprPath = option(
        "expires_at",
        &["end_of_validity"],
        "a function `(&value) -> SystemTime`: the moment at which this value ends, at most after `ttl`; with a moment in the \
         past or a panic it is not cached",
    )
    .aliases(&["expire_at", "expires_on", "valid_until", "not_after"])
    .excludes(&[
        Conflict { option: "expires_at", other: "ttl_from", why: "each of them says when a value ends" },
        without_old_values("stale_while_revalidate"),
        without_old_values("stale_if_error"),
    ])
    .parsed(value::function);
    REVALIDATE: (Ident, ExprPath) = option(
        "revalidate",
        &["(policy_version, TenantPolicy::version)"],
        "a method of the trait over the same key that returns the version of the row, and a function `(&value) -> version`: a \
         value whose version the store still has is not loaded again",
    )
    .aliases(&["etag", "validate"])
    .parsed(value::method_and_function);
    VISIBLE_IF: ExprPath = option(
        "visible_if",
        &["may_read"],
        "a function `(&value, &parameter, ..) -> bool`: called on every hit; false or a panic sends the call to the store",
    )
    .parsed(value::function);
    LOAD: () = option(
        "load",
        &["inline"],
        "runs the load in the caller's task, so that it may borrow from the arguments",
    )
    .parsed(|option, row| value::choice(option, row).map(drop));
    MODE: Setting = value::mode(
        "how long writes that invalidate it wait, and so which values its readers may see (`cache_core::Mode`)",
    )
    .excludes(&[Conflict {
        option: "mode = strict",
        other: "local = off",
        why: "a strict write waits until no local tier returns the old value, and this method has no local tier",
    }])
    .sets("mode", value::variant);
    BATCH: ExprPath = option(
        "batch",
        &["get_policy"],
        "a method over many keys, which shares the entries of this one; `key` and `ignore` may be repeated, other options \
         are not allowed",
    )
    .parsed(value::function);
    BY: ExprPath = option(
        "by",
        &["id_of"],
        "with `batch`: a function `(&row) -> key` or `(&row) -> &key`, for a method over many keys that returns a list of rows",
    )
    .aliases(&["key_of", "keyed_by"])
    .parsed(value::function);
    REFRESH_AFTER: Setting = option(
        "refresh_after",
        &["\"4m\"", "\"80%\""],
        "the age, or the share of `ttl`, from which a read loads the value again in the background",
    )
    .aliases(&["refresh_ahead", "refresh_after_write"])
    .excludes(&[without_task("refresh_after")])
    .sets("refresh_after", value::age);
    REFRESH: Setting = option(
        "refresh",
        &["once"],
        "loads a value in the background in one instance at a time, which claims it in the shared tier",
    )
    .excludes(&[without_task("refresh")])
    .sets("refresh_once", value::only_choice);
    STALE_WHILE_REVALIDATE: Setting = option(
        "stale_while_revalidate",
        &["\"10m\""],
        "how long after its `ttl` a value still answers while it is loaded again, unless a write has invalidated it",
    )
    .aliases(&["swr", "stale"])
    .excludes(&[without_task("stale_while_revalidate")])
    .sets("stale_while_revalidate", value::positive_duration);
    STALE_IF_ERROR: Setting = option(
        "stale_if_error",
        &["\"1h\""],
        "how long after its `ttl` a value answers if the store is unavailable, which its error type says \
         (`cache_core::LoadError`)",
    )
    .aliases(&["sie", "stale_on_error", "grace"])
    .sets("stale_if_error", value::positive_duration);
    SOFT_TIMEOUT: Setting = option(
        "soft_timeout",
        &["\"50ms\""],
        "with `stale_if_error`: how long a caller waits for a load, at most, before it gets the expired value; the load goes \
         on",
    )
    .aliases(&["soft_deadline", "factory_soft_timeout", "timeout"])
    .excludes(&[Conflict {
        option: "soft_timeout",
        other: "load = inline",
        why: "a load that continues after its caller has an answer cannot borrow from the caller's arguments",
    }])
    .sets("soft_timeout", value::limit);
    LOAD_DEADLINE: Setting = option(
        "load_deadline",
        &["\"2s\""],
        "how long a load may take, at most; by default that of the cache (`CacheBuilder::load_deadline`)",
    )
    .aliases(&["deadline", "load_timeout", "hard_timeout"])
    .sets("load_deadline", value::limit);
}

/// A method over one key.
pub(crate) const SINGLE: Table = Table { attribute: AttributeName::Cached, options: ALL, excluded: &[] };

/// A method over many keys.
pub(crate) const MANY: Table =
    Table { attribute: AttributeName::Cached, options: &[BATCH.row, BY.row, KEY.row, IGNORE.row], excluded: ALL };
