//! The options of `#[cached_store(..)]`.

use syn::Path;

use super::row::option;
use super::{AttributeName, Table, derives, key_text, options, value};
use crate::model::{Exclusive, Setting};

options! {
    NAMESPACE: String =
        option("namespace", &["\"copilot:llm\""], "the beginning of every key in the shared tier; parts separated by `:`")
            .aliases(&["prefix", "name"])
            .parsed(key_text::namespace);
    MODE: Setting = value::mode("the mode of the reads that do not set their own; `safe` by default").sets("mode", value::variant);
    CRATE: Path = option(derives::CRATE, &["caching"], "the path of `cache-core`, if it was renamed")
        .aliases(&["krate", "path"])
        .parsed(value::crate_path);
    FOREIGN: Path = option(
        "foreign",
        &["other::Store"],
        "implements this trait of another crate; the annotated trait is its mirror, which declares nothing",
    )
    .aliases(&["mirrors", "remote"])
    .parsed(value::trait_path);
    EXCLUSIVE: Exclusive = option(
        "exclusive",
        &["clone", "lock"],
        "how `&mut self` methods reach the store: each on a clone of it (a handle, such as one over a pool), or through a \
         `cache_core::RwLock` around it",
    )
    .aliases(&["mutable", "mut_self"])
    .parsed(value::exclusive);
}

/// The annotation of a trait.
pub(crate) const TABLE: Table = Table { attribute: AttributeName::CachedStore, options: ALL, excluded: &[] };
