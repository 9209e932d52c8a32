//! Reproducible random numbers.

use std::time::Duration;

/// A random stream determined by its seed: `SplitMix64`.
///
/// See Steele, Lea, Flood: "Fast splittable pseudorandom number generators", OOPSLA 2014. A library's generator may
/// produce other numbers in its next version, and then an old seed would not replay.
#[derive(Debug, Clone)]
pub struct Random(u64);

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

impl Random {
    /// The stream of a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// An independent stream for each path of numbers below a seed.
    pub fn below(seed: u64, path: &[u64]) -> Self {
        Self(path.iter().fold(seed, |seed, step| Self(seed ^ step.wrapping_add(1).wrapping_mul(GOLDEN)).draw()))
    }

    /// The next number.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`, which is not 0.
    pub fn less_than(&mut self, limit: u64) -> u64 {
        self.draw() % limit
    }

    /// True with a probability of `cases` in a thousand.
    pub fn per_mille(&mut self, cases: u64) -> bool {
        self.less_than(1000) < cases
    }

    /// A random duration between two others.
    pub fn span(&mut self, least: Duration, most: Duration) -> Duration {
        let width = u64::try_from(most.saturating_sub(least).as_micros()).unwrap_or(u64::MAX - 1);
        least + Duration::from_micros(self.less_than(width + 1))
    }

    /// Shuffles `items`.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for end in (1..items.len()).rev() {
            let other = usize::try_from(self.less_than(end as u64 + 1)).unwrap_or(end);
            items.swap(end, other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_reproduces_its_numbers_and_paths_differ() {
        let draw = |mut random: Random| [random.draw(), random.draw()];
        assert_eq!(draw(Random::new(7)), draw(Random::new(7)));
        assert_eq!(draw(Random::below(7, &[1, 2])), draw(Random::below(7, &[1, 2])));
        assert_ne!(draw(Random::below(7, &[1, 2])), draw(Random::below(7, &[2, 1])));
        assert_ne!(draw(Random::below(7, &[0])), draw(Random::below(7, &[])));
    }

    #[test]
    fn a_random_order_contains_every_element_once() {
        let mut items: Vec<u32> = (0..20).collect();
        Random::new(1).shuffle(&mut items);
        assert_ne!(items, (0..20).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..20).collect::<Vec<_>>());
    }
}
