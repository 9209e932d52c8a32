//! Ratios that are robust on a noisy machine.
//!
//! The contenders take turns in short rounds, each round begins with another contender, and the result is the median of
//! the ratios within a round. A disturbance affects neighbouring turns alike.

use std::time::Duration;

/// One contender: its name, and a function that times a block of work.
pub struct Contender<'a> {
    name: &'static str,
    block: Box<dyn FnMut() -> Duration + 'a>,
}

impl std::fmt::Debug for Contender<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Contender").field("name", &self.name).finish_non_exhaustive()
    }
}

impl<'a> Contender<'a> {
    /// Creates a contender whose `block` does the same amount of work in every call.
    pub fn new(name: &'static str, block: impl FnMut() -> Duration + 'a) -> Self {
        Self { name, block: Box::new(block) }
    }
}

/// The times of every contender, round by round.
#[derive(Debug)]
pub struct Rounds(Vec<(&'static str, Vec<Duration>)>);

impl Rounds {
    /// Runs `count` rounds, after one round to warm up.
    pub fn run(count: usize, mut contenders: Vec<Contender<'_>>) -> Self {
        let mut times: Vec<_> = contenders.iter().map(|contender| (contender.name, Vec::new())).collect();
        for contender in &mut contenders {
            (contender.block)();
        }
        for round in 0..count {
            for turn in 0..contenders.len() {
                let at = (round + turn) % contenders.len();
                times[at].1.push((contenders[at].block)());
            }
        }
        Self(times)
    }

    /// The median of the ratios of the time of `name` to that of `beside`.
    ///
    /// # Panics
    ///
    /// If there is no contender of that name, or no round.
    pub fn ratio(&self, name: &str, beside: &str) -> f64 {
        let pairs = self.of(name).iter().zip(self.of(beside));
        let mut ratios: Vec<f64> = pairs.map(|(mine, other)| mine.as_secs_f64() / other.as_secs_f64()).collect();
        ratios.sort_by(f64::total_cmp);
        ratios[ratios.len() / 2]
    }

    fn of(&self, name: &str) -> &[Duration] {
        let found = self.0.iter().find(|(known, _)| *known == name);
        &found.unwrap_or_else(|| panic!("no contender is called {name}")).1
    }
}

/// The 99th percentile of the times.
///
/// # Panics
///
/// If there are none.
pub fn percentile_99(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() * 99 / 100]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_the_median_of_the_rounds() {
        let mut slow = [9, 20, 900, 20, 20].iter().map(|millis| Duration::from_millis(*millis)).cycle();
        let contenders = vec![
            Contender::new("slow", move || slow.next().unwrap()),
            Contender::new("fast", || Duration::from_millis(10)),
        ];
        assert!((Rounds::run(5, contenders).ratio("slow", "fast") - 2.0).abs() < 1e-9);
    }

    #[test]
    fn a_percentile_excludes_one_in_a_hundred() {
        let times = (1..=1000).map(Duration::from_micros).collect();
        assert_eq!(percentile_99(times), Duration::from_micros(991));
    }
}
