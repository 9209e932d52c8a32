//! Which key a read is for.

/// Draws keys from a Zipf distribution: the key at rank `k` is read in proportion to `1 / k^exponent`.
///
/// The same seed yields the same keys in the same order on every machine.
pub(crate) struct Popularity {
    /// For each key the probability that a draw is this key or a more popular one.
    cumulative: Vec<f64>,
    state: u64,
}

impl Popularity {
    pub(crate) fn zipf(keys: u32, exponent: f64, seed: u64) -> Self {
        let weights = (1..=keys).map(|rank| f64::from(rank).powf(-exponent));
        let total: f64 = weights.clone().sum();
        let cumulative = weights.scan(0.0, |sum, weight| {
            *sum += weight / total;
            Some(*sum)
        });
        Self { cumulative: cumulative.collect(), state: seed }
    }

    /// Returns the next key, from zero for the most popular one.
    pub(crate) fn draw(&mut self) -> u32 {
        let fraction = self.fraction();
        let key = self.cumulative.partition_point(|reached| *reached <= fraction);
        // The last sum may be a little below one.
        u32::try_from(key.min(self.cumulative.len() - 1)).expect("there are at most u32::MAX keys")
    }

    /// A number from 0 to 1, exclusive.
    fn fraction(&mut self) -> f64 {
        f64::from(u32::try_from(self.random() >> 32).expect("32 bits are left")) / 4_294_967_296.0
    }

    /// `SplitMix64` (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
    fn random(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
