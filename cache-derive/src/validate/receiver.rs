//! The receiver of a method, and how the decorator then calls its store.

use syn::{Receiver, ReceiverKind, ReturnType, Signature, Token, Type, parse_quote};

use super::returned::borrows;
use super::signature::is_self;
use crate::diag::Problem;
use crate::model::{Exclusive, Reach};
use crate::types::{last_segment, only_type, peel};

/// A receiver that the decorator supports.
pub(super) struct Receiving {
    /// As declared; nothing for an associated function.
    pub(super) declared: Option<Receiver>,
    /// `&self` with the same lifetime.
    pub(super) shared: Option<Receiver>,
    /// How the decorator calls the same method of its store.
    pub(super) reach: Reach,
}

/// The ways to receive the store.
enum Kind {
    /// `&self`
    Shared,
    /// `&mut self`
    Exclusive,
    /// `self: Arc<Self>`
    Pointer,
    /// Anything else.
    Other,
}

/// Checks the receiver of a method.
pub(super) fn receiving(sig: &Signature, is_async: bool, exclusive: Option<Exclusive>) -> Result<Receiving, Problem> {
    let Some(receiver) = sig.receiver() else {
        return if is_async {
            Err(missing(sig))
        } else {
            Ok(Receiving { declared: None, shared: None, reach: Reach::Shared })
        };
    };
    let reach = reach(sig, receiver, exclusive)?;
    if !is_async {
        can_be_called_at_once(sig, reach)?;
    }
    Ok(Receiving { declared: Some(plain(receiver)), shared: Some(shared(receiver)), reach })
}

fn reach(sig: &Signature, receiver: &Receiver, exclusive: Option<Exclusive>) -> Result<Reach, Problem> {
    match (kind(receiver), exclusive) {
        (Kind::Shared, None | Some(Exclusive::Clone)) => Ok(Reach::Shared),
        (Kind::Shared, Some(Exclusive::Lock)) => Ok(Reach::Read),
        (Kind::Exclusive, Some(Exclusive::Clone)) => Ok(Reach::Clone),
        (Kind::Exclusive, Some(Exclusive::Lock)) => Ok(Reach::Write),
        (Kind::Exclusive, None) => Err(without_option(sig, receiver)),
        (Kind::Pointer, None | Some(Exclusive::Clone)) => Ok(Reach::Pointer),
        (Kind::Pointer, Some(Exclusive::Lock)) => Err(pointer_into_lock(sig, receiver)),
        (Kind::Other, _) => Err(unsupported(sig, receiver)),
    }
}

/// Checks that the call needs no wait, and that its result outlives the store's clone.
fn can_be_called_at_once(sig: &Signature, reach: Reach) -> Result<(), Problem> {
    match (reach, &sig.output) {
        (Reach::Read | Reach::Write, _) => Err(cannot_wait(sig)),
        (Reach::Clone, ReturnType::Type(_, ty)) if borrows(ty) => Err(borrow_of_a_clone(sig, ty)),
        _ => Ok(()),
    }
}

fn kind(receiver: &Receiver) -> Kind {
    if !receiver.attrs.is_empty() {
        return Kind::Other;
    }
    let of = |is_mutable: bool| if is_mutable { Kind::Exclusive } else { Kind::Shared };
    match &receiver.kind {
        ReceiverKind::Reference(_, _, mutability) => of(mutability.is_some()),
        ReceiverKind::Typed(_, ty) => match peel(ty) {
            Type::Reference(reference) if is_self(&reference.elem) => of(reference.mutability.is_some()),
            ty if is_shared_pointer(ty) => Kind::Pointer,
            _ => Kind::Other,
        },
        _ => Kind::Other,
    }
}

fn is_shared_pointer(ty: &Type) -> bool {
    last_segment(ty).is_some_and(|segment| segment.ident == "Arc" && only_type(segment).is_some_and(is_self))
}

/// The receiver without the `mut` that a default body may need.
fn plain(receiver: &Receiver) -> Receiver {
    Receiver { mutability: None, ..receiver.clone() }
}

/// `&self` in place of the receiver.
fn shared(receiver: &Receiver) -> Receiver {
    let and: Token![&] = parse_quote!(&);
    let kind = match &receiver.kind {
        ReceiverKind::Reference(and, lifetime, _) => ReceiverKind::Reference(*and, lifetime.clone(), None),
        ReceiverKind::Typed(colon, ty) => match peel(ty) {
            Type::Reference(reference) => {
                let mut reference = reference.clone();
                reference.mutability = None;
                ReceiverKind::Typed(*colon, Box::new(Type::Reference(reference)))
            }
            _ => ReceiverKind::Reference(and, None, None),
        },
        _ => ReceiverKind::Reference(and, None, None),
    };
    Receiver { kind, ..plain(receiver) }
}

fn missing(sig: &Signature) -> Problem {
    Problem::at(&sig.ident, format!("`{}` does not take `&self`", sig.ident))
        .why("a function without a store has no cache to go through")
        .instead("`&self` as its first parameter, or move it out of the trait")
}

fn without_option(sig: &Signature, receiver: &Receiver) -> Problem {
    Problem::at(receiver, format!("`{}` takes `&mut self`", sig.ident))
        .why("the decorator shares the backing store and has only `&` access to it")
        .instead(
            "in `#[cached_store(..)]` `exclusive = clone` for a store that is cheap to clone, or `exclusive = lock` for any \
             other; or `&self`, with interior mutability in the store where it needs some",
        )
}

fn cannot_wait(sig: &Signature) -> Problem {
    Problem::at(&sig.ident, format!("`{}` is not async, and the store is behind a lock", sig.ident))
        .why("a synchronous method cannot wait until the lock is free")
        .instead("`async fn`, or `exclusive = clone` in place of `exclusive = lock` if the store is cheap to clone")
}

fn borrow_of_a_clone(sig: &Signature, ty: &Type) -> Problem {
    Problem::at(ty, format!("`{}` takes `&mut self` and returns a borrow", sig.ident))
        .why("it runs on a clone of the store, which ends with the call")
        .instead("an owned value")
}

fn pointer_into_lock(sig: &Signature, receiver: &Receiver) -> Problem {
    Problem::at(receiver, format!("`{}` takes `Arc<Self>`, and the store is behind a lock", sig.ident))
        .why("there is no `Arc` of the store itself, only one of its lock")
        .instead("`&self`, or `exclusive = clone` in place of `exclusive = lock` if the store is cheap to clone")
}

fn unsupported(sig: &Signature, receiver: &Receiver) -> Problem {
    Problem::at(receiver, format!("`{}` does not take `&self`", sig.ident))
        .why("the decorator shares the backing store, and cannot give it away")
        .instead("`&self`, `self: Arc<Self>`, or `&mut self` with the option `exclusive` of `#[cached_store]`")
}
