//! Connects all stores, and puts the configured cache in front of them.

use std::sync::Arc;

use cache_core::Cache;
use uuid::Uuid;

use crate::StoreError;
#[cfg(feature = "postgres")]
use crate::backend::postgres;
#[cfg(feature = "sqlite")]
use crate::backend::sqlite;
use crate::config::{Database, ReadSettings, StoresConfig};
use crate::conversation::{CachingConversationStore, ConversationStore, MemoryConversationStore};
use crate::conversation_config::{
    CachingConversationConfigStore, ConversationConfigStore, MemoryConversationConfigStore,
};
use crate::policy::{CachingPolicyStore, MemoryPolicyStore, PolicyStore};

/// The stores of a service, and the cache in front of them. Cheap to clone.
///
/// ```
/// use stores::policy::TenantPolicy;
/// use stores::{Stores, StoresConfig, TenantId};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), stores::StoreError> {
/// # let lookup = |name: &str| (name == "DATABASE_URL").then(|| "sqlite::memory:".to_owned());
/// # let config = StoresConfig::from_lookup(lookup)?;
/// # /*
/// let config = StoresConfig::from_env()?;
/// # */
/// let stores = Stores::connect(config).await?;
/// let tenant = TenantId::random();
/// stores.policies.set_policy(&TenantPolicy::new(tenant, "small", "local")).await?;
/// let policy = stores.policies.get_policy(tenant).await?.expect("it was just set");
/// assert_eq!(policy.default_model, "small");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Stores {
    /// The policies of the tenants.
    pub policies: Arc<CachingPolicyStore<dyn PolicyStore>>,
    /// The configurations of conversations.
    pub configs: Arc<CachingConversationConfigStore<dyn ConversationConfigStore>>,
    /// The conversations and their messages.
    pub conversations: Arc<CachingConversationStore<dyn ConversationStore>>,
    /// The cache that the stores share.
    pub cache: Cache,
}

impl Stores {
    /// Connects to the database, applies missing migrations, and puts the cache in front.
    ///
    /// An unreachable Redis is no error: reads go to the database until it is reachable. If `DATABASE_URL` leads
    /// through a pooler in transaction mode (port 6543, or `?pgbouncer=true`), no migration is applied, since none can
    /// run there safely.
    ///
    /// The entries carry the identity of the database (the table `stores_identity`): an entry that was loaded from
    /// another database is a miss, and is logged as a warning once. If the table does not exist yet, or the role may
    /// not read it, the identity is unknown, which is logged as another warning. Give two databases behind one Redis
    /// different values of `CACHE_KEY_PREFIX`: otherwise they replace each other's entries.
    ///
    /// If the connected role of Postgres does not see every row (`authenticated` does not), this logs a warning and
    /// every read goes to the database: a cached row is the same for every caller. Writes still invalidate the entries
    /// of instances that cache.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](crate::StoreErrorKind::Unavailable) and [`Timeout`](crate::StoreErrorKind::Timeout) if the
    /// database cannot be reached, and those of [`migrate`](crate::migrate()).
    pub async fn connect(config: StoresConfig) -> Result<Self, StoreError> {
        let cache = config.cache()?;
        Self::connect_with(config, cache).await
    }

    /// Connects with your own cache, such as [`Cache::single_instance`].
    ///
    /// # Errors
    ///
    /// As for [`connect`](Self::connect), and [`Config`](crate::StoreErrorKind::Config) if other traits already use the
    /// names of these stores in that cache.
    pub async fn connect_with(config: StoresConfig, cache: Cache) -> Result<Self, StoreError> {
        let backing = Backing::connect(config.database, config.migrate).await?;
        let sees_every_row = backing.sees_every_row().await?;
        let source = if sees_every_row { backing.identity().await? } else { 0 };
        let over = |settings: ReadSettings, trait_says| settings.only_if(sees_every_row).over(trait_says);
        let policies = CachingPolicyStore::builder(backing.policies(), &cache)
            .get_policy(|trait_says| over(config.policies, trait_says))
            .source(source)
            .try_build()?;
        let configs = CachingConversationConfigStore::builder(backing.configs(), &cache)
            .get_config(|trait_says| over(config.configs, trait_says))
            .source(source)
            .try_build()?;
        let conversations = CachingConversationStore::builder(backing.conversations(), &cache)
            .get_conversation(|trait_says| over(config.conversations, trait_says))
            .source(source)
            .try_build()?;
        Ok(Self {
            policies: Arc::new(policies),
            configs: Arc::new(configs),
            conversations: Arc::new(conversations),
            cache,
        })
    }
}

/// The database of the stores.
enum Backing {
    Memory,
    #[cfg(feature = "sqlite")]
    Sqlite(sqlx::SqlitePool),
    #[cfg(feature = "postgres")]
    Postgres(sqlx::PgPool),
}

impl Backing {
    async fn connect(database: Database, with_migrations: bool) -> Result<Self, StoreError> {
        match database {
            Database::Memory => {
                tracing::warn!(
                    "DATABASE_URL is not set: the stores are in memory, and their data is lost when the process ends"
                );
                Ok(Self::Memory)
            }
            #[cfg(feature = "sqlite")]
            Database::Sqlite(options, keeps) => {
                let pool = sqlite::connect(*options, keeps).await?;
                if with_migrations {
                    crate::migrate(&pool).await?;
                }
                Ok(Self::Sqlite(pool))
            }
            #[cfg(feature = "postgres")]
            Database::Postgres { address, schema } => {
                let keeps_locks = address.kind.keeps_locks();
                let pool = postgres::connect(*address, &schema).await?;
                if !keeps_locks {
                    tracing::info!("the database is behind a pooler in transaction mode: no migration is applied");
                } else if with_migrations {
                    crate::migrate(&pool).await?;
                }
                Ok(Self::Postgres(pool))
            }
        }
    }

    /// Whether the connected role sees every row, so that its reads may be cached.
    #[cfg_attr(not(feature = "postgres"), allow(clippy::unused_async))]
    async fn sees_every_row(&self) -> Result<bool, StoreError> {
        #[cfg(feature = "postgres")]
        if let Self::Postgres(pool) = self {
            return Self::role_sees_every_row(pool).await;
        }
        Ok(true)
    }

    #[cfg(feature = "postgres")]
    async fn role_sees_every_row(pool: &sqlx::PgPool) -> Result<bool, StoreError> {
        let Some(restricted) = postgres::restricted(pool).await? else { return Ok(true) };
        tracing::warn!(
            role = restricted.role,
            tables = restricted.tables.join(", "),
            "row-level security hides rows of these tables from the role of DATABASE_URL: nothing is cached, since what \
             is cached is the same for every caller. Connect as the owner or as a member of service_role"
        );
        Ok(false)
    }

    /// The identity of the database; 0 if unknown.
    ///
    /// Stores in memory get a random identity, since their rows belong to this process alone.
    async fn identity(&self) -> Result<u128, StoreError> {
        match self {
            Self::Memory => Ok(Uuid::new_v4().as_u128()),
            #[cfg(feature = "sqlite")]
            Self::Sqlite(pool) => sqlite::identity(pool).await,
            #[cfg(feature = "postgres")]
            Self::Postgres(pool) => postgres::identity(pool).await,
        }
    }

    fn policies(&self) -> Arc<dyn PolicyStore> {
        match self {
            Self::Memory => Arc::new(MemoryPolicyStore::new()),
            #[cfg(feature = "sqlite")]
            Self::Sqlite(pool) => Arc::new(crate::policy::SqlitePolicyStore::new(pool.clone())),
            #[cfg(feature = "postgres")]
            Self::Postgres(pool) => Arc::new(crate::policy::PostgresPolicyStore::new(pool.clone())),
        }
    }

    fn configs(&self) -> Arc<dyn ConversationConfigStore> {
        match self {
            Self::Memory => Arc::new(MemoryConversationConfigStore::new()),
            #[cfg(feature = "sqlite")]
            Self::Sqlite(pool) => {
                Arc::new(crate::conversation_config::SqliteConversationConfigStore::new(pool.clone()))
            }
            #[cfg(feature = "postgres")]
            Self::Postgres(pool) => {
                Arc::new(crate::conversation_config::PostgresConversationConfigStore::new(pool.clone()))
            }
        }
    }

    fn conversations(&self) -> Arc<dyn ConversationStore> {
        match self {
            Self::Memory => Arc::new(MemoryConversationStore::new()),
            #[cfg(feature = "sqlite")]
            Self::Sqlite(pool) => Arc::new(crate::conversation::SqliteConversationStore::new(pool.clone())),
            #[cfg(feature = "postgres")]
            Self::Postgres(pool) => Arc::new(crate::conversation::PostgresConversationStore::new(pool.clone())),
        }
    }
}
