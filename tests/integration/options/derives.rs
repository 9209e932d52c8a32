//! The derives of keys and values.

use std::collections::HashSet;
use std::fmt;

use cache_core::{Cache, CacheKey, CacheValue, cached_store};

use super::support::{Calls, Failed};

#[derive(Clone, PartialEq, Eq, Hash, CacheKey)]
pub(super) struct Tenant(u64);

#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Region(&'static str);

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

#[derive(Clone, PartialEq, Eq, Hash, CacheKey)]
pub(super) enum Filter<T> {
    Everything,
    Of(T, Option<u8>),
    Named {
        name: String,
        #[cache_key(display)]
        region: Region,
    },
}

#[derive(Clone, PartialEq, Eq, Hash, CacheKey)]
pub(super) struct Unit;

#[cached_store(namespace = "test:derives")]
pub(super) trait Store: Send + Sync {
    #[cached(entity = "found", key(tenant, filter, unit), ttl = "5m")]
    async fn find(&self, tenant: Tenant, filter: &Filter<u64>, unit: Unit) -> Result<usize, Failed>;

    #[invalidates(find(tenant, filter, Unit))]
    async fn change(&self, tenant: Tenant, filter: Filter<u64>) -> Result<(), Failed>;
}

struct Counted(Calls);

impl Store for Counted {
    async fn find(&self, _: Tenant, _: &Filter<u64>, _: Unit) -> Result<usize, Failed> {
        Ok(self.0.add())
    }
    async fn change(&self, _: Tenant, _: Filter<u64>) -> Result<(), Failed> {
        Ok(())
    }
}

#[tokio::test]
async fn derived_keys_distinguish_entries_in_reads_and_invalidations() {
    let store = CachingStore::new(std::sync::Arc::new(Counted(Calls::default())), &Cache::single_instance());
    let named = |name: &str, region| Filter::Named { name: name.to_owned(), region: Region(region) };
    let filters = [
        Filter::Everything,
        Filter::Of(1, None),
        Filter::Of(1, Some(1)),
        Filter::Of(2, None),
        named("a", "b"),
        named("a:b", ""),
    ];
    let mut answers = HashSet::new();
    for filter in &filters {
        answers.insert(store.find(Tenant(1), filter, Unit).await.unwrap());
    }
    assert_eq!(answers.len(), filters.len());

    store.change(Tenant(1), named("a", "b")).await.unwrap();
    for filter in &filters {
        let kept = store.peek_find(Tenant(1), filter, Unit).is_some();
        assert_eq!(kept, *filter != named("a", "b"));
    }
}

mod fingerprints {
    use super::CacheValue;

    macro_rules! variant {
        ($module:ident: $($tokens:tt)*) => {
            #[allow(dead_code, reason = "only the shape counts")]
            mod $module {
                use cache_core::CacheValue;
                #[derive(CacheValue)]
                $($tokens)*
            }
        };
    }

    variant!(base: pub(super) struct Value { a: u64, b: Option<String> });
    variant!(same: pub(super) struct Value { a: u64, b: Option<String> });
    variant!(renamed_field: pub(super) struct Value { a: u64, c: Option<String> });
    variant!(other_type: pub(super) struct Value { a: u32, b: Option<String> });
    variant!(other_order: pub(super) struct Value { b: Option<String>, a: u64 });
    variant!(fewer: pub(super) struct Value { a: u64 });
    variant!(enumeration: pub(super) enum Value { A(u64), B });
    variant!(other_variant: pub(super) enum Value { A(u64), C });
    variant!(nested: pub(super) struct Value { a: super::base::Value });
    variant!(nested_other: pub(super) struct Value { a: super::fewer::Value });

    #[derive(CacheValue)]
    #[expect(dead_code, reason = "only the shape counts")]
    struct Recursive<T> {
        value: T,
        children: Vec<Recursive<T>>,
    }

    #[derive(CacheValue)]
    #[expect(dead_code, reason = "only the shape counts")]
    struct Left {
        right: Option<Box<Right>>,
    }

    #[derive(CacheValue)]
    #[expect(dead_code, reason = "only the shape counts")]
    struct Right {
        #[cache_value(by_name)]
        left: Option<Box<Left>>,
    }

    #[test]
    fn every_change_of_the_shape_changes_the_fingerprint() {
        let all = [
            base::Value::FINGERPRINT,
            renamed_field::Value::FINGERPRINT,
            other_type::Value::FINGERPRINT,
            other_order::Value::FINGERPRINT,
            fewer::Value::FINGERPRINT,
            enumeration::Value::FINGERPRINT,
            other_variant::Value::FINGERPRINT,
            nested::Value::FINGERPRINT,
            nested_other::Value::FINGERPRINT,
            Recursive::<u64>::FINGERPRINT,
            Recursive::<u32>::FINGERPRINT,
            Left::FINGERPRINT,
            Right::FINGERPRINT,
        ];
        let different: std::collections::HashSet<u64> = all.into_iter().collect();
        assert_eq!(different.len(), all.len());
        assert_eq!(base::Value::FINGERPRINT, same::Value::FINGERPRINT);
    }
}
