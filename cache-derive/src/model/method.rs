//! One method of a store.

use proc_macro2::Ident;
use syn::{Attribute, Generics, Receiver, ReturnType, Type};

use super::{Batch, Read, Write};

/// A valid method.
pub(crate) struct Method {
    /// Its name.
    pub(crate) ident: Ident,
    /// Its `cfg` attributes.
    pub(crate) cfgs: Vec<Attribute>,
    /// Its documentation.
    pub(crate) docs: Vec<Attribute>,
    /// Its lint levels, and `allow(deprecated)` if it is deprecated itself.
    pub(crate) lints: Vec<Attribute>,
    /// `deprecated` and `must_use`, which its inherent twin has too.
    pub(crate) notes: Vec<Attribute>,
    /// Its own parameters and where clause.
    pub(crate) generics: Generics,
    /// Its receiver as declared; nothing for an associated function.
    pub(crate) receiver: Option<Receiver>,
    /// `&self` with the same lifetime, for its inherent twin.
    pub(crate) shared: Option<Receiver>,
    /// How the decorator calls the same method of its store.
    pub(crate) reach: Reach,
    /// Its parameters.
    pub(crate) params: Vec<Param>,
    /// Its declared return type.
    pub(crate) declared: ReturnType,
    /// The result for the caller: the output of the future, if it returns one.
    pub(crate) output: Type,
    /// Whether and how it is asynchronous.
    pub(crate) form: Form,
    /// The captures of its future, in the forms with an explicit future type.
    pub(crate) captures: Captures,
    /// Whether the generated code rejects a future as its return value.
    ///
    /// It does if the method has no attribute.
    pub(crate) is_probed: bool,
    /// Its effect on the cache.
    pub(crate) behaviour: Behaviour,
}

/// Whether and how a method is asynchronous.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Not at all.
    Sync,
    /// `async fn`, as written: under `#[async_trait]`, or in the mirror of a foreign trait.
    Async,
    /// `async fn`, which the emitted trait declares as `-> impl Future + Send`.
    Native,
    /// `-> impl Future`, as written.
    Opaque,
    /// A boxed future, as written.
    Future,
}

/// How the decorator calls a method of its store.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// On the shared store: the method takes `&self`.
    Shared,
    /// On the shared pointer to it: the method takes `Arc<Self>`.
    Pointer,
    /// On a clone of the store, which is a handle.
    Clone,
    /// Under the read lock.
    Read,
    /// Under the write lock.
    Write,
}

/// How a future with an explicit type captures the arguments of its method.
#[derive(Default)]
pub(crate) struct Captures {
    /// Whether it outlives the borrow of `self`, and needs a clone of the decorator.
    pub(crate) clones_self: bool,
    /// The indices of the parameters that it needs owned copies of.
    pub(crate) copied: Vec<usize>,
    /// How it is boxed, if it is.
    pub(crate) boxing: Boxing,
}

/// How a boxed future is written.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Boxing {
    /// `Pin<Box<dyn Future>>`
    #[default]
    Pinned,
    /// `Box<dyn Future + Unpin>`
    Unpin,
    /// An alias that the compiler finds to be `Pin<Box<dyn Future + Send>>`, or refuses.
    Alias,
}

/// The effect of a method on the cache.
pub(crate) enum Behaviour {
    /// Reads through the cache.
    Cached(Box<Read>),
    /// Reads many keys through the cache of a method over one.
    Batch(Batch),
    /// Invalidates.
    Invalidates(Write),
    /// Goes to the store.
    Uncached,
}

/// One parameter.
pub(crate) struct Param {
    /// Its name in generated code.
    pub(crate) ident: Ident,
    /// Its type, with the backing store in place of `Self`.
    pub(crate) ty: Type,
    /// How it is passed, which determines its owned copy.
    pub(crate) passing: Passing,
    /// The part of a key that stands for it.
    pub(crate) part: KeyForm,
}

/// The part of a key that stands for a parameter.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyForm {
    /// Its owned copy.
    Itself,
    /// The bits of a floating-point number, which has no `Eq`.
    Float,
    /// The text of a type that has no owned copy, or that has floating-point numbers in it.
    Text,
    /// The `Display` text of a type that is no key.
    Display,
}

/// How a parameter is passed, which determines its owned copy and its lookup.
#[derive(Clone)]
pub(crate) enum Passing {
    /// It is owned already.
    Owned,
    /// `&T`
    Borrowed(Type),
    /// `Option<&T>`
    OptionalBorrowed(Type),
}

impl Method {
    /// The read, if the method is one.
    pub(crate) fn read(&self) -> Option<&Read> {
        match &self.behaviour {
            Behaviour::Cached(read) => Some(read),
            _ => None,
        }
    }

    /// The write, if the method invalidates.
    pub(crate) fn write(&self) -> Option<&Write> {
        match &self.behaviour {
            Behaviour::Invalidates(write) => Some(write),
            _ => None,
        }
    }
}
