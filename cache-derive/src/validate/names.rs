//! Names that generated code reserves in the decorator.

use crate::diag::{Problem, Sink};
use crate::options::AttributeName;
use crate::parse::{CacheAttribute, MethodSyntax, StoreSyntax};

/// The last two also if the decorator does not have them: that depends on features and on the types of keys.
const FIXED: [&str; 9] =
    ["new", "builder", "backing", "invalidate_all", "fresh", "cached_only", "with_info", "snapshot_keys", "warm_from"];

/// The builder's methods besides one for each cached method.
const BUILDER: [&str; 4] = ["build", "try_build", "partition", "source"];

/// Reports methods whose names the decorator needs for itself.
pub(super) fn check(store: &StoreSyntax, sink: &mut Sink) {
    let cached: Vec<String> = store.methods().filter(|method| is_cached(method)).map(plain_name).collect();
    let writes: Vec<String> = store.methods().filter(|method| is_a_write(method)).map(plain_name).collect();
    for method in store.methods().filter(|method| method.over().is_none()) {
        let name = plain_name(method);
        if let Some(reason) = reserved_by(&name, is_cached(method), &cached, &writes) {
            sink.report(
                Problem::at(&method.sig.ident, format!("the name `{name}` is taken by generated code"))
                    .why(format!("{reason}, and one type cannot have both"))
                    .instead(if store.is_mirror() {
                        "a trait of your own in front of the foreign one, with another name for this method"
                    } else {
                        "another name for this method"
                    }),
            );
        }
    }
}

fn reserved_by(name: &str, is_cached: bool, cached: &[String], writes: &[String]) -> Option<String> {
    // `uncached` of the decorator is called like the attribute.
    if FIXED.contains(&name) || name == AttributeName::Uncached.text() {
        return Some(format!("the decorator has a function `{name}` of its own"));
    }
    if is_cached && BUILDER.contains(&name) {
        return Some(format!("the decorator's builder has a method for each cached method, and `{name}` of its own"));
    }
    if name.starts_with("__") {
        return Some("names that begin with `__` belong to the generated code".to_owned());
    }
    if let Some(write) = name.strip_prefix("begin_").filter(|write| writes.iter().any(|other| other == write)) {
        return Some(format!("the decorator has `{name}` for `{write}`, which invalidates"));
    }
    let read = ["peek_", "invalidate_", "warm_"].iter().find_map(|prefix| name.strip_prefix(prefix))?;
    cached
        .iter()
        .any(|cached| cached == read)
        .then(|| format!("the decorator has `{name}` for the cached method `{read}`"))
}

fn is_cached(method: &MethodSyntax) -> bool {
    method.cache_attributes.iter().any(|cache_attribute| matches!(cache_attribute, CacheAttribute::Cached(..)))
}

fn is_a_write(method: &MethodSyntax) -> bool {
    method.cache_attributes.iter().any(|cache_attribute| cache_attribute.write().is_some())
}

fn plain_name(method: &MethodSyntax) -> String {
    let name = method.sig.ident.to_string();
    name.strip_prefix("r#").map(ToOwned::to_owned).unwrap_or(name)
}
