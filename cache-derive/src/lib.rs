//! The macros of `cache-core`. Use them through that crate, which re-exports and documents them.
//!
//! A small compiler; read it in this order: `parse` turns tokens into a syntax tree, `options` has the tables of the
//! attributes and their options, `validate` turns the tree into a valid `model`, `expand` turns the model into code and
//! reports nothing, and `diag` collects the mistakes, so that one build reports all of them.

mod awaits;
mod diag;
mod expand;
#[cfg(test)]
mod fuzz;
mod model;
mod options;
mod parse;
mod types;
mod validate;

use proc_macro::TokenStream;
use proc_macro2::TokenStream as Tokens;

use diag::Sink;
use options::derives::{CACHE_KEY, CACHE_VALUE};

/// Generates the caching decorator `CachingX` of a store trait `X`.
///
/// The annotation stands above `#[async_trait]`; plain `async fn`, `-> impl Future<Output = ..> + Send` and boxed
/// futures (`-> Pin<Box<dyn Future<Output = ..> + Send + '_>>`, `-> BoxFuture<'_, ..>`) work as well. Every async
/// method of the trait has an attribute for its effect on the cache; synchronous ones are forwarded. A method that
/// returns any other future, such as `Self::SaveFuture<'_>`, is async too, and can only be `#[uncached]`. An alias of a
/// boxed future works under any name; a method without an attribute does not compile if its return type turns out to be
/// a future.
///
/// # `#[cached_store(..)]`
///
#[doc = include_str!("../docs/cached_store.md")]
///
/// # `#[cached(..)]`
///
/// The method returns `Result<V, E>` or `Result<Option<V>, E>`, or without an error `V` or `Option<V>`, with a `V` that
/// implements `Clone` and serde's `Serialize` and `Deserialize`. An alias may have any name. The outermost `Option` is
/// the absence of a value and the outermost `Result` an error; others are values. A generic type of yours that depends
/// on an item of a parameter, such as `Page<T::Id>`, is returned in a `Result` or an `Arc`.
///
/// If a store reports an absence as an error, `absent_if` names the errors that are absences and `absent_as` makes the
/// error for every caller, whether the absence is loaded or cached: errors are not cached themselves, and need not be
/// `Clone`. A key that a batch leaves out is an absence as well. `peek_…` returns `Some(None)` for one.
///
/// If a load without an error type panics, the panic continues in its caller, and each follower loads for itself. After
/// the deadline of loads the key is free again, the caller waits for the store, and the value is not cached.
///
/// A key part borrows nothing inside of its type, as `&str` and `Option<&T>` do not. `&[&str]`, `(u64, &str)` and
/// `StateKey<'_>` do: they need `load = inline`, since a load in a task would keep them, and the cache looks them up by
/// their text. A call with a NaN goes to the store, and both zeros are one key.
///
#[doc = include_str!("../docs/cached.md")]
///
/// # `#[cached(batch = get_policy)]`
///
/// A method over many keys, which shares the entries of `get_policy`: it has the parameters of `get_policy`, with
/// `&[T]` or `Vec<T>` in place of one part of the key, and returns `Result<M, E>` or `M`, where `M` maps `T` to `V`
/// (`HashMap`, `BTreeMap`, a `Vec` of pairs). A key that the store omits from the map is absent. `key(..)` and `ignore(..)` may be
/// repeated; every other option is set on `get_policy`. It may also return `Result<Vec<Option<V>>, E>`, with one element
/// for each key in the order of the keys, or `Result<Vec<V>, E>` with `by = path`, a function that returns the key of a
/// row (`(&V) -> T` or `(&V) -> &T`). Rows are returned once, in the order of the keys. A `Vec<Option<V>>` of another
/// length than that of the keys counts as a panic of the store.
///
/// # `#[invalidates(..)]` and `#[uncached]`
///
/// `#[invalidates(get_policy(policy.tenant_id), list_policies(..))]` names read methods of this trait with the
/// arguments of their key. `..` at the end means every entry that begins with the arguments in front of it. Expressions
/// may use the method's parameters, and `result` for a reference to the value that the call returns, which is the one in
/// the `Ok` of a `Result`, also behind an alias. `tag("user", user.id)` names every entry that carries this tag,
/// `tag("user", ..)` every entry that carries one of the family. `#[uncached]` methods go to the store.
///
/// The keys of a family that is a text have the same number of parts wherever the trait names it, and none is a list. The
/// compiler does not compare their types: a `u64` and a newtype of it are the same tag, a `u64` and an enum are not. The
/// keys of a family that is a type are checked.
///
#[doc = include_str!("../docs/invalidates.md")]
///
/// | target | meaning |
/// | --- | --- |
/// | `each(item in items => get(item.id), by_name(item.name, ..))` | the targets for each element of a list |
/// | `each(items => get(item.id))` | the same for a parameter with an `s` at its end, if the targets use the name without it |
/// | `get(id, if = user.active)` | the entry, if the condition is true; `if` is the last item |
/// | `other::OtherStore::get(id)`, `OtherStore::get(..)` | entries of another annotated trait |
///
/// A list is a parameter, a field or `result`, which are iterated over by reference, or any expression that is an
/// iterator. Lists may be nested and have conditions. Each scope is locked and released by a command of its own. If a
/// list names more than 4,096 entries, their whole methods are invalidated instead.
///
/// A condition is evaluated whenever its target is. If it names `result`, that is after the call; if the call may change
/// it, before the call and after it, and the entry goes stale if it is true at either time. If it panics after the call,
/// the methods of the target are invalidated.
///
/// With `reads(old = get(id))` the write calls `get` of the store, without the cache, after its locks are placed and
/// before the call. `old` is the value in the `Ok(Some(..))` or `Ok(..)`. If the row does not exist, targets that name
/// `old` name nothing; if the store returns an error, their methods are invalidated as a whole. They are as well if
/// another write of that row ends or is in progress between the read and the commit, provided that it invalidates the
/// row's entry, as every write of it must. `begin_x` does not read the row, and invalidates those methods as a whole.
/// The entry that is read goes stale, too.
///
/// Another trait is named by a path, through imports and renames. It has no type parameters, and a namespace with the
/// same first part, which is checked at compile time. Its decorator has the same partition as the one that writes. A
/// target is a whole key or `(..)`: entries belong only to the key prefixes that the writes of their own trait name.
/// Each annotated trait has a hidden constant of its own name for this purpose.
///
/// The call may change the value of an expression. An expression over a `&mut T` or a `&T` is evaluated before the call
/// and again after it, and both entries are invalidated; so is one over an `Arc<T>` whose type names a lock, a cell or
/// an atomic (`Arc<Mutex<T>>`), of which the store receives a clone. Other expressions over parameters passed by value
/// are evaluated only before the call. If the second evaluation panics, the whole method is invalidated, and the caller
/// receives the answer of the store. The whole method is also invalidated if the caller is dropped before the call
/// returns, or commits itself, except for a `&T` whose type does not name a lock, a cell or an atomic: if a store
/// changes the key behind one of those, name the method with `..`.
///
/// # `#[updates(..)]`
///
/// `#[updates(get_policy(tenant) = Some(policy.clone()), list_policies(..))]` is an `#[invalidates(..)]` that also stores
/// the entries whose targets have a value. It takes the same targets, and the same options except `commits = caller`. At least one target has a value, whose
/// type is that of the read method, without its `Result`; with `absent_if` it is an `Option`. `ttl`, `jitter` and
/// `cache_if` of the read method apply.
///
/// A value is evaluated after the call if it names `result` or a parameter that the call may change (`&T`, `&mut T`, a lock,
/// a cell or an atomic), and else before it. A panic after the call leaves the entry invalidated. With a condition,
/// `get_policy(tenant, if = *result) = value`, the entry is invalidated in any case, and the value is stored if the
/// condition is true after the call: so a write that has changed nothing stores nothing. It is stored in both tiers before the write returns, in mode `fast` soon after
/// that. A write that fails, whose outcome is unknown, or whose caller is dropped stores nothing. Neither does one that
/// another write or invalidation of the entry overlaps between lock and release.
///
/// The target of a value is one entry of this trait, and its key does not depend on `result`, on a
/// row that the write `reads`, or on a parameter that the call changes: the write locks the entry before the call.
///
/// # Transactions of the caller
///
/// If the caller commits the transaction of a write, annotate the write with
/// `#[invalidates(get(id), commits = caller)]`. A parameter whose type is named like a transaction (`Transaction`,
/// `PgTransaction`, `SqliteTransaction`, `MySqlTransaction`, `AnyTransaction`, `DatabaseTransaction`,
/// `AsyncTransaction`, or a generic with such a bound) requires that option, or `commits = store` if the method commits
/// before it returns. With `commits = caller` it is passed as `&mut`. The caller takes a guard before its statements
/// and ends it after the commit:
///
/// ```text
/// let guard = store.begin_rename(&mut transaction, id, name).await; // locks what `rename` invalidates
/// store.backing().rename(&mut transaction, id, name).await?;        // dropped on the way: unknown outcome
/// transaction.commit().await?;
/// guard.committed().await;                                          // or `rolled_back`
/// ```
///
/// # Traits of other crates
///
/// A trait that another crate declares is cached through a mirror of it, with the option `foreign`. The mirror lists the
/// methods of the foreign trait, each with its attribute, and the macro does not emit it: the decorator, which has the
/// mirror's name and visibility, implements the foreign trait for every store that implements it.
///
/// ```text
/// #[cached_store(foreign = logins::Login, namespace = "web:login")]
/// trait Login {
///     type User;                                                        // that of the store
///     type Error;
///
///     #[cached(entity = "user", key(id), ttl = "5m")]
///     async fn user(&self, id: u64) -> Result<Option<Self::User>, Self::Error>;
///
///     #[invalidates(user(id))]
///     async fn rename(&self, id: u64, name: String) -> Result<(), Self::Error>;
///
///     #[over(decorator)]                                                // its default body calls `user`
///     async fn exists(&self, id: u64) -> Result<bool, Self::Error>;
/// }
///
/// let login = CachingLogin::new(Arc::new(store), &cache);               // a `logins::Login`
/// ```
///
/// - Signatures are those of the foreign trait. Associated types and constants have no values, and their bounds
///   are ignored: write one that the foreign trait lacks as `trait Mirror where Self::Error: Send + 'static`.
///   `async fn` in the mirror stands for `async fn` and for `-> impl Future + Send` in the trait. If the foreign trait
///   has `#[async_trait]`, the mirror has it too, below `#[cached_store]`.
/// - The mirror's parameters are the arguments of the foreign trait: `trait Mirror<T>` with `foreign = other::Store`
///   implements `other::Store<T>`. A path with arguments, such as `other::Store<u64>`, is used as written.
/// - The macro cannot see what the mirror omits. If the omitted method has no default body, the compiler reports it at
///   the mirror. If it has one, that body runs over the decorator, like with `#[over(decorator)]`: a write that is
///   omitted reaches the store through the methods that its body calls, and not through the store's own version of it.
/// - The loads of cached methods need futures that are `Send`. A plain `async fn` of the foreign trait does not promise
///   that, and can only be `#[uncached]` or `#[invalidates(..)]`.
/// - No attribute covers a write that happens after its method has returned, in a stream of deletions or an upload by
///   parts. Give the entries a tag, and call `Cache::invalidate_tag` at the end of such a write.
///
/// # Default bodies
///
/// A method with a default body is forwarded to the store like any other, and its body runs there, past the cache. With
/// `#[over(decorator)]` the decorator keeps the default body, which then runs over the decorator and uses the cache. The
/// method has no other attribute than `#[uncached]`, and no inherent twin: call it through the trait.
///
/// # Methods that take `&mut self`
///
/// The decorator shares its store, and reaches it through `&`. The option `exclusive` allows `&mut self` methods, which
/// are cached, invalidate and are forwarded like others:
///
/// | option | the store | a `&mut self` method |
/// | --- | --- | --- |
/// | `exclusive = clone` | `S: Clone`, a handle whose clones share their state, such as one over a pool | runs on a clone of the store |
/// | `exclusive = lock` | in a `cache_core::RwLock`: `new(Arc<RwLock<S>>, &cache)`, also of an unsized `S` | holds the write lock during the store's call; `&self` methods hold the read lock |
///
/// A hit takes no lock and clones nothing. Synchronous methods cannot wait for a lock, and are refused with
/// `exclusive = lock`. The trait's methods keep `&mut self`; the decorator's own functions of the same names take
/// `&self`, so that a shared decorator can be written to. `self: Arc<Self>` works without an option, and not behind a
/// lock.
///
/// # Supertraits
///
/// The decorator implements `Debug` and `Clone` for every store, and `Display` by that of the store if the trait names it
/// as a supertrait (not behind a lock). Every other supertrait is implemented by hand, in the module of the trait:
/// `impl<S: Region + ?Sized> Region for CachingX<S>`, with `self.backing()`. The `?Sized` is for `CachingX<dyn X>`. If the
/// trait has associated types or type parameters, the decorator has the bound of the trait, and so has this
/// implementation: `impl<S: X + ?Sized> Region for CachingX<S>`.
///
/// # Generated items
///
/// `CachingX<S>`, with `new(backing, &cache)` and `builder(backing, &cache)` (for options that are known only at run
/// time), `backing`, the trait's methods as inherent ones, `peek_…` and `invalidate_…` for each cached method, `begin_…` for each
/// invalidating one, `invalidate_all` (for all entries, also if a cached method is called `all`), and the trait itself.
///
/// `warm_…` for each cached method whose key determines its arguments reads many keys before they are needed. With the feature `json`
/// of `cache-core`, `snapshot_keys` returns the keys in the local tier, and `warm_from` reads them in another process.
///
/// `fresh()` and `uncached()` return the same decorator, whose reads call the store: those of `fresh()` replace the values
/// of both tiers. `cached_only()` returns a `CachingXCachedOnly<S>`, whose reads never call the store and return an
/// `Option`. Its `into_store()` returns a decorator whose reads fail for a miss, so it needs error types that implement
/// `From<cache_core::Error>`. `with_info()` returns a `CachingXWithInfo<S>`, whose reads return a tuple: the method's return
/// value, and a `CacheInfo` with the source and the age of the answer.
#[proc_macro_attribute]
pub fn cached_store(args: TokenStream, item: TokenStream) -> TokenStream {
    cached_store_tokens(args.into(), item.into()).into()
}

/// Writes the fields of a type as parts of a key.
///
/// A variant of an enum writes its name before its fields. `#[cache_key(display)]` on a field writes its `Display`
/// text, for types that are not keys themselves. Two keys are the same if their fields write the same parts; the type's
/// `Eq` does not matter. For a field with `display` each local hit compares two texts. `#[cache_key(crate = path)]` on
/// the type names a renamed crate.
#[proc_macro_derive(CacheKey, attributes(cache_key))]
pub fn derive_cache_key(item: TokenStream) -> TokenStream {
    cache_key_tokens(item.into()).into()
}

/// Gives a type a compile-time fingerprint of its name, its fields and their types.
///
/// Two builds whose fingerprints differ never read each other's cached bytes. `#[cache_value(by_name)]` on a field
/// takes the name of its type instead of that type's own fingerprint, which breaks a cycle of types that contain each
/// other. `#[cache_value(crate = path)]` on the type names a renamed crate.
///
/// # Attributes of serde
///
/// The cache has to return a value exactly as the store returned it. The derive refuses attributes of serde that
/// prevent this for every value. Attributes that prevent it for some values only are checked at run time
/// (`cache_core::Codec`).
///
/// | attribute | effect |
/// | --- | --- |
/// | `skip`, `skip_serializing` on a field | refused without `#[cache_value(skipped)]` on the field: a value from the cache has the default there |
/// | `skip_deserializing` on a field | refused: the field is written and decodes to its default |
/// | `rename(serialize = "..")`, `rename_all(..)` with different names for writing and reading | refused, unless the written name is an `alias` |
/// | `untagged`, `tag`, `flatten`, `skip_serializing_if`, `skip_serializing`, a variant with `skip` or `skip_deserializing` in front of others | `#[cached(codec = postcard)]` does not compile for the type, nor for one with a field of this type |
///
/// A field of the type `()` or `PhantomData<..>` may be skipped: it has one value only. Nothing is refused on a type
/// with `#[serde(from = "..", into = "..")]`, whose fields are not written. The derive does not look into a field with
/// `by_name`, or whose type does not derive `CacheValue`, nor into a hand-written `Deserialize`: those are checked at
/// run time (`cache_core::Codec`).
#[proc_macro_derive(CacheValue, attributes(cache_value))]
pub fn derive_cache_value(item: TokenStream) -> TokenStream {
    cache_value_tokens(item.into()).into()
}

fn cached_store_tokens(args: Tokens, item: Tokens) -> Tokens {
    let mut sink = Sink::default();
    let Some(syntax) = parse::store(args, item.clone(), &mut sink) else {
        return sink.after(parse::without_cache_attributes(item));
    };
    let definition = expand::definition(&syntax);
    let store = validate::store(&syntax, &mut sink);
    match store {
        Some(store) if sink.is_empty() => {
            let decorator = expand::decorator(&store);
            quote::quote!(#definition #decorator)
        }
        _ => sink.after(definition),
    }
}

fn cache_key_tokens(item: Tokens) -> Tokens {
    let mut sink = Sink::default();
    let input = parse::shape(item, &mut sink);
    match input.and_then(|input| validate::shape(&input, &CACHE_KEY, &mut sink)) {
        Some(shape) if sink.is_empty() => expand::cache_key(&shape),
        _ => sink.after(Tokens::new()),
    }
}

fn cache_value_tokens(item: Tokens) -> Tokens {
    let mut sink = Sink::default();
    let Some(input) = parse::shape(item, &mut sink) else { return sink.after(Tokens::new()) };
    let shape = validate::shape(&input, &CACHE_VALUE, &mut sink);
    let positional = validate::lossless(&input, &mut sink);
    match shape {
        Some(shape) if sink.is_empty() => expand::cache_value(&shape, positional),
        _ => sink.after(Tokens::new()),
    }
}
