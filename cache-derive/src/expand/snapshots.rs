//! Compares generated code with checked-in files. `BLESS=1 cargo test -p cache-derive` rewrites them.

use std::fs;
use std::path::PathBuf;

use proc_macro2::TokenStream;
use quote::quote;

/// Expands a trait, formats the result, and compares it with the file of this name.
fn check(name: &str, args: TokenStream, item: TokenStream) {
    compare(name, crate::cached_store_tokens(args, item));
}

fn compare(name: &str, tokens: TokenStream) {
    let file: syn::File = syn::parse2(tokens).unwrap_or_else(|error| panic!("{name} is no valid code: {error}"));
    let actual = prettyplease::unparse(&file);
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("snapshots").join(format!("{name}.rs"));
    if std::env::var_os("BLESS").is_some() {
        fs::create_dir_all(path.parent().expect("the path has a folder")).expect("the folder can be made");
        fs::write(&path, &actual).expect("the snapshot can be written");
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert!(actual == expected, "{name} expands to something else; BLESS=1 accepts it:\n{actual}");
}

#[test]
fn async_trait_style() {
    check(
        "async_trait",
        quote!(namespace = "copilot:llm"),
        quote! {
            #[async_trait]
            pub trait PolicyStore: Send + Sync {
                #[cached(entity = "policy", key(tenant), ttl = "5m", negative_ttl = "30s")]
                async fn get_policy(&self, tenant: TenantId) -> Result<Option<Arc<TenantPolicy>>, StoreError>;

                #[invalidates(get_policy(policy.tenant_id))]
                async fn set_policy(&self, policy: &TenantPolicy) -> Result<(), StoreError>;

                #[uncached]
                async fn count_policies(&self) -> Result<u64, StoreError>;

                /// What this store is called.
                fn name(&self) -> &str;
            }
        },
    );
}

#[test]
fn native_style_with_every_option() {
    check(
        "options",
        quote!(namespace = "app", crate = caching),
        quote! {
            pub(crate) trait Store: Send + Sync {
                /// Finds a document.
                #[cfg(feature = "documents")]
                #[cached(
                    entity = "document", key(tenant, path), ignore(trace), ttl = crate::TTL, jitter = 20, local = "10s",
                    local_capacity = "512KiB", weigh = size_of_document, tti = "5s", local_engine = moka, version = 3, codec = json, cache_if = is_public, visible_if = may_read
                )]
                async fn find(&self, tenant: u64, path: &str, trace: Option<&str>) -> Result<Option<Document>, Error>;

                #[cached(entity = "tree", key(tenant, under, name), ttl = "1h 30m", local = off, load = inline, codec = postcard)]
                async fn tree(&self, tenant: u64, under: Option<&str>, name: String) -> Result<Tree, Error>;

                #[invalidates(find(document.tenant, ..), tree(document.tenant, document.under.as_deref(), ..), tree(..))]
                async fn put(&self, document: Document) -> Result<(), Error>;

                #[invalidates(find(tenant, result), tree(..))]
                async fn create(&self, tenant: u64, document: &Document) -> Result<String, Error>;
            }
        },
    );
}

#[test]
fn batches() {
    check(
        "batch",
        quote!(namespace = "app"),
        quote! {
            #[async_trait]
            pub trait Store: Send + Sync {
                #[cached(entity = "document", key(tenant, path), ignore(reader), ttl = "5m", visible_if = may_read, cache_if = is_public)]
                async fn find(&self, tenant: u64, path: &str, reader: Option<&str>) -> Result<Option<Document>, Error>;

                #[cached(batch = find)]
                async fn find_many(&self, tenant: u64, paths: &[String], reader: Option<&str>) -> Result<HashMap<String, Document>, Error>;

                #[cached(entity = "size", key(id), ttl = "5m")]
                async fn size(&self, id: u64) -> Result<u64, Error>;

                #[cached(batch = size)]
                async fn sizes(&self, ids: Vec<u64>) -> Result<HashMap<u64, u64>, Error>;

                #[cached(batch = size)]
                async fn sizes_in_order(&self, ids: &[u64]) -> Result<Vec<Option<u64>>, Error>;
            }
        },
    );
}

#[test]
fn opaque_style_with_generics() {
    check(
        "generics",
        quote!(namespace = "app"),
        quote! {
            pub trait Table<T: Row, const N: usize = 4>: Send + Sync
            where
                T::Id: Key,
            {
                type Error: std::error::Error;
                const LIMIT: usize;

                #[cached(entity = "row", key(id), ttl = "1m")]
                fn get<'a>(&'a self, id: &'a T::Id) -> impl Future<Output = Result<Option<T>, Self::Error>> + Send + 'a;

                #[uncached]
                async fn list<F: Fn(&T) -> bool + Send>(&self, filter: F) -> Result<Vec<T>, Self::Error> {
                    let _ = filter;
                    Ok(Vec::new())
                }
            }
        },
    );
}

#[test]
fn writes_that_change_their_parameters_or_run_in_transactions() {
    check(
        "writes",
        quote!(namespace = "app"),
        quote! {
            #[async_trait]
            pub trait Sessions: Send + Sync {
                #[cached(entity = "session", key(tenant, id, device), ttl = "5m")]
                async fn load(&self, tenant: TenantId, id: &str, device: Option<&str>) -> Result<Option<Session>, Error>;

                #[cfg(feature = "users")]
                #[cached(entity = "user", key(id), ttl = "5m")]
                async fn user(&self, id: u64) -> Result<User, Error>;

                #[invalidates(load(session.tenant, token.id, session.device.as_deref()), user(session.user))]
                async fn create(&self, session: &mut Session, token: Token) -> Result<(), Error>;

                #[invalidates(load(tenant, &handle.id(), None))]
                async fn touch(&self, tenant: TenantId, handle: Arc<RwLock<Handle>>) -> Result<(), Error>;

                #[invalidates(user(both.0.user))]
                async fn swap(&self, both: (&mut Session, &mut Session)) -> Result<(), Error>;

                #[invalidates(user(session.as_ref().map_or(0, |session| session.user)), user(result))]
                async fn adopt(&self, session: Option<&mut Session>) -> Result<u64, Error>;

                #[invalidates(user(id), commits = caller)]
                async fn rename(&self, transaction: &mut Transaction<'_, Postgres>, id: u64) -> Result<(), Error>;
            }
        },
    );
}

#[test]
fn targets_with_lists_conditions_old_rows_and_other_traits() {
    check(
        "targets",
        quote!(namespace = "shop:users"),
        quote! {
            #[async_trait]
            pub trait Users: Send + Sync {
                #[cached(entity = "user", key(id), ttl = "5m")]
                async fn get(&self, id: UserId) -> Result<Option<User>, Error>;

                #[cfg(feature = "emails")]
                #[cached(entity = "email", key(email), ttl = "5m")]
                async fn by_email(&self, email: &str) -> Result<Option<User>, Error>;

                #[invalidates(each(user in users => get(user.id), by_email(&user.email, if = user.active)), each(ids => get(*id)))]
                async fn put_all(&self, users: &mut Vec<User>, ids: Arc<[UserId]>) -> Result<(), Error>;

                #[invalidates(get(user.id), by_email(&old.email, if = old.email != user.email), reads(old = get(user.id)))]
                async fn put(&self, user: &User) -> Result<(), Error>;

                #[cached(
                    entity = "flag", key(name), ttl = "5m", negative_ttl = "1m", absent_if = Error::is_not_found,
                    absent_as = Error::not_found
                )]
                async fn flag(&self, name: String) -> Result<Flag, Error>;

                #[cached(batch = flag, by = Flag::name)]
                async fn flags(&self, names: &[String]) -> Result<Vec<Flag>, Error>;

                #[updates(get(user.id) = Some(user.clone()), flag(user.flag) = Some(result.clone()), by_email(..))]
                async fn replace(&self, user: User) -> Result<Flag, Error>;

                #[invalidates(orders::OrderStore::of_user(id), orders::OrderStore::recent(..), if = *result)]
                async fn delete(&self, id: UserId) -> Result<bool, Error>;
            }
        },
    );
}

#[test]
fn boxed_futures() {
    check(
        "boxed_futures",
        quote!(namespace = "app"),
        quote! {
            pub trait Events: Send + Sync {
                type Named<'a>: Future<Output = u64>
                where
                    Self: 'a;

                #[cached(entity = "event", key(id), ttl = "10m")]
                fn event<'a>(&'a self, id: &'a str) -> Pin<Box<dyn Future<Output = Result<Option<String>, Error>> + Send + 'a>>;

                #[cached(batch = event)]
                fn events(&self, ids: &[String]) -> BoxFuture<'_, Result<HashMap<String, String>, Error>>;

                #[invalidates(event(id))]
                fn save(&self, id: &str, text: String) -> std::pin::Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

                #[invalidates(event(id))]
                fn remove<'a>(&'a self, id: &'a str) -> Box<dyn Future<Output = Result<(), Error>> + Send + Unpin + 'a>;

                #[uncached]
                fn local(&self) -> LocalBoxFuture<'_, u64>;

                #[uncached]
                fn named(&self) -> Self::Named<'_>;
            }
        },
    );
}

#[test]
fn mirrors_of_foreign_traits() {
    check(
        "mirror",
        quote!(namespace = "app", foreign = other::Login, exclusive = clone),
        quote! {
            pub trait Login<T>: Display + Region + Send {
                type User: Account;

                #[cached(entity = "user", key(id), ttl = "5m")]
                async fn user(&self, id: &T) -> Result<Option<Self::User>, Error>;

                #[invalidates(user(id))]
                fn rename(&mut self, id: &T, name: String) -> impl Future<Output = Result<(), Error>> + Send;

                #[uncached]
                fn touch(self: Arc<Self>) -> Pin<Box<dyn Future<Output = ()> + Send>>;

                #[over(decorator)]
                async fn may(&self, user: &Self::User, _: &str) -> bool;
            }
        },
    );
}

#[test]
fn a_store_behind_a_lock() {
    check(
        "lock",
        quote!(namespace = "app", exclusive = lock),
        quote! {
            #[async_trait]
            pub trait Tokens: Display + Send + Sync {
                #[cached(entity = "token", key(id), ttl = "5m")]
                async fn token(&self, id: u64) -> Result<String, Error>;

                #[invalidates(token(result))]
                async fn add(&mut self, token: String) -> Result<u64, Error>;

                #[over(decorator)]
                async fn has(&self, id: u64) -> bool {
                    self.token(id).await.is_ok()
                }
            }
        },
    );
}

#[test]
fn an_error_leaves_the_trait() {
    check(
        "error",
        quote!(namespace = "app"),
        quote! {
            pub trait Store: Send + Sync {
                #[cached(entity = "x", key(id), ttl = "1m")]
                async fn get(&self, id: u64, other: u64) -> Result<u64, Error>;
            }
        },
    );
}

#[test]
fn derived_keys() {
    compare(
        "cache_key",
        crate::cache_key_tokens(quote! {
            pub enum Scope<T> {
                Everything,
                Tenant(TenantId, #[cache_key(display)] Region),
                Named { name: T },
            }
        }),
    );
}

#[test]
fn derived_fingerprints() {
    compare(
        "cache_value",
        crate::cache_value_tokens(quote! {
            #[serde(rename_all = "camelCase")]
            pub struct Node<T> {
                value: T,
                children: Vec<Node<T>>,
                #[cache_value(by_name)]
                parent: Parent,
            }
        }),
    );
}
