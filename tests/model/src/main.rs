//! Explores every configuration, or those whose names begin with the arguments, and prints a table. `--trace` prints the
//! traces of what is refuted too. Fails where a verdict is not the expected one.

use std::process::ExitCode;

use cache_model::{Configuration, Expected, configurations, explore};

fn main() -> ExitCode {
    let (flags, names): (Vec<_>, Vec<_>) = std::env::args().skip(1).partition(|word| word.starts_with("--"));
    let is_wanted = |name: &str| names.is_empty() || names.iter().any(|wanted| name.starts_with(&**wanted));
    let with_traces = flags.iter().any(|flag| flag == "--trace");
    println!("{:<36} {:>10} {:>11} {:>7}   verdict", "configuration", "states", "transitions", "seconds");
    let chosen = configurations().filter(|configuration| is_wanted(configuration.name));
    let unexpected = chosen.filter(|configuration| !is_as_expected(configuration, with_traces)).count();
    if unexpected == 0 {
        return ExitCode::SUCCESS;
    }
    eprintln!("{unexpected} configurations did not come to what was expected");
    ExitCode::FAILURE
}

/// Explores one, and prints its line.
fn is_as_expected(configuration: &Configuration, with_traces: bool) -> bool {
    let exploration = explore(configuration);
    let judged = exploration.judge(configuration.expected);
    let verdict = match (&judged, configuration.expected) {
        (Err(why), _) => format!("UNEXPECTED: {why}"),
        (Ok(()), Expected::Holds) => "holds".to_owned(),
        (Ok(()), Expected::Refuted(promise, _)) => format!("refuted as expected: {promise:?}"),
    };
    let seconds = exploration.took.as_secs_f64();
    let (name, states, transitions) = (configuration.name, exploration.states, exploration.transitions);
    println!("{name:<36} {states:>10} {transitions:>11} {seconds:>7.1}   {verdict}");
    if let Some(refutation) = exploration.refutation.filter(|_| with_traces || judged.is_err()) {
        refutation.trace.iter().for_each(|line| println!("      {line}"));
        println!("      {}", refutation.how);
    }
    judged.is_ok()
}
