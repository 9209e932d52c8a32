//! The faults of a run and their times, drawn from the seed in advance.

use std::time::Duration;

use crate::history::{Deployment, FaultKind};
use crate::random::Random;

/// A planned fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// Its kind.
    pub kind: FaultKind,
    /// The place of the affected process; `None` for every process.
    pub place: Option<usize>,
    /// The calm between the previous fault and this one.
    pub calm: Duration,
    /// Its duration.
    pub lasts: Duration,
    /// A random number for other choices, such as the direction.
    pub draw: u64,
    /// A fault of one place's connections that begins before this one and ends after it.
    pub around: Option<Around>,
}

/// A disturbance that surrounds another fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Around {
    /// The kind of the disturbance.
    pub kind: FaultKind,
    /// The place whose connections it affects.
    pub place: usize,
    /// Its duration before the other fault begins, and after it has ended.
    pub margin: Duration,
    /// As in [`Planned`].
    pub draw: u64,
}

const CALM: (Duration, Duration) = (Duration::from_millis(400), Duration::from_millis(1600));

/// How often a fault that only a cluster has occurs for each other one, as the others have runs of their own.
const OF_A_CLUSTER: usize = 3;

/// The faults of a run, in random order: every kind of these servers before any is repeated.
///
/// `lock` is how long a writer's lock lives: some processes are stopped for longer.
pub fn plan(seed: u64, count: usize, servers: (Deployment, usize), lock: Duration) -> Vec<Planned> {
    let (deployment, places) = servers;
    let mut random = Random::below(seed, &[u64::MAX]);
    let mut planned = Vec::new();
    while planned.len() < count {
        let mut kinds = kinds(deployment);
        random.shuffle(&mut kinds);
        planned.extend(kinds.into_iter().map(|kind| draw(&mut random, kind, (deployment, places), lock)));
    }
    planned.truncate(count);
    planned
}

/// The kinds of one round.
fn kinds(deployment: Deployment) -> Vec<FaultKind> {
    let times = |kind: FaultKind| if kind.is_of_a_cluster() { OF_A_CLUSTER } else { 1 };
    let kinds = FaultKind::ALL.into_iter().filter(|kind| kind.is_of(deployment));
    kinds.flat_map(|kind| std::iter::repeat_n(kind, times(kind))).collect()
}

fn draw(random: &mut Random, kind: FaultKind, servers: (Deployment, usize), lock: Duration) -> Planned {
    let (_, places) = servers;
    let place = usize::try_from(random.less_than(places as u64)).unwrap_or(0);
    let of_all = kind.is_of_the_server() || (!needs_a_place(kind) && random.per_mille(400));
    let (least, most) = match kind {
        FaultKind::WorkerStop if random.per_mille(400) => (lock, lock + lock / 2),
        FaultKind::Flush | FaultKind::WriterCrash | FaultKind::WorkerKill => (Duration::ZERO, Duration::ZERO),
        _ => (Duration::from_millis(200), Duration::from_secs(2)),
    };
    Planned {
        kind,
        place: (!of_all).then_some(place),
        calm: random.span(CALM.0, CALM.1),
        lasts: random.span(least, most),
        draw: random.draw(),
        around: (!kind.disturbs_connections() && random.per_mille(350)).then(|| around(random, servers)),
    }
}

fn around(random: &mut Random, (deployment, places): (Deployment, usize)) -> Around {
    let is_possible = |kind: &FaultKind| kind.disturbs_connections() && kind.is_of(deployment);
    let mut kinds = FaultKind::ALL.into_iter().filter(is_possible).collect::<Vec<_>>();
    random.shuffle(&mut kinds);
    Around {
        kind: kinds[0],
        place: usize::try_from(random.less_than(places as u64)).unwrap_or(0),
        margin: random.span(Duration::from_millis(50), Duration::from_millis(500)),
        draw: random.draw(),
    }
}

fn needs_a_place(kind: FaultKind) -> bool {
    matches!(kind, FaultKind::WorkerStop | FaultKind::WriterCrash | FaultKind::WorkerKill)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: Duration = Duration::from_secs(2);

    const SINGLE: (Deployment, usize) = (Deployment::Single, 3);
    const CLUSTER: (Deployment, usize) = (Deployment::Cluster, 3);

    fn times(planned: &[Planned], kind: FaultKind) -> usize {
        planned.iter().filter(|fault| fault.kind == kind).count()
    }

    #[test]
    fn a_seed_reproduces_its_plan_and_every_kind_occurs() {
        let planned = plan(5, 60, SINGLE, LOCK);
        assert_eq!(planned, plan(5, 60, SINGLE, LOCK));
        assert_ne!(planned, plan(6, 60, SINGLE, LOCK));
        for kind in FaultKind::ALL.into_iter().filter(|kind| kind.is_of(Deployment::Single)) {
            assert!((2..=3).contains(&times(&planned, kind)), "{kind}");
        }
    }

    #[test]
    fn servers_have_their_own_faults() {
        let (single, cluster) = (plan(5, 300, SINGLE, LOCK), plan(5, 300, CLUSTER, LOCK));
        for kind in FaultKind::ALL {
            assert_eq!(times(&single, kind) > 0, kind.is_of(Deployment::Single), "{kind}");
            assert_eq!(times(&cluster, kind) > 0, kind.is_of(Deployment::Cluster), "{kind}");
            assert_eq!(times(&cluster, kind) > 15, kind.is_of_a_cluster(), "{kind}");
        }
        assert!(single.iter().all(|fault| fault.around.is_none_or(|around| around.kind.is_of(Deployment::Single))));
    }

    #[test]
    fn a_process_fault_concerns_one_process() {
        for fault in plan(5, 300, CLUSTER, LOCK) {
            assert!(fault.place.is_none_or(|place| place < 3));
            assert!(fault.place.is_some() || !needs_a_place(fault.kind));
            let around = |around: Around| around.kind.disturbs_connections() && !fault.kind.disturbs_connections();
            assert!(fault.around.is_none_or(around));
        }
    }

    #[test]
    fn a_server_fault_concerns_every_process() {
        for fault in plan(5, 300, CLUSTER, LOCK) {
            assert!(fault.place.is_none() || !fault.kind.is_of_the_server(), "{}", fault.kind);
        }
    }
}
