//! The entries that go stale.

use proc_macro2::Ident;
use syn::{Attribute, Expr, Pat, Path};

use super::FamilyName;
use super::write::Part;

/// What a write makes stale.
pub(crate) enum Target {
    /// Entries of one read method.
    Entries(Entries),
    /// Targets for each element of a list.
    Each(Box<Each>),
}

/// Entries of one read method.
pub(crate) struct Entries {
    /// The read method.
    pub(crate) reader: Reader,
    /// The entries of that method.
    pub(crate) extent: Extent,
    /// Conditions that all have to hold.
    pub(crate) conditions: Vec<Expr>,
}

/// Targets for each element of a list.
pub(crate) struct Each {
    /// The pattern of an element.
    pub(crate) element: Pat,
    /// The list as written.
    pub(crate) list: Expr,
    /// How the list is iterated over.
    pub(crate) iteration: Iteration,
    /// The targets, which may name the element.
    pub(crate) targets: Vec<Target>,
    /// Conditions that all have to hold.
    pub(crate) conditions: Vec<Expr>,
}

/// How a list is iterated over.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Iteration {
    /// As written.
    AsWritten,
    /// By reference, through this many pointers.
    Borrowed(usize),
}

/// A read method or a family of tags that a target names.
pub(crate) struct Reader {
    /// The family, if the target is a tag; then the other fields have no meaning.
    pub(crate) family: Option<FamilyName>,
    /// Its trait, if that is another one.
    pub(crate) owner: Option<Path>,
    /// Its name.
    pub(crate) read: Ident,
    /// Its `cfg` attributes.
    pub(crate) cfgs: Vec<Attribute>,
}

/// Which entries of a read method.
pub(crate) enum Extent {
    /// Those whose key begins with these parts; all if there are none.
    Prefix(Vec<Argument>),
    /// The one with this key.
    Entry(Vec<Argument>),
}

/// One part of a key in a target of a write.
pub(crate) struct Argument {
    /// The expression as written.
    pub(crate) expression: Expr,
    /// Whether the key takes it by value, and not behind a reference.
    pub(crate) by_value: bool,
    /// The owned part, if it is computed before the call and used again after it.
    pub(crate) part: Option<Part>,
}

impl Target {
    /// The entries that it names, inside of lists as well.
    pub(crate) fn entries(&self) -> Vec<&Entries> {
        match self {
            Self::Entries(entries) => vec![entries],
            Self::Each(each) => each.targets.iter().flat_map(Self::entries).collect(),
        }
    }

    /// Every expression in it.
    pub(crate) fn expressions(&self) -> Vec<&Expr> {
        match self {
            Self::Entries(Entries { extent, conditions, .. }) => {
                extent.arguments().iter().map(|argument| &argument.expression).chain(conditions).collect()
            }
            Self::Each(each) => {
                let nested = each.targets.iter().flat_map(Self::expressions);
                [&each.list].into_iter().chain(nested).chain(&each.conditions).collect()
            }
        }
    }

    /// The entries, if it is one scope under all circumstances.
    pub(crate) fn one_scope(&self) -> Option<&Entries> {
        match self {
            Self::Entries(entries) if entries.conditions.is_empty() => Some(entries),
            Self::Entries(_) | Self::Each(_) => None,
        }
    }
}

impl Reader {
    /// Whether it is this read method of the annotated trait.
    pub(crate) fn is(&self, read: &Ident) -> bool {
        self.family.is_none() && self.owner.is_none() && self.read == *read
    }
}

impl Extent {
    /// The given parts.
    pub(crate) fn arguments(&self) -> &[Argument] {
        match self {
            Self::Prefix(arguments) | Self::Entry(arguments) => arguments,
        }
    }

    /// The given parts, mutably.
    pub(crate) fn arguments_mut(&mut self) -> &mut [Argument] {
        match self {
            Self::Prefix(arguments) | Self::Entry(arguments) => arguments,
        }
    }
}
