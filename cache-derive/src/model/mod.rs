//! The validated input. [`crate::validate`] builds every type here, and [`crate::expand`] reads it.

mod batch;
mod method;
mod mirror;
mod read;
mod returned;
mod shape;
mod store;
mod tag;
mod target;
mod write;

pub(crate) use batch::{Batch, BatchAnswer};
pub(crate) use method::{Behaviour, Boxing, Captures, Form, KeyForm, Method, Param, Passing, Reach};
pub(crate) use mirror::{Kept, Mirror};
pub(crate) use read::{Absent, Life, Options, Read, Setting, SettingValue, Span};
pub(crate) use returned::Returned;
pub(crate) use shape::{Field, Positional, Shape, ShapeKind, Variant};
pub(crate) use store::{Associated, Exclusive, Store, Supertraits};
pub(crate) use tag::{FamilyName, Tag};
pub(crate) use target::{Argument, Each, Entries, Extent, Iteration, Reader, Target};
pub(crate) use write::{Commits, Invalidation, Lending, OldRow, Part, Reevaluation, ResultValue, Stored, Write};
