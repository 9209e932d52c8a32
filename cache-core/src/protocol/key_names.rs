//! The names of the keys and channels of a namespace.
//!
//! [`key`](crate::key) writes the keys of entries, and [`Scope`](super::Scope) those of their generations.
//!
//! A `namespace` is a bus namespace: the key prefix, if there is one, and the first part of a store's namespace. No
//! entry has one of these keys, since an entry's key contains no brace. No generation has one either, since its key
//! ends with `}`, and these keys continue after it.

/// The pending writers of a scope, by the key of its generation, in the same slot of a cluster.
pub(crate) fn writers_key(generation_key: &str) -> String {
    format!("{generation_key}:writers")
}

/// The claim on the refresh of an entry, by the key of its generation.
pub(crate) fn claim_key(generation_key: &str) -> String {
    format!("{generation_key}:refresh")
}

/// The channel of the invalidation bus.
///
/// There is one for now; the number leaves room for a channel for each shard of a cluster.
pub(crate) fn channel(namespace: &str) -> String {
    format!("{namespace}:bus:0")
}

/// The channel on which an instance receives its own heartbeats.
pub(crate) fn heartbeat_channel(namespace: &str, instance: &str) -> String {
    format!("{namespace}:beat:{instance}")
}

/// The epoch of a namespace.
pub(crate) fn epoch_key(namespace: &str) -> String {
    namespace_key(namespace, "epoch")
}

/// The members of a namespace.
pub(crate) fn members_key(namespace: &str) -> String {
    namespace_key(namespace, "members")
}

/// The key that each heartbeat of an instance writes.
pub(crate) fn heartbeat_key(namespace: &str, instance: &str) -> String {
    format!("g:{{{namespace}:}}:hb:{instance}")
}

/// A key of a namespace as a whole.
///
/// All keys of one namespace have one hash tag. No scope has it: a scope's name does not end with a colon after its
/// first part.
fn namespace_key(namespace: &str, what: &str) -> String {
    format!("g:{{{namespace}:}}:{what}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::key::{Head, KeyText, prefix_scope};
    use crate::protocol::scope::GENERATION_PREFIX;

    /// Texts that have a meaning in some key.
    const PIECES: [&str; 16] =
        ["g", "g:", "{", "}", "ns", "ns:", ":", "epoch", "hb", "members", "bus", "0", "beat", "%p", "*", ""];

    fn text() -> impl Strategy<Value = String> {
        prop::collection::vec(prop::sample::select(PIECES.to_vec()), 0..5).prop_map(|pieces| pieces.concat())
    }

    fn prefix() -> impl Strategy<Value = Option<&'static str>> {
        prop::sample::select(vec![None, Some("g"), Some("ns"), Some("ns:bus"), Some("staging")])
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn no_entry_and_no_generation_has_a_reserved_key(
            prefix in prefix(),
            namespace in text(),
            partition in prop::option::of(text()),
            entity in text(),
            key in prop::collection::vec(text(), 0..3),
            other in (prefix(), text(), text()),
        ) {
            let head = Head::new(prefix, &namespace, partition.as_deref(), &entity);
            let entry = KeyText::of(&head, &key).own;
            let whole = prefix_scope(&head, |_| ());
            let another = Head::new(other.0, &other.1, None, "e");
            for namespace in [head.bus_namespace(), another.bus_namespace()] {
                let reserved = [
                    epoch_key(namespace),
                    heartbeat_key(namespace, &other.2),
                    namespace_key(namespace, "members"),
                ];
                for scope in [&entry, &whole] {
                    prop_assert!(!reserved.iter().any(|key| key == scope.name()), "{}", scope.name());
                    let ends_like_a_generation = other.2.ends_with('}');
                    prop_assert!(ends_like_a_generation || !reserved.iter().any(|key| key == scope.generation_key()));
                }
            }
            let is_generation = entry.generation_key().starts_with(GENERATION_PREFIX) && entry.generation_key().ends_with('}');
            let has_braces = entry.name().contains(['{', '}']);
            prop_assert!(is_generation && !has_braces, "{}", entry.generation_key());
        }

        #[test]
        fn two_prefixes_share_no_reserved_key_and_no_channel(
            one in prefix(), two in prefix(), first in "[a-z]{1,3}", second in "[a-z]{1,3}",
        ) {
            let [one, two] = [Head::new(one, &first, None, "e"), Head::new(two, &second, None, "e")];
            let (one, two) = (one.bus_namespace(), two.bus_namespace());
            prop_assert_eq!(channel(one) == channel(two), one == two);
            prop_assert_eq!(epoch_key(one) == epoch_key(two), one == two);
            prop_assert_eq!(heartbeat_channel(one, "i") == heartbeat_channel(two, "i"), one == two);
        }
    }

    #[test]
    fn key_names_have_their_documented_form() {
        assert_eq!(channel("staging:copilot"), "staging:copilot:bus:0");
        assert_eq!(heartbeat_channel("copilot", "i1"), "copilot:beat:i1");
        assert_eq!(epoch_key("copilot"), "g:{copilot:}:epoch");
        assert_eq!(heartbeat_key("staging:copilot", "i1"), "g:{staging:copilot:}:hb:i1");
    }
}
