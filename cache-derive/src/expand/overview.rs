//! The table of all methods in the documentation of the decorator.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::ext::IdentExt;
use syn::{Attribute, Expr, Meta};

use super::source_text::source_text;
use crate::model::{
    Batch, Behaviour, Commits, Entries, Extent, Form, Method, Read, SettingValue, Span, Store, Stored, Target, Write,
};
use crate::options::cached;

const HEAD: [&str; 7] = ["method", "entry", "key parts", "TTL", "mode", "invalidated by", "invalidates"];

/// The cells of a row, besides that of the method.
#[derive(Default)]
struct Cells {
    entry: String,
    key: String,
    ttl: String,
    mode: String,
    invalidated_by: String,
    invalidates: String,
}

/// The table, with one row for each method that callers await.
///
/// The row of a method with `cfg` attributes has the same condition.
pub(super) fn overview(store: &Store) -> TokenStream {
    let head = super::docs::lines(&format!("\n{}\n{}", line(&HEAD), line(&HEAD.map(|_| "---"))));
    let rows = store.methods.iter().filter(|method| method.form != Form::Sync).map(|method| {
        let row = format!(" {}", row(store, method));
        let conditions = method.cfgs.iter().filter_map(condition);
        if method.cfgs.is_empty() {
            quote!(#[doc = #row])
        } else {
            quote!(#[cfg_attr(all(#(#conditions),*), doc = #row)])
        }
    });
    quote!(#head #(#rows)*)
}

fn condition(cfg: &Attribute) -> Option<&TokenStream> {
    match &cfg.meta {
        Meta::List(list) => Some(&list.tokens),
        Meta::Path(_) | Meta::NameValue(_) => None,
    }
}

fn row(store: &Store, method: &Method) -> String {
    let cells = match &method.behaviour {
        Behaviour::Cached(read) => cached_row(store, method, read),
        Behaviour::Batch(batch) => batch_row(batch),
        Behaviour::Invalidates(write) => write_row(write),
        Behaviour::Uncached => Cells { entry: "not cached".to_owned(), ..Cells::default() },
    };
    let name = link(&method.ident);
    let Cells { entry, key, ttl, mode, invalidated_by, invalidates } = &cells;
    line(&[&name, entry, key, ttl, mode, invalidated_by, invalidates])
}

fn line(cells: &[&str]) -> String {
    let cells = cells.iter().map(|cell| match *cell {
        "" => " ".to_owned(),
        cell => format!(" {cell} "),
    });
    format!("|{}|", cells.collect::<Vec<_>>().join("|"))
}

fn cached_row(store: &Store, method: &Method, read: &Read) -> Cells {
    let parts = || read.key.iter().map(|place| &method.params[*place]);
    let entry = [store.namespace.clone(), read.entity.clone()];
    let entry = entry.into_iter().chain(parts().map(|part| format!("<{}>", part.ident.unraw())));
    let key = parts().map(|part| code(&format!("{}: {}", part.ident, source_text(&part.ty))));
    Cells {
        entry: code(&entry.collect::<Vec<_>>().join(":")),
        key: listed(key),
        ttl: ttl(read),
        mode: code(mode(read)),
        invalidated_by: listed(writes_of(store, method).iter().map(|write| code(write))),
        invalidates: String::new(),
    }
}

/// The methods that invalidate entries of a read, each once: `cfg` may choose between two forms of one.
fn writes_of(store: &Store, read: &Method) -> Vec<String> {
    let names = store.methods.iter().filter_map(|method| {
        let write = method.write()?;
        let mut targets = write.targets().flat_map(|invalidation| invalidation.target.entries());
        targets.any(|entries| entries.reader.is(&read.ident)).then(|| method.ident.to_string())
    });
    names.fold(Vec::new(), |mut unique, name| {
        if !unique.contains(&name) {
            unique.push(name);
        }
        unique
    })
}

fn batch_row(batch: &Batch) -> Cells {
    Cells { entry: format!("those of {}", code(&batch.one.to_string())), ..Cells::default() }
}

fn write_row(write: &Write) -> Cells {
    let targets = write.targets().enumerate().map(|(place, invalidation)| {
        let text = text_of(&invalidation.target);
        // The targets before the call come first.
        match write.stored.iter().find(|stored| stored.target == place) {
            Some(stored) => code(&text_of_stored(&text, stored)),
            None => code(&text),
        }
    });
    let mut invalidates = listed(targets);
    if write.commits == Commits::Caller {
        invalidates.push_str(", when the caller commits");
    }
    Cells { invalidates, ..Cells::default() }
}

/// A target with its value, as in the annotation.
fn text_of_stored(target: &str, Stored { value, condition, .. }: &Stored) -> String {
    let target = match condition {
        Some(condition) => format!("{}, if = {})", target.trim_end_matches(')'), source_text(condition)),
        None => target.to_owned(),
    };
    format!("{target} = {}", source_text(value))
}

/// A target as in the annotation.
fn text_of(target: &Target) -> String {
    match target {
        Target::Entries(entries) => text_of_entries(entries),
        Target::Each(each) => {
            let targets = each.targets.iter().map(text_of);
            let targets = listed(targets.chain(conditions(&each.conditions)));
            format!("each({} in {} => {targets})", source_text(&each.element), source_text(&each.list))
        }
    }
}

fn text_of_entries(Entries { reader, extent, conditions }: &Entries) -> String {
    let rest = matches!(extent, Extent::Prefix(_)).then(|| "..".to_owned());
    let arguments = extent.arguments().iter().map(|argument| source_text(&argument.expression));
    let owner = reader.owner.as_ref().map_or_else(String::new, |owner| format!("{}::", source_text(owner)));
    format!("{owner}{}({})", reader.read, listed(arguments.chain(rest).chain(self::conditions(conditions))))
}

fn conditions(conditions: &[Expr]) -> Option<String> {
    let texts: Vec<_> = conditions.iter().map(source_text).collect();
    (!texts.is_empty()).then(|| format!("if = {}", texts.join(" && ")))
}

/// The times to live of a value, of an absence, and in the local tier, with the time to idle.
fn ttl(read: &Read) -> String {
    let value = span(&read.options.ttl);
    let others = [&cached::NEGATIVE_TTL, &cached::LOCAL, &cached::TTI].into_iter().filter_map(|option| {
        let setting = read.options.setting(option.row.name)?;
        let name = code(setting.option);
        Some(match &setting.argument {
            Some(SettingValue::Duration(time)) => format!("{name} {}", span(time)),
            _ => format!("{name} off"),
        })
    });
    listed([value].into_iter().chain(others))
}

fn span(span: &Span) -> String {
    match span {
        Span::Literal(duration) => humantime::format_duration(*duration).to_string(),
        Span::Const(path, _) => code(&source_text(path)),
    }
}

/// The mode of a read; that of the policy's builder if the annotation has none.
fn mode(read: &Read) -> &'static str {
    match read.options.setting(cached::MODE.row.name).and_then(|setting| setting.argument.as_ref()) {
        Some(SettingValue::Variant { name, .. }) => name,
        _ => cached::DEFAULT_MODE,
    }
}

fn link(name: &Ident) -> String {
    let text = name.to_string();
    // Links have no form for raw identifiers.
    if text.starts_with("r#") { code(&text) } else { format!("[`{text}`](Self::{text})") }
}

/// Code in the cell of a table.
fn code(text: &str) -> String {
    format!("`{}`", text.replace('|', "\\|"))
}

fn listed(texts: impl Iterator<Item = String>) -> String {
    texts.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use quote::quote;

    /// The documentation of the decorator of a trait whose mode is `fast`.
    fn page() -> String {
        let item = quote! {
            pub trait Store: Send + Sync {
                #[cached(entity = "own", key(id), ttl = "1h", negative_ttl = NEVER, mode = strict)]
                async fn own(&self, id: u64) -> Result<Option<u64>, Error>;

                #[cached(entity = "type", key(r#in), ttl = "90s", local = off)]
                async fn r#type(&self, r#in: &str) -> Result<u64, Error>;

                #[invalidates(own(map(id, |id| id + 1)), r#type(..), own(id))]
                async fn put(&self, id: u64) -> Result<(), Error>;
            }
        };
        let file: syn::File =
            syn::parse2(crate::cached_store_tokens(quote!(namespace = "app", mode = fast), item)).unwrap();
        prettyplease::unparse(&file)
    }

    #[test]
    fn each_method_has_a_row() {
        let page = page();
        for row in [
            "| [`own`](Self::own) | `app:own:<id>` | `id: u64` | 1h, `negative_ttl` `NEVER` | `strict` | `put` | |",
            "| `r#type` | `app:type:<in>` | `r#in: &str` | 1m 30s, `local` off | `fast` | `put` | |",
            "| [`put`](Self::put) | | | | | | `own(map(id, \\|id\\|id+1))`, `r#type(..)`, `own(id)` |",
        ] {
            assert!(page.contains(&format!("/// {row}\n")), "{row} is not in\n{page}");
        }
    }
}
