//! What the command line says.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::controls;

pub(crate) const HELP: &str = "\
Usage: scripts/chaos [options]

  --runs N             how many runs, each with the next seed (default 1)
  --seed S             the seed of the first run (default: by the time)
  --operations N       operations of a run (default 100000)
  --pace MICROS        how long apart the operations of one caller are (default 9000)
  --faults N           how many faults (default: as many as fit; 0 for none)
  --keep FOLDER        keep the histories there
  --without-fence      take the fence out: violations are expected, and none is a failure
  --without NAME       the same with another protection: sequences, next-flights, local-advance;
                       lease, lock, degraded-ttl and strict-wait show only with faults
  --check FILE         run nothing, check a history

The same seed gives the same operations and the same faults in the same order. How they fall together in time cannot be
repeated: a seed that failed may need several runs.";

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Command {
    Help,
    Check(PathBuf),
    Run(Options),
}

/// What is run.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) runs: u64,
    pub(crate) seed: u64,
    pub(crate) operations: u64,
    pub(crate) pace: Duration,
    pub(crate) faults: Option<usize>,
    pub(crate) keep: Option<PathBuf>,
    /// The protection that is taken out.
    pub(crate) without: Option<String>,
}

impl Options {
    pub(crate) fn parse(arguments: &[String]) -> Result<Command, String> {
        let mut options = Self {
            runs: 1,
            seed: seed_of_now(),
            operations: 100_000,
            pace: Duration::from_millis(9),
            faults: None,
            keep: None,
            without: None,
        };
        let mut arguments = arguments.iter();
        while let Some(name) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("{name} needs a value"));
            match name.as_str() {
                "--help" | "-h" => return Ok(Command::Help),
                "--check" => return Ok(Command::Check(value()?.into())),
                "--without-fence" => options.without = Some("fence".to_owned()),
                "--without" => options.without = Some(control(value()?)?),
                "--keep" => options.keep = Some(value()?.into()),
                "--runs" => options.runs = number(name, value()?)?,
                "--seed" => options.seed = number(name, value()?)?,
                "--operations" => options.operations = number(name, value()?)?,
                "--pace" => options.pace = Duration::from_micros(number(name, value()?)?),
                "--faults" => options.faults = Some(number(name, value()?)?),
                _ => return Err(format!("{name} is no option. There are these:\n{HELP}")),
            }
        }
        Ok(Command::Run(options))
    }
}

fn control(name: &str) -> Result<String, String> {
    let known = controls::names().any(|known| known == name);
    known.then(|| name.to_owned()).ok_or_else(|| {
        let names: Vec<&str> = controls::names().collect();
        format!("{name:?} is none of {}", names.join(", "))
    })
}

fn number<T: std::str::FromStr>(name: &str, text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{name} needs a number, and {text:?} is none"))
}

/// Seconds are short enough to be typed again.
fn seed_of_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
