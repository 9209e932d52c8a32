//! The command line options.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cache_chaos::history::Deployment;

use crate::controls;
use crate::coordinator::{Outage, outages};

const HELP: &str = "\
Usage: scripts/chaos [options]

  --runs N             how many runs, each with the next seed (default 1); without a protection, at most
  --seed S             the seed of the first run (default: by the time)
  --operations N       operations of a run (default 100000)
  --pace MICROS        how long apart the operations of one caller are (default 9000)
  --faults N           how many faults (default: as many as fit; 0 for none)
  --cluster            on a Redis Cluster of three primaries with a replica each, with the faults of a cluster: slots move,
                       primaries are killed, stopped and replaced, processes are cut off from one shard
  --keep FOLDER        keep the histories there
  --without-fence      take the fence out: violations are expected, and none is a failure
  --without NAME       the same with another protection: sequences, next-flights, local-advance;
                       lease, lock, degraded-ttl and strict-wait show only with faults
  --check FILE         run nothing, check a history; with a folder kept by --outages, print its table

  --outages            measure Redis outages of all processes, and print a table of them: N runs of each, with a calm, the
                       outage and a calm, at about 1,000 reads and 45 writes per second in all processes together.
                       --runs, --seed, --cluster, --keep and --without as above; barrier and late-acknowledgement are its controls
  --instances N        how many processes (default 2)
  --parallel N         how many runs at a time, each with its own servers (default 1): for many runs, not for timings
  --kinds A,B          only these outages. All kinds:
OUTAGES
                       with --cluster:
CLUSTER
  --calm MILLIS        how long each calm lasts (default: 3000 before, 6000 after)
  --lasts MILLIS       how long each outage lasts (default: a duration for each kind)

The same seed gives the same operations and the same faults in the same order. How they fall together in time cannot be
repeated: a seed that failed may need several runs.";

/// The text of `--help`.
pub(crate) fn help() -> String {
    HELP.replace("OUTAGES", &lines_of(Deployment::Single)).replace("CLUSTER", &lines_of(Deployment::Cluster))
}

/// The names of the outages of these servers.
fn lines_of(deployment: Deployment) -> String {
    let names: Vec<&str> = outages(deployment).map(|outage| outage.name).collect();
    let lines: Vec<String> = names.chunks(7).map(|names| format!("{:<23}{}", "", names.join(", "))).collect();
    lines.join("\n")
}

/// The task of the program.
#[derive(Debug)]
pub(crate) enum Command {
    Help,
    Check(PathBuf),
    Run(Options),
    Outages(Options, OutageOptions),
}

/// The options of `--outages`.
#[derive(Debug)]
pub(crate) struct OutageOptions {
    pub(crate) instances: usize,
    /// The number of concurrent runs.
    pub(crate) parallel: usize,
    pub(crate) kinds: Vec<Outage>,
    /// The calm before an outage, and the calm after it.
    pub(crate) calm: [Duration; 2],
}

/// The options of runs with drawn faults.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) runs: u64,
    pub(crate) seed: u64,
    pub(crate) deployment: Deployment,
    pub(crate) operations: u64,
    pub(crate) pace: Duration,
    pub(crate) faults: Option<usize>,
    pub(crate) keep: Option<PathBuf>,
    /// The disabled protection.
    pub(crate) without: Option<String>,
}

impl Options {
    pub(crate) fn parse(arguments: &[String]) -> Result<Command, String> {
        let mut options = Self {
            runs: 1,
            seed: seed_of_now(),
            deployment: Deployment::Single,
            operations: 100_000,
            pace: Duration::from_millis(9),
            faults: None,
            keep: None,
            without: None,
        };
        let calm = [3, 6].map(Duration::from_secs);
        let mut outage_options = OutageOptions { instances: 2, parallel: 1, kinds: Vec::new(), calm };
        let (mut measures, mut lasts, mut names) = (false, None, None);
        let mut arguments = arguments.iter();
        while let Some(name) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("{name} needs a value"));
            match name.as_str() {
                "--outages" => measures = true,
                "--instances" => outage_options.instances = number::<usize>(name, value()?)?.max(1),
                "--parallel" => outage_options.parallel = number::<usize>(name, value()?)?.max(1),
                "--kinds" => names = Some(value()?.clone()),
                "--cluster" => options.deployment = Deployment::Cluster,
                "--calm" => outage_options.calm = [millis(name, value()?)?; 2],
                "--lasts" => lasts = Some(millis(name, value()?)?),
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
                _ => return Err(format!("{name} is not an option. The options are:\n{}", help())),
            }
        }
        outage_options.kinds = kinds(options.deployment, names.as_deref())?;
        for outage in &mut outage_options.kinds {
            outage.lasts = lasts.unwrap_or(outage.lasts);
        }
        Ok(if measures { Command::Outages(options, outage_options) } else { Command::Run(options) })
    }
}

fn control(name: &str) -> Result<String, String> {
    let known = controls::names().any(|known| known == name);
    known.then(|| name.to_owned()).ok_or_else(|| {
        let names: Vec<&str> = controls::names().collect();
        format!("{name:?} is none of {}", names.join(", "))
    })
}

/// Parses a comma-separated list of the outages of these servers; without one, all of them.
fn kinds(deployment: Deployment, names: Option<&str>) -> Result<Vec<Outage>, String> {
    let Some(names) = names else { return Ok(outages(deployment).collect()) };
    let known = || outages(deployment).map(|outage| outage.name).collect::<Vec<_>>().join(", ");
    let find = |name| outages(deployment).find(|outage| outage.name == name);
    names.split(',').map(|name| find(name).ok_or_else(|| format!("{name:?} is none of {}", known()))).collect()
}

fn millis(name: &str, text: &str) -> Result<Duration, String> {
    Ok(Duration::from_millis(number(name, text)?))
}

fn number<T: std::str::FromStr>(name: &str, text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{name} needs a number, and {text:?} is none"))
}

/// The default seed: the current time in seconds, which is short to type.
fn seed_of_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
