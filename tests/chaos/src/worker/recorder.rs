//! The file of a worker's lines.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::sync::{Mutex, MutexGuard, PoisonError};

use cache_chaos::history::Line;

/// A file of lines. Lines that were not flushed before a kill are lost, and count as unseen.
#[derive(Debug)]
pub(super) struct Recorder(Mutex<BufWriter<File>>);

impl Recorder {
    pub(super) fn create(path: &str) -> io::Result<Self> {
        Ok(Self(Mutex::new(BufWriter::with_capacity(1 << 16, File::create(path)?))))
    }

    pub(super) fn record(&self, line: &Line) {
        let mut text = serde_json::to_vec(line).expect("a line is JSON");
        text.push(b'\n');
        self.lock().write_all(&text).expect("the history's file takes a line");
    }

    pub(super) fn flush(&self) {
        self.lock().flush().expect("the history's file takes its lines");
    }

    fn lock(&self) -> MutexGuard<'_, BufWriter<File>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
