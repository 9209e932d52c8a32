//! Paging by an opaque cursor over the order of the rows.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::StoreError;

/// The most rows that one page may hold.
pub const MAX_PAGE_LIMIT: u32 = 500;

/// A request for one page of a list.
///
/// Pages follow the order that the list documents: a row that keeps its place from the first page to the last one is
/// listed once, whatever rows are added or deleted meanwhile.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PageRequest {
    /// The most rows, from 1 to [`MAX_PAGE_LIMIT`]. Any other number is an error.
    pub limit: u32,
    /// The end of the previous page; `None` for the first page.
    pub after: Option<Cursor>,
}

impl PageRequest {
    /// The first page.
    pub const fn first(limit: u32) -> Self {
        Self { limit, after: None }
    }

    /// The page that follows.
    pub const fn after(limit: u32, cursor: Cursor) -> Self {
        Self { limit, after: Some(cursor) }
    }

    pub(crate) fn checked_limit(&self, operation: &'static str) -> Result<u32, StoreError> {
        if (1..=MAX_PAGE_LIMIT).contains(&self.limit) {
            return Ok(self.limit);
        }
        let context = format!("the limit is {}, and a page holds from 1 to {MAX_PAGE_LIMIT} rows", self.limit);
        Err(StoreError::invalid_input(operation, context))
    }
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows, in the order of the list.
    pub items: Vec<T>,
    /// The start of the next page; `None` on the last one.
    pub next: Option<Cursor>,
}

impl<T> Page<T> {
    /// Cuts a list that was read one row beyond `limit`.
    ///
    /// The extra row means that there is a next page.
    pub(crate) fn cut(mut items: Vec<T>, limit: u32, cursor: impl FnOnce(&T) -> Cursor) -> Self {
        let limit = limit as usize;
        let more = items.len() > limit;
        items.truncate(limit);
        let next = if more { items.last().map(cursor) } else { None };
        Self { items, next }
    }
}

/// The end of a page: opaque text, valid only for the list that returned it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(String);

/// The list of a cursor.
///
/// With it, a cursor of another list is an error and not a wrong page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CursorKind(pub(crate) u8);

impl Cursor {
    pub(crate) fn encode(kind: CursorKind, position: &[u8]) -> Self {
        let mut text = String::with_capacity(2 * (position.len() + 3));
        let sum = checksum(kind, position).to_be_bytes();
        for byte in std::iter::once(&kind.0).chain(position).chain(&sum) {
            let _ = write!(text, "{byte:02x}");
        }
        Self(text)
    }

    pub(crate) fn decode<const N: usize>(
        &self,
        kind: CursorKind,
        operation: &'static str,
    ) -> Result<[u8; N], StoreError> {
        self.position(kind).ok_or_else(|| {
            let context = "the cursor is not one that this list gave: pass `next` of the page before it as it was";
            StoreError::invalid_input(operation, context)
        })
    }

    fn position<const N: usize>(&self, kind: CursorKind) -> Option<[u8; N]> {
        let bytes = from_hex(&self.0)?;
        let (&found, rest) = bytes.split_first()?;
        let (position, sum) = rest.split_last_chunk::<2>()?;
        let position: [u8; N] = position.try_into().ok()?;
        let fits = found == kind.0 && u16::from_be_bytes(*sum) == checksum(kind, &position);
        fits.then_some(position)
    }
}

/// Wraps text from a request; the list that receives the cursor checks it.
impl FromStr for Cursor {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A checksum against truncated or mistyped text, not against forgery.
///
/// A forged cursor reveals nothing that the list does not. (Fletcher's checksum, IEEE Trans. Commun. 30(1), 1982.)
fn checksum(kind: CursorKind, position: &[u8]) -> u16 {
    let step = |(low, high): (u16, u16), byte: &u8| {
        let low = (low + u16::from(*byte)) % 255;
        (low, (high + low) % 255)
    };
    let (low, high) = std::iter::once(&kind.0).chain(position).fold((1, 0), step);
    (high << 8) | low
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    digits.chunks_exact(2).map(|pair| Some(nibble(pair[0])? << 4 | nibble(pair[1])?)).collect()
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: CursorKind = CursorKind(7);

    #[test]
    fn a_cursor_round_trips() {
        let cursor = Cursor::encode(KIND, &[1, 2, 255, 0]);
        let parsed: Cursor = cursor.to_string().parse().unwrap();
        assert_eq!(parsed.decode::<4>(KIND, "list").unwrap(), [1, 2, 255, 0]);
    }

    #[test]
    fn a_broken_cursor_is_refused() {
        let good = Cursor::encode(KIND, &[1, 2, 3, 4]).0;
        let cut = good[..good.len() - 2].to_owned();
        let flipped = good.replacen("01", "03", 1);
        for text in [String::new(), "é".into(), "+1".into(), cut, flipped, good.to_uppercase() + "0", "zz".repeat(7)] {
            let error = Cursor(text.clone()).decode::<4>(KIND, "list").unwrap_err();
            assert_eq!(error.kind(), crate::StoreErrorKind::InvalidInput, "{text}");
        }
        assert!(Cursor(good).decode::<4>(CursorKind(8), "list").is_err(), "of another list");
    }

    #[test]
    fn a_page_ends_before_the_surplus_row() {
        let cursor = |item: &u8| Cursor::encode(KIND, &[*item]);
        assert_eq!(Page::cut(vec![1, 2, 3], 2, cursor), Page { items: vec![1, 2], next: Some(cursor(&2)) });
        assert_eq!(Page::cut(vec![1, 2], 2, cursor), Page { items: vec![1, 2], next: None });
    }
}
