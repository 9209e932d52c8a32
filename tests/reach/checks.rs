//! Checks, which return no value, and a method called `all`, in a trait that another crate declares.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use cache_core::cached_store;

use super::support::{Calls, decorated, eventually, two_instances};

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Denied;

/// As another crate would declare it.
mod other {
    use super::Denied;

    pub(super) trait Grants {
        fn all(&self, user: u64) -> impl Future<Output = Result<Vec<String>, Denied>> + Send;
        fn check(&self, user: u64, action: &str) -> impl Future<Output = Result<(), Denied>> + Send;
        fn check_json(&self, user: u64) -> impl Future<Output = Result<(), Denied>> + Send;
        fn check_postcard(&self, user: u64) -> impl Future<Output = Result<(), Denied>> + Send;
        fn grant(&self, user: u64, action: &str) -> impl Future<Output = Result<(), Denied>> + Send;
        fn revoke(&self, user: u64) -> impl Future<Output = Result<(), Denied>> + Send;
    }
}

#[cached_store(foreign = other::Grants, namespace = "reach:checks")]
trait Grants {
    #[cached(entity = "all", key(user), ttl = "5m")]
    async fn all(&self, user: u64) -> Result<Vec<String>, Denied>;

    #[cached(entity = "check", key(user, action), ttl = "5m")]
    async fn check(&self, user: u64, action: &str) -> Result<(), Denied>;

    #[cached(entity = "json", key(user), ttl = "5m", codec = json)]
    async fn check_json(&self, user: u64) -> Result<(), Denied>;

    #[cached(entity = "postcard", key(user), ttl = "5m", codec = postcard)]
    async fn check_postcard(&self, user: u64) -> Result<(), Denied>;

    #[invalidates(all(user), check(user, action))]
    async fn grant(&self, user: u64, action: &str) -> Result<(), Denied>;

    #[invalidates(all(user), check(user, ..))]
    async fn revoke(&self, user: u64) -> Result<(), Denied>;
}

#[derive(Default)]
struct Table {
    grants: Mutex<BTreeSet<(u64, String)>>,
    reads: Calls,
}

impl other::Grants for Table {
    async fn all(&self, user: u64) -> Result<Vec<String>, Denied> {
        self.reads.add();
        Ok(self.grants.lock().unwrap().iter().filter(|grant| grant.0 == user).map(|grant| grant.1.clone()).collect())
    }

    async fn check(&self, user: u64, action: &str) -> Result<(), Denied> {
        self.reads.add();
        if self.grants.lock().unwrap().contains(&(user, action.to_owned())) { Ok(()) } else { Err(Denied) }
    }

    async fn check_json(&self, _: u64) -> Result<(), Denied> {
        self.reads.add();
        Ok(())
    }

    async fn check_postcard(&self, _: u64) -> Result<(), Denied> {
        self.reads.add();
        Ok(())
    }

    async fn grant(&self, user: u64, action: &str) -> Result<(), Denied> {
        self.grants.lock().unwrap().insert((user, action.to_owned()));
        Ok(())
    }

    async fn revoke(&self, user: u64) -> Result<(), Denied> {
        self.grants.lock().unwrap().retain(|grant| grant.0 != user);
        Ok(())
    }
}

#[tokio::test]
async fn the_success_of_a_check_is_cached_and_its_error_is_not() {
    for caches in two_instances().await {
        let table = Arc::new(Table::default());
        let grants = decorated(&caches, |cache| CachingGrants::new(Arc::clone(&table), cache)).await;
        let [one, two] = &grants[..] else { unreachable!("there are two caches") };
        for reads in 1..3 {
            assert_eq!((one.check(1, "read").await, table.reads.count()), (Err(Denied), reads));
        }
        one.grant(1, "read").await.unwrap();
        one.check(1, "read").await.unwrap();
        one.check_json(1).await.unwrap();
        one.check_postcard(1).await.unwrap();
        eventually("they are filled", || caches[0].stats().total().fills == 3).await;
        assert_eq!((one.peek_check(1, "read"), table.reads.count()), (Some(()), 5));
        two.check(1, "read").await.unwrap();
        two.check_json(1).await.unwrap();
        two.check_postcard(1).await.unwrap();
        assert_eq!(table.reads.count(), 5, "from the shared tier");
        one.revoke(1).await.unwrap();
        eventually("the other instance follows", || two.peek_check(1, "read").is_none()).await;
        assert_eq!(two.check(1, "read").await, Err(Denied));
    }
}

#[tokio::test]
async fn a_method_called_all_leaves_all_entries_to_its_namesake() {
    for caches in two_instances().await {
        let table = Arc::new(Table::default());
        let grants = &decorated(&caches, |cache| CachingGrants::new(Arc::clone(&table), cache)).await[0];
        grants.grant(1, "read").await.unwrap();
        for _ in 0..2 {
            assert_eq!(grants.all(1).await.unwrap(), ["read"]);
        }
        grants.check(1, "read").await.unwrap();
        assert_eq!((grants.peek_all(1).is_some(), table.reads.count()), (true, 2));
        grants.invalidate_all().await;
        assert_eq!((grants.peek_all(1), grants.peek_check(1, "read")), (None, None));
    }
}
