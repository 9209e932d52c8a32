//! The tags of entries: the families of the decorator, and the tags that its regions add.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, ExprPath, Path};

use super::names::{at, local, runtime};
use super::read::for_value;
use super::{policy, types};
use crate::model::{FamilyName, KeyForm, Method, Read, Store, Tag};

/// The field of the decorator that has its families, if it has any.
pub(super) fn field(store: &Store) -> Option<TokenStream> {
    let (family, count) = (runtime(store, "Family"), store.families.len());
    (count > 0).then(|| quote!(__families: [#family; #count],))
}

/// The same as a clone of the field of `self`.
pub(super) fn cloned_field(store: &Store) -> Option<TokenStream> {
    (!store.families.is_empty()).then(|| quote!(__families: ::core::clone::Clone::clone(&self.__families),))
}

/// Creates the families, in a variable that becomes the field.
pub(super) fn created(store: &Store) -> Option<TokenStream> {
    if store.families.is_empty() {
        return None;
    }
    let (families, place, family) = (local("families"), local("place"), runtime(store, "Family"));
    let each = store.families.iter().map(|name| match name {
        FamilyName::Text(text) => quote!(#family::new(&self.__cache, &#place, #text)),
        FamilyName::Type(path) => {
            let declared = at(path.span(), quote!(declared));
            quote!(#family::#declared::<#path>(&self.__cache, &#place))
        }
    });
    Some(quote!(let #families = [#(#each),*];))
}

/// The field, from that variable.
pub(super) fn moved_field(store: &Store) -> Option<TokenStream> {
    let families = local("families");
    (!store.families.is_empty()).then(|| quote!(__families: #families,))
}

/// A family of the decorator.
pub(super) fn family(store: &Store, this: &Ident, family: &FamilyName) -> TokenStream {
    let place = store.families.iter().position(|other| other == family).unwrap_or_default();
    quote!(#this.__families[#place])
}

/// Checks at compile time that the declared families belong to the namespace of the trait.
pub(super) fn checks(store: &Store) -> TokenStream {
    let (trait_path, same_text) = (runtime(store, "TagFamily"), runtime(store, "same_text"));
    let types = store.families.iter().filter_map(|family| match family {
        FamilyName::Type(path) => Some(path),
        FamilyName::Text(_) => None,
    });
    let (cfgs, namespace) = (&store.cfgs, &store.namespace);
    let namespaces = types.map(|path| {
        let message = format!(
            "the tags of this family are in another namespace than `{}`. Traits that share a family have one namespace; this one has {namespace:?}",
            store.ident
        );
        quote_spanned! {path.span()=>
            #(#cfgs)*
            const _: () = ::core::assert!(#same_text(<#path as #trait_path>::NAMESPACE, #namespace), #message);
        }
    });
    let reads = store.methods.iter().filter_map(|method| Some((method, method.read()?)));
    let modes =
        reads.flat_map(|(method, read)| read.tags.iter().filter_map(move |tag| mode_check(store, method, read, tag)));
    namespaces.chain(modes).collect()
}

/// Checks that the family of a tag declares the mode of its reader.
fn mode_check(store: &Store, method: &Method, read: &Read, tag: &Tag) -> Option<TokenStream> {
    let FamilyName::Type(path) = &tag.family else { return None };
    let mode = policy::mode(store, read)?;
    let (trait_path, includes) = (runtime(store, "TagFamily"), runtime(store, "includes_mode"));
    let (cfgs, method_cfgs) = (&store.cfgs, &method.cfgs);
    let message = format!(
        "`{}` has a stronger mode than the family of its tag: writes of other traits would not wait for its readers. Set `MODE` of the family",
        method.ident
    );
    Some(quote_spanned! {path.span()=>
        #(#cfgs)* #(#method_cfgs)*
        const _: () = ::core::assert!(#includes(<#path as #trait_path>::MODE, #mode), #message);
    })
}

/// The tags of a read method for its region, if it has any.
pub(super) fn of_method(store: &Store, method: &Method, read: &Read) -> Option<TokenStream> {
    if read.tags.is_empty() {
        return None;
    }
    let (families, tags, families_of) = (local("families"), runtime(store, "Tags"), runtime(store, "families"));
    let (key, value) = (types::key(store, method, read), types::value(store, method, read));
    let places = used(store, read);
    let clones = places.iter().map(|place| quote!(::core::clone::Clone::clone(&#families[#place])));
    let of_key = of_key(store, method, read);
    let of_value = of_value(store, method, read);
    Some(quote! {
        #tags::<#key, #value>::new(#families_of([#(#clones),*])) #of_key #of_value
    })
}

/// The places of the families of a method among those of the store.
fn used(store: &Store, read: &Read) -> Vec<usize> {
    (0..store.families.len()).filter(|place| read.tags.iter().any(|tag| tag.family == store.families[*place])).collect()
}

/// The place of a family among those of its method.
fn place_of(store: &Store, read: &Read, tag: &Tag) -> usize {
    let families = used(store, read);
    families.iter().position(|place| store.families[*place] == tag.family).unwrap_or_default()
}

fn of_key(store: &Store, method: &Method, read: &Read) -> Option<TokenStream> {
    let tags: Vec<&Tag> = read.tags.iter().filter(|tag| !tag.of_value).collect();
    if tags.is_empty() {
        return None;
    }
    let (count, key, sink, sink_type) =
        (tags.len(), types::key(store, method, read), local("sink"), runtime(store, "TagSink"));
    let names = read.key.iter().map(|place| {
        let name = &method.params[*place].ident;
        let is_used = tags
            .iter()
            .flat_map(|tag| &tag.key)
            .any(|part| super::derive_value::mentions(&part.to_token_stream(), &name.to_string()));
        if is_used { name.to_token_stream() } else { quote!(_) }
    });
    let adds = tags.iter().map(|tag| match displayed(method, read, tag) {
        Some((family, name)) => {
            let (place, tag_text) = (place_of(store, read, tag), runtime(store, "tag_text"));
            quote_spanned!(name.span()=> #sink.add(#place, #tag_text::<#family>(#name));)
        }
        None => add(store, read, tag, &sink),
    });
    Some(quote!(.of_key(#count, |(#(#names,)*): &#key, #sink: &mut #sink_type<'_>| { #(#adds)* })))
}

/// The declared family and the parameter of a tag by a `display` parameter, of which the key has the text only.
fn displayed<'a>(method: &Method, read: &Read, tag: &'a Tag) -> Option<(&'a Path, &'a Ident)> {
    let (FamilyName::Type(family), [Expr::Path(part)]) = (&tag.family, &tag.key[..]) else { return None };
    let name = part.path.get_ident()?;
    let mut parts = read.key.iter().map(|place| &method.params[*place]);
    parts.any(|param| param.ident == *name && param.part == KeyForm::Display).then_some((family, name))
}

fn of_value(store: &Store, method: &Method, read: &Read) -> Option<TokenStream> {
    let tags: Vec<&Tag> = read.tags.iter().filter(|tag| tag.of_value).collect();
    if tags.is_empty() {
        return None;
    }
    let (count, sink, sink_type) = (tags.len(), local("sink"), runtime(store, "TagSink"));
    let ty = types::value(store, method, read);
    let mut families: Vec<usize> = tags.iter().map(|tag| place_of(store, read, tag)).collect();
    families.sort_unstable();
    families.dedup();
    let value = Ident::new("value", Span::call_site());
    let adds = tags.iter().map(|tag| add(store, read, tag, &sink));
    let body = for_value(read, &value, &quote!({ #(#adds)* }), &quote!({}));
    Some(quote!(.of_value(&[#(#families),*], #count, |#value: &#ty, #sink: &mut #sink_type<'_>| #body)))
}

fn add(store: &Store, read: &Read, tag: &Tag, sink: &Ident) -> TokenStream {
    let place = place_of(store, read, tag);
    let key = key(store, &tag.family, &tag.key);
    quote!(#sink.add(#place, #key);)
}

/// The key of a tag behind a reference. The compiler checks its type if the family is declared.
pub(super) fn key(store: &Store, family: &FamilyName, parts: &[Expr]) -> TokenStream {
    let views = parts.iter().map(view);
    match family {
        FamilyName::Text(_) => {
            let tag_part = runtime(store, "tag_part");
            let checked = parts.iter().zip(views).map(|(part, view)| {
                let macro_name = at(part.span(), quote!(#tag_part!));
                quote_spanned!(part.span()=> #macro_name(#view))
            });
            quote!(&(#(#checked,)*))
        }
        FamilyName::Type(path) => {
            let tag_key = runtime(store, "tag_key");
            quote!(#tag_key::<#path>(#(#views),*))
        }
    }
}

/// A part of the key behind a reference, with its location.
fn view(part: &Expr) -> TokenStream {
    let span = part.span();
    match part {
        Expr::Reference(_) => quote!(#part),
        Expr::Path(ExprPath { .. })
        | Expr::Field(_)
        | Expr::MethodCall(_)
        | Expr::Call(_)
        | Expr::Index(_)
        | Expr::Lit(_)
        | Expr::Paren(_)
        | Expr::Tuple(_) => {
            quote_spanned!(span=> &#part)
        }
        _ => quote_spanned!(span=> &(#part)),
    }
}
