//! "Did you mean": the known name that is closest to a misspelt one.

/// The closest known name, if one is close enough.
pub(crate) fn closest<'a>(written: &str, known: &[&'a str]) -> Option<&'a str> {
    let scored = known.iter().map(|name| (distance(written, name), *name));
    let (distance, name) = scored.min_by_key(|(distance, _)| *distance)?;
    (distance <= tolerance(written.len().max(name.len()))).then_some(name)
}

/// The most edits that a name of this length may differ by.
///
/// One in three letters, so that short names do not match at random.
fn tolerance(length: usize) -> usize {
    (length / 3).clamp(1, 4)
}

/// Edits between two names, where swapping two neighbours counts as one (optimal string alignment).
fn distance(left: &str, right: &str) -> usize {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=right.len()).collect();
    for row in 1..=left.len() {
        let mut current = vec![row];
        for column in 1..=right.len() {
            let same = left[row - 1] == right[column - 1];
            let replaced = last[column - 1] + usize::from(!same);
            let mut best = replaced.min(last[column] + 1).min(current[column - 1] + 1);
            if swapped(&left, &right, row, column) {
                best = best.min(before_last[column - 2] + 1);
            }
            current.push(best);
        }
        before_last = std::mem::replace(&mut last, current);
    }
    last[right.len()]
}

fn swapped(left: &[char], right: &[char], row: usize, column: usize) -> bool {
    row > 1 && column > 1 && left[row - 1] == right[column - 2] && left[row - 2] == right[column - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_edits() {
        for (left, right, edits) in [
            ("ttl", "ttl", 0),
            ("tll", "ttl", 1),
            ("tlt", "ttl", 1),
            ("", "abc", 3),
            ("entiti", "entity", 1),
            ("capcity", "capacity", 1),
        ] {
            assert_eq!(distance(left, right), edits, "{left} {right}");
        }
    }

    #[test]
    fn suggests_only_close_names() {
        let known = ["entity", "key", "ttl", "negative_ttl", "capacity"];
        assert_eq!(closest("tll", &known), Some("ttl"));
        assert_eq!(closest("negative_tll", &known), Some("negative_ttl"));
        assert_eq!(closest("keys", &known), Some("key"));
        assert_eq!(closest("colour", &known), None);
        assert_eq!(closest("x", &known), None);
    }
}
