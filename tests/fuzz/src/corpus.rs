//! Stored inputs: good ones as a start, and every one that has ever failed.

use std::fs;
use std::path::{Path, PathBuf};

/// The folder of one target.
#[derive(Debug)]
pub struct Corpus(PathBuf);

impl Corpus {
    /// The checked-in inputs of the target of this name.
    pub fn of(target: &str) -> Self {
        Self(Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target))
    }

    /// The inputs in the given folder.
    pub fn at(folder: PathBuf) -> Self {
        Self(folder)
    }

    /// Every input, sorted by name; none if there is no folder yet.
    ///
    /// # Panics
    ///
    /// If a file cannot be read.
    pub fn inputs(&self) -> Vec<Vec<u8>> {
        let Ok(files) = fs::read_dir(&self.0) else { return Vec::new() };
        let mut paths: Vec<_> = files.flatten().map(|file| file.path()).collect();
        paths.sort();
        paths.iter().map(|path| fs::read(path).expect("an input can be read")).collect()
    }

    /// Stores an input that failed, and returns its path.
    ///
    /// # Panics
    ///
    /// If the folder takes no file.
    pub fn add(&self, input: &[u8]) -> PathBuf {
        fs::create_dir_all(&self.0).expect("the corpus takes a folder");
        let path = self.0.join(format!("failed-{:016x}", hash(input)));
        fs::write(&path, input).expect("the corpus takes a file");
        path
    }
}

/// FNV-1a (G. Fowler, L. C. Noll, K.-P. Vo).
fn hash(bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}
