//! Fuzz tests of the macros: short runs here, long ones with `scripts/fuzz`.
//!
//! Editors run the macros on incomplete code: every token sequence must produce tokens or an error, and never a panic.
//! The seeds are the cases of the tests of messages (`tests/ui`).

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash as _, Hasher as _};
use std::path::Path;
use std::sync::LazyLock;

use cache_fuzz::{Grain, Target};
use proc_macro2::{Delimiter, Group, Spacing, TokenStream, TokenTree};
use syn::{Attribute, Item, Meta};

use crate::options::derives::{CACHE_KEY, CACHE_VALUE};
use crate::options::{AttributeName, cached, cached_store, invalidates};

/// Separates the arguments of the annotation from the trait.
const TRAIT: &str = "=>";

/// Delimiters as words.
///
/// The last pair is that of invisible groups, in which macros pass on fragments.
const OPEN: [(&str, Delimiter); 4] =
    [("(", Delimiter::Parenthesis), ("[", Delimiter::Bracket), ("{", Delimiter::Brace), ("<<", Delimiter::None)];
const CLOSE: [&str; 4] = [")", "]", "}", ">>"];

/// Tokens of Rust, and names of the types that the macros know.
const RUST: &[&str] = &[
    "=>",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "<<",
    ">>",
    "#",
    ",",
    ";",
    ":",
    "::",
    "..",
    "=",
    "->",
    "&",
    "<",
    ">",
    "'a",
    "?",
    "*",
    "+",
    "!",
    "|",
    "result",
    "\"5m\"",
    "\"\"",
    "\"a:b\"",
    "\"é\"",
    "b\"x\"",
    "'c'",
    "0",
    "1",
    "255",
    "18446744073709551616",
    "1.5",
    "1u8",
    "-",
    "true",
    "async",
    "fn",
    "self",
    "Self",
    "mut",
    "ref",
    "dyn",
    "impl",
    "for",
    "where",
    "unsafe",
    "const",
    "static",
    "type",
    "trait",
    "struct",
    "enum",
    "union",
    "pub",
    "in",
    "r#type",
    "r#fn",
    "_",
    "__",
    "T",
    "Result",
    "Option",
    "Vec",
    "HashMap",
    "Arc",
    "String",
    "str",
    "u64",
    "Future",
    "Output",
    "Pin",
    "Box",
    "BoxFuture",
    "LocalBoxFuture",
    "Transaction",
    "Send",
    "Sync",
    "Sized",
    "doc",
    "cfg",
    "async_trait",
    "get",
    "id",
    "ids",
    "Store",
    "macro_rules",
    "$",
    "@",
    "/// x",
    "extern",
    "\"C\"",
    "...",
    "let",
    "if",
    "match",
];

/// The pieces of inputs: tokens of Rust, and the names and values of every attribute.
static DICTIONARY: LazyLock<Vec<&str>> = LazyLock::new(|| {
    let options = [cached::ALL, cached_store::ALL, invalidates::ALL].into_iter().flatten();
    let options = options.flat_map(|row| [row.name].into_iter().chain(row.values()));
    let attributes = AttributeName::OF_METHODS.map(AttributeName::text);
    let helpers = [&CACHE_KEY, &CACHE_VALUE]
        .into_iter()
        .flat_map(|helper| [helper.name].into_iter().chain(helper.flags.iter().copied()));
    let mut words: Vec<&str> = RUST.iter().copied().chain(attributes).chain(options).chain(helpers).collect();
    words.sort_unstable();
    words.dedup();
    words
});

/// The tokens of the words, with every group closed.
fn tokens<'a>(words: impl Iterator<Item = &'a str>) -> TokenStream {
    let mut open: Vec<(usize, TokenStream)> = vec![(CLOSE.len(), TokenStream::new())];
    for word in words {
        if let Some(kind) = OPEN.iter().position(|(opens, _)| *opens == word) {
            open.push((kind, TokenStream::new()));
        } else if let Some(kind) = CLOSE.iter().position(|closes| *closes == word) {
            if open.last().is_some_and(|(opened, _)| *opened == kind) {
                close(&mut open);
            }
        } else if let Ok(more) = word.parse::<TokenStream>() {
            open.last_mut().expect("the outermost one stays open").1.extend(more);
        }
    }
    while open.len() > 1 {
        close(&mut open);
    }
    open.remove(0).1
}

fn close(open: &mut Vec<(usize, TokenStream)>) {
    let (kind, content) = open.pop().expect("a group is open");
    let group = Group::new(OPEN[kind].1, content);
    open.last_mut().expect("the outermost one stays open").1.extend([TokenTree::Group(group)]);
}

/// The tokens as words.
fn words(tokens: TokenStream) -> String {
    let mut text = String::new();
    for token in tokens {
        match token {
            TokenTree::Group(group) => {
                let kind = OPEN.iter().position(|(_, kind)| *kind == group.delimiter()).expect("there are four kinds");
                let inside = words(group.stream());
                text.extend([OPEN[kind].0, " ", inside.as_str(), CLOSE[kind], " "]);
            }
            // A sign that is joint with the next one.
            TokenTree::Punct(sign) if sign.spacing() == Spacing::Joint => text.push(sign.as_char()),
            token => text.extend([token.to_string().as_str(), " "]),
        }
    }
    text
}

fn read(bytes: &[u8]) -> (TokenStream, TokenStream) {
    let text = String::from_utf8_lossy(bytes);
    let (before, after) = text.split_once(TRAIT).unwrap_or(("", &text));
    (tokens(before.split_whitespace()), tokens(after.split_whitespace()))
}

fn store(bytes: &[u8]) -> u64 {
    let (args, item) = read(bytes);
    let output = crate::cached_store_tokens(args, item.clone());
    // Bodies stay tokens, so only a trait that syn parses expands to code that syn parses.
    check_output(&output, syn::parse2::<syn::ItemTrait>(item).is_ok())
}

fn cache_key(bytes: &[u8]) -> u64 {
    check_output(&crate::cache_key_tokens(read(bytes).1), true)
}

fn cache_value(bytes: &[u8]) -> u64 {
    check_output(&crate::cache_value_tokens(read(bytes).1), true)
}

/// Checks that output without an error is code. Returns a digest of the errors, without their names.
fn check_output(output: &TokenStream, is_whole: bool) -> u64 {
    let text = output.to_string();
    assert!(!text.is_empty(), "neither code nor an error");
    let mut hasher = DefaultHasher::new();
    let mut errors = text.split("compile_error ! {").skip(1).peekable();
    if errors.peek().is_none() {
        assert!(!is_whole || syn::parse2::<syn::File>(output.clone()).is_ok(), "it expands to no code: {text}");
        text.len().ilog2().hash(&mut hasher);
    }
    for error in errors {
        let message = error.split('}').next().unwrap_or_default();
        message.split('`').step_by(2).for_each(|part| part.hash(&mut hasher));
    }
    hasher.finish()
}

/// The annotated traits of the tests of messages, with the arguments of their annotations.
fn stores() -> Vec<Vec<u8>> {
    let annotated = items().into_iter().filter_map(|item| match item {
        Item::Trait(mut item) => {
            let at = item.attrs.iter().position(|attribute| is_called(attribute, "cached_store"))?;
            let Meta::List(args) = item.attrs.remove(at).meta else { return None };
            Some(seed(args.tokens, quote::quote!(#item)))
        }
        _ => None,
    });
    annotated.collect()
}

/// The types in the tests of messages that derive this.
fn types(derive: &str) -> Vec<Vec<u8>> {
    let found = items().into_iter().filter_map(|item| match item {
        Item::Struct(mut item) => {
            item.attrs.remove(derives(&item.attrs, derive)?);
            Some(seed(TokenStream::new(), quote::quote!(#item)))
        }
        Item::Enum(mut item) => {
            item.attrs.remove(derives(&item.attrs, derive)?);
            Some(seed(TokenStream::new(), quote::quote!(#item)))
        }
        _ => None,
    });
    found.collect()
}

/// The index of the attribute that derives this.
fn derives(attributes: &[Attribute], derive: &str) -> Option<usize> {
    let is_this = |attribute: &Attribute| quote::quote!(#attribute).to_string().contains(derive);
    attributes.iter().position(|attribute| is_called(attribute, "derive") && is_this(attribute))
}

fn items() -> Vec<Item> {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/ui");
    let mut files: Vec<_> = ["fail", "pass"]
        .iter()
        .flat_map(|folder| fs::read_dir(cases.join(folder)).expect("the cases are there").flatten())
        .map(|file| file.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect();
    files.sort();
    let texts = files.iter().map(|path| fs::read_to_string(path).expect("a case can be read"));
    // A case that is no valid Rust is no seed.
    texts.filter_map(|text| syn::parse_file(&text).ok()).flat_map(|file| file.items).collect()
}

fn is_called(attribute: &Attribute, name: &str) -> bool {
    attribute.path().segments.last().is_some_and(|segment| segment.ident == name)
}

fn seed(args: TokenStream, item: TokenStream) -> Vec<u8> {
    format!("{}{TRAIT} {}", words(args), words(item)).into_bytes()
}

fn target(name: &'static str, run: fn(&[u8]) -> u64) -> Target {
    Target { name, grain: Grain::Words, dictionary: &DICTIONARY, longest: 4096, run }
}

#[test]
fn cached_store() {
    let seeds = stores();
    assert!(seeds.len() > 50, "{} annotated traits", seeds.len());
    target("cached_store", store).fuzz(seeds);
}

#[test]
fn derive_cache_key() {
    let seeds = types("CacheKey");
    assert!(!seeds.is_empty(), "no type derives it");
    target("derive_cache_key", cache_key).fuzz(seeds);
}

#[test]
fn derive_cache_value() {
    let seeds = types("CacheValue");
    assert!(!seeds.is_empty(), "no type derives it");
    target("derive_cache_value", cache_value).fuzz(seeds);
}
