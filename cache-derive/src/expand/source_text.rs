//! Tokens as source code for documentation.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens;

/// The tokens as text, with spaces between words and after commas.
pub(super) fn source_text(tokens: &impl ToTokens) -> String {
    let mut text = String::new();
    write(tokens.to_token_stream(), &mut text);
    text
}

fn write(tokens: TokenStream, text: &mut String) {
    for token in tokens {
        let needs_space = match &token {
            TokenTree::Ident(_) | TokenTree::Literal(_) => text.ends_with(|last| is_of_a_word(last) || last == ','),
            TokenTree::Punct(sign) => text.ends_with(',') || (sign.as_char() == '\'' && text.ends_with(is_of_a_word)),
            TokenTree::Group(_) => text.ends_with(',') || ends_with_lifetime(text),
        };
        if needs_space {
            text.push(' ');
        }
        match token {
            TokenTree::Group(group) => {
                let (open, close) = delimiters(group.delimiter());
                text.push_str(open);
                write(group.stream(), text);
                text.push_str(close);
            }
            token => text.push_str(&token.to_string()),
        }
    }
}

fn ends_with_lifetime(text: &str) -> bool {
    text.rsplit_once('\'').is_some_and(|(_, name)| !name.is_empty() && name.chars().all(is_of_a_word))
}

fn is_of_a_word(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '"')
}

const fn delimiters(delimiter: Delimiter) -> (&'static str, &'static str) {
    match delimiter {
        Delimiter::Parenthesis => ("(", ")"),
        Delimiter::Bracket => ("[", "]"),
        Delimiter::Brace => ("{", "}"),
        Delimiter::None => ("", ""),
    }
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::source_text;

    #[test]
    fn code_has_its_usual_spaces() {
        for (tokens, text) in [
            (quote!(Option<&'a mut Vec<u8>>), "Option<&'a mut Vec<u8>>"),
            (quote!((u64, &str)), "(u64, &str)"),
            (quote!(HashMap<u64, &'static [u8]>), "HashMap<u64, &'static [u8]>"),
            (
                quote!(session.as_ref().map_or(0, |session| session.user)),
                "session.as_ref().map_or(0, |session|session.user)",
            ),
            (quote!(&dyn Key), "&dyn Key"),
        ] {
            assert_eq!(source_text(&tokens), text);
        }
    }
}
