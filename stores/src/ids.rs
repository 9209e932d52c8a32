//! Identifiers as newtypes, so that a tenant cannot be passed as a user.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use cache_core::{CacheKey, CacheValue, KeyWriter};
use serde::{Deserialize, Serialize};
#[cfg(feature = "postgres")]
use sqlx::postgres::{PgHasArrayType, PgTypeInfo};
#[cfg(any(feature = "postgres", feature = "sqlite"))]
use sqlx::{Database, Decode, Encode, Type, encode::IsNull, error::BoxDynError};
use uuid::Uuid;

use crate::StoreError;

/// Implements the column traits of sqlx through those of `Uuid`, as the derive of sqlx would.
#[cfg(any(feature = "postgres", feature = "sqlite"))]
macro_rules! columns_of {
    ($name:ident) => {
        impl<DB: Database> Type<DB> for $name
        where
            Uuid: Type<DB>,
        {
            fn type_info() -> DB::TypeInfo {
                Uuid::type_info()
            }

            fn compatible(column: &DB::TypeInfo) -> bool {
                Uuid::compatible(column)
            }
        }

        impl<'q, DB: Database> Encode<'q, DB> for $name
        where
            Uuid: Encode<'q, DB>,
        {
            fn encode_by_ref(&self, arguments: &mut DB::ArgumentBuffer) -> Result<IsNull, BoxDynError> {
                self.0.encode_by_ref(arguments)
            }

            fn produces(&self) -> Option<DB::TypeInfo> {
                self.0.produces()
            }

            fn size_hint(&self) -> usize {
                self.0.size_hint()
            }
        }

        impl<'r, DB: Database> Decode<'r, DB> for $name
        where
            Uuid: Decode<'r, DB>,
        {
            fn decode(value: DB::ValueRef<'r>) -> Result<Self, BoxDynError> {
                Uuid::decode(value).map(Self)
            }
        }

        #[cfg(feature = "postgres")]
        impl PgHasArrayType for $name {
            fn array_type_info() -> PgTypeInfo {
                Uuid::array_type_info()
            }

            fn array_compatible(column: &PgTypeInfo) -> bool {
                Uuid::array_compatible(column)
            }
        }
    };
}

#[cfg(not(any(feature = "postgres", feature = "sqlite")))]
macro_rules! columns_of {
    ($name:ident) => {};
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, CacheValue)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps this UUID.
            pub const fn new(id: Uuid) -> Self {
                Self(id)
            }

            /// A new random identifier (UUID version 4).
            pub fn random() -> Self {
                Self(Uuid::new_v4())
            }

            /// The UUID inside.
            pub const fn as_uuid(&self) -> &Uuid {
                &self.0
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl FromStr for $name {
            type Err = StoreError;

            fn from_str(text: &str) -> Result<Self, StoreError> {
                match Uuid::from_str(text) {
                    Ok(id) => Ok(Self(id)),
                    Err(why) => Err(StoreError::invalid_input(
                        concat!("parse a ", $what),
                        format!("`{}` is not a UUID", text.escape_debug()),
                    )
                    .with_source(why)),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        columns_of!($name);

        // The derived form passes a slice, its length first: two calls, and a loop in most hashers.
        impl Hash for $name {
            fn hash<H: Hasher>(&self, state: &mut H) {
                state.write_u128(self.0.as_u128());
            }
        }

        impl CacheKey for $name {
            fn write_key(&self, out: &mut KeyWriter) {
                out.part(self.0.hyphenated().encode_lower(&mut [0; uuid::fmt::Hyphenated::LENGTH]));
            }

            #[inline]
            fn same_key(&self, other: &Self) -> bool {
                self == other
            }
        }
    };
}

id!(
    /// A tenant: a customer whose rows no other tenant may see.
    TenantId,
    "tenant id"
);
id!(
    /// A user of a tenant.
    UserId,
    "user id"
);
id!(
    /// A conversation.
    ConversationId,
    "conversation id"
);
id!(
    /// A message of a conversation.
    MessageId,
    "message id"
);
id!(
    /// A path through the messages of a conversation.
    PathId,
    "path id"
);

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks the calls: an id must write exactly one `u128`.
    #[derive(Default)]
    struct Calls(Vec<u128>);

    impl Hasher for Calls {
        fn finish(&self) -> u64 {
            0
        }

        fn write(&mut self, bytes: &[u8]) {
            panic!("{} bytes one by one", bytes.len());
        }

        fn write_u128(&mut self, value: u128) {
            self.0.push(value);
        }
    }

    #[test]
    fn text_and_json_are_the_hyphenated_uuid() {
        let text = "6f0c5a4e-3b5a-4f0e-9a55-0d2f1f0b7a11";
        let tenant: TenantId = text.parse().unwrap();
        assert_eq!(tenant.to_string(), text);
        assert_eq!(serde_json::to_string(&tenant).unwrap(), format!("\"{text}\""));
        assert_eq!(format!("{tenant:?}"), format!("TenantId({text})"));
    }

    #[test]
    fn an_invalid_id_is_named_in_the_error() {
        let error = "tenant-7\n".parse::<UserId>().unwrap_err();
        assert!(error.to_string().contains(r"`tenant-7\n` is not a UUID"), "{error}");
        assert_eq!(error.operation(), "parse a user id");
    }

    #[test]
    fn a_hash_is_one_call() {
        let id = TenantId::random();
        let mut calls = Calls::default();
        id.hash(&mut calls);
        assert_eq!(calls.0, [id.as_uuid().as_u128()]);
    }
}
