//! A mutational fuzzer for the stable compiler.
//!
//! It uses no coverage of the compiler. Instead, a target reports the kind of end that an input led to, and inputs that
//! led to a new one are mutated further.
//!
//! A target is a function over bytes that panics if a property does not hold. It runs as a test of the crate whose
//! private code it tests: every input of its corpus (`tests/fuzz/corpus`) first, then new ones for `FUZZ_SECONDS`. The
//! inputs follow from `FUZZ_SEED` and the corpus. One that fails joins the corpus, and the next run tries it first.

mod corpus;
mod input;
mod mutate;
mod random;

use std::any::Any;
use std::collections::HashSet;
use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::str::FromStr;
use std::thread;
use std::time::{Duration, Instant};

pub use corpus::Corpus;
pub use input::Input;
pub use random::Random;

/// How long a target runs by default.
const SHORT: Duration = Duration::from_secs(1);
/// The default seed: a test suite tries the same inputs in every run.
const SEED: u64 = 1;
/// Large enough that only the code under test limits the depth of an input.
const STACK: usize = 256 << 20;
/// The maximum number of inputs kept for further mutation.
const POOL: usize = 4096;

/// The unit of mutation of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grain {
    /// Bytes with a meaning of their own.
    Bytes,
    /// Text of words with spaces between them.
    Words,
}

/// A function over bytes, and hints about good input.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name, and the name of its folder in the corpus.
    pub name: &'static str,
    /// The unit of its mutations.
    pub grain: Grain,
    /// Pieces with a meaning for the code under test.
    pub dictionary: &'static [&'static str],
    /// The longest input, in bytes.
    pub longest: usize,
    /// Panics if a property does not hold; returns a number for each kind of end.
    pub run: fn(&[u8]) -> u64,
}

impl Target {
    /// Tries the corpus, these seeds and their mutations, for the configured time.
    ///
    /// # Panics
    ///
    /// If an input fails: with its place in the corpus.
    pub fn fuzz(self, seeds: Vec<Vec<u8>>) {
        let limit = from_environment("FUZZ_SECONDS", env::var("FUZZ_SECONDS").ok()).map_or(SHORT, Duration::from_secs);
        let seed = from_environment("FUZZ_SEED", env::var("FUZZ_SEED").ok()).unwrap_or(SEED);
        let corpus = Corpus::of(self.name);
        let run = thread::Builder::new().stack_size(STACK).spawn(move || self.try_inputs(&corpus, seeds, limit, seed));
        match run.expect("a thread starts").join().expect("a failing input is caught") {
            Ok(tried) => println!("fuzz {}: {tried}, seed {seed}", self.name),
            Err(failure) => panic!("fuzz {}: {failure}, seed {seed}", self.name),
        }
    }

    fn try_inputs(self, corpus: &Corpus, seeds: Vec<Vec<u8>>, limit: Duration, seed: u64) -> Result<String, String> {
        let mut run = Run { target: self, corpus, pool: Vec::new(), ends: HashSet::new(), tried: 0 };
        for input in corpus.inputs().into_iter().chain(seeds) {
            run.attempt(&input)?;
            run.pool.push(input);
        }
        let given = run.tried;
        run.mutate(limit, &mut Random::new(seed))?;
        Ok(format!("{} inputs, {given} of them given, {} kinds of end", run.tried, run.ends.len()))
    }
}

/// One run of a target.
struct Run<'a> {
    target: Target,
    corpus: &'a Corpus,
    pool: Vec<Vec<u8>>,
    ends: HashSet<u64>,
    tried: u64,
}

impl Run<'_> {
    fn mutate(&mut self, limit: Duration, random: &mut Random) -> Result<(), String> {
        let end = Instant::now() + limit;
        if self.pool.is_empty() {
            self.pool.push(Vec::new());
        }
        while Instant::now() < end {
            let input = mutate::next(&self.target, &self.pool, random);
            if self.attempt(&input)? && self.pool.len() < POOL {
                self.pool.push(input);
            }
        }
        Ok(())
    }

    /// Tries one input; returns whether it led to a new end.
    fn attempt(&mut self, input: &[u8]) -> Result<bool, String> {
        self.tried += 1;
        match catch_unwind(AssertUnwindSafe(|| (self.target.run)(input))) {
            Ok(end) => Ok(self.ends.insert(end)),
            Err(panic) => {
                let path = self.corpus.add(input);
                let shown = String::from_utf8_lossy(input).escape_debug().to_string();
                Err(format!("{} on \"{shown}\", kept as {}", text(&*panic), path.display()))
            }
        }
    }
}

fn text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("a panic without a text")
}

fn from_environment<T: FromStr>(name: &str, value: Option<String>) -> Option<T> {
    value.map(|value| value.parse().unwrap_or_else(|_| panic!("{name} is a whole number, and not `{value}`")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(20);

    /// Fails behind three doors, each of which is an end of its own.
    fn three_doors(input: &[u8]) -> u64 {
        let open = input.iter().zip(b"key").take_while(|(byte, door)| byte == door).count();
        assert!(open < 3, "the last door is open");
        open as u64
    }

    const DOORS: Target = Target { name: "doors", grain: Grain::Bytes, dictionary: &[], longest: 8, run: three_doors };

    #[test]
    fn a_failing_input_is_minimized_step_by_step_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let corpus = Corpus::at(folder.path().join("doors"));
        let failure = DOORS.try_inputs(&corpus, vec![b"???".to_vec()], LIMIT, 1).unwrap_err();
        assert!(failure.starts_with("the last door is open on \"key"), "{failure}");
        assert!(corpus.inputs()[0].starts_with(b"key"));
        let again = DOORS.try_inputs(&corpus, Vec::new(), Duration::ZERO, 1).unwrap_err();
        assert!(again.contains("the last door is open"), "the next run begins with it: {again}");
    }

    /// Fails without the ends, since one open door would not make an input interesting.
    #[test]
    fn words_are_combined() {
        fn sentence(input: &[u8]) -> u64 {
            let words: Vec<_> = input.split(|byte| *byte == b' ').collect();
            let right =
                words.iter().zip([b"one".as_slice(), b"two", b"three"]).take_while(|(word, right)| *word == right);
            let right = right.count();
            assert!(right < 3, "the sentence is whole");
            right as u64
        }
        let folder = tempfile::tempdir().unwrap();
        let corpus = Corpus::at(folder.path().join("sentence"));
        let dictionary = &["three", "two", "one", "four"];
        let target = Target { name: "sentence", grain: Grain::Words, dictionary, longest: 64, run: sentence };
        let failure = target.try_inputs(&corpus, vec![b"four four".to_vec()], LIMIT, 1).unwrap_err();
        assert!(failure.contains("the sentence is whole on \"one two three"), "{failure}");
    }

    #[test]
    fn the_same_seed_makes_the_same_inputs() {
        let pool = [b"some input".to_vec(), b"another".to_vec()];
        let inputs = |seed| {
            let mut random = Random::new(seed);
            (0..100).map(|_| mutate::next(&DOORS, &pool, &mut random)).collect::<Vec<_>>()
        };
        assert_eq!(inputs(7), inputs(7));
        assert_ne!(inputs(7), inputs(8));
        assert!(inputs(7).iter().all(|input| input.len() <= DOORS.longest));
    }
}
