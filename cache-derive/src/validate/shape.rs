//! The type under a derive.

use proc_macro2::Span;
use quote::ToTokens;
use syn::{Attribute, Data, DeriveInput, Fields, Index, Member, Meta, Path, Token, parse_quote};

use crate::diag::{Problem, Sink, closest};
use crate::model::{Field, Shape, ShapeKind, Variant};
use crate::options::derives::{CRATE, Helper, SKIPPED};

/// Checks the input of a derive with this helper attribute.
pub(crate) fn shape(input: &DeriveInput, helper: &Helper, sink: &mut Sink) -> Option<Shape> {
    let checker = Checker { attribute: helper.name, flags: helper.flags };
    let krate = checker.krate(&input.attrs, sink);
    let kind = match &input.data {
        Data::Struct(data) => ShapeKind::Struct(checker.fields(&data.fields, sink)),
        Data::Enum(data) => {
            ShapeKind::Enum(data.variants.iter().map(|variant| checker.variant(variant, sink)).collect())
        }
        Data::Union(data) => {
            sink.report(
                Problem::at(data.union_token, format!("`{}` is a union", input.ident))
                    .why("the field that is set is unknown")
                    .instead("an enum"),
            );
            return None;
        }
    };
    Some(Shape {
        krate,
        ident: input.ident.clone(),
        generics: input.generics.clone(),
        serde: serde(&input.attrs),
        kind,
    })
}

struct Checker<'a> {
    attribute: &'a str,
    flags: &'a [&'a str],
}

impl Checker<'_> {
    fn variant(&self, variant: &syn::Variant, sink: &mut Sink) -> Variant {
        self.nothing(&variant.attrs, sink);
        Variant {
            ident: variant.ident.clone(),
            serde: serde(&variant.attrs),
            fields: self.fields(&variant.fields, sink),
        }
    }

    fn fields(&self, fields: &Fields, sink: &mut Sink) -> Vec<Field> {
        fields.iter().enumerate().map(|(place, field)| self.field(place, field, sink)).collect()
    }

    fn field(&self, place: usize, field: &syn::Field, sink: &mut Sink) -> Field {
        let index = Index { index: u32::try_from(place).unwrap_or(u32::MAX), span: Span::call_site() };
        let member = field.ident.clone().map_or(Member::Unnamed(index), Member::Named);
        if field.ident.as_ref().is_some_and(|name| name == "_") {
            sink.report(Problem::at(&field.ident, "a field has no name").instead("a name in place of `_`"));
        }
        let (mut flagged, mut skipped) = (false, false);
        for attribute in self.own(&field.attrs) {
            self.parse(attribute, self.flags, sink, |meta| {
                *(if meta.path.is_ident(SKIPPED) { &mut skipped } else { &mut flagged }) = true;
                end(&meta)
            });
        }
        Field { member, ty: field.ty.clone(), serde: serde(&field.attrs), flagged, skipped }
    }

    fn krate(&self, attrs: &[Attribute], sink: &mut Sink) -> Path {
        let mut krate: Path = parse_quote!(::cache_core);
        for attribute in self.own(attrs) {
            self.parse(attribute, &[CRATE], sink, |meta| {
                krate = meta.value()?.call(Path::parse_mod_style)?;
                Ok(())
            });
        }
        krate
    }

    fn nothing(&self, attrs: &[Attribute], sink: &mut Sink) {
        for attribute in self.own(attrs) {
            sink.report(
                Problem::at(attribute, format!("`#[{}]` has no meaning on a variant", self.attribute))
                    .instead("put it on a field of the variant"),
            );
        }
    }

    fn own<'a>(&self, attrs: &'a [Attribute]) -> impl Iterator<Item = &'a Attribute> {
        attrs.iter().filter(|attribute| attribute.path().is_ident(self.attribute))
    }

    fn parse(
        &self,
        attribute: &Attribute,
        known: &[&str],
        sink: &mut Sink,
        mut take: impl FnMut(syn::meta::ParseNestedMeta<'_>) -> syn::Result<()>,
    ) {
        let parsed = attribute.parse_nested_meta(|meta| {
            if known.iter().any(|name| meta.path.is_ident(name)) {
                take(meta)
            } else {
                Err(self.unknown(&meta.path, known))
            }
        });
        if let Err(error) = parsed {
            sink.syntax(error);
        }
    }

    fn unknown(&self, path: &Path, known: &[&str]) -> syn::Error {
        let written = path.to_token_stream().to_string();
        let problem = Problem::at(path, format!("`#[{}]` has no option `{written}` here", self.attribute));
        let instead = match closest(&written, known) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("`{}`", known.join("`, `")),
        };
        problem.instead(instead).into()
    }
}

fn end(meta: &syn::meta::ParseNestedMeta<'_>) -> syn::Result<()> {
    if meta.input.is_empty() || meta.input.peek(Token![,]) {
        Ok(())
    } else {
        Err(meta.error("expected `,`, this is a flag"))
    }
}

/// The attributes that change the bytes that serde writes.
fn serde(attrs: &[Attribute]) -> String {
    let lists = attrs.iter().filter_map(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("serde") => Some(list.tokens.to_string()),
        _ => None,
    });
    lists.collect::<Vec<_>>().join(",")
}
