//! The backends of axum-login: associated types, futures that are written out, and permissions behind default bodies.

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::error::Error;
use std::hash::Hash;
use std::sync::{Arc, Mutex};

use axum_login::{AuthUser, AuthnBackend, AuthzBackend, UserId};
use cache_core::{CacheKey, cached_store};
use serde::{Deserialize, Serialize};

use super::support::{Calls, decorated, worlds};

#[cached_store(foreign = AuthnBackend, namespace = "foreign:users", mode = strict)]
trait Users: Clone + Send + Sync {
    type User: AuthUser;
    type Credentials: Send + Sync;
    type Error: Error + Send + Sync;

    #[uncached]
    async fn authenticate(&self, credentials: Self::Credentials) -> Result<Option<Self::User>, Self::Error>;

    #[cached(entity = "user", key(user_id), ttl = "5m", negative_ttl = "5m")]
    async fn get_user(&self, user_id: &UserId<Self>) -> Result<Option<Self::User>, Self::Error>;
}

/// The trait has the one above as supertrait, and bodies for all of its methods.
#[cached_store(foreign = AuthzBackend, namespace = "foreign:permissions")]
trait Permissions: AuthnBackend {
    type Permission: Hash + Eq + Send + Sync;

    #[cached(entity = "of-user", key(user), ttl = "5m")]
    async fn get_user_permissions(&self, user: &Self::User) -> Result<HashSet<Self::Permission>, Self::Error>;

    #[cached(entity = "of-groups", key(user), ttl = "5m")]
    async fn get_group_permissions(&self, user: &Self::User) -> Result<HashSet<Self::Permission>, Self::Error>;

    #[over(decorator)]
    async fn get_all_permissions(&self, user: &Self::User) -> Result<HashSet<Self::Permission>, Self::Error>;

    #[over(decorator)]
    async fn has_perm(&self, user: &Self::User, permission: Self::Permission) -> Result<bool, Self::Error>;
}

/// The supertrait, by that of the store.
impl<S: AuthzBackend> AuthnBackend for CachingPermissions<S> {
    type User = S::User;
    type Credentials = S::Credentials;
    type Error = S::Error;

    async fn authenticate(&self, credentials: S::Credentials) -> Result<Option<S::User>, S::Error> {
        self.backing().authenticate(credentials).await
    }

    async fn get_user(&self, user_id: &UserId<S>) -> Result<Option<S::User>, S::Error> {
        self.backing().get_user(user_id).await
    }
}

/// The permissions of the store behind its cached users.
impl AuthzBackend for CachingUsers<Table> {
    type Permission = String;

    async fn get_user_permissions(&self, user: &User) -> Result<HashSet<String>, Infallible> {
        self.backing().get_user_permissions(user).await
    }

    async fn get_group_permissions(&self, user: &User) -> Result<HashSet<String>, Infallible> {
        self.backing().get_group_permissions(user).await
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, CacheKey)]
struct User {
    id: i64,
    password: Vec<u8>,
}

impl AuthUser for User {
    type Id = i64;

    fn id(&self) -> i64 {
        self.id
    }

    fn session_auth_hash(&self) -> &[u8] {
        &self.password
    }
}

#[derive(Clone, Default)]
struct Table {
    users: Arc<Mutex<HashMap<i64, User>>>,
    reads: Arc<Calls>,
    reads_of_permissions: Arc<Calls>,
}

impl AuthnBackend for Table {
    type User = User;
    type Credentials = (i64, Vec<u8>);
    type Error = Infallible;

    async fn authenticate(&self, (id, password): (i64, Vec<u8>)) -> Result<Option<User>, Infallible> {
        Ok(self.users.lock().unwrap().get(&id).filter(|user| user.password == password).cloned())
    }

    async fn get_user(&self, id: &i64) -> Result<Option<User>, Infallible> {
        self.reads.add();
        Ok(self.users.lock().unwrap().get(id).cloned())
    }
}

impl AuthzBackend for Table {
    type Permission = String;

    async fn get_user_permissions(&self, user: &User) -> Result<HashSet<String>, Infallible> {
        self.reads_of_permissions.add();
        Ok(HashSet::from([format!("own {}", user.id)]))
    }

    async fn get_group_permissions(&self, _: &User) -> Result<HashSet<String>, Infallible> {
        self.reads_of_permissions.add();
        Ok(HashSet::from(["read".to_owned()]))
    }
}

/// The steps of a request with a session of user 1.
async fn request<B>(backend: &B) -> User
where
    B: AuthzBackend<User = User, Permission = String, Credentials = (i64, Vec<u8>), Error = Infallible>,
{
    let user = backend.authenticate((1, b"secret".to_vec())).await.unwrap().expect("the password is right");
    assert_eq!(backend.get_user(&user.id()).await.unwrap().as_ref(), Some(&user));
    assert_eq!(backend.get_user(&2).await.unwrap(), None);
    assert!(backend.has_perm(&user, "own 1".to_owned()).await.unwrap());
    assert!(backend.has_perm(&user, "read".to_owned()).await.unwrap());
    assert!(!backend.has_perm(&user, "write".to_owned()).await.unwrap());
    user
}

#[tokio::test]
async fn users_and_permissions_are_read_once() {
    for caches in worlds().await {
        let table = Table::default();
        table.users.lock().unwrap().insert(1, User { id: 1, password: b"secret".to_vec() });
        let backends = decorated(&caches, |cache| {
            let users = CachingUsers::new(Arc::new(table.clone()), cache);
            CachingPermissions::new(Arc::new(users), cache)
        });
        let backends = backends.await;
        for _ in 0..2 {
            request(&backends[0]).await;
        }
        assert_eq!(table.reads.count(), 2, "one user, and one absence");
        assert_eq!(table.reads_of_permissions.count(), 2, "those of the user and those of the groups");

        table.users.lock().unwrap().get_mut(&1).unwrap().password = b"other".to_vec();
        let other = &backends[caches.len() - 1];
        other.backing().invalidate_get_user(&1).await;
        assert_eq!(backends[0].get_user(&1).await.unwrap().unwrap().password, b"other");
    }
}
