//! The session store of tower-sessions-core, whose ids are no keys of this crate: their text is.

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use cache_core::cached_store;
use tower_sessions_core::SessionStore;
use tower_sessions_core::session::{Id, Record};
use tower_sessions_core::session_store::Result;

use super::support::{Calls, decorated, worlds};

#[cached_store(foreign = SessionStore, namespace = "foreign:sessions", mode = strict)]
#[async_trait]
trait Sessions: Debug + Send + Sync + 'static {
    /// Listed although it has a default body: the store has one of its own.
    #[invalidates(load(&record.id))]
    async fn create(&self, record: &mut Record) -> Result<()>;

    #[invalidates(load(&record.id))]
    async fn save(&self, record: &Record) -> Result<()>;

    #[cached(entity = "session", key(id), display(id), ttl = "5m", negative_ttl = "5m")]
    async fn load(&self, id: &Id) -> Result<Option<Record>>;

    #[invalidates(load(id))]
    async fn delete(&self, id: &Id) -> Result<()>;
}

#[derive(Debug, Default)]
struct Table {
    records: Mutex<HashMap<Id, Record>>,
    reads: Calls,
}

#[async_trait]
impl SessionStore for Table {
    async fn create(&self, record: &mut Record) -> Result<()> {
        let mut records = self.records.lock().unwrap();
        while records.contains_key(&record.id) {
            record.id = Id(record.id.0 + 1);
        }
        records.insert(record.id, record.clone());
        Ok(())
    }

    async fn save(&self, record: &Record) -> Result<()> {
        self.records.lock().unwrap().insert(record.id, record.clone());
        Ok(())
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        self.reads.add();
        Ok(self.records.lock().unwrap().get(id).cloned())
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        self.records.lock().unwrap().remove(id);
        Ok(())
    }
}

fn record(id: i128, data: HashMap<String, serde_json::Value>) -> Record {
    Record { id: Id(id), data, expiry_date: time::OffsetDateTime::UNIX_EPOCH }
}

#[tokio::test]
async fn sessions_are_cached_under_the_ids_that_the_store_gives_them() {
    for caches in worlds().await {
        let table = Arc::new(Table::default());
        let stores = decorated(&caches, |cache| -> Arc<dyn SessionStore> {
            let behind: Arc<dyn SessionStore> = table.clone();
            Arc::new(CachingSessions::new(behind, cache))
        });
        let stores = stores.await;
        let (one, other) = (&stores[0], &stores[caches.len() - 1]);

        let mut first = record(1, HashMap::new());
        one.create(&mut first).await.unwrap();
        for _ in 0..2 {
            assert_eq!(one.load(&Id(1)).await.unwrap().as_ref(), Some(&first));
            assert_eq!(one.load(&Id(2)).await.unwrap(), None);
        }
        assert_eq!(table.reads.count(), 2, "the session and the absence once");

        let mut second = record(1, HashMap::from([("cart".to_owned(), "tea".into())]));
        other.create(&mut second).await.unwrap();
        assert_eq!(second.id, Id(2), "the id was taken");
        assert_eq!(one.load(&Id(2)).await.unwrap(), Some(second.clone()));

        second.data.clear();
        other.save(&second).await.unwrap();
        assert_eq!(one.load(&Id(2)).await.unwrap(), Some(second));
        other.delete(&Id(2)).await.unwrap();
        assert_eq!(one.load(&Id(2)).await.unwrap(), None);
    }
}
