//! Checks the key prefix, the same way for the builder and for the environment.
//!
//! The characters that it allows have no meaning in keys, in patterns of Redis, or in the lists of rights of a Redis
//! user.

/// The longest prefix, in bytes.
const LONGEST: usize = 128;

pub(crate) const EXPECTED: &str =
    "parts of letters, digits, `_`, `-` and `.`, separated by `:`, 128 bytes at most, such as `staging`";

/// Checks a prefix; the error describes what is allowed.
pub(crate) fn check(prefix: &str) -> Result<(), &'static str> {
    if prefix.len() <= LONGEST && prefix.split(':').all(is_part) { Ok(()) } else { Err(EXPECTED) }
}

fn is_part(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::super::variables::Variables;
    use super::*;
    use crate::CacheBuilder;
    use crate::cache::Cache;

    #[test]
    fn valid_and_invalid_prefixes() {
        for good in ["staging", "a:b", "Team-1:eu_west.2", &"x".repeat(128)] {
            assert!(check(good).is_ok() && Cache::builder().key_prefix(good).build().is_ok(), "{good}");
        }
        for bad in ["", ":", "a:", ":a", "a::b", "a b", "a*", "{a}", "%p", "é", "a\n", &"x".repeat(129)] {
            let error = Cache::builder().key_prefix(bad).build().unwrap_err().to_string();
            assert!(error.starts_with("the key prefix is `") && error.ends_with(EXPECTED), "{error}");
        }
    }

    #[test]
    fn the_variable_is_named_with_its_range_also_while_caching_is_off() {
        for (switch, value) in [("true", "a b"), ("false", "{}")] {
            let lookup = |name: &str| match name {
                "CACHE_KEY_PREFIX" => Some(value),
                "ENABLE_REDIS_CACHING" => Some(switch),
                _ => None,
            };
            let error = CacheBuilder::from_variables(&Variables::new(lookup)).unwrap_err().to_string();
            assert_eq!(error, format!("CACHE_KEY_PREFIX is `{value}`: expected {EXPECTED}"));
        }
        let empty = Variables::new(|name| (name == "CACHE_KEY_PREFIX").then_some(" "));
        assert!(CacheBuilder::from_variables(&empty).unwrap().build().is_ok(), "an empty variable is an unset one");
    }
}
