//! Enums whose variants are words, in the database and in JSON alike.

/// Defines enums whose variants have words.
///
/// Each has a name, then a description with an article and a list of its words, for an error's text, then its variants
/// with their words.
macro_rules! words {
    ($(
        $(#[$doc:meta])*
        $name:ident, $what:literal, $expected:literal {
            $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+
        }
    )+) => {$(
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, cache_core::CacheValue,
        )]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// All variants.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The word of the variant in the database and in JSON.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::StoreError;

            fn from_str(text: &str) -> Result<Self, $crate::StoreError> {
                Self::ALL.iter().copied().find(|known| known.as_str() == text).ok_or_else(|| {
                    let context = format!("`{}` is none of {}", text.escape_debug(), $expected);
                    $crate::StoreError::invalid_input(concat!("parse ", $what), context)
                })
            }
        }
    )+};
}

pub(crate) use words;

/// Checks that each of `all` has a word, and that `expected` lists all words.
#[cfg(test)]
pub(crate) fn check<T>(all: &[T], expected: &str)
where
    T: Copy + std::fmt::Debug + PartialEq + ToString + std::str::FromStr + serde::Serialize,
{
    let words: Vec<_> = all.iter().map(ToString::to_string).collect();
    assert_eq!(words.join(" "), expected);
    for one in all {
        assert_eq!(one.to_string().parse::<T>().ok(), Some(*one));
        assert_eq!(serde_json::to_value(one).unwrap(), one.to_string());
    }
    assert!("Private".parse::<T>().is_err() && "".parse::<T>().is_err());
}
