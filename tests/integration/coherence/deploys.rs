//! R27: two builds of a service share one Redis, as during a deployment.
//!
//! An entry of one build is a miss for the other if the value's type, the annotation's version or the codec differs. A
//! write by either build invalidates the entries of both.

use cache_core::testing::Protection;

use super::sync_points::until;
use super::world::{Instance, World};

/// One build: a store with one `$value`, under the same key in every build.
macro_rules! build {
    ($name:ident, $value:ty, $row:expr, $($option:tt)*) => {
        mod $name {
            use async_trait::async_trait;
            use cache_core::cached_store;

            use super::super::register::RegisterError;

            #[cached_store(namespace = "race:test")]
            #[async_trait]
            pub(super) trait Deployed: Send + Sync {
                /// The value.
                #[cached(entity = "deployed", key(id), ttl = "10m" $($option)*)]
                async fn value(&self, id: u64) -> Result<$value, RegisterError>;

                /// Changes the value.
                #[invalidates(value(id))]
                async fn change(&self, id: u64) -> Result<(), RegisterError>;
            }

            /// The store as this build reads it.
            pub(super) struct Row;

            #[async_trait]
            impl Deployed for Row {
                async fn value(&self, _: u64) -> Result<$value, RegisterError> {
                    Ok($row)
                }

                async fn change(&self, _: u64) -> Result<(), RegisterError> {
                    Ok(())
                }
            }

            /// This build's decorator over an instance.
            pub(super) fn on(instance: &super::Instance) -> CachingDeployed<Row> {
                CachingDeployed::new(std::sync::Arc::new(Row), &instance.cache)
            }
        }
    };
}

/// A type that gained a field: old entries still decode, without its value.
mod shapes {
    pub(super) mod before {
        use cache_core::CacheValue;
        use serde::{Deserialize, Serialize};

        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, CacheValue)]
        pub(in super::super) struct Price {
            pub(in super::super) net: u64,
        }
    }

    pub(super) mod after {
        use cache_core::CacheValue;
        use serde::{Deserialize, Serialize};

        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, CacheValue)]
        pub(in super::super) struct Price {
            pub(in super::super) net: u64,
            #[serde(default)]
            pub(in super::super) tax: u64,
        }
    }
}

build!(plain, super::shapes::before::Price, super::shapes::before::Price { net: 100 },);
build!(taxed, super::shapes::after::Price, super::shapes::after::Price { net: 100, tax: 19 },);
build!(in_whole, u64, 49,);
// Only the version distinguishes them: the value is a number in both.
build!(in_cents, u64, 4900, , version = 2);
// The one-character text of 49 in MessagePack is 1 in JSON.
build!(in_json, u64, 49, , codec = json);

/// The reasons for which an entry of the other build was rejected.
fn refused(instance: &Instance) -> Vec<&'static str> {
    instance.cache.stats().method("Deployed", "value").errors.keys().copied().collect()
}

/// An old and a new build of a world, once the old one has filled.
macro_rules! deployed {
    ($world:expr, $old:ident, $new:ident) => {{
        let (one, two) = ($world.instance().await, $world.instance().await);
        let (old, new) = ($old::on(&one), $new::on(&two));
        $old::Deployed::value(&old, 1).await.unwrap();
        until("the old build has filled", || one.cache.stats().method("Deployed", "value").fills == 1).await;
        (one, two, old, new)
    }};
}

/// Checks what the new build reads after a fill of the old one.
macro_rules! case {
    ($old:ident, $new:ident, $refusal:literal, right: $right:expr, wrong: $wrong:expr) => {
        for world in World::each(None) {
            let (_one, two, _old, new) = deployed!(world, $old, $new);
            assert_eq!($new::Deployed::value(&new, 1).await, Ok($right));
            assert_eq!(refused(&two), [$refusal]);
        }
        for world in World::each(Some(Protection::Fingerprint)) {
            let (_one, _two, _old, new) = deployed!(world, $old, $new);
            assert_eq!($new::Deployed::value(&new, 1).await, Ok($wrong), "the control must read the old build's bytes");
        }
    };
}

#[tokio::test]
async fn r27_an_entry_of_another_shape_version_or_codec_is_a_miss() {
    use shapes::after::Price;
    case!(plain, taxed, "fingerprint", right: Price { net: 100, tax: 19 }, wrong: Price { net: 100, tax: 0 });
    case!(in_whole, in_cents, "fingerprint", right: 4900, wrong: 49);
    case!(in_whole, in_json, "codec", right: 49, wrong: 1);
}

#[tokio::test]
async fn r27_a_write_of_either_build_ends_the_entries_of_both() {
    for world in World::each(None) {
        let (one, two, old, new) = deployed!(world, in_whole, in_cents);
        in_cents::Deployed::value(&new, 1).await.unwrap();
        until("both have filled", || two.cache.stats().method("Deployed", "value").fills == 1).await;
        assert_eq!((old.peek_value(1), new.peek_value(1)), (Some(49), Some(4900)));
        in_cents::Deployed::change(&new, 1).await.unwrap();
        until("the old build has received the invalidation", || old.peek_value(1).is_none()).await;
        in_whole::Deployed::value(&old, 1).await.unwrap();
        assert_eq!(old.peek_value(1), Some(49));
        in_whole::Deployed::change(&old, 1).await.unwrap();
        until("the new build has received the invalidation", || new.peek_value(1).is_none()).await;
        drop(one);
    }
}
