//! What the process holds.

use std::fmt;
use std::fs;

/// The difference that the allocator may cause, relative and in kilobytes.
const RELATIVE: f64 = 1.05;
const ABSOLUTE: f64 = 8.0 * 1024.0;

/// The resident memory, the tasks and the open files of this process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    kilobytes: f64,
    tasks: usize,
    files: usize,
}

impl Usage {
    /// # Panics
    ///
    /// If the system is not Linux.
    pub(crate) fn now() -> Self {
        let status = fs::read_to_string("/proc/self/status").expect("Linux");
        let resident =
            status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("the line of the resident memory");
        let kilobytes = resident.trim().trim_end_matches(" kB").parse().expect("a number");
        let files = fs::read_dir("/proc/self/fd").expect("Linux").count();
        Self { kilobytes, tasks: tasks(), files }
    }

    /// What is more than before, beyond what the allocator may cause.
    pub(crate) fn growth_since(&self, before: &Self) -> Vec<String> {
        let mut growth = Vec::new();
        if self.kilobytes > before.kilobytes * RELATIVE + ABSOLUTE {
            growth.push(format!("resident memory from {:.0} to {:.0} kB", before.kilobytes, self.kilobytes));
        }
        if self.tasks > before.tasks {
            growth.push(format!("tasks from {} to {}", before.tasks, self.tasks));
        }
        if self.files > before.files {
            growth.push(format!("open files from {} to {}", before.files, self.files));
        }
        growth
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kilobytes, tasks, files } = self;
        write!(f, "{kilobytes:.0} kB resident, {tasks} tasks, {files} open files")
    }
}

/// The number of tasks of the runtime.
pub(crate) fn tasks() -> usize {
    tokio::runtime::Handle::current().metrics().num_alive_tasks()
}
