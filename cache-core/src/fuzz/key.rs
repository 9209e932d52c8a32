//! Fuzzes the parts of keys, which callers choose.

use cache_fuzz::{Grain, Input, Target};

use crate::key::{CacheKey, Head, KeyText, prefix_scope};
use crate::protocol::Scope;

const TARGET: Target = Target { name: "key", grain: Grain::Bytes, dictionary: &PIECES, longest: 256, run };

fn heads() -> [Head; 2] {
    [Head::new(None, "ns", None, "e"), Head::new(Some("a:b"), "ns:ns", Some("p:{}"), "e")]
}

/// The maximum length of a key after its head, in bytes.
const MAX_PARTS: usize = 512;

type Parts =
    (Option<String>, String, Option<Option<String>>, Vec<Option<String>>, (Option<(Option<String>, u64)>, bool));
/// The number of arguments of a key, and so the longest prefix.
const ARGUMENTS: usize = 5;

/// Strings with a special meaning in some context.
const PIECES: [&str; 16] =
    [":", "%", "%-", "%+", "%3A", "%h", "*", "{", "}", "\0", "\n", "a", "1", "é", "e\u{301}", "🦀"];

/// Builds two keys from the input. The second one differs from the first in one byte of the input.
fn run(bytes: &[u8]) -> u64 {
    let mut input = Input::new(bytes);
    let (at, with) = (input.below(32), input.byte());
    let choices = input.rest();
    let mut changed = choices.to_vec();
    if let Some(byte) = changed.get_mut(at) {
        *byte = with;
    }
    let (one, two) = (parts(&mut Input::new(choices)), parts(&mut Input::new(&changed)));
    let ends = heads().map(|head| compared(&head, &one, &two));
    kind(&one, &ends[0])
}

fn compared(head: &Head, one: &Parts, two: &Parts) -> KeyText {
    let [first, second] = [one, two].map(|parts| KeyText::of(head, parts));
    let texts = [&first, &second];
    for text in texts {
        well_formed(head, text);
    }
    assert_eq!(texts[0] == texts[1], one == two, "{one:?} and {two:?}");
    assert_eq!(texts[0].own == texts[1].own, one == two, "the names of {one:?} and {two:?}");
    for count in 0..=ARGUMENTS {
        let [first, second] = [one, two].map(|parts| beginning(head, parts, count));
        assert_eq!(first == second, same_beginning(one, two, count), "{count} of {one:?} and {two:?}");
        assert!(texts.iter().all(|text| text.own != first), "an entry with the name of a wider scope");
    }
    first
}

/// Checks that special characters are escaped, and that no text is too long.
fn well_formed(head: &Head, text: &KeyText) {
    let name = text.own.name();
    let written = name.strip_prefix(head.text()).expect("every key begins with its head");
    assert!(written.len() <= MAX_PARTS, "{} bytes", written.len());
    assert!(!written.contains(|c: char| matches!(c, '*' | '{' | '}') || c.is_control()), "{name}");
    assert_eq!(text.full.is_some(), written.starts_with(":%h"), "the full text of a hashed key, and of no other");
    assert_eq!(text.own.bus_namespace(), head.bus_namespace());
    assert_eq!(text.own.generation_key(), format!("g:{{{name}}}"));
}

fn beginning(head: &Head, parts: &Parts, count: usize) -> Scope {
    prefix_scope(head, |out| parts.write_first(count, out))
}

fn same_beginning(one: &Parts, two: &Parts, count: usize) -> bool {
    let same = [one.0 == two.0, one.1 == two.1, one.2 == two.2, one.3 == two.3, one.4 == two.4];
    same.iter().take(count).all(|same| *same)
}

fn parts(input: &mut Input<'_>) -> Parts {
    let first = optional(input);
    let second = text(input);
    let third = input.flag().then(|| optional(input));
    let list = (0..input.below(4)).map(|_| optional(input)).collect();
    let nested = input.flag().then(|| (optional(input), input.number()));
    (first, second, third, list, (nested, input.flag()))
}

fn optional(input: &mut Input<'_>) -> Option<String> {
    input.flag().then(|| text(input))
}

/// Returns some special pieces, text from the input, or a long text.
fn text(input: &mut Input<'_>) -> String {
    match input.below(8) {
        0 => input.text(),
        1 => "x".repeat(500 + input.below(32)),
        _ => (0..input.below(4)).map(|_| PIECES[input.below(PIECES.len())]).collect(),
    }
}

fn kind(parts: &Parts, text: &KeyText) -> u64 {
    let (first, second, third, list, (nested, _)) = parts;
    let absent =
        [first.is_none(), second.is_empty(), third.is_none(), list.is_empty(), nested.is_none(), text.full.is_none()];
    absent.iter().fold(text.own.name().len() as u64 / 64, |all, absent| all * 2 + u64::from(*absent))
}

#[test]
fn key() {
    let counting: Vec<u8> = (0..=255).collect();
    TARGET.fuzz(vec![counting, b"\x05\x01\x01\x00\x03a:b\x01\x03\x00\x01".to_vec()]);
}
