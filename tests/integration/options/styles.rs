//! One store in the three styles of async methods.

use std::sync::Arc;

use cache_core::{Cache, cached_store};

use super::support::{Calls, Failed};

/// Boxed by `async_trait`, and usable as `dyn`.
mod boxed {
    use super::*;

    #[cached_store(namespace = "test:boxed")]
    #[async_trait::async_trait]
    pub(super) trait Store: Send + Sync {
        #[cached(entity = "name", key(id), ttl = "5m")]
        async fn name(&self, id: u64) -> Result<Option<Arc<String>>, Failed>;

        #[invalidates(name(id))]
        async fn rename(&self, id: u64, name: &str) -> Result<(), Failed>;

        #[uncached]
        async fn count(&self) -> Result<usize, Failed>;

        fn label(&self) -> &'static str {
            "default"
        }
    }

    #[derive(Default)]
    pub(super) struct Counted {
        pub(super) calls: Calls,
    }

    #[async_trait::async_trait]
    impl Store for Counted {
        async fn name(&self, id: u64) -> Result<Option<Arc<String>>, Failed> {
            let call = self.calls.add();
            Ok((id > 0).then(|| Arc::new(format!("{id} by call {call}"))))
        }
        async fn rename(&self, _: u64, _: &str) -> Result<(), Failed> {
            Ok(())
        }
        async fn count(&self) -> Result<usize, Failed> {
            Ok(self.calls.add())
        }
        fn label(&self) -> &'static str {
            "counted"
        }
    }

    #[tokio::test]
    async fn the_second_read_is_a_hit_through_dyn_and_directly() {
        let store = Arc::new(Counted::default());
        let backing: Arc<dyn Store> = store.clone();
        let caching = CachingStore::new(backing, &Cache::single_instance());
        let dynamic: Arc<dyn Store> = Arc::new(caching.clone());

        assert_eq!(dynamic.name(7).await.unwrap().unwrap().as_str(), "7 by call 1");
        assert_eq!(dynamic.name(7).await.unwrap().unwrap().as_str(), "7 by call 1");
        assert_eq!(caching.name(7).await.unwrap().unwrap().as_str(), "7 by call 1");
        assert_eq!(caching.peek_name(7).flatten().unwrap().as_str(), "7 by call 1");
        assert_eq!(caching.peek_name(8), None);
        assert_eq!(store.calls.count(), 1);

        dynamic.rename(7, "seven").await.unwrap();
        assert_eq!(caching.peek_name(7), None);
        assert_eq!(dynamic.name(7).await.unwrap().unwrap().as_str(), "7 by call 2");
    }

    #[tokio::test]
    async fn uncached_methods_are_forwarded() {
        let store = Arc::new(Counted::default());
        let caching = CachingStore::new(Arc::clone(&store), &Cache::single_instance());
        assert_eq!(caching.count().await.unwrap(), 1);
        assert_eq!(Store::count(&caching).await.unwrap(), 2);
        assert_eq!(caching.label(), "counted");
        assert!(Arc::ptr_eq(caching.backing(), &store));
        assert_eq!(format!("{caching:?}"), "CachingStore { .. }");
    }

    #[tokio::test]
    async fn a_pass_through_cache_keeps_nothing() {
        let store = Arc::new(Counted::default());
        let caching = CachingStore::new(Arc::clone(&store), &Cache::pass_through());
        for call in 1..4 {
            assert_eq!(caching.name(7).await.unwrap().unwrap().as_str(), format!("7 by call {call}"));
        }
        caching.rename(7, "seven").await.unwrap();
        caching.invalidate_name(7).await;
        caching.invalidate_all().await;
        assert_eq!(caching.peek_name(7), None);
    }

    #[tokio::test]
    async fn admin_code_invalidates_one_entry_or_all() {
        let caching = CachingStore::new(Arc::new(Counted::default()), &Cache::single_instance());
        for id in [1, 2] {
            caching.name(id).await.unwrap();
        }
        caching.invalidate_name(1).await;
        assert!(caching.peek_name(1).is_none() && caching.peek_name(2).is_some());
        caching.invalidate_all().await;
        assert!(caching.peek_name(2).is_none());
    }

    #[tokio::test]
    async fn the_builder_changes_options_at_run_time() {
        let store = Arc::new(Counted::default());
        let caching = CachingStore::builder(Arc::clone(&store), &Cache::single_instance())
            .name(|policy| policy.enabled(false))
            .build();
        caching.name(1).await.unwrap();
        caching.name(1).await.unwrap();
        assert_eq!(store.calls.count(), 2);
    }
}

/// Plain `async fn`: the emitted trait promises futures that are `Send`.
mod native {
    use super::*;

    #[cached_store(namespace = "test:native")]
    pub(super) trait Store: Send + Sync {
        #[cached(entity = "name", key(id, suffix), ttl = "5m")]
        async fn name(&self, id: u64, suffix: Option<&str>) -> Result<String, Failed>;

        #[invalidates(name(id, suffix), name(other, ..))]
        async fn rename(&self, id: u64, suffix: Option<&str>, other: u64) -> Result<(), Failed>;

        #[uncached]
        async fn twice(&self, id: u64) -> Result<String, Failed> {
            let first = self.name(id, None).await?;
            Ok(first.clone() + &first)
        }
    }

    #[derive(Default)]
    struct Counted(Calls);

    impl Store for Counted {
        async fn name(&self, id: u64, suffix: Option<&str>) -> Result<String, Failed> {
            Ok(format!("{id}{}#{}", suffix.unwrap_or_default(), self.0.add()))
        }
        async fn rename(&self, _: u64, _: Option<&str>, _: u64) -> Result<(), Failed> {
            Ok(())
        }
    }

    async fn generic<S: Store + 'static>(store: Arc<S>) -> (String, String) {
        let other = Arc::clone(&store);
        let task = tokio::spawn(async move { other.name(1, Some("a")).await });
        (task.await.unwrap().unwrap(), store.name(1, Some("a")).await.unwrap())
    }

    #[tokio::test]
    async fn futures_are_send_and_hits_are_hits() {
        let caching = Arc::new(CachingStore::new(Arc::new(Counted::default()), &Cache::single_instance()));
        assert_eq!(generic(Arc::clone(&caching)).await, ("1a#1".to_owned(), "1a#1".to_owned()));
        assert_eq!(caching.name(1, None).await.unwrap(), "1#2");
        assert_eq!(caching.name(1, Some("b")).await.unwrap(), "1b#3");
    }

    #[tokio::test]
    async fn a_default_body_reads_from_the_store() {
        let caching = CachingStore::new(Arc::new(Counted::default()), &Cache::single_instance());
        caching.name(1, None).await.unwrap();
        assert_eq!(Store::twice(&caching, 1).await.unwrap(), "1#21#2");
    }

    #[tokio::test]
    async fn one_entry_and_a_prefix_are_invalidated() {
        let caching = CachingStore::new(Arc::new(Counted::default()), &Cache::single_instance());
        for (id, suffix) in [(1, None), (1, Some("a")), (2, None), (2, Some("a")), (3, None)] {
            caching.name(id, suffix).await.unwrap();
        }
        Store::rename(&caching, 1, Some("a"), 2).await.unwrap();
        let kept = |id, suffix| caching.peek_name(id, suffix).is_some();
        assert!(kept(1, None) && !kept(1, Some("a")) && !kept(2, None) && !kept(2, Some("a")) && kept(3, None));
    }
}

/// `-> impl Future`, as written.
mod opaque {
    use super::*;

    #[cached_store(namespace = "test:opaque")]
    pub(super) trait Store: Send + Sync {
        #[cached(entity = "name", key(id), ttl = "5m")]
        fn name<'a>(&'a self, id: &'a str) -> impl Future<Output = Result<Option<String>, Failed>> + Send + 'a;

        #[invalidates(name(id))]
        fn rename(&self, id: &str) -> impl Future<Output = ()> + Send;

        #[uncached]
        fn count(&self) -> impl Future<Output = usize> + Send;
    }

    #[derive(Default)]
    struct Counted(Calls);

    impl Store for Counted {
        async fn name(&self, id: &str) -> Result<Option<String>, Failed> {
            Ok(Some(format!("{id}#{}", self.0.add())))
        }
        async fn rename(&self, _: &str) {}
        async fn count(&self) -> usize {
            self.0.add()
        }
    }

    #[tokio::test]
    async fn it_behaves_like_the_other_styles() {
        let caching = CachingStore::new(Arc::new(Counted::default()), &Cache::single_instance());
        let name = String::from("x");
        assert_eq!(Store::name(&caching, &name).await.unwrap().unwrap(), "x#1");
        assert_eq!(caching.name("x").await.unwrap().unwrap(), "x#1");
        Store::rename(&caching, "x").await;
        assert_eq!(caching.name("x").await.unwrap().unwrap(), "x#2");
        assert_eq!(Store::count(&caching).await, 3);
    }
}
