//! The Redis user of the tests: that of ENVIRONMENT.md, for the namespaces of the tests.

/// The name of the user.
pub(crate) const USER: &str = "tests";
/// The user's password, which needs no escapes in an address.
pub(crate) const PASSWORD: &str = "secret";

/// The namespaces of the tests up to the first colon, one with a prefix.
const NAMESPACES: [&str; 4] = ["copilot", "race", "test", "staging:race"];
/// The namespace of a cache without stores, also with that key prefix.
const HOMES: [&str; 2] = ["cache:", "staging:cache:"];
/// The documentation's names for them, and its placeholder for a password.
const DOCUMENTED: (&str, &str) = ("copilot", ">change-me");

/// The ACL rules of the user in ENVIRONMENT.md, without their quotes.
///
/// # Panics
///
/// If it shows none.
pub fn documented_rules() -> Vec<&'static str> {
    rules_behind("redis-cli ACL SETUSER copilot reset")
}

/// The rules of the rights that the same user needs in addition on the servers of a cluster.
pub(crate) fn cluster_rules() -> Vec<String> {
    rules_behind("redis-cli ACL SETUSER copilot '+cluster").into_iter().flat_map(for_tests).collect()
}

/// The rights that the same user needs in addition on servers behind sentinels.
pub(crate) fn documented_role_rules() -> Vec<&'static str> {
    rules_behind("redis-cli ACL SETUSER copilot +role")
}

/// The ACL rules of the user on the sentinels in ENVIRONMENT.md.
///
/// # Panics
///
/// If it shows none.
pub fn documented_sentinel_rules() -> Vec<&'static str> {
    rules_behind("redis-cli -p 26379 ACL SETUSER copilot reset")
}

/// The rules of a command in ENVIRONMENT.md, which begins like this.
fn rules_behind(begins: &str) -> Vec<&'static str> {
    let text = include_str!("../../ENVIRONMENT.md");
    let (start, _) = text.match_indices(begins).next().unwrap_or_else(|| panic!("ENVIRONMENT.md has no `{begins}`"));
    let (_, rest) = text[start..].split_once("copilot ").expect("the command names the user");
    let command = rest.split("\n```").next().unwrap_or(rest);
    let command = command.split("\nredis-cli ").next().unwrap_or(command);
    command.split_whitespace().filter(|word| *word != "\\").map(|word| word.trim_matches('\'')).collect()
}

/// The rules of the tests' user on a sentinel.
pub(crate) fn sentinel_rules() -> Vec<String> {
    documented_sentinel_rules().into_iter().flat_map(for_tests).collect()
}

/// The same user with the rights in the tests' own namespaces.
pub(crate) fn arguments() -> Vec<String> {
    ["--user".to_owned(), USER.to_owned()].into_iter().chain(rules()).collect()
}

/// The rules of that user. The first one revokes every right.
pub(crate) fn rules() -> impl Iterator<Item = String> {
    documented_rules().into_iter().flat_map(for_tests)
}

/// A pattern of the documented namespace becomes one of each namespace; anything else stays.
fn for_tests(rule: &str) -> Vec<String> {
    let (namespace, password) = DOCUMENTED;
    match rule {
        _ if rule == password => vec![format!(">{PASSWORD}")],
        _ if rule.starts_with(['~', '&']) && rule.contains(namespace) => {
            NAMESPACES.map(|own| rule.replace(namespace, own)).into()
        }
        _ if rule.starts_with(['~', '&']) => HOMES.map(|own| rule.replacen(HOMES[0], own, 1)).into(),
        _ => vec![rule.to_owned()],
    }
}
