//! Methods with explicit futures: boxed, an alias, or opaque with a lifetime of their own.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use cache_core::{Cache, cached_store};

use super::support::Failed;

/// The aliases of the crate `futures`.
type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
type LocalBoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

type Rows = Arc<Mutex<HashMap<u64, String>>>;

/// Every form of a boxed future, in a trait that works as `dyn`.
mod plain {
    use super::*;

    #[cached_store(namespace = "test:boxed_futures")]
    pub(super) trait Events: Send + Sync {
        #[cached(entity = "event", key(id, suffix), ttl = "10m")]
        fn event<'a>(
            &'a self,
            id: u64,
            suffix: &'a str,
        ) -> Pin<Box<dyn Future<Output = Result<Option<String>, Failed>> + Send + 'a>>;

        /// The future may borrow the receiver only.
        #[cached(entity = "title", key(id, suffix), ttl = "10m", negative_ttl = "1m")]
        fn title(&self, id: u64, suffix: Option<&str>) -> BoxFuture<'_, Result<Option<String>, Failed>>;

        #[cached(batch = title)]
        fn titles(&self, ids: &[u64], suffix: Option<&str>) -> BoxFuture<'_, Result<HashMap<u64, String>, Failed>>;

        #[invalidates(event(id, ""), title(id, ..))]
        fn save<'s: 'a, 'a>(
            &'s self,
            id: u64,
            text: &'a str,
        ) -> std::pin::Pin<std::boxed::Box<dyn Future<Output = Result<(), Failed>> + Send + 'a>>;

        /// The future borrows nothing.
        #[invalidates(event(id, ""), title(id, ..))]
        fn save_later(&self, id: u64, text: &str) -> Pin<Box<dyn Future<Output = Result<(), Failed>> + Send>>;

        /// The future borrows the parameter and not the receiver.
        #[invalidates(event(*id, ""), title(*id, ..))]
        fn remove<'a>(&self, id: &'a u64) -> Box<dyn Future<Output = Result<(), Failed>> + Send + Unpin + 'a>;

        #[uncached]
        #[allow(clippy::needless_arbitrary_self_type, reason = "the macro accepts this form")]
        fn count(self: &Self) -> BoxFuture<'_, usize>;

        #[uncached]
        fn local<'a>(&'a self, text: &'a str) -> LocalBoxFuture<'a, usize>;
    }

    #[derive(Default)]
    pub(super) struct Memory(pub(super) Rows);

    impl Events for Memory {
        fn event<'a>(&'a self, id: u64, suffix: &'a str) -> BoxFuture<'a, Result<Option<String>, Failed>> {
            Box::pin(async move { Ok(self.0.lock().unwrap().get(&id).map(|text| text.clone() + suffix)) })
        }
        fn title(&self, id: u64, suffix: Option<&str>) -> BoxFuture<'_, Result<Option<String>, Failed>> {
            let suffix = suffix.unwrap_or_default().to_owned();
            Box::pin(async move { Ok(self.0.lock().unwrap().get(&id).map(|text| text.clone() + &suffix)) })
        }
        fn titles(&self, ids: &[u64], suffix: Option<&str>) -> BoxFuture<'_, Result<HashMap<u64, String>, Failed>> {
            let (ids, suffix) = (ids.to_vec(), suffix.unwrap_or_default().to_owned());
            Box::pin(async move {
                let rows = self.0.lock().unwrap();
                Ok(ids.into_iter().filter_map(|id| Some((id, rows.get(&id)?.clone() + &suffix))).collect())
            })
        }
        fn save<'s: 'a, 'a>(&'s self, id: u64, text: &'a str) -> BoxFuture<'a, Result<(), Failed>> {
            Box::pin(async move {
                self.0.lock().unwrap().insert(id, text.to_owned());
                Ok(())
            })
        }
        fn save_later(&self, id: u64, text: &str) -> BoxFuture<'static, Result<(), Failed>> {
            let (rows, text) = (Arc::clone(&self.0), text.to_owned());
            Box::pin(async move {
                rows.lock().unwrap().insert(id, text);
                Ok(())
            })
        }
        fn remove<'a>(&self, id: &'a u64) -> Box<dyn Future<Output = Result<(), Failed>> + Send + Unpin + 'a> {
            let rows = Arc::clone(&self.0);
            Box::new(Box::pin(async move {
                rows.lock().unwrap().remove(id);
                Ok(())
            }))
        }
        fn count(&self) -> BoxFuture<'_, usize> {
            Box::pin(async move { self.0.lock().unwrap().len() })
        }
        fn local<'a>(&'a self, text: &'a str) -> LocalBoxFuture<'a, usize> {
            let text = std::rc::Rc::new(text);
            Box::pin(async move { self.0.lock().unwrap().len() + text.len() })
        }
    }

    fn filled() -> (Rows, Arc<dyn Events>) {
        let rows = Rows::default();
        rows.lock().unwrap().extend([(1, "one".to_owned()), (2, "two".to_owned())]);
        let backing: Arc<dyn Events> = Arc::new(Memory(Arc::clone(&rows)));
        (rows, Arc::new(CachingEvents::new(backing, &Cache::single_instance())))
    }

    /// The value of event 1 through each of the three reads.
    async fn seen(store: &dyn Events) -> [Option<String>; 3] {
        let batch = store.titles(&[1, 2], None).await.unwrap();
        [store.event(1, "").await.unwrap(), store.title(1, None).await.unwrap(), batch.get(&1).cloned()]
    }

    #[tokio::test]
    async fn reads_are_cached_and_writes_invalidate() {
        let (rows, store) = filled();
        let all = |text: Option<&str>| [0; 3].map(|_| text.map(ToOwned::to_owned));
        assert_eq!(seen(&*store).await, all(Some("one")));
        rows.lock().unwrap().insert(1, "past the decorator".to_owned());
        assert_eq!(seen(&*store).await, all(Some("one")), "hits");

        store.save(1, "saved").await.unwrap();
        assert_eq!(seen(&*store).await, all(Some("saved")));
        store.save_later(1, &String::from("later")).await.unwrap();
        assert_eq!(seen(&*store).await, all(Some("later")));
        store.remove(&1).await.unwrap();
        assert_eq!(seen(&*store).await, all(None));
        assert_eq!((store.count().await, store.local("xy").await), (1, 3));
    }

    /// The look-up happens when the future is polled, not when it is created.
    #[tokio::test]
    async fn a_future_that_is_polled_after_a_write_sees_it() {
        let (_, store) = filled();
        let (suffix, ids) = (String::from("!"), vec![1]);
        store.title(1, Some(&suffix)).await.unwrap();
        let (late, many) = (store.title(1, Some(&suffix)), store.titles(&ids, None));
        drop((suffix, ids));
        let write = store.save_later(1, "new");
        assert_eq!(store.title(1, Some("!")).await.unwrap().unwrap(), "one!", "the write is not polled yet");
        write.await.unwrap();
        assert_eq!(late.await.unwrap().unwrap(), "new!");
        assert_eq!(many.await.unwrap()[&1], "new");
    }

    #[tokio::test]
    async fn a_future_that_borrows_nothing_goes_into_a_task() {
        let (rows, store) = filled();
        store.event(2, "").await.unwrap();
        let write = store.save_later(2, "from a task");
        tokio::spawn(write).await.unwrap().unwrap();
        assert_eq!(store.event(2, "").await.unwrap().unwrap(), "from a task");
        drop(rows);
    }

    #[tokio::test]
    async fn the_decorator_exposes_async_functions() {
        let store = CachingEvents::new(Arc::new(Memory::default()), &Cache::single_instance());
        assert_eq!(store.event(1, "").await.unwrap(), None);
        store.save(1, "one").await.unwrap();
        assert_eq!(store.event(1, "").await.unwrap().unwrap(), "one");
        assert_eq!(store.peek_event(1, "").flatten().unwrap(), "one");
        store.invalidate_event(1, "").await;
        assert_eq!(store.peek_event(1, ""), None);
        assert_eq!((store.count().await, store.local("x").await), (1, 2));
    }
}

/// Beside `async fn` under `#[async_trait]`, in a generic trait with where clauses and default bodies.
mod under_async_trait {
    use super::*;

    #[cached_store(namespace = "test:boxed_futures_mixed")]
    #[async_trait::async_trait]
    pub(super) trait Events<T: std::fmt::Display + Send + Sync + 'static>: Send + Sync {
        #[cached(entity = "event", key(id), ttl = "10m")]
        async fn event(&self, id: u64) -> Result<Option<String>, Failed>;

        #[cached(entity = "title", key(id), ttl = "10m")]
        fn title(&self, id: u64) -> BoxFuture<'_, Result<Option<String>, Failed>>;

        #[invalidates(event(id), title(id))]
        fn save<'a>(&'a self, id: u64, text: &'a T) -> BoxFuture<'a, Result<(), Failed>>
        where
            Self: Sync + 'a;

        #[invalidates(event(id))]
        fn save_any<'a, D>(&'a self, id: u64, text: D) -> BoxFuture<'a, Result<(), Failed>>
        where
            D: std::fmt::Display + Send + 'a;

        #[uncached]
        fn again<'a>(&'a self, id: u64, text: &'a T) -> BoxFuture<'a, Result<(), Failed>>
        where
            Self: 'a,
        {
            Box::pin(async move { self.save(id, text).await })
        }
    }

    struct Memory(Rows);

    #[async_trait::async_trait]
    impl<T: std::fmt::Display + Send + Sync + 'static> Events<T> for Memory {
        async fn event(&self, id: u64) -> Result<Option<String>, Failed> {
            Ok(self.0.lock().unwrap().get(&id).cloned())
        }
        fn title(&self, id: u64) -> BoxFuture<'_, Result<Option<String>, Failed>> {
            <Self as Events<T>>::event(self, id)
        }
        fn save<'a>(&'a self, id: u64, text: &'a T) -> BoxFuture<'a, Result<(), Failed>>
        where
            Self: Sync + 'a,
        {
            <Self as Events<T>>::save_any(self, id, text)
        }
        fn save_any<'a, D>(&'a self, id: u64, text: D) -> BoxFuture<'a, Result<(), Failed>>
        where
            D: std::fmt::Display + Send + 'a,
        {
            Box::pin(async move {
                self.0.lock().unwrap().insert(id, text.to_string());
                Ok(())
            })
        }
    }

    #[tokio::test]
    async fn opaque_and_boxed_futures_invalidate_each_other() {
        let store: CachingEvents<Memory, u8> =
            CachingEvents::new(Arc::new(Memory(Rows::default())), &Cache::single_instance());
        for text in 1..3 {
            Events::save(&store, 1, &text).await.unwrap();
            assert_eq!(store.event(1).await.unwrap(), Some(text.to_string()));
            assert_eq!(Events::title(&store, 1).await.unwrap(), Some(text.to_string()));
        }
        assert_eq!(store.peek_title(1).flatten().unwrap(), "2", "it was cached");
        Events::save_any(&store, 1, "any").await.unwrap();
        assert_eq!(store.event(1).await.unwrap().unwrap(), "any");
        store.save_any(1, 3.5).await.unwrap();
        assert_eq!(store.event(1).await.unwrap().unwrap(), "3.5");
        store.again(2, &4).await.unwrap();
        assert_eq!(store.event(2).await.unwrap().unwrap(), "4");
    }
}

/// Aliases by other names, and a `BoxFuture` whose output is more than its argument.
mod aliases {
    use super::*;

    type Fut<'a, T> = Pin<Box<dyn Future<Output = Result<T, Failed>> + Send + 'a>>;
    type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
    type Ready = std::future::Ready<u64>;

    mod own {
        use super::*;
        pub(in super::super) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, Failed>> + Send + 'a>>;
    }

    #[cached_store(namespace = "test:future_aliases")]
    pub(super) trait Events: Send + Sync {
        #[cached(entity = "event", key(id), ttl = "10m")]
        fn event(&self, id: u64) -> Fut<'_, Option<String>>;

        #[cached(entity = "title", key(id), ttl = "10m")]
        fn title<'a>(&'a self, id: &'a u64) -> own::BoxFuture<'a, String>;

        #[invalidates(event(id), title(id))]
        fn save(&self, id: u64, text: &str) -> own::BoxFuture<'static, ()>;

        #[invalidates(event(*result), title(*result))]
        fn create(&self, text: String) -> Fut<'_, u64>;

        #[invalidates(event(id))]
        fn touch<'a>(&'a self, id: u64, by: &'a str) -> StoreFuture<'a, &'a str>;

        #[uncached]
        fn ready(&self) -> Ready;

        #[uncached]
        fn count(&self) -> Fut<'_, usize>;

        #[uncached]
        fn opaque(&self) -> impl Named + '_;

        /// Not a future, and not named like one.
        fn calls(&self) -> Counted;
    }

    pub(super) trait Named: Future<Output = u64> + Send {}
    impl<T: Future<Output = u64> + Send> Named for T {}

    #[derive(Debug, PartialEq)]
    pub(super) struct Counted(usize);

    struct Memory(Rows);

    impl Events for Memory {
        fn event(&self, id: u64) -> Fut<'_, Option<String>> {
            Box::pin(async move { Ok(self.0.lock().unwrap().get(&id).cloned()) })
        }
        fn title<'a>(&'a self, id: &'a u64) -> own::BoxFuture<'a, String> {
            Box::pin(async move { self.0.lock().unwrap().get(id).cloned().ok_or(Failed) })
        }
        fn save(&self, id: u64, text: &str) -> own::BoxFuture<'static, ()> {
            let (rows, text) = (Arc::clone(&self.0), text.to_owned());
            Box::pin(async move {
                rows.lock().unwrap().insert(id, text);
                Ok(())
            })
        }
        fn create(&self, text: String) -> Fut<'_, u64> {
            Box::pin(async move {
                self.0.lock().unwrap().insert(7, text);
                Ok(7)
            })
        }
        fn touch<'a>(&'a self, _: u64, by: &'a str) -> StoreFuture<'a, &'a str> {
            Box::pin(async move { by })
        }
        fn ready(&self) -> Ready {
            std::future::ready(3)
        }
        fn count(&self) -> Fut<'_, usize> {
            Box::pin(async { Ok(self.0.lock().unwrap().len()) })
        }
        fn opaque(&self) -> impl Named + '_ {
            async { 5 }
        }
        fn calls(&self) -> Counted {
            Counted(4)
        }
    }

    #[tokio::test]
    async fn an_alias_by_any_name_is_cached_and_invalidates() {
        let rows = Rows::default();
        let store = CachingEvents::new(Arc::new(Memory(Arc::clone(&rows))), &Cache::single_instance());
        Events::save(&store, 1, "one").await.unwrap();
        for _ in 0..2 {
            assert_eq!(Events::event(&store, 1).await.unwrap().unwrap(), "one");
            assert_eq!(Events::title(&store, &1).await.unwrap(), "one");
            rows.lock().unwrap().insert(1, "past the decorator".to_owned());
        }
        Events::save(&store, 1, "two").await.unwrap();
        assert_eq!(store.event(1).await.unwrap().unwrap(), "two");
        assert_eq!(store.title(&1).await.unwrap(), "two");

        assert_eq!(store.event(7).await.unwrap(), None);
        assert_eq!(Events::create(&store, "seven".to_owned()).await.unwrap(), 7);
        assert_eq!(Events::event(&store, 7).await.unwrap().unwrap(), "seven");
        assert_eq!(Events::touch(&store, 7, "me").await, "me");
        assert_eq!(store.peek_event(7), None);
        assert_eq!((Events::ready(&store).await, Events::count(&store).await.unwrap()), (3, 2));
        assert_eq!((Events::opaque(&store).await, Events::calls(&store)), (5, Counted(4)));
    }
}

/// Only `#[uncached]` can forward associated future types and futures inside other types.
mod handed_on {
    use super::*;

    #[cached_store(namespace = "test:futures_handed_on")]
    pub(super) trait Events: Send + Sync {
        type Named<'a>: Future<Output = usize> + Send
        where
            Self: 'a;

        #[cached(entity = "event", key(id), ttl = "10m")]
        fn event<'a>(&'a self, id: &u64) -> impl Future<Output = Result<u64, Failed>> + Send + 'a;

        #[invalidates(event(&id))]
        fn save(&self, id: u64) -> impl Future<Output = Result<(), Failed>> + Send + 'static;

        #[uncached]
        fn named(&self) -> Self::Named<'_>;

        #[uncached]
        fn perhaps(&self) -> Option<BoxFuture<'_, usize>>;

        #[uncached]
        fn find(&self, name: &str) -> impl Future<Output = usize> + Send + '_;

        #[uncached]
        fn later(&self, name: &str) -> impl Future<Output = usize> + Send + 'static;

        #[invalidates(event(&id))]
        fn precise(&self, id: u64, name: &str) -> impl Future<Output = Result<(), Failed>> + Send + use<Self>;

        #[invalidates(event(&id))]
        fn precise_self<'a>(
            &'a self,
            id: u64,
            name: &str,
        ) -> impl Future<Output = Result<(), Failed>> + Send + use<'a, Self>;
    }

    struct Counted(Arc<super::super::support::Calls>);

    impl Events for Counted {
        type Named<'a> = std::future::Ready<usize>;
        fn event<'a>(&'a self, id: &u64) -> impl Future<Output = Result<u64, Failed>> + Send + 'a {
            let id = *id;
            async move { Ok(id + self.0.add() as u64) }
        }
        #[allow(clippy::manual_async_fn, reason = "an async fn would borrow")]
        fn save(&self, _: u64) -> impl Future<Output = Result<(), Failed>> + Send + 'static {
            async { Ok(()) }
        }
        fn named(&self) -> Self::Named<'_> {
            std::future::ready(7)
        }
        fn perhaps(&self) -> Option<BoxFuture<'_, usize>> {
            Some(Box::pin(async { 8 }))
        }
        fn find(&self, name: &str) -> impl Future<Output = usize> + Send + '_ {
            let length = name.len();
            async move { length + self.0.count() }
        }
        fn later(&self, name: &str) -> impl Future<Output = usize> + Send + 'static {
            std::future::ready(name.len())
        }
        fn precise(&self, _: u64, _: &str) -> impl Future<Output = Result<(), Failed>> + Send + use<> {
            std::future::ready(Ok(()))
        }
        fn precise_self<'a>(&'a self, _: u64, _: &str) -> impl Future<Output = Result<(), Failed>> + Send + use<'a> {
            let calls = &self.0;
            async move {
                calls.add();
                Ok(())
            }
        }
    }

    #[tokio::test]
    async fn opaque_futures_may_capture_lifetimes_and_the_store() {
        let store = CachingEvents::new(Arc::new(Counted(Arc::default())), &Cache::single_instance());
        assert_eq!(Events::event(&store, &100).await.unwrap(), 101);
        assert_eq!(Events::event(&store, &100).await.unwrap(), 101);
        tokio::spawn(Events::save(&store, 100)).await.unwrap().unwrap();
        assert_eq!(Events::event(&store, &100).await.unwrap(), 102);
        assert_eq!((store.named().await, store.perhaps().unwrap().await), (7, 8));
    }

    #[tokio::test]
    async fn opaque_futures_may_capture_less_than_their_parameters() {
        let store = CachingEvents::new(Arc::new(Counted(Arc::default())), &Cache::single_instance());
        let (find, later) = {
            let name = String::from("name");
            (Events::find(&store, &name).await, Events::later(&store, &name))
        };
        assert_eq!((find, tokio::spawn(later).await.unwrap()), (4, 4));
        let write = {
            let name = String::from("name");
            Events::precise(&store, 1, &name)
        };
        tokio::spawn(write).await.unwrap().unwrap();
        let write = {
            let name = String::from("name");
            Events::precise_self(&store, 1, &name)
        };
        write.await.unwrap();
    }
}
