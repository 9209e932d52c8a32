//! Small runs on real servers: what is promised holds, and without the fence the checker sees that it does not.

use std::process::{Command, Output};

fn chaos(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chaos"));
    let output = command.args(arguments).output().expect("the checker starts");
    println!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    output
}

/// Not two at a time: each has five processes of its own.
#[test]
fn a_small_run_keeps_the_promise_and_one_without_the_fence_does_not() {
    let output = chaos(&["--seed", "4", "--operations", "12000", "--pace", "20000", "--faults", "4"]);
    assert!(output.status.success(), "the promise was broken, or a caller saw an error because of Redis");
    let output = chaos(&["--seed", "4", "--operations", "8000", "--faults", "0", "--without-fence"]);
    assert!(output.status.success(), "without the fence nothing was found: the checker would not find it either");
}
