//! The validated input. [`crate::validate`] builds every type here, and [`crate::expand`] reads it.

mod batch;
mod method;
mod mirror;
mod read;
mod shape;
mod store;
mod write;

pub(crate) use batch::Batch;
pub(crate) use method::{Behaviour, Boxing, Captures, Form, Method, Param, Passing, Reach};
pub(crate) use mirror::{Kept, Mirror};
pub(crate) use read::{Options, Read, Setting, SettingValue, Span};
pub(crate) use shape::{Field, Positional, Shape, ShapeKind, Variant};
pub(crate) use store::{Associated, Exclusive, Store, Supertraits};
pub(crate) use write::{Argument, Commits, Extent, Invalidation, Lending, Part, Reevaluation, ResultValue, Write};
