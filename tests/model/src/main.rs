//! Explores configurations and prints a table of the verdicts.
//!
//! An argument selects the configurations whose names begin with it; an argument with a dot at its end selects the one
//! of that name. `--trace` also prints the traces of refuted configurations. Fails if a verdict differs from the
//! expected one.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Sender};
use std::time::Instant;

use cache_model::{
    ClusterSize, ClusterVariant, Configuration, Expected, Exploration, LARGE_CLUSTERS, configurations, explore,
    explore_cluster,
};

/// The largest search needs a gigabyte.
const MOST_THREADS: usize = 4;

fn main() -> ExitCode {
    let (flags, names): (Vec<_>, Vec<_>) = std::env::args().skip(1).partition(|word| word.starts_with("--"));
    let is_wanted = |name: &str| {
        names.is_empty()
            || names.iter().any(|wanted| match wanted.strip_suffix('.') {
                Some(whole) => name == whole,
                None => name.starts_with(&**wanted),
            })
    };
    let with_traces = flags.iter().any(|flag| flag == "--trace");
    let chosen: Vec<_> = configurations().filter(|configuration| is_wanted(configuration.name)).collect();
    let began = Instant::now();
    println!("{:<36} {:>10} {:>11} {:>7}   verdict", "configuration", "states", "transitions", "seconds");
    let (mut states, mut unexpected) = (0, 0);
    explore_all(&chosen, |configuration, exploration| {
        states += exploration.states;
        unexpected += usize::from(!is_as_expected(configuration, exploration, with_traces));
    });
    let clusters: Vec<_> = LARGE_CLUSTERS.into_iter().filter(|(name, _)| is_wanted(name)).collect();
    for (name, size) in &clusters {
        let (reached, holds) = explore_large_cluster(name, *size);
        states += reached;
        unexpected += usize::from(!holds);
    }
    let (count, seconds) = (chosen.len() + clusters.len(), began.elapsed().as_secs());
    println!("{count} configurations, {states} states, {unexpected} unexpected verdicts, {seconds} s");
    if unexpected == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Prints the line of one search of a cluster; returns its states and whether the protocol holds.
fn explore_large_cluster(name: &str, size: ClusterSize) -> (usize, bool) {
    let began = Instant::now();
    let explored = explore_cluster(ClusterVariant::AsBuilt, size);
    let (states, seconds) = (explored.states, began.elapsed().as_secs_f64());
    let verdict = if explored.refutation.is_none() { "holds" } else { "UNEXPECTED: refuted" };
    println!("{name:<36} {states:>10} {:>11} {seconds:>7.1}   {verdict}", "");
    explored.refutation.iter().flatten().for_each(|line| println!("      {line}"));
    (states, explored.refutation.is_none())
}

/// Passes on the result of each search, in the order of the table.
fn explore_all(chosen: &[&Configuration], mut hand_over: impl FnMut(&Configuration, &Exploration)) {
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get).min(MOST_THREADS);
    let next = AtomicUsize::new(0);
    let (sender, results) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let (next, sender) = (&next, sender.clone());
            scope.spawn(move || explore_next(chosen, next, &sender));
        }
        drop(sender);
        let mut waiting = BTreeMap::new();
        let mut left = chosen.iter().enumerate().peekable();
        for (place, exploration) in results {
            waiting.insert(place, exploration);
            while let Some((place, configuration)) = left.next_if(|(place, _)| waiting.contains_key(place)) {
                hand_over(configuration, &waiting[&place]);
            }
        }
    });
}

/// Runs one search after the other until none are left.
fn explore_next(chosen: &[&Configuration], next: &AtomicUsize, sender: &Sender<(usize, Exploration)>) {
    loop {
        let place = next.fetch_add(1, Ordering::Relaxed);
        let Some(configuration) = chosen.get(place) else { return };
        if sender.send((place, explore(configuration))).is_err() {
            return;
        }
    }
}

/// Prints the line of one search.
fn is_as_expected(configuration: &Configuration, exploration: &Exploration, with_traces: bool) -> bool {
    let judged = exploration.judge(configuration.expected);
    let verdict = match (&judged, configuration.expected) {
        (Err(why), _) => format!("UNEXPECTED: {why}"),
        (Ok(()), Expected::Holds) => "holds".to_owned(),
        (Ok(()), Expected::Refuted(promise, _)) => format!("refuted as expected: {promise:?}"),
    };
    let seconds = exploration.took.as_secs_f64();
    let (name, states, transitions) = (configuration.name, exploration.states, exploration.transitions);
    println!("{name:<36} {states:>10} {transitions:>11} {seconds:>7.1}   {verdict}");
    if let Some(refutation) = exploration.refutation.as_ref().filter(|_| with_traces || judged.is_err()) {
        refutation.trace.iter().for_each(|line| println!("      {line}"));
        println!("      {}", refutation.how);
    }
    judged.is_ok()
}
