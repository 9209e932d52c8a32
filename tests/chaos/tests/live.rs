//! Small runs on real servers: the promises hold, but not without the fence.

use std::process::{Command, Output};

fn chaos(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chaos"));
    let output = command.args(arguments).output().expect("the checker starts");
    println!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    output
}

/// The maximum number of control runs.
///
/// On a busy machine few loads end before the circuit opens.
const CONTROLS: &str = "8";

/// Serialises the runs, since each has five processes of its own.
#[test]
fn a_small_run_keeps_the_promise_and_one_without_the_fence_does_not() {
    let output = chaos(&["--seed", "4", "--operations", "12000", "--pace", "20000", "--faults", "4"]);
    assert!(output.status.success(), "the promise was broken, or a caller saw an error because of Redis");
    let output =
        chaos(&["--seed", "4", "--operations", "8000", "--faults", "0", "--without-fence", "--runs", CONTROLS]);
    assert!(output.status.success(), "without the fence nothing was found: the checker would not find it either");
    one_outage_of_all_processes_is_measured();
}

/// Measures one short outage and checks the table; `scripts/chaos --outages` measures all of them.
fn one_outage_of_all_processes_is_measured() {
    let output = chaos(&["--outages", "--kinds", "kill", "--lasts", "300", "--calm", "1500", "--seed", "4"]);
    assert!(output.status.success(), "an old read, or an error because of Redis, after an outage of all processes");
    let table = String::from_utf8_lossy(&output.stdout).into_owned();
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    let rows: Vec<_> = rows.iter().filter(|row| row.first() == Some(&"kill")).collect();
    let [old, cost] = rows[..] else { panic!("the outage has one row in each table") };
    assert!(old[2].parse().is_ok_and(|reads: u64| reads > 100), "there were no reads: {old:?}");
    assert_eq!(cost.len(), 17, "a figure is missing: {cost:?}");
}
