//! The attributes of serde that matter to a cache.

use syn::{Attribute, Expr, ExprLit, Lit, Path, Token, token};

/// The words in the `#[serde(..)]` attributes of one item.
#[derive(Default)]
pub(crate) struct SerdeWords(Vec<Word>);

/// One word, such as `skip` or `rename(serialize = "a")`.
pub(crate) struct Word {
    /// The word as a path, for its name and location.
    pub(crate) path: Path,
    /// The value after `=`.
    value: Option<String>,
    /// The list in parentheses, such as `serialize = "a"`.
    inner: Vec<(String, Option<String>)>,
}

impl SerdeWords {
    /// Reads the attributes. Omits those that serde itself refuses.
    pub(crate) fn of(attrs: &[Attribute]) -> Self {
        let mut words = Vec::new();
        for attribute in attrs.iter().filter(|attribute| attribute.path().is_ident("serde")) {
            let _ = attribute.parse_nested_meta(|meta| {
                let mut word = Word { path: meta.path.clone(), value: None, inner: Vec::new() };
                if meta.input.peek(Token![=]) {
                    word.value = text(&meta.value()?.parse()?);
                } else if meta.input.peek(token::Paren) {
                    meta.parse_nested_meta(|inner| {
                        let name = inner.path.get_ident().map(ToString::to_string).unwrap_or_default();
                        let value = if inner.input.peek(Token![=]) { text(&inner.value()?.parse()?) } else { None };
                        word.inner.push((name, value));
                        Ok(())
                    })?;
                }
                words.push(word);
                Ok(())
            });
        }
        Self(words)
    }

    /// The first word of this name.
    pub(crate) fn get(&self, name: &str) -> Option<&Word> {
        self.0.iter().find(|word| word.path.is_ident(name))
    }

    /// Whether there is a word of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The word of this name, if it has different values for writing and reading.
    pub(crate) fn two_sided(&self, name: &str) -> Option<&Word> {
        self.get(name).filter(|word| word.side("serialize") != word.side("deserialize"))
    }

    /// The written name of the item `name`, and whether serde also reads it.
    pub(crate) fn written_name(&self, name: &str) -> (String, bool) {
        let renamed = |side| self.get("rename").and_then(|word| word.side(side)).unwrap_or(name).to_owned();
        let (written, read) = (renamed("serialize"), renamed("deserialize"));
        let mut aliases = self.0.iter().filter(|word| word.path.is_ident("alias"));
        let is_read = written == read || aliases.any(|alias| alias.value.as_deref() == Some(written.as_str()));
        (written, is_read)
    }
}

impl Word {
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
