//! The benchmarks of the policy read: `cargo bench`.
//!
//! The plots are in `target/criterion/report/index.html`, and `scripts/bench-report` writes benches/results.md from the
//! last run.

mod batch;
mod cold_key;
mod facts;
mod groups;
mod local_hit;
mod miss;
mod outage;
mod servers;
mod shared_hit;

use std::time::Duration;

use criterion::Criterion;

/// The processor of the measuring thread, and the other one.
const HERE: usize = 0;
const THERE: usize = 1;

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3))
        .sample_size(50)
        .configure_from_args();
    local_hit::measure(&mut criterion);
    shared_hit::measure(&mut criterion);
    batch::measure(&mut criterion);
    miss::measure(&mut criterion);
    outage::measure();
    groups::measure(&mut criterion);
    cold_key::measure(&mut criterion);
    criterion.final_summary();
}
