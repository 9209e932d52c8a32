//! `snapshot_keys` and `warm_from`, which carry the keys of a decorator to another process.

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use super::names::{derived, local, runtime};
use super::{docs, warm};
use crate::model::{KeyForm, Method, Read, Store};

/// Both functions, if keys of some method can be read again.
///
/// Whether those of the others can, the compiler finds out.
pub(super) fn functions(store: &Store) -> Option<TokenStream> {
    let reads: Vec<_> = store.methods.iter().filter_map(|method| Some((method, method.read()?))).collect();
    let reads: Vec<_> = reads.into_iter().filter(|(method, read)| has_keys(method, read)).collect();
    let with_json = runtime(store, "with_json");
    let (snapshot_keys, warm_from) = (snapshot_keys(store, &reads), warm_from(store, &reads));
    (!reads.is_empty()).then(|| quote!(#with_json! { #snapshot_keys #warm_from }))
}

/// Whether the method is warmed, and its keys are more than text.
fn has_keys(method: &Method, read: &Read) -> bool {
    let is_readable = |place: &usize| matches!(method.params[*place].part, KeyForm::Itself | KeyForm::Float);
    warm::is_warmed(method, read) && read.key.iter().all(is_readable)
}

fn snapshot_keys(store: &Store, reads: &[(&Method, &Read)]) -> TokenStream {
    let (vis, snapshot) = (&store.vis, runtime(store, "KeySnapshot"));
    let keys = reads.iter().map(|(method, _)| {
        let (cfgs, region, form) = (&method.cfgs, &method.ident, form(store, method));
        quote!(#(#cfgs)* self.#region.snapshot(#form))
    });
    let docs = docs::lines(
        "The keys in the local tier at this moment, for `warm_from` in the process that replaces this one. No values.\n\n\
         Those of expired entries are not in it, and neither are those of the shared tier that this instance has not read. \
         Without a local tier it is empty. A method takes part if it has a function `warm_…` and its whole key implements \
         `serde::Serialize` and `serde::de::DeserializeOwned`; the others are skipped. A key that JSON cannot represent is \
         skipped and counted (`KeySnapshot::skipped`).\n\nIt visits every entry, and copies each key to JSON and back: call \
         it once, before the process ends, and outside of the tasks that serve requests (`spawn_blocking`) if there are more \
         than some ten thousand entries. Reads continue meanwhile, and it does not count as a use of the entries.\n\n# \
         Privacy\n\nKeys may be personal data, such as ids of users. Store the snapshot as you would store a list of them.",
    );
    quote! {
        #docs
        #[must_use]
        #vis fn snapshot_keys(&self) -> #snapshot {
            #snapshot::of([#(#keys),*])
        }
    }
}

fn warm_from(store: &Store, reads: &[(&Method, &Read)]) -> TokenStream {
    let (vis, snapshot, warming) = (&store.vis, runtime(store, "KeySnapshot"), runtime(store, "Warming"));
    let warmings = reads.iter().map(|(method, read)| {
        let (cfgs, region, warm) = (&method.cfgs, &method.ident, derived("warm_", &method.ident));
        let (form, arguments) = (form(store, method), arguments(method, read));
        quote!(#(#cfgs)* self.#warm(snapshot.keys_of(&self.#region, #form, #arguments), concurrency))
    });
    let docs = docs::lines(
        "Reads those keys of a snapshot that no tier has, method by method, at most `concurrency` at once (zero counts as \
         one).\n\nAwait it for the summary, or call `next` for the progress after each key. Each key is a read of its method, as \
         in `warm_…`. The values are those of the shared tier and the store, and never those of the time of the snapshot: an old \
         one costs reads of keys that are no longer needed, and nothing else. Keys of methods that no longer exist and keys that \
         no longer parse are skipped and not counted. A key that is in it twice is a local hit the second time. `jitter` is drawn for each \
         entry when it is loaded, so that the entries neither expire nor are refreshed together.\n\nThe keys of a snapshot \
         are arguments of the store: read it from a place that only this service writes to.\n\n# Cancellation\n\nIf it is \
         dropped, no further key begins; loads in progress continue.",
    );
    quote! {
        #docs
        #[allow(unused_variables, reason = "each of the methods may be disabled by `cfg`")]
        #vis fn warm_from<'__warm>(&'__warm self, snapshot: &'__warm #snapshot, concurrency: usize) -> #warming<'__warm> {
            #warming::all([#(#warmings),*])
        }
    }
}

/// The form of a method's keys, if they have one.
fn form(store: &Store, method: &Method) -> TokenStream {
    let (json_key, region) = (runtime(store, "json_key"), &method.ident);
    quote!(#json_key!(&self.#region))
}

/// The function from the parts of a key, in their order, to what `warm_x` takes: the arguments in that of the parameters.
fn arguments(method: &Method, read: &Read) -> TokenStream {
    let name = |place: usize| -> Ident { local(&format!("part{place}")) };
    let parts = read.key.iter().map(|place| name(*place));
    let arguments: Vec<_> = (0..method.params.len())
        .map(|place| {
            let part = name(place);
            if method.params[place].part == KeyForm::Float { quote!(#part.number()) } else { quote!(#part) }
        })
        .collect();
    let arguments = if let [argument] = &*arguments { argument.clone() } else { quote!((#(#arguments),*)) };
    quote!(|(#(#parts,)*)| #arguments)
}
