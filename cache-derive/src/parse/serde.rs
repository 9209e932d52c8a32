//! The attributes of serde that matter to a cache.

use syn::{Attribute, Expr, ExprLit, Lit, Path, Token, token};

/// The items of the `#[serde(..)]` attributes of one field, variant or type.
#[derive(Default)]
pub(crate) struct SerdeItems(Vec<SerdeItem>);

/// One item, such as `skip` or `rename(serialize = "a")`.
pub(crate) struct SerdeItem {
    /// The item as a path, for its name and location.
    pub(crate) path: Path,
    /// The value after `=`.
    value: Option<String>,
    /// The list in parentheses, such as `serialize = "a"`.
    inner: Vec<(String, Option<String>)>,
}

impl SerdeItems {
    /// Reads the attributes. Omits those that serde itself refuses.
    pub(crate) fn of(attrs: &[Attribute]) -> Self {
        let mut items = Vec::new();
        for attribute in attrs.iter().filter(|attribute| attribute.path().is_ident("serde")) {
            let _ = attribute.parse_nested_meta(|meta| {
                let mut item = SerdeItem { path: meta.path.clone(), value: None, inner: Vec::new() };
                if meta.input.peek(Token![=]) {
                    item.value = text(&meta.value()?.parse()?);
                } else if meta.input.peek(token::Paren) {
                    meta.parse_nested_meta(|inner| {
                        let name = inner.path.get_ident().map(ToString::to_string).unwrap_or_default();
                        let value = if inner.input.peek(Token![=]) { text(&inner.value()?.parse()?) } else { None };
                        item.inner.push((name, value));
                        Ok(())
                    })?;
                }
                items.push(item);
                Ok(())
            });
        }
        Self(items)
    }

    /// The first item of this name.
    pub(crate) fn get(&self, name: &str) -> Option<&SerdeItem> {
        self.0.iter().find(|item| item.path.is_ident(name))
    }

    /// Whether there is an item of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The item of this name, if it has different values for writing and reading.
    pub(crate) fn two_sided(&self, name: &str) -> Option<&SerdeItem> {
        self.get(name).filter(|item| item.side("serialize") != item.side("deserialize"))
    }

    /// The written name of the field or variant `name`, and whether serde also reads it.
    pub(crate) fn written_name(&self, name: &str) -> (String, bool) {
        let renamed = |side| self.get("rename").and_then(|item| item.side(side)).unwrap_or(name).to_owned();
        let (written, read) = (renamed("serialize"), renamed("deserialize"));
        let mut aliases = self.0.iter().filter(|item| item.path.is_ident("alias"));
        let is_read = written == read || aliases.any(|alias| alias.value.as_deref() == Some(written.as_str()));
        (written, is_read)
    }
}

impl SerdeItem {
    fn side(&self, side: &str) -> Option<&str> {
        let inner = self.inner.iter().find(|(name, _)| name == side).and_then(|(_, value)| value.as_deref());
        self.value.as_deref().or(inner)
    }
}

fn text(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
        _ => None,
    }
}
