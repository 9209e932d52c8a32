//! The attributes of serde that lose a value, or a part of it, in a codec.
//!
//! Attributes that lose data in every codec are reported. Those that lose data only in a codec without field names are
//! passed on to the methods with such a codec: a derive does not know the codec of its type.

use proc_macro2::Ident;
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::{Data, DeriveInput, Fields, Type};

use crate::diag::{Problem, Sink};
use crate::model::Positional;
use crate::options::derives::{CACHE_VALUE, SKIPPED};
use crate::parse::SerdeItems;
use crate::types::{last_segment, peel};

/// Reports attributes that lose data in every codec; returns one that needs field names.
pub(crate) fn lossless(input: &DeriveInput, sink: &mut Sink) -> Positional {
    let items = SerdeItems::of(&input.attrs);
    let mut checker = Checker { of: input.ident.unraw(), first: None, sink };
    match &input.data {
        // The attributes of the fields have no effect: another type is written and read.
        _ if items.has("into") && (items.has("from") || items.has("try_from")) => {}
        Data::Struct(data) => {
            checker.tagged(&items);
            checker.names_of_all(&items, "rename_all", all_renamed(data.fields.iter().map(|field| &field.attrs)));
            checker.fields(None, &data.fields, items.has("transparent"));
        }
        Data::Enum(data) => {
            checker.tagged(&items);
            checker.names_of_all(&items, "rename_all", all_renamed(data.variants.iter().map(|variant| &variant.attrs)));
            let fields = data.variants.iter().flat_map(|variant| &variant.fields);
            checker.names_of_all(&items, "rename_all_fields", all_renamed(fields.map(|field| &field.attrs)));
            checker.variants(&data.variants.iter().collect::<Vec<_>>());
        }
        Data::Union(_) => {}
    }
    checker.first
}

/// The items on a type that need a self-describing codec.
const TAGS: [&str; 2] = ["untagged", "tag"];

struct Checker<'a> {
    of: Ident,
    first: Positional,
    sink: &'a mut Sink,
}

impl Checker<'_> {
    fn tagged(&mut self, items: &SerdeItems) {
        if let Some(item) = TAGS.into_iter().find(|item| items.has(item)) {
            self.positional(&self.of.to_string(), item);
        }
    }

    fn variants(&mut self, variants: &[&syn::Variant]) {
        let items: Vec<_> = variants.iter().map(|variant| SerdeItems::of(&variant.attrs)).collect();
        let is_read = |items: &SerdeItems| !items.has("skip") && !items.has("skip_deserializing");
        let last_read = items.iter().rposition(is_read);
        for (place, (variant, items)) in variants.iter().zip(&items).enumerate() {
            let name = variant.ident.unraw().to_string();
            if items.has("untagged") {
                self.positional(&format!("{}::{name}", self.of), "untagged");
            }
            // Variants are written by their number among all, and read by their number among those that are read.
            if Some(place) < last_read && !is_read(items) {
                let item = if items.has("skip") { "skip" } else { "skip_deserializing" };
                self.positional(&format!("{}::{name}", self.of), item);
            }
            // A variant that is not written never enters the cache.
            if items.has("skip") || items.has("skip_serializing") {
                continue;
            }
            if is_read(items) {
                self.name(items, &name, &variant.ident);
            }
            self.names_of_all(items, "rename_all", all_renamed(variant.fields.iter().map(|field| &field.attrs)));
            self.fields(Some(&name), &variant.fields, false);
        }
    }

    fn fields(&mut self, variant: Option<&str>, fields: &Fields, transparent: bool) {
        for (place, field) in fields.iter().enumerate() {
            let items = SerdeItems::of(&field.attrs);
            let name = field.ident.as_ref().map_or_else(|| place.to_string(), |ident| ident.unraw().to_string());
            let full = variant
                .map_or_else(|| format!("{}::{name}", self.of), |variant| format!("{}::{variant}::{name}", self.of));
            self.skipped(field, &full, &items);
            for item in ["flatten", "skip_serializing_if"] {
                if items.has(item) {
                    self.positional(&full, item);
                }
            }
            let is_skipped = ["skip", "skip_serializing", "skip_deserializing"].iter().any(|item| items.has(item));
            if let Some(ident) = field.ident.as_ref().filter(|_| !transparent && !is_skipped) {
                self.name(&items, &name, ident);
            }
        }
    }

    /// Reports a skipped field, which has its default when it is read from the cache.
    fn skipped(&mut self, field: &syn::Field, full: &str, items: &SerdeItems) {
        let accepted = accepted(field);
        let written = items.get("skip").or_else(|| items.get("skip_serializing"));
        let read = items.get("skip").or_else(|| items.get("skip_deserializing"));
        match (written, read) {
            _ if is_unit_like(&field.ty) => {}
            (None, None) => {
                if let Some(attribute) = accepted {
                    self.sink.report(
                        Problem::at(attribute, format!("`#[cache_value(skipped)]` stands on `{full}`, which serde does not skip"))
                            .instead("`#[serde(skip)]` as well, or neither of the two"),
                    );
                }
            }
            (None, Some(item)) => self.sink.report(
                Problem::at(&item.path, format!("`{full}` is written into the cache and never read back"))
                    .why("a value from the cache has the default there, and one from the store does not")
                    .instead("`#[serde(skip)]` with `#[cache_value(skipped)]` if the default is right, else a type of its own for the cache"),
            ),
            (Some(item), read) => {
                if read.is_none() {
                    self.positional(full, "skip_serializing");
                }
                if accepted.is_none() {
                    self.sink.report(
                        Problem::at(&item.path, format!("`{full}` is not written into the cache"))
                            .why("a value from the cache has the default there, and one from the store does not")
                            .instead("`#[cache_value(skipped)]` on the field if the default is right, else a type of its own for the cache"),
                    );
                }
            }
        }
    }

    /// Reports an item that is written under one name and read under another.
    fn name(&mut self, items: &SerdeItems, name: &str, place: &Ident) {
        let (written, is_read) = items.written_name(name);
        if !is_read {
            self.sink.report(
                Problem::at(
                    place,
                    format!("`{name}` of `{}` is written as `{written}`, and not read by that name", self.of),
                )
                .why("a codec with field names does not find it again")
                .instead(format!("`#[serde(alias = \"{written}\")]` as well, or one name for both")),
            );
        }
    }

    fn names_of_all(&mut self, items: &SerdeItems, name: &str, all_renamed: bool) {
        if let Some(item) = items.two_sided(name).filter(|_| !all_renamed) {
            self.sink.report(
                Problem::at(&item.path, format!("`{}` is written with other names than it is read with", self.of))
                    .why("a codec with field names does not find them again")
                    .instead(format!("`{name} = \"..\"` for both, or an `alias` for each name that is written")),
            );
        }
    }

    fn positional(&mut self, place: &str, item: &str) {
        self.first.get_or_insert_with(|| format!("`{place}` has `#[serde({item})]`"));
    }
}

/// Whether each of them has a name of its own, or a second one.
fn all_renamed<'a>(attrs: impl IntoIterator<Item = &'a Vec<syn::Attribute>>) -> bool {
    let items = attrs.into_iter().map(|attrs| SerdeItems::of(attrs));
    items.into_iter().all(|items| items.has("rename") || items.has("alias"))
}

/// The attribute by which the user accepts that the field decodes to its default.
fn accepted(field: &syn::Field) -> Option<&syn::Attribute> {
    let mut own = field.attrs.iter().filter(|attribute| attribute.path().is_ident(CACHE_VALUE.name));
    own.find(|attribute| attribute.to_token_stream().to_string().contains(SKIPPED))
}

/// Whether a type has only one value, and so nothing to lose.
fn is_unit_like(ty: &Type) -> bool {
    match peel(ty) {
        Type::Tuple(tuple) => tuple.elems.is_empty(),
        ty => last_segment(ty).is_some_and(|segment| segment.ident == "PhantomData"),
    }
}
