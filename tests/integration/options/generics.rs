//! Traits with parameters, where clauses, lifetimes, associated items and supertraits.

use std::fmt::{Debug, Display};
use std::sync::Arc;

use cache_core::{Cache, CacheKey, cached_store};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::support::{Calls, Failed};

/// The value type of a table.
pub(super) trait Row: Clone + Serialize + DeserializeOwned + Send + Sync + 'static {
    type Id: CacheKey + Clone + Eq + std::hash::Hash + Display + Send + Sync + 'static;
    fn made(id: &Self::Id, call: usize) -> Self;
}

#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
struct User(String);

impl Row for User {
    type Id = u32;
    fn made(id: &u32, call: usize) -> Self {
        Self(format!("user {id} by call {call}"))
    }
}

mod parameters {
    use super::*;

    #[cached_store(namespace = "test:table")]
    pub(in super::super) trait Table<T: Row, const SHARDS: usize = 1>: Send + Sync + Debug
    where
        T::Id: Ord,
    {
        #[cached(entity = "row", key(id), ttl = "1m", negative_ttl = "5s")]
        async fn get(&self, id: T::Id) -> Result<Option<Arc<T>>, Failed>;

        #[invalidates(get(id))]
        async fn delete(&self, id: &T::Id) -> Result<bool, Failed>;

        #[uncached]
        async fn find<F>(&self, filter: F) -> Result<Vec<T>, Failed>
        where
            F: Fn(&T) -> bool + Send;

        fn shards(&self) -> usize {
            SHARDS
        }
    }

    #[derive(Default, Debug)]
    struct Rows(Calls);

    impl<T: Row> Table<T, 4> for Rows
    where
        T::Id: Ord,
    {
        async fn get(&self, id: T::Id) -> Result<Option<Arc<T>>, Failed> {
            Ok(Some(Arc::new(T::made(&id, self.0.add()))))
        }
        async fn delete(&self, _: &T::Id) -> Result<bool, Failed> {
            Ok(true)
        }
        async fn find<F>(&self, _: F) -> Result<Vec<T>, Failed>
        where
            F: Fn(&T) -> bool + Send,
        {
            Ok(Vec::new())
        }
    }

    #[tokio::test]
    async fn a_generic_store_is_cached_for_each_of_its_types() {
        let caching: CachingTable<Rows, User, 4> =
            CachingTable::new(Arc::new(Rows::default()), &Cache::single_instance());
        assert_eq!(caching.get(1).await.unwrap().unwrap().0, "user 1 by call 1");
        assert_eq!(Table::get(&caching, 1).await.unwrap().unwrap().0, "user 1 by call 1");
        assert!(Table::delete(&caching, &1).await.unwrap());
        assert_eq!(caching.get(1).await.unwrap().unwrap().0, "user 1 by call 2");
        assert!(caching.find(|_| true).await.unwrap().is_empty());
        assert_eq!(Table::<User, 4>::shards(&caching), 4);
    }
}

mod associated {
    use super::*;

    /// A supertrait that the program implements for the decorator itself.
    pub(in super::super) trait Named {
        fn name(&self) -> String;
    }

    #[cached_store(namespace = "test:associated")]
    pub(in super::super) trait Store: Named + Clone + Send + Sync {
        type Row: Row;
        type Error: Debug + Send + 'static;
        type View<'a>: AsRef<str>
        where
            Self: 'a;
        const LIMIT: usize;

        #[cached(entity = "row", key(id), ttl = "1m")]
        async fn get(&self, id: <Self::Row as Row>::Id) -> Result<Option<Self::Row>, Self::Error>;

        #[invalidates(get(id))]
        async fn touch(&self, id: <Self::Row as Row>::Id) -> Result<(), Self::Error>;

        fn view(&self) -> Self::View<'_>;

        fn empty() -> usize;

        fn doubled(self) -> (Self, Self)
        where
            Self: Sized,
        {
            (self.clone(), self)
        }
    }

    #[derive(Clone, Default)]
    struct Rows(Arc<Calls>);

    impl Named for Rows {
        fn name(&self) -> String {
            "rows".to_owned()
        }
    }

    impl<S: Store + 'static> Named for CachingStore<S> {
        fn name(&self) -> String {
            format!("cached {}", self.backing().name())
        }
    }

    impl Store for Rows {
        type Row = User;
        type Error = Failed;
        type View<'a> = &'a str;
        const LIMIT: usize = 12;
        async fn get(&self, id: u32) -> Result<Option<User>, Failed> {
            Ok(Some(User::made(&id, self.0.add())))
        }
        async fn touch(&self, _: u32) -> Result<(), Failed> {
            Ok(())
        }
        fn view(&self) -> &'static str {
            "view"
        }
        fn empty() -> usize {
            7
        }
    }

    fn limit<S: Store>(_: &S) -> usize {
        S::LIMIT
    }

    #[tokio::test]
    async fn associated_items_come_from_the_store() {
        let caching = CachingStore::new(Arc::new(Rows::default()), &Cache::single_instance());
        assert_eq!(caching.get(3).await.unwrap(), Some(User("user 3 by call 1".to_owned())));
        assert_eq!(Store::get(&caching, 3).await.unwrap(), Some(User("user 3 by call 1".to_owned())));
        caching.touch(3).await.unwrap();
        assert_eq!(caching.get(3).await.unwrap(), Some(User("user 3 by call 2".to_owned())));
        assert_eq!(limit(&caching), 12);
        assert_eq!(caching.view(), "view");
        assert_eq!(<CachingStore<Rows> as Store>::empty(), 7);
        let (first, _) = caching.doubled();
        assert_eq!(first.name(), "cached rows");
    }
}

mod lifetimes {
    use super::*;

    /// Borrows from a caller, so that it cannot move into a task.
    pub(in super::super) struct Trace<'a>(&'a Calls);

    #[cached_store(namespace = "test:lifetimes")]
    #[async_trait::async_trait]
    pub(in super::super) trait Store<'x>: Send + Sync {
        #[cached(entity = "name", key(id), ignore(trace, tags), ttl = "1m", load = inline)]
        async fn name<'a>(&'a self, id: &'a str, trace: Trace<'a>, tags: &[&str]) -> Result<String, Failed>
        where
            'x: 'a;

        #[invalidates(name(id))]
        async fn rename<'a, 'b: 'a>(&'a self, id: &'b str) -> Result<(), Failed>;
    }

    struct Borrowing<'x>(&'x str);

    #[async_trait::async_trait]
    impl<'x> Store<'x> for Borrowing<'x> {
        async fn name<'a>(&'a self, id: &'a str, trace: Trace<'a>, _: &[&str]) -> Result<String, Failed>
        where
            'x: 'a,
        {
            Ok(format!("{}{id}#{}", self.0, trace.0.add()))
        }
        async fn rename<'a, 'b: 'a>(&'a self, _: &'b str) -> Result<(), Failed> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn an_inline_load_borrows_from_its_caller() {
        let calls = Calls::default();
        let caching: CachingStore<'static, Borrowing<'static>> =
            CachingStore::new(Arc::new(Borrowing("x")), &Cache::single_instance());
        for _ in 0..2 {
            assert_eq!(caching.name("y", Trace(&calls), &["tag"]).await.unwrap(), "xy#1");
        }
        Store::rename(&caching, "y").await.unwrap();
        assert_eq!(Store::name(&caching, "y", Trace(&calls), &[]).await.unwrap(), "xy#2");
    }
}
