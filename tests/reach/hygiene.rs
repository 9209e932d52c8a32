//! Traits beside names that generated code could mistake for its own.

use std::convert::Infallible;
use std::sync::Arc;

use super::support::{each_cache, settled};

/// Everything that a prelude has means something else here, and there is none.
#[no_implicit_prelude]
#[deny(missing_docs, warnings, clippy::pedantic)]
#[expect(dead_code, unreachable_pub, reason = "names that nothing may use")]
pub(super) mod without_prelude {
    /// Not the one of the language.
    #[derive(::std::fmt::Debug)]
    pub struct Box;
    /// Not the one of the language.
    #[derive(::std::fmt::Debug)]
    pub struct Option;
    /// Not the one of the language.
    #[derive(::std::fmt::Debug)]
    pub struct String;
    /// Not the one of the language.
    #[derive(::std::fmt::Debug)]
    pub struct Vec;
    /// Not the one of the cache.
    #[derive(::std::fmt::Debug)]
    pub struct Cache;
    /// Not that of the language.
    pub trait Send {}
    /// Not that of the language.
    pub trait Sync {}
    /// Not that of the language.
    pub trait Clone {}
    /// Not that of the language.
    pub trait Future {}
    /// An alias like that of many crates.
    pub type Result<T> = ::core::result::Result<T, ::core::fmt::Error>;
    /// Not the crate.
    pub mod std {}
    /// Not the crate.
    pub mod core {}
    /// Not the crate.
    pub mod alloc {}
    /// Not the crate.
    pub mod cache_core {}

    /// A store.
    #[::cache_core::cached_store(namespace = "reach:hygiene:prelude")]
    pub trait Store: ::core::marker::Send + ::core::marker::Sync {
        /// Reads.
        #[cached(entity = "get", key(id, name), ttl = "5m", negative_ttl = "5m")]
        async fn get(&self, id: u64, name: &str) -> Result<::core::option::Option<u64>>;

        /// Reads inline.
        #[cached(entity = "inline", key(id), ttl = "5m", load = inline)]
        async fn inline(&self, id: ::core::option::Option<&str>) -> ::std::vec::Vec<u64>;

        /// Reads many.
        #[cached(batch = get)]
        async fn many(&self, ids: &[u64], name: &str) -> ::std::collections::BTreeMap<u64, u64>;

        /// Writes.
        #[invalidates(get(id, ..), inline(::core::option::Option::None))]
        async fn put(&self, id: u64) -> Result<()>;

        /// Counts.
        #[uncached]
        async fn count(&self) -> u64;
    }

    /// A key of its own.
    #[derive(
        ::cache_core::CacheKey,
        ::core::clone::Clone,
        ::core::cmp::PartialEq,
        ::core::cmp::Eq,
        ::core::hash::Hash,
        ::std::fmt::Debug,
    )]
    pub enum Key {
        /// By number.
        Number(u64),
        /// By text.
        Text {
            /// The text.
            r#type: &'static str,
        },
    }

    #[derive(::std::fmt::Debug)]
    pub(in super::super) struct Backing;

    impl Store for Backing {
        async fn get(&self, id: u64, _: &str) -> Result<::core::option::Option<u64>> {
            ::core::result::Result::Ok(::core::option::Option::Some(id))
        }

        async fn inline(&self, _: ::core::option::Option<&str>) -> ::std::vec::Vec<u64> {
            ::std::vec![1]
        }

        async fn many(&self, ids: &[u64], _: &str) -> ::std::collections::BTreeMap<u64, u64> {
            ::core::iter::Iterator::collect(::core::iter::Iterator::map(ids.iter(), |id| (*id, *id)))
        }

        async fn put(&self, _: u64) -> Result<()> {
            ::core::result::Result::Ok(())
        }

        async fn count(&self) -> u64 {
            1
        }
    }
}

/// Parameters and methods that are called like the variables of generated code, and raw identifiers.
#[deny(missing_docs, warnings, clippy::pedantic)]
pub(super) mod names {
    use std::collections::HashMap;
    use std::convert::Infallible;

    use async_trait::async_trait;
    use cache_core::cached_store;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "it is what `visible_if` takes")]
    pub(super) fn is_open(_: &u64, key: &u64, _: &u64, _: &u64, _: &u64) -> bool {
        *key < 100
    }

    /// A store.
    #[cached_store(namespace = "reach:hygiene:names")]
    #[async_trait]
    pub trait Names: Send + Sync {
        /// Reads.
        #[cached(entity = "hit", key(key, hit, answer, value), ttl = "5m", visible_if = is_open)]
        async fn hit(&self, key: u64, hit: u64, answer: u64, value: u64) -> Result<u64, Infallible>;

        /// Reads inline.
        #[cached(entity = "region", key(cache, this, region, backing, access, options, arguments), ttl = "5m", load = inline)]
        #[expect(clippy::too_many_arguments, reason = "each is a name of its own")]
        async fn region(
            &self,
            cache: u64,
            this: u64,
            region: &str,
            backing: u64,
            access: u64,
            options: u64,
            arguments: u64,
        ) -> Option<u64>;

        /// Reads, with names of every kind.
        #[cached(entity = "result", key(result, write, keys, one, store, guard), ttl = "5m")]
        async fn result(&self, result: u64, write: u64, keys: u64, one: u64, store: &str, guard: u64) -> u64;

        /// Reads many.
        #[cached(batch = result)]
        async fn results(
            &self,
            result: u64,
            write: u64,
            keys: &[u64],
            one: u64,
            store: &str,
            guard: u64,
        ) -> HashMap<u64, u64>;

        /// Raw identifiers.
        #[cached(entity = "type", key(r#in, r#fn), ttl = "5m")]
        async fn r#type(&self, r#in: u64, r#fn: &str) -> Option<u64>;

        /// Writes.
        #[invalidates(hit(scopes, ..), result(..), r#type(r#move, "a"), region(..))]
        async fn r#match(&self, scopes: u64, methods: u64, returned: u64, outcome: u64, found: u64, r#move: u64)
        -> u64;
    }

    #[derive(Debug)]
    pub(super) struct Backing;

    #[async_trait]
    impl Names for Backing {
        async fn hit(&self, key: u64, hit: u64, answer: u64, value: u64) -> Result<u64, Infallible> {
            Ok(key + hit + answer + value)
        }

        async fn region(&self, cache: u64, this: u64, _: &str, _: u64, _: u64, _: u64, _: u64) -> Option<u64> {
            Some(cache + this)
        }

        async fn result(&self, result: u64, _: u64, keys: u64, _: u64, _: &str, _: u64) -> u64 {
            result + keys
        }

        async fn results(&self, result: u64, _: u64, keys: &[u64], _: u64, _: &str, _: u64) -> HashMap<u64, u64> {
            keys.iter().map(|key| (*key, result + key)).collect()
        }

        async fn r#type(&self, r#in: u64, _: &str) -> Option<u64> {
            Some(r#in)
        }

        async fn r#match(&self, scopes: u64, _: u64, _: u64, _: u64, _: u64, _: u64) -> u64 {
            scopes
        }
    }
}

#[tokio::test]
async fn no_name_of_the_user_is_mistaken() {
    use without_prelude::{Backing, CachingStore, Key, Store};

    for cache in each_cache().await {
        let store = CachingStore::new(Arc::new(Backing), &cache);
        settled(&cache).await;
        assert_eq!((store.get(1, "a").await, store.peek_get(1, "a")), (Ok(Some(1)), Some(Some(1))));
        assert_eq!((store.inline(None).await, store.peek_inline(None)), (vec![1], Some(vec![1])));
        assert_eq!(store.many(&[1, 2], "a").await.len(), 2);
        assert_eq!(store.fresh().get(1, "a").await, Ok(Some(1)));
        store.put(1).await.unwrap();
        assert_eq!((store.peek_get(1, "a"), store.peek_inline(None)), (None, None));
        assert_eq!((Store::count(&store.uncached()).await, store.cached_only().get(1, "a").await), (1, None));
    }
    assert_ne!(Key::Number(1), Key::Text { r#type: "1" });
}

#[tokio::test]
async fn names_of_variables_are_free() {
    use names::{Backing, CachingNames, Names};

    for cache in each_cache().await {
        let store: CachingNames<dyn Names> = CachingNames::new(Arc::new(Backing), &cache);
        settled(&cache).await;
        for _ in 0..2 {
            assert_eq!(store.hit(1, 2, 3, 4).await, Ok::<_, Infallible>(10));
            assert_eq!(store.region(1, 2, "a", 4, 5, 6, 7).await, Some(3));
            assert_eq!(store.result(1, 2, 3, 4, "a", 6).await, 4);
            assert_eq!(store.results(1, 2, &[3, 4], 4, "a", 6).await.len(), 2);
            assert_eq!(store.r#type(1, "a").await, Some(1));
        }
        assert_eq!(store.fresh().region(1, 2, "a", 4, 5, 6, 7).await, Some(3));
        assert_eq!(Names::hit(&store.uncached(), 1, 2, 3, 4).await, Ok(10));
        assert_eq!(store.cached_only().r#type(1, "a").await, Some(Some(1)));
        assert_eq!(store.r#match(1, 0, 0, 0, 0, 1).await, 1);
        assert_eq!((store.peek_type(1, "a"), store.peek_hit(1, 2, 3, 4)), (None, None));
    }
}
