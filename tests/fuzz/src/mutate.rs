//! The next input: a known one, changed at one to eight places.

use crate::{Grain, Random, Target};

/// Boundary values.
const EDGES: [u64; 12] =
    [0, 1, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0xffff, 0x7fff_ffff, 0xffff_ffff, u64::MAX / 2, u64::MAX];
/// The longest piece that is moved at once, in grains.
const PIECE: usize = 16;

pub(crate) fn next(target: &Target, pool: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let (input, other) = (random.pick(pool), random.pick(pool));
    let changes = 1 + random.below(8);
    let mut output = match target.grain {
        Grain::Bytes => changed(input.clone(), other, changes, random, |random| byte(target, random)),
        Grain::Words => {
            let words = changed(words(input), &words(other), changes, random, |random| word(target, random));
            words.join(&b' ')
        }
    };
    output.truncate(target.longest);
    output
}

fn words(text: &[u8]) -> Vec<Vec<u8>> {
    text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).map(<[u8]>::to_vec).collect()
}

fn changed<T: Clone>(
    mut grains: Vec<T>,
    others: &[T],
    changes: usize,
    random: &mut Random,
    new: impl Fn(&mut Random) -> Vec<T>,
) -> Vec<T> {
    for _ in 0..changes {
        let at = random.below(grains.len() + 1);
        let upto = (at + 1 + random.below(PIECE)).min(grains.len()).max(at);
        match random.below(6) {
            // Leave a piece out.
            0 => drop(grains.drain(at..upto)),
            // Repeat a piece.
            1 => drop(grains.splice(at..at, grains[at..upto].to_vec())),
            // Take a piece of another input.
            2 => {
                let from = random.below(others.len() + 1);
                let piece = &others[from..(from + 1 + random.below(PIECE)).min(others.len()).max(from)];
                grains.splice(at..upto, piece.iter().cloned());
            }
            // Swap two grains.
            3 if !grains.is_empty() => {
                let (one, two) = (random.below(grains.len()), random.below(grains.len()));
                grains.swap(one, two);
            }
            // Insert something new, or replace a grain with it.
            4 => drop(grains.splice(at..at, new(random))),
            _ => {
                let fresh = new(random);
                let end = (at + fresh.len()).min(grains.len());
                grains.splice(at..end, fresh);
            }
        }
    }
    grains
}

fn byte(target: &Target, random: &mut Random) -> Vec<u8> {
    match random.below(4) {
        0 if !target.dictionary.is_empty() => random.pick(target.dictionary).as_bytes().to_vec(),
        1 => {
            let width = 1 << random.below(4);
            let bytes = random.pick(&EDGES).to_le_bytes();
            let mut bytes = bytes[..width].to_vec();
            if random.below(2) == 0 {
                bytes.reverse();
            }
            bytes
        }
        _ => vec![random.number().to_le_bytes()[0]],
    }
}

fn word(target: &Target, random: &mut Random) -> Vec<Vec<u8>> {
    let word = if target.dictionary.is_empty() {
        byte(target, random)
    } else {
        random.pick(target.dictionary).as_bytes().to_vec()
    };
    vec![word]
}
