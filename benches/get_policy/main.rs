//! The benchmarks of the policy read: `cargo bench`.
//!
//! The plots are in `target/criterion/report/index.html`, and `scripts/bench-report` writes benches/results.md from the
//! last run.

mod batch;
mod cold_key;
mod counted;
mod facts;
mod first_hit;
mod groups;
mod local_hit;
mod miss;
mod neighbour;
mod outage;
mod peers;
mod raw_redis;
mod scale;
mod servers;
mod shards;
mod shared_hit;
mod writes;

use std::time::Duration;

use criterion::Criterion;

/// The processor of the measuring thread, and the other one.
const HERE: usize = 0;
const THERE: usize = 1;

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .sample_size(30)
        .configure_from_args();
    local_hit::measure(&mut criterion);
    shared_hit::measure(&mut criterion);
    batch::measure(&mut criterion);
    miss::measure(&mut criterion);
    writes::measure(&mut criterion);
    first_hit::measure(&mut criterion);
    outage::measure();
    groups::measure(&mut criterion);
    cold_key::measure(&mut criterion);
    scale::measure();
    shards::measure();
    criterion.final_summary();
}
