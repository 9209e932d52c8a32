//! The small configurations come to what is expected of them; the large ones are for `scripts/model`.

use std::collections::HashSet;

use cache_model::{Configuration, Expected, Size, configurations, explore};

fn small() -> impl Iterator<Item = &'static Configuration> {
    configurations().filter(|configuration| configuration.size == Size::Small)
}

#[test]
fn the_promises_hold() {
    for configuration in small().filter(|configuration| configuration.expected == Expected::Holds) {
        let exploration = explore(configuration);
        let trace = exploration.refutation.as_ref().map(|refutation| refutation.trace.join("\n"));
        let judged = exploration.judge(configuration.expected);
        assert_eq!(judged, Ok(()), "{}: {}\n{}", configuration.name, configuration.about, trace.unwrap_or_default());
    }
}

/// The control of the search itself: what is known to break is found, for the reason that is expected.
#[test]
fn each_protection_is_needed() {
    for configuration in small().filter(|configuration| configuration.expected != Expected::Holds) {
        let exploration = explore(configuration);
        println!("{}: {}", configuration.name, configuration.about);
        if let Some(refutation) = &exploration.refutation {
            refutation.trace.iter().for_each(|line| println!("    {line}"));
            println!("    {}", refutation.how);
        }
        assert_eq!(exploration.judge(configuration.expected), Ok(()), "{}", configuration.name);
    }
}

#[test]
fn a_name_is_the_name_of_one() {
    let mut names = HashSet::new();
    for configuration in configurations() {
        assert!(names.insert(configuration.name), "{} is there twice", configuration.name);
    }
}
