//! The second example: a router reads the tenant's policy on every LLM request.
//!
//! An admin changes a policy while the router runs.
//!
//! A pure function, [`route`], applies a policy to a request; everything around it is the ready-made policy store. Two
//! instances share a SQLite file in a temporary folder and the Redis of `REDIS_URL`, or a remote in memory if that is
//! not set. In Redis the program leaves entries under random tenants, which expire by themselves.

use std::error::Error;
use std::fmt;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cache_core::{Backend, Cache, MemoryRemote, MethodStats};
use stores::policy::{EgressMode, TaskPolicy, TenantPolicy, UserPolicy};
use stores::{StoreError, Stores, StoresConfig, TenantId, UserId};
use tokio::task::JoinSet;

/// The number of tenants. Some have no policy: an absence is a normal answer and is cached too.
const TENANTS: usize = 200;
const STRANGERS: usize = 20;
const WORKERS: u64 = 4;
const REQUESTS: u64 = 50_000;
/// The limit of every wait in this program.
const PATIENCE: Duration = Duration::from_secs(5);

type Failure = Box<dyn Error + Send + Sync>;

// --- The policy of a request -----------------------------------------------------------------------------------------

/// One request, with tenant and user from its verified token and from nowhere else.
struct Request<'a> {
    user: UserId,
    task: Option<&'a str>,
}

/// The destination of a request.
#[derive(Debug, Clone, PartialEq)]
struct Route {
    model: String,
    provider: String,
    temperature: Option<f64>,
    max_tokens: Option<u32>,
    /// Whether it violates the policy in audit mode: the caller records that before it sends anything.
    audited: bool,
}

/// The policy does not allow this request to leave.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Refused {
    provider: String,
}

/// Providers on our own machines. An unlisted provider counts as remote.
const LOCAL: [&str; 2] = ["local", "vllm"];

/// The policy of a tenant without one: a model of our own, and no egress.
///
/// A tenant that was never set up, or whose policy was deleted, receives answers, and its data stays on our machines.
fn default_policy(tenant: TenantId) -> TenantPolicy {
    TenantPolicy {
        allow_remote_egress: false,
        egress_mode: Some(EgressMode::Enforce),
        ..TenantPolicy::new(tenant, "small", "local")
    }
}

/// The destination of a request under a policy. Pure: no store, no clock, no log.
fn route(policy: &TenantPolicy, request: &Request<'_>) -> Result<Route, Refused> {
    let route = chosen(policy, request.task);
    if policy.allow_remote_egress || LOCAL.contains(&route.provider.as_str()) {
        return Ok(route);
    }
    match egress_mode(policy, request.user) {
        EgressMode::Off => Ok(route),
        EgressMode::Audit => Ok(Route { audited: true, ..route }),
        EgressMode::Enforce => Err(Refused { provider: route.provider }),
    }
}

/// The task's own model, else the tenant's.
fn chosen(policy: &TenantPolicy, task: Option<&str>) -> Route {
    let own = policy.tasks.iter().find(|own| Some(own.task.as_str()) == task);
    match own {
        Some(TaskPolicy { model, provider, temperature, max_tokens, .. }) => Route {
            model: model.clone(),
            provider: provider.clone(),
            temperature: *temperature,
            max_tokens: *max_tokens,
            audited: false,
        },
        None => Route {
            model: policy.default_model.clone(),
            provider: policy.default_provider.clone(),
            temperature: None,
            max_tokens: None,
            audited: false,
        },
    }
}

/// The user's mode, else the tenant's, else to enforce.
///
/// `off` counts only if `allow_off_mode` permits it to this user; otherwise it is ignored.
fn egress_mode(policy: &TenantPolicy, user: UserId) -> EgressMode {
    let own = policy.user_policies.get(&user).cloned().unwrap_or_default();
    let may_be_off = own.allow_off_mode.or(policy.allow_off_mode).unwrap_or(false);
    let permitted = |mode: &EgressMode| *mode != EgressMode::Off || may_be_off;
    [own.egress_mode, policy.egress_mode].into_iter().flatten().find(permitted).unwrap_or(EgressMode::Enforce)
}

// --- An instance of the router ---------------------------------------------------------------------------------------

#[derive(Clone)]
struct Router {
    stores: Stores,
}

impl Router {
    async fn new(database: &str, cache: Cache) -> Result<Self, StoreError> {
        let config = StoresConfig::from_lookup(|name| (name == "DATABASE_URL").then(|| database.to_owned()))?;
        Ok(Self { stores: Stores::connect_with(config, cache).await? })
    }

    /// Routes a request; an error of the store fails it.
    ///
    /// The default policy is for tenants without one, not for a database that is down: it might allow requests that the
    /// tenant's own policy forbids.
    async fn route(&self, tenant: TenantId, request: &Request<'_>) -> Result<Result<Route, Refused>, StoreError> {
        let policy = self.stores.policies.get_policy(tenant).await?;
        Ok(match policy {
            Some(policy) => route(&policy, request),
            None => route(&default_policy(tenant), request),
        })
    }
}

// --- The tour --------------------------------------------------------------------------------------------------------

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(screen) => {
            print!("{screen}");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<Screen, Failure> {
    let caches = [Cache::from_env()?, Cache::from_env()?];
    tour(if caches[0].backend() == Backend::PassThrough { caches_in_memory()? } else { caches }).await
}

fn caches_in_memory() -> Result<[Cache; 2], Failure> {
    let remote = MemoryRemote::new();
    let cache = || Cache::builder().remote(remote.clone()).build();
    Ok([cache()?, cache()?])
}

async fn tour([a, b]: [Cache; 2]) -> Result<Screen, Failure> {
    let cases = check_routes()?;
    let folder = tempfile::Builder::new().prefix("llm-router-").tempdir()?;
    let database = format!("sqlite://{}", folder.path().join("policies.db").display());
    let (a, b) = (Router::new(&database, a).await?, Router::new(&database, b).await?);
    // Build the stores before the wait: a cache is connected once it has subscribed to the messages of its stores.
    for router in [&a, &b] {
        if !router.stores.cache.connected(PATIENCE).await {
            return Err("the Redis of REDIS_URL is out of reach; start it, or unset REDIS_URL".into());
        }
    }
    let tenants = Arc::new(set_up_tenants(&a).await?);
    let screen = Screen {
        redis: a.stores.cache.backend() == Backend::Redis,
        cases,
        dashboard: [show_dashboard(&a, &tenants).await?, show_dashboard(&a, &tenants).await?],
        load: serve(&b, &tenants).await?,
        change: change_a_policy(&a, &b, tenants[0]).await?,
    };
    a.stores.cache.shutdown().await;
    b.stores.cache.shutdown().await;
    folder.close()?;
    Ok(screen)
}

/// Creates the tenants; the last ones have no policy.
async fn set_up_tenants(router: &Router) -> Result<Vec<TenantId>, StoreError> {
    let tenants: Vec<TenantId> = (0..TENANTS + STRANGERS).map(|_| TenantId::random()).collect();
    for tenant in &tenants[..TENANTS] {
        router.stores.policies.set_policy(&sample_policy(*tenant)).await?;
    }
    Ok(tenants)
}

fn sample_policy(tenant: TenantId) -> TenantPolicy {
    let summarize = TaskPolicy {
        task: "summarize".to_owned(),
        model: "small".to_owned(),
        provider: "local".to_owned(),
        temperature: Some(0.2),
        max_tokens: Some(400),
    };
    TenantPolicy { tasks: vec![summarize], ..TenantPolicy::new(tenant, "large", "acme-cloud") }
}

/// A batch: one call over many keys, and the tiers that answered for them.
struct Dashboard {
    policies: usize,
    took: Duration,
    counted: MethodStats,
}

async fn show_dashboard(router: &Router, tenants: &[TenantId]) -> Result<Dashboard, StoreError> {
    let before = router.stores.cache.stats();
    let start = Instant::now();
    let policies = router.stores.policies.get_policies(tenants).await?;
    let took = start.elapsed();
    let counted = router.stores.cache.stats().since(&before).total();
    Ok(Dashboard { policies: policies.len(), took, counted })
}

struct Load {
    took: Duration,
    counted: MethodStats,
}

async fn serve(router: &Router, tenants: &Arc<Vec<TenantId>>) -> Result<Load, Failure> {
    let before = router.stores.cache.stats();
    let start = Instant::now();
    let mut workers = JoinSet::new();
    for worker in 0..WORKERS {
        let (router, tenants) = (router.clone(), Arc::clone(tenants));
        workers.spawn(async move {
            let request = Request { user: UserId::random(), task: Some("summarize") };
            for number in 0..REQUESTS {
                let tenant = tenants[pick(worker * REQUESTS + number, tenants.len())];
                router.route(tenant, &request).await?.map_err(|_| "a local task was refused")?;
            }
            Ok::<(), Failure>(())
        });
    }
    while let Some(done) = workers.join_next().await {
        done??;
    }
    Ok(Load { took: start.elapsed(), counted: router.stores.cache.stats().since(&before).total() })
}

/// A pseudo-random tenant, by Fibonacci hashing (Knuth, TAOCP 3, 6.4).
fn pick(number: u64, tenants: usize) -> usize {
    let high = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    usize::try_from(high).unwrap_or_default() % tenants
}

/// A change on one instance, and the requests after it.
struct Change {
    before: Result<Route, Refused>,
    write: Duration,
    /// The very next request, on the instance that wrote.
    own: Result<Route, Refused>,
    /// The number of requests on the other instance that still used the old policy.
    late: u32,
    seen_after: Duration,
}

async fn change_a_policy(a: &Router, b: &Router, tenant: TenantId) -> Result<Change, Failure> {
    let request = Request { user: UserId::random(), task: None };
    let before = b.route(tenant, &request).await?;
    let stays_here = TenantPolicy { allow_remote_egress: false, ..sample_policy(tenant) };
    let start = Instant::now();
    a.stores.policies.set_policy(&stays_here).await?;
    let write = start.elapsed();

    let returned = Instant::now();
    let own = a.route(tenant, &request).await?;
    let mut late = 0;
    while b.route(tenant, &request).await? == before {
        if returned.elapsed() > PATIENCE {
            return Err("the change did not reach the other instance".into());
        }
        late += 1;
        // A task of this runtime reads the invalidation messages.
        tokio::task::yield_now().await;
    }
    Ok(Change { before, write, own, late, seen_after: returned.elapsed() })
}

// --- The table of routes, which is checked at every run --------------------------------------------------------------

struct Case {
    what: &'static str,
    answer: String,
}

/// Every rule once.
fn check_routes() -> Result<Vec<Case>, Failure> {
    let user = UserId::random();
    let closed = |mode, off| TenantPolicy {
        allow_remote_egress: false,
        egress_mode: mode,
        allow_off_mode: off,
        ..sample_policy(TenantId::random())
    };
    let with_user = |policy: TenantPolicy, egress_mode, allow_off_mode| TenantPolicy {
        user_policies: [(user, UserPolicy { egress_mode, allow_off_mode })].into(),
        ..policy
    };
    let (off, audit, enforce) = (Some(EgressMode::Off), Some(EgressMode::Audit), Some(EgressMode::Enforce));
    let tenant = TenantId::random();
    let mut cases = Vec::new();
    for (what, policy, task, expected) in [
        ("remote egress is allowed", sample_policy(tenant), None, "large at acme-cloud"),
        ("a task with a model of its own", sample_policy(tenant), Some("summarize"), "small at local"),
        ("no policy", default_policy(tenant), None, "small at local"),
        ("nothing may leave, no mode is set", closed(None, None), None, "refused"),
        ("nothing may leave, a task that stays", closed(enforce, None), Some("summarize"), "small at local"),
        ("nothing may leave, mode audit", closed(audit, None), None, "large at acme-cloud, written down"),
        ("the user's mode goes first", with_user(closed(audit, None), enforce, None), None, "refused"),
        ("off, which no level permits", closed(off, None), None, "refused"),
        ("off, which the tenant permits", closed(off, Some(true)), None, "large at acme-cloud"),
        (
            "off, which is permitted to the user",
            with_user(closed(enforce, None), off, Some(true)),
            None,
            "large at acme-cloud",
        ),
        (
            "off, which the user alone may not",
            with_user(closed(audit, Some(true)), off, Some(false)),
            None,
            "large at acme-cloud, written down",
        ),
    ] {
        let answer = shown(&route(&policy, &Request { user, task }));
        if answer != expected {
            return Err(format!("{what}: {answer} instead of {expected}").into());
        }
        cases.push(Case { what, answer });
    }
    Ok(cases)
}

fn shown(answer: &Result<Route, Refused>) -> String {
    match answer {
        Ok(Route { model, provider, audited, .. }) => {
            format!("{model} at {provider}{}", if *audited { ", written down" } else { "" })
        }
        Err(Refused { .. }) => "refused".to_owned(),
    }
}

// --- The screen ------------------------------------------------------------------------------------------------------

struct Screen {
    redis: bool,
    cases: Vec<Case>,
    dashboard: [Dashboard; 2],
    load: Load,
    change: Change,
}

impl fmt::Display for Screen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { redis, cases, dashboard: [cold, warm], load, change } = self;
        writeln!(f, "Where a request goes, by the policy of its tenant:\n")?;
        cases.iter().try_for_each(|Case { what, answer }| writeln!(f, "  {what:36} {answer}"))?;

        let shared = if *redis { "Redis" } else { "an in-memory substitute for Redis" };
        writeln!(f, "\nTwo routers, A and B, on one SQLite file. They share {shared}.\n")?;
        for (when, Dashboard { policies, took, counted }) in [("cold", cold), ("warm", warm)] {
            let hits = counted.local_hits + counted.shared_hits;
            writeln!(f, "  a dashboard on A, {when}: {policies} policies in {took:.1?}")?;
            writeln!(f, "    answered by the cache: {hits}; calls of the store for the rest: {}", counted.loads)?;
        }
        write!(f, "\n{load}\n{change}")
    }
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { took, counted } = self;
        let requests = WORKERS * REQUESTS;
        let rate = u128::from(requests) * 1_000_000 / took.as_micros().max(1);
        writeln!(f, "  {requests} requests on B in {took:.1?}: {rate} a second. The source of the policy:")?;
        for (source, answers) in [
            ("the local tier", counted.local_hits),
            ("the shared tier", counted.shared_hits),
            ("another request's look-up", counted.coalesced),
            ("the database", counted.loads),
        ] {
            writeln!(f, "    {source:26} {answers:>8}")?;
        }
        writeln!(f, "    of the hits, that there is no policy: {}", counted.negative_hits)
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { before, write, own, late, seen_after } = self;
        writeln!(f, "  An admin on A forbids a tenant's remote egress, in {write:.1?}. Before: {}.", shown(before))?;
        writeln!(f, "    the very next request on A: {}", shown(own))?;
        let number = late + 1;
        writeln!(f, "    on B: refused from request {number} on, {seen_after:.1?} after the write had returned")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_of_the_table_holds() {
        assert_eq!(check_routes().unwrap().len(), 11);
    }

    #[test]
    fn a_task_has_settings_of_its_own() {
        let policy = sample_policy(TenantId::random());
        let request = |task| Request { user: UserId::random(), task };
        let summary = route(&policy, &request(Some("summarize"))).unwrap();
        assert_eq!((summary.temperature, summary.max_tokens), (Some(0.2), Some(400)));
        let unknown = route(&policy, &request(Some("translate"))).unwrap();
        assert_eq!((unknown.model.as_str(), unknown.max_tokens), ("large", None));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_tour_produces_its_documented_results() {
        // A lease long enough for the slowest machine: the counts below assume that the local tier is always trusted.
        let remote = MemoryRemote::new();
        let cache = || Cache::builder().remote(remote.clone()).lease(Duration::from_mins(1)).build().unwrap();
        let screen = tour([cache(), cache()]).await.unwrap();
        let [cold, warm] = &screen.dashboard;
        assert_eq!((cold.policies, cold.counted.loads), (TENANTS, 1), "one query for all");
        assert_eq!((warm.policies, warm.counted.loads), (TENANTS, 0));
        let counted = &screen.load.counted;
        assert!(counted.local_hits > WORKERS * REQUESTS / 2, "{counted:?}");
        assert!(counted.negative_hits > 0, "{counted:?}");
        assert_eq!(shown(&screen.change.before), "large at acme-cloud");
        assert_eq!(shown(&screen.change.own), "refused", "an instance reads its own writes");
        let text = screen.to_string();
        assert!(text.lines().all(|line| line.chars().count() <= 110), "{text}");
    }
}
