//! Names that could conflict: keywords, a shadowed prelude, a renamed crate, our own names.

use std::sync::Arc;

use cache_core::Cache;

use super::support::{Calls, Failed};

mod keywords {
    use super::*;

    #[cache_core::cached_store(namespace = "test:keywords")]
    pub(super) trait r#Match: Send + Sync {
        #[cached(entity = "type", key(r#in), ttl = "5m")]
        async fn r#type(&self, r#in: u64) -> Result<usize, Failed>;

        #[invalidates(r#type(r#in))]
        async fn r#move(&self, r#in: u64) -> Result<(), Failed>;
    }

    #[derive(Default)]
    struct Counted(Calls);

    impl Match for Counted {
        async fn r#type(&self, _: u64) -> Result<usize, Failed> {
            Ok(self.0.add())
        }
        async fn r#move(&self, _: u64) -> Result<(), Failed> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn keywords_work_as_raw_identifiers() {
        let caching = CachingMatch::new(Arc::new(Counted::default()), &Cache::single_instance());
        assert_eq!(caching.r#type(1).await.unwrap(), 1);
        caching.r#move(1).await.unwrap();
        assert_eq!(caching.peek_type(1), None);
        assert_eq!(caching.r#type(1).await.unwrap(), 2);
        caching.invalidate_type(1).await;
    }
}

/// Redefines every name that generated code could rely on.
#[allow(non_snake_case, dead_code, unused_macros, unused_imports, reason = "this scope is hostile on purpose")]
mod hostile {
    use super::Failed;

    pub(super) struct Option;
    pub(super) struct Result;
    pub(super) struct Vec;
    pub(super) struct String;
    pub(super) struct Arc;
    pub(super) struct Cache;
    pub(super) struct Region;
    /// The usual name of the type parameter.
    #[derive(Clone, PartialEq, Eq, Hash, cache_core::CacheKey)]
    pub(super) struct S(pub(super) u64);
    pub(super) trait Send {}
    pub(super) trait Sync {}
    pub(super) trait Sized {}
    pub(super) trait Clone {}
    pub(super) trait Future {}
    pub(super) trait FnOnce {}
    pub(super) mod core {}
    pub(super) mod std {}
    pub(super) mod cache_core_is_elsewhere {}
    fn Some() {}
    fn None() {}
    fn Ok() {}
    fn Err() {}
    macro_rules! vec {
        () => {};
    }
    macro_rules! assert {
        () => {};
    }

    const TTL: ::core::time::Duration = ::core::time::Duration::from_mins(5);

    #[cache_core::cached_store(namespace = "test:hostile")]
    #[async_trait::async_trait]
    pub(super) trait Boxed: ::core::marker::Send + ::core::marker::Sync {
        #[cached(entity = "hit", key(key, hit), ignore(backing), ttl = TTL, visible_if = yes)]
        async fn read(
            &self,
            key: &S,
            hit: ::core::option::Option<&str>,
            backing: u8,
        ) -> ::core::result::Result<u64, Failed>;

        #[invalidates(read(key, hit), read(scopes, ..), read(&S(*result), hit))]
        async fn write(
            &self,
            key: &S,
            hit: ::core::option::Option<&str>,
            scopes: S,
        ) -> ::core::result::Result<u64, Failed>;
    }

    pub(super) mod without_box {
        use super::{Arc, Cache, Failed, Option, Region, Result, S, Send, String, Sync, TTL, Vec, core, std};

        pub(super) struct Box;

        #[cache_core::cached_store(namespace = "test:hostile")]
        pub(in super::super) trait Native: ::core::marker::Send + ::core::marker::Sync {
            #[cached(entity = "terms", key(value, arguments), ttl = TTL)]
            async fn read(
                &self,
                value: S,
                arguments: u8,
            ) -> ::core::result::Result<::core::option::Option<u64>, Failed>;

            #[invalidates(read(returned, outcome))]
            async fn write(&self, returned: S, outcome: u8) -> ::core::result::Result<u64, Failed>;
        }
    }

    #[allow(
        clippy::trivially_copy_pass_by_ref,
        clippy::ref_option_ref,
        reason = "it takes a reference to each parameter"
    )]
    fn yes(_: &u64, _: &S, _: &::core::option::Option<&str>, _: &u8) -> bool {
        true
    }
}

struct Store(Calls);

#[async_trait::async_trait]
impl hostile::Boxed for Store {
    async fn read(&self, _: &hostile::S, _: Option<&str>, _: u8) -> Result<u64, Failed> {
        Ok(self.0.add() as u64)
    }
    async fn write(&self, _: &hostile::S, _: Option<&str>, _: hostile::S) -> Result<u64, Failed> {
        Ok(9)
    }
}

#[tokio::test]
async fn a_hostile_scope_changes_nothing() {
    let caching = hostile::CachingBoxed::new(Arc::new(Store(Calls::default())), &Cache::single_instance());
    assert_eq!(caching.read(&hostile::S(1), Some("a"), 0).await.unwrap(), 1);
    assert_eq!(caching.read(&hostile::S(1), Some("a"), 1).await.unwrap(), 1);
    assert_eq!(caching.read(&hostile::S(9), Some("a"), 1).await.unwrap(), 2);
    caching.write(&hostile::S(5), Some("a"), hostile::S(1)).await.unwrap();
    assert_eq!(caching.peek_read(&hostile::S(1), Some("a"), 0), None);
    assert_eq!(caching.peek_read(&hostile::S(9), Some("a"), 0), None);
}

/// The crate under another name, as a path inside another module.
mod renamed {
    use super::*;

    pub(super) mod deep {
        pub(in super::super) use cache_core as caching;
    }

    #[derive(Clone, PartialEq, Eq, Hash, cache_core::CacheKey)]
    #[cache_key(crate = deep::caching)]
    pub(super) struct Id(u64);

    #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize, cache_core::CacheValue)]
    #[cache_value(crate = deep::caching)]
    pub(super) struct Answer(usize);

    #[deep::caching::cached_store(namespace = "test:renamed", crate = deep::caching)]
    pub(super) trait Store: Send + Sync {
        #[cached(entity = "x", key(id), ttl = "5m")]
        async fn get(&self, id: Id) -> Result<Answer, Failed>;
    }

    #[derive(Default)]
    struct Counted(Calls);

    impl Store for Counted {
        async fn get(&self, _: Id) -> Result<Answer, Failed> {
            Ok(Answer(self.0.add()))
        }
    }

    #[tokio::test]
    async fn the_crate_can_be_renamed() {
        let caching = CachingStore::new(Arc::new(Counted::default()), &Cache::single_instance());
        assert_eq!(caching.get(Id(1)).await.unwrap(), Answer(1));
        assert_eq!(caching.get(Id(1)).await.unwrap(), Answer(1));
    }
}

/// A declarative macro that produces the whole annotated trait, including types and names.
mod from_macro_rules {
    use super::*;

    macro_rules! store {
        ($namespace:literal, $name:ident, $method:ident, $key:ty, $value:ty, $ttl:expr, $jitter:literal) => {
            #[cache_core::cached_store(namespace = $namespace)]
            #[async_trait::async_trait]
            pub(super) trait $name: Send + Sync {
                #[cached(entity = "x", key(id), ttl = $ttl, jitter = $jitter)]
                async fn $method(&self, id: $key) -> Result<$value, Failed>;

                #[invalidates($method(id))]
                async fn write(&self, id: $key) -> Result<(), Failed>;
            }
        };
    }
    store!("test:macro", Store, fetch, &str, Option<usize>, "5m", 20);

    #[derive(Default)]
    struct Counted(Calls);

    #[async_trait::async_trait]
    impl Store for Counted {
        async fn fetch(&self, _: &str) -> Result<Option<usize>, Failed> {
            Ok(Some(self.0.add()))
        }
        async fn write(&self, _: &str) -> Result<(), Failed> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_trait_from_a_macro_is_a_trait() {
        let caching = CachingStore::new(Arc::new(Counted::default()), &Cache::single_instance());
        assert_eq!(caching.fetch("a").await.unwrap(), Some(1));
        assert_eq!(caching.fetch("a").await.unwrap(), Some(1));
        caching.write("a").await.unwrap();
        assert_eq!(caching.fetch("a").await.unwrap(), Some(2));
    }
}
