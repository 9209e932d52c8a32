//! The figures for `scripts/bench-report`, beside those of criterion.

use std::env;
use std::fs;
use std::path::PathBuf;

use cache_day::{Outage, Report, Trace};
use serde_json::{Value, json};

/// The figures of a trace with some options.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) report: Report,
}

impl Row {
    pub(crate) fn print(&self) {
        let Report { reads, waited, errors, loads, .. } = self.report;
        println!("{}: {reads} reads, of which {waited} waited and {errors} failed; {loads} loads", self.name);
    }

    fn to_json(&self) -> Value {
        let Report { reads, waited, latencies, longest, errors, errors_over_time, loads, most_loads, stale, oldest } =
            &self.report;
        let [p50, p99, p999] = latencies.map(|latency| latency.as_millis());
        json!({
            "options": self.name,
            "reads": reads,
            "waited": waited,
            "p50, ms": p50,
            "p99, ms": p99,
            "p99.9, ms": p999,
            "longest, ms": longest.as_millis(),
            "errors": errors,
            "errors of each ten seconds": errors_over_time,
            "loads": loads,
            "most loads": most_loads,
            "stale": stale,
            "oldest, s": oldest.as_secs_f64(),
        })
    }
}

/// Stores the figures of each group of rows.
pub(crate) fn write(trace: &Trace, outage: &Outage, groups: [(&str, Vec<Row>); 3]) {
    let mut facts = json!({
        "trace": {
            "hours": trace.length.as_secs() / 3600,
            "warm-up, minutes": trace.warm_up.as_secs() / 60,
            "reads per second": 1000 / trace.interval.as_millis(),
            "keys": trace.keys,
            "exponent": trace.exponent,
            "seed": trace.seed,
            "store, ms": trace.store_takes.as_millis(),
            "ttl, minutes": Trace::TTL.as_secs() / 60,
            "deadline, s": trace.deadline.as_secs(),
            "outage begins, minutes": outage.begins.as_secs() / 60,
            "outage lasts, minutes": outage.lasts.as_secs() / 60,
        }
    });
    for (group, rows) in groups {
        facts[group] = rows.iter().map(Row::to_json).collect();
    }
    let folder = criterion_folder().join("day");
    fs::create_dir_all(&folder).expect("a folder for the figures");
    let text = serde_json::to_string_pretty(&facts).expect("numbers are JSON");
    fs::write(folder.join("facts.json"), text).expect("the figures can be written");
}

/// The folder of criterion, beside the folder of this program's profile.
fn criterion_folder() -> PathBuf {
    let program = env::current_exe().expect("this program has a path");
    program.ancestors().nth(3).expect("target/release/deps/program").join("criterion")
}
