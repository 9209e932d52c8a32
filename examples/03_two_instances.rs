//! The third example: two processes of one service, on one Postgres and one Redis.
//!
//! The program starts itself twice more, as the instances A and B, and sends them commands over pipes. It shows three
//! things: the delay from the acknowledgement of a write on A to the new value on B, and the tier that answers; the
//! reads of all users on both instances after one write of a global setting; and reads while Redis stops and starts
//! again.
//!
//! With `--cluster` it starts a Redis Cluster of three primaries and three replicas, and with `--sentinel` a primary with
//! two replicas and three sentinels. Then the primary is killed in place of the stop, and a replica takes over.
//!
//! `DATABASE_URL` (Postgres) and `REDIS_URL` may name your own servers: then the tables are in a schema of their own,
//! which is dropped at the end, and Redis keeps running. Other objects of the migrations remain: two roles, and the
//! schema `auth`. The program starts a server that is not named, and ends it at exit.

use std::error::Error;
use std::fmt;
use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio};
use std::str::FromStr;
use std::time::{Duration, Instant, SystemTime};

use cache_core::{MethodStats, Variables};
use cache_tests::{PostgresServer, RedisCluster, RedisServer, SentinelGroup};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use stores::conversation_config::ConfigSettings;
use stores::policy::TenantPolicy;
use stores::{Stores, StoresConfig, TenantId, UserId};

/// The number of writes on A while B reads.
const ROUNDS: usize = 20;
const TENANTS: usize = 5;
const USERS_OF_EACH: usize = 100;
/// The limit of every wait in this program.
const PATIENCE: Duration = Duration::from_secs(20);
/// The arguments that make the program an instance. The test of this file uses its own.
const INSTANCE: &[&str] =
    if cfg!(test) { &["--exact", "tests::an_instance", "--ignored", "--nocapture", "--quiet"] } else { &["instance"] };

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> ExitCode {
    let is_instance = std::env::args().skip(1).eq(INSTANCE.iter().copied());
    match if is_instance { Instance::run() } else { run() } {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Failure> {
    let named = Variables::from_env();
    let kind = Kind::of(std::env::args().skip(1))?;
    let redis = named.text("REDIS_URL")?.filter(|_| kind == Kind::One);
    let screen = tour(Servers::start(named.text("DATABASE_URL")?, redis, kind)?)?;
    print!("{screen}");
    Ok(())
}

// --- An instance: an ordinary service, with commands instead of requests ---------------------------------------------

struct Instance {
    stores: Stores,
}

/// The tier that answered a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Tier {
    Local,
    Shared,
    Database,
}

impl Instance {
    /// Answers each line with one line, until its standard input ends.
    ///
    /// That also happens if the parent dies.
    #[tokio::main(flavor = "multi_thread", worker_threads = 2)]
    async fn run() -> Result<(), Failure> {
        let stores = Stores::connect(StoresConfig::from_env()?).await?;
        let instance = Self { stores };
        if !instance.stores.cache.connected(PATIENCE).await {
            let why = instance.stores.cache.health().await.error.unwrap_or_else(|| "no result".to_owned());
            return Err(format!("Redis is out of reach: {why}").into());
        }
        print_line("ready")?;
        // This thread serves the parent; the cache's own tasks run on the workers.
        for line in io::stdin().lock().lines() {
            print_line(&instance.obey(&line?).await?)?;
        }
        instance.stores.cache.shutdown().await;
        Ok(())
    }

    async fn obey(&self, line: &str) -> Result<String, Failure> {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["write", tenant, model] => self.write(tenant.parse()?, model).await,
            ["watch", tenant, model] => self.watch(tenant.parse()?, model).await,
            ["read-until", tenant, tier] => self.read_until(tenant.parse()?, tier.parse()?).await,
            ["set-global", messages] => self.set_global(messages.parse()?).await,
            ["watch-config", user, messages] => self.watch_config(user.parse()?, messages.parse()?).await,
            ["read-configs", messages, users @ ..] => self.read_configs(messages.parse()?, users).await,
            _ => Err(format!("what is `{line}`?").into()),
        }
    }

    /// Writes. Returns the time of the acknowledgement, and the duration.
    async fn write(&self, tenant: TenantId, model: &str) -> Result<String, Failure> {
        let start = Instant::now();
        self.stores.policies.set_policy(&TenantPolicy::new(tenant, model, "local")).await?;
        Ok(format!("{} {}", now()?, start.elapsed().as_micros()))
    }

    /// Reads until the policy has this model. Returns the time of that read, and its tier.
    async fn watch(&self, tenant: TenantId, model: &str) -> Result<String, Failure> {
        print_line("watching")?;
        self.repeat(async || {
            let (found, tier) = self.read(tenant).await?;
            Ok((found == model).then_some(format!("{} {tier}", now()?)))
        })
        .await
    }

    /// Reads until this tier answers. Returns the number of reads, and the time of the slowest one.
    async fn read_until(&self, tenant: TenantId, tier: Tier) -> Result<String, Failure> {
        print_line("reading")?;
        let (mut reads, mut slowest) = (0, Duration::ZERO);
        self.repeat(async || {
            let start = Instant::now();
            // An error of one read ends the program.
            let (_, answered) = self.read(tenant).await?;
            reads += 1;
            slowest = slowest.max(start.elapsed());
            Ok((answered == tier).then(|| format!("{reads} {}", slowest.as_micros())))
        })
        .await
    }

    async fn set_global(&self, messages: u32) -> Result<String, Failure> {
        let settings = ConfigSettings { merge_max_messages: Some(messages), ..ConfigSettings::default() };
        let start = Instant::now();
        self.stores.configs.set_global_config(&settings, UserId::random()).await?;
        Ok(format!("{} {}", now()?, start.elapsed().as_micros()))
    }

    async fn watch_config(&self, user: Person, messages: u32) -> Result<String, Failure> {
        print_line("watching")?;
        self.repeat(async || {
            let (found, tier) = self.read_config(user).await?;
            Ok((found == messages).then_some(format!("{} {tier}", now()?)))
        })
        .await
    }

    /// Reads the settings of each user once.
    ///
    /// Returns the number of users with this value, and the number of answers of each tier.
    async fn read_configs(&self, messages: u32, users: &[&str]) -> Result<String, Failure> {
        let before = self.stores.cache.stats();
        let mut fitting = 0;
        for user in users {
            let (found, _) = self.read_config(user.parse()?).await?;
            fitting += usize::from(found == messages);
        }
        let MethodStats { local_hits, shared_hits, loads, .. } = self.stores.cache.stats().since(&before).total();
        Ok(format!("{fitting} {local_hits} {shared_hits} {loads}"))
    }

    async fn read(&self, tenant: TenantId) -> Result<(String, Tier), Failure> {
        let before = self.stores.cache.stats();
        let policy = self.stores.policies.get_policy(tenant).await?.ok_or("a policy that was written is not there")?;
        Ok((policy.default_model.clone(), Tier::of(&self.stores.cache.stats().since(&before).total())))
    }

    async fn read_config(&self, Person(tenant, user): Person) -> Result<(u32, Tier), Failure> {
        let before = self.stores.cache.stats();
        let config = self.stores.configs.get_config(tenant, Some(user)).await?;
        Ok((config.merge_max_messages, Tier::of(&self.stores.cache.stats().since(&before).total())))
    }

    /// Repeats a call, without a pause, until it returns an answer.
    async fn repeat(&self, mut again: impl AsyncFnMut() -> Result<Option<String>, Failure>) -> Result<String, Failure> {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if let Some(answer) = again().await? {
                return Ok(answer);
            }
        }
        Err("the awaited value did not arrive".into())
    }
}

impl Tier {
    /// The tier that answered the one counted read.
    fn of(counted: &MethodStats) -> Self {
        match (counted.local_hits, counted.shared_hits) {
            (0, 0) => Self::Database,
            (0, _) => Self::Shared,
            _ => Self::Local,
        }
    }
}

/// Writes and flushes a line: the parent waits for it.
fn print_line(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

/// Microseconds on the clock of the machine, which both processes share.
///
/// It suffices for a demonstration only: the clock may be set meanwhile.
fn now() -> Result<i64, Failure> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    Ok(i64::try_from(since.as_micros())?)
}

/// A user of a tenant, written `tenant/user`.
#[derive(Debug, Clone, Copy)]
struct Person(TenantId, UserId);

impl fmt::Display for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.0, self.1)
    }
}

impl FromStr for Person {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self, Failure> {
        let (tenant, user) = text.split_once('/').ok_or("a user is written tenant/user")?;
        Ok(Self(tenant.parse()?, user.parse()?))
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Local => "local",
            Self::Shared => "shared",
            Self::Database => "database",
        })
    }
}

impl FromStr for Tier {
    type Err = Failure;

    fn from_str(word: &str) -> Result<Self, Failure> {
        let all = [Self::Local, Self::Shared, Self::Database];
        Ok(all.into_iter().find(|tier| tier.to_string() == word).ok_or("no such tier")?)
    }
}

// --- The parent's side of an instance --------------------------------------------------------------------------------

/// A process. It ends when this value is dropped or the parent dies, since its standard input ends.
struct Process {
    child: Child,
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Process {
    fn start(servers: &Servers) -> Result<Self, Failure> {
        let mut command = Command::new(std::env::current_exe()?);
        if servers.own_redis.is_some() {
            // These variables belong to another server.
            for name in ["REDIS_PASSWORD", "UPSTASH_REDIS_REST_URL", "UPSTASH_REDIS_REST_TOKEN", "CACHE_PROVIDER"] {
                command.env_remove(name);
            }
        }
        let mut child = command
            .args(INSTANCE)
            .env("DATABASE_URL", &servers.database)
            .env("DATABASE_SCHEMA", &servers.schema)
            .env("REDIS_URL", &servers.redis)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let commands = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().ok_or("the output is a pipe")?);
        Ok(Self { child, commands, answers })
    }

    fn send(&mut self, command: &str) -> Result<(), Failure> {
        let commands = self.commands.as_mut().ok_or("the instance has been stopped")?;
        writeln!(commands, "{command}")?;
        Ok(())
    }

    /// Blocks until the next line arrives. The instance limits each of its own waits.
    fn line(&mut self) -> Result<String, Failure> {
        let mut line = String::new();
        match self.answers.read_line(&mut line)? {
            0 => Err("an instance ended; its error is above".into()),
            _ => Ok(line.trim_end().to_owned()),
        }
    }

    /// Waits for this line. The test harness prints other lines before an instance is ready.
    fn expect(&mut self, word: &str) -> Result<(), Failure> {
        while self.line()? != word {}
        Ok(())
    }

    fn request(&mut self, command: &str) -> Result<String, Failure> {
        self.send(command)?;
        self.line()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.commands = None;
        let _ = self.child.wait();
    }
}

/// What `REDIS_URL` stands for if the program starts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    One,
    Cluster,
    Sentinel,
}

impl Kind {
    fn of(mut arguments: impl Iterator<Item = String>) -> Result<Self, Failure> {
        match (arguments.next().as_deref(), arguments.next()) {
            (None, _) => Ok(Self::One),
            (Some("--cluster"), None) => Ok(Self::Cluster),
            (Some("--sentinel"), None) => Ok(Self::Sentinel),
            _ => Err("expected --cluster, --sentinel, or no argument".into()),
        }
    }
}

/// The Redis that the program has started.
enum OwnRedis {
    One(RedisServer),
    Cluster(RedisCluster),
    Sentinel(SentinelGroup),
}

impl OwnRedis {
    fn start(kind: Kind) -> Self {
        match kind {
            Kind::One => Self::One(RedisServer::start()),
            Kind::Cluster => Self::Cluster(RedisCluster::start(3, 3)),
            Kind::Sentinel => {
                let group = SentinelGroup::start();
                group.notice_losses();
                Self::Sentinel(group)
            }
        }
    }

    fn url(&self) -> String {
        match self {
            Self::One(server) => server.url(),
            Self::Cluster(cluster) => cluster.url(),
            Self::Sentinel(group) => group.url(),
        }
    }

    /// Ends the only server, or a primary.
    fn stop(&mut self) {
        match self {
            Self::One(server) => server.stop(),
            Self::Cluster(cluster) => cluster.server_mut(0).kill(),
            Self::Sentinel(group) => {
                let primary = group.primary();
                group.servers[primary].kill();
            }
        }
    }

    /// Starts the only server again. A replica takes over by itself.
    fn start_again(&mut self) {
        if let Self::One(server) = self {
            server.restart();
        }
    }
}

/// The servers of the environment, or private ones.
struct Servers {
    database: String,
    schema: String,
    redis: String,
    own_redis: Option<OwnRedis>,
    own_postgres: Option<PostgresServer>,
}

impl Servers {
    fn start(database: Option<String>, redis: Option<String>, kind: Kind) -> Result<Self, Failure> {
        if database.as_ref().is_some_and(|url| !url.starts_with("postgres")) {
            return Err("DATABASE_URL has to begin with postgres:// here, or be unset".into());
        }
        let missing: Vec<&str> = cache_tests::missing_servers()
            .into_iter()
            .filter(|server| if *server == "redis-server" { redis.is_none() } else { database.is_none() })
            .collect();
        if !missing.is_empty() {
            let missing = missing.join(" and ");
            let how = "install it with scripts/install-servers, or name servers of yours in DATABASE_URL and REDIS_URL";
            return Err(format!("{missing} is not installed: {how}").into());
        }
        let own_redis = redis.is_none().then(|| OwnRedis::start(kind));
        let own_postgres = database.is_none().then(PostgresServer::start);
        let url = |own: Option<String>, named| own.or(named).ok_or("one of the two is there");
        Ok(Self {
            database: url(own_postgres.as_ref().map(|server| server.url("postgres")), database)?,
            schema: format!("two_instances_{}", std::process::id()),
            redis: url(own_redis.as_ref().map(OwnRedis::url), redis)?,
            own_redis,
            own_postgres,
        })
    }

    /// Removes everything that the program created in a database that existed before.
    #[tokio::main(flavor = "current_thread")]
    async fn drop_schema(&self) -> Result<(), Failure> {
        let mut connection = PgConnection::connect(&self.database).await?;
        connection.execute(AssertSqlSafe(format!("DROP SCHEMA IF EXISTS {} CASCADE", self.schema))).await?;
        connection.close().await?;
        Ok(())
    }
}

// --- The tour --------------------------------------------------------------------------------------------------------

fn tour(mut servers: Servers) -> Result<Screen, Failure> {
    let screen = with_instances(&mut servers);
    let dropped = if servers.own_postgres.is_none() { servers.drop_schema() } else { Ok(()) };
    let screen = screen?;
    dropped?;
    Ok(screen)
}

fn with_instances(servers: &mut Servers) -> Result<Screen, Failure> {
    // Both at the same time, as in a deployment: one of them applies the migrations, the other one waits.
    let (mut a, mut b) = (Process::start(servers)?, Process::start(servers)?);
    a.expect("ready")?;
    b.expect("ready")?;
    Ok(Screen {
        processes: [a.child.id(), b.child.id()],
        updates: one_writes_the_other_reads(&mut a, &mut b)?,
        group: all_users_at_once(&mut a, &mut b)?,
        outage: match servers.own_redis.as_mut() {
            Some(redis) => Some(redis_stops_and_returns(redis, &mut a, &mut b)?),
            None => None,
        },
    })
}

/// A write on one instance while the other one reads.
struct Update {
    write: Duration,
    /// From the acknowledgement of the write to the first new answer, in microseconds.
    ///
    /// Negative if the answer was first.
    delay: i64,
    tier: Tier,
}

impl Update {
    /// Parses the lines of A and B.
    fn parse(written: &str, seen: &str) -> Result<Self, Failure> {
        let (acknowledged, took) = pair::<i64, u64>(written)?;
        let (seen, tier) = pair::<i64, Tier>(seen)?;
        Ok(Self { write: Duration::from_micros(took), delay: seen - acknowledged, tier })
    }
}

fn one_writes_the_other_reads(a: &mut Process, b: &mut Process) -> Result<Vec<Update>, Failure> {
    let tenant = TenantId::random();
    a.request(&format!("write {tenant} model-0"))?;
    let mut updates = Vec::new();
    for round in 1..=ROUNDS {
        // B has the old value in its local tier, so only the invalidation message can remove it.
        in_local_tier(b, tenant)?;
        b.send(&format!("watch {tenant} model-{round}"))?;
        b.expect("watching")?;
        let written = a.request(&format!("write {tenant} model-{round}"))?;
        updates.push(Update::parse(&written, &b.line()?)?);
    }
    Ok(updates)
}

fn in_local_tier(process: &mut Process, tenant: TenantId) -> Result<(), Failure> {
    process.send(&format!("read-until {tenant} local"))?;
    process.expect("reading")?;
    process.line()?;
    Ok(())
}

/// One write that concerns every entry of both instances.
struct Group {
    update: Update,
    after: [Configs; 2],
}

/// The reads of an instance, one for each user.
struct Configs {
    fitting: usize,
    local: usize,
    shared: usize,
    database: usize,
}

impl Configs {
    fn parse(line: &str) -> Result<Self, Failure> {
        let numbers: Result<Vec<usize>, _> = line.split(' ').map(str::parse).collect();
        match numbers?.as_slice() {
            &[fitting, local, shared, database] => Ok(Self { fitting, local, shared, database }),
            _ => Err(format!("what is `{line}`?").into()),
        }
    }
}

fn all_users_at_once(a: &mut Process, b: &mut Process) -> Result<Group, Failure> {
    let tenants: Vec<TenantId> = (0..TENANTS).map(|_| TenantId::random()).collect();
    let users = tenants.iter().flat_map(|tenant| (0..USERS_OF_EACH).map(|_| Person(*tenant, UserId::random())));
    let users: Vec<String> = users.map(|user| user.to_string()).collect();
    let all_users = users.join(" ");
    a.request("set-global 40")?;
    for process in [&mut *a, &mut *b] {
        process.request(&format!("read-configs 40 {all_users}"))?;
    }
    b.send(&format!("watch-config {} 41", users[0]))?;
    b.expect("watching")?;
    let written = a.request("set-global 41")?;
    let update = Update::parse(&written, &b.line()?)?;
    let after = |process: &mut Process| Configs::parse(&process.request(&format!("read-configs 41 {all_users}"))?);
    Ok(Group { update, after: [after(a)?, after(b)?] })
}

/// Reads of both instances before, during and after an outage of Redis.
struct Outage {
    /// Whether the server itself returns, and not a replica.
    is_restarted: bool,
    /// Until the first answer of the database.
    away: [Reads; 2],
    /// A write on A while Redis is down, and the tier of B's first new answer.
    write: Update,
    /// Until the first answer of the local tier.
    back: [Reads; 2],
}

struct Reads {
    count: u64,
    slowest: Duration,
}

fn redis_stops_and_returns(redis: &mut OwnRedis, a: &mut Process, b: &mut Process) -> Result<Outage, Failure> {
    let tenant = TenantId::random();
    a.request(&format!("write {tenant} before"))?;
    for process in [&mut *a, &mut *b] {
        in_local_tier(process, tenant)?;
    }
    let away = reads_under(|| redis.stop(), tenant, Tier::Database, a, b)?;
    b.send(&format!("watch {tenant} meanwhile"))?;
    b.expect("watching")?;
    let written = a.request(&format!("write {tenant} meanwhile"))?;
    let write = Update::parse(&written, &b.line()?)?;
    let is_restarted = matches!(redis, OwnRedis::One(_));
    let back = reads_under(|| redis.start_again(), tenant, Tier::Local, a, b)?;
    Ok(Outage { is_restarted, away, write, back })
}

/// Lets both instances read until a tier answers, and runs an action meanwhile that causes that.
fn reads_under(
    something: impl FnOnce(),
    tenant: TenantId,
    until: Tier,
    a: &mut Process,
    b: &mut Process,
) -> Result<[Reads; 2], Failure> {
    for process in [&mut *a, &mut *b] {
        process.send(&format!("read-until {tenant} {until}"))?;
        process.expect("reading")?;
    }
    something();
    let answer = |process: &mut Process| {
        let (count, slowest) = pair::<u64, u64>(&process.line()?)?;
        Ok::<_, Failure>(Reads { count, slowest: Duration::from_micros(slowest) })
    };
    Ok([answer(a)?, answer(b)?])
}

fn pair<A, B>(line: &str) -> Result<(A, B), Failure>
where
    A: FromStr<Err: Into<Failure>>,
    B: FromStr<Err: Into<Failure>>,
{
    let (first, second) = line.split_once(' ').ok_or_else(|| format!("what is `{line}`?"))?;
    Ok((first.parse().map_err(Into::into)?, second.parse().map_err(Into::into)?))
}

// --- The screen ------------------------------------------------------------------------------------------------------

struct Screen {
    processes: [u32; 2],
    updates: Vec<Update>,
    group: Group,
    outage: Option<Outage>,
}

impl fmt::Display for Screen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { processes: [a, b], updates, group, outage } = self;
        writeln!(f, "Two processes, A ({a}) and B ({b}), on one Postgres and one Redis.\n")?;
        show_updates(f, updates)?;
        write!(f, "\n{group}\n")?;
        match outage {
            Some(outage) => write!(f, "{outage}"),
            None => {
                writeln!(f, "Redis is yours, so it stays up; without REDIS_URL it would be stopped and restarted here.")
            }
        }
    }
}

fn show_updates(f: &mut fmt::Formatter<'_>, updates: &[Update]) -> fmt::Result {
    let mut writes: Vec<Duration> = updates.iter().map(|update| update.write).collect();
    let mut delays: Vec<i64> = updates.iter().map(|update| update.delay).collect();
    writes.sort_unstable();
    delays.sort_unstable();
    let (middle, last) = (updates.len() / 2, updates.len() - 1);
    let before = delays.iter().filter(|delay| **delay < 0).count();
    let by = |tier| updates.iter().filter(|update| update.tier == tier).count();
    writeln!(f, "A writes a policy {ROUNDS} times. B has the old one in its local tier, and reads without a pause:")?;
    writeln!(f, "  the write, median                         {:.1?}", writes[middle])?;
    writeln!(
        f,
        "  from its acknowledgement to the new value on B: median {} µs, longest {} µs",
        delays[middle], delays[last]
    )?;
    writeln!(f, "  (below zero: between commit and acknowledgement; {before} of {ROUNDS} times)")?;
    let (shared, database) = (by(Tier::Shared), by(Tier::Database));
    writeln!(f, "  the source of the first new value: the database {database} times, Redis {shared} times")
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { update: Update { write, delay, .. }, after: [a, b] } = self;
        let users = TENANTS * USERS_OF_EACH;
        writeln!(
            f,
            "{users} users of {TENANTS} tenants have their settings in the local tiers of both. A sets a global one:"
        )?;
        writeln!(f, "  the write {write:.1?}; the first new value on B {delay} µs after its acknowledgement")?;
        for (name, Configs { fitting, local, shared, database }) in [("A", a), ("B", b)] {
            writeln!(f, "  the next read of each user on {name}: {fitting} of {users} have it")?;
            writeln!(f, "    answered by the local tier {local}, by Redis {shared}, by the database {database}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Outage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { is_restarted, away, write: Update { write, delay, tier }, back } = self;
        let what = if *is_restarted {
            "Redis is stopped, and started again empty,"
        } else {
            "A primary is killed, and its replica takes over,"
        };
        writeln!(f, "{what} while both read without a pause. No read fails:")?;
        for (when, reads) in [("until the database is read", away), ("until the local tier is hit again", back)] {
            for (name, Reads { count, slowest }) in ["A", "B"].into_iter().zip(reads) {
                writeln!(f, "  {when:35} {name}: {count:>6} reads, the slowest {slowest:.1?}")?;
            }
        }
        writeln!(f, "  a write on A while it is down: {write:.1?}; B reads it from the {tier}, {delay} µs after")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tour_produces_its_documented_results() {
        let Screen { updates, group, outage, .. } = tour(Servers::start(None, None, Kind::One).unwrap()).unwrap();
        assert_eq!(updates.len(), ROUNDS);
        assert!(updates.iter().all(|update| update.tier != Tier::Local), "the invalidation made B read");
        for Configs { fitting, local, shared, database } in &group.after {
            assert_eq!(*fitting, TENANTS * USERS_OF_EACH, "one write concerns every user");
            assert_eq!(local + shared + database, TENANTS * USERS_OF_EACH);
        }
        let Outage { away, write, back, .. } = outage.unwrap();
        assert_eq!(write.tier, Tier::Database, "there was no other tier");
        assert!(away.iter().chain(&back).all(|reads| reads.count > 0));
    }

    #[test]
    fn a_replica_takes_over_in_the_other_kinds() {
        for kind in [Kind::Cluster, Kind::Sentinel] {
            let Screen { group, outage, .. } = tour(Servers::start(None, None, kind).unwrap()).unwrap();
            assert!(group.after.iter().all(|configs| configs.fitting == TENANTS * USERS_OF_EACH));
            let Outage { away, back, .. } = outage.unwrap();
            assert!(away.iter().chain(&back).all(|reads| reads.count > 0));
        }
    }

    #[test]
    fn the_arguments_name_the_kind() {
        let of = |arguments: &[&str]| Kind::of(arguments.iter().map(|argument| (*argument).to_owned()));
        assert_eq!(of(&[]).unwrap(), Kind::One);
        assert_eq!((of(&["--cluster"]).unwrap(), of(&["--sentinel"]).unwrap()), (Kind::Cluster, Kind::Sentinel));
        assert!(of(&["--redis"]).is_err() && of(&["--cluster", "--sentinel"]).is_err());
    }

    /// The instance that the tests above start.
    #[test]
    #[ignore = "a process of the tests above"]
    fn an_instance() {
        Instance::run().unwrap();
    }

    #[test]
    fn arguments_round_trip() {
        for tier in [Tier::Local, Tier::Shared, Tier::Database] {
            assert_eq!(tier.to_string().parse::<Tier>().unwrap(), tier);
        }
        let person = Person(TenantId::random(), UserId::random());
        let parsed: Person = person.to_string().parse().unwrap();
        assert_eq!((parsed.0, parsed.1), (person.0, person.1));
        assert!("redis".parse::<Tier>().is_err() && "nobody".parse::<Person>().is_err());
    }
}
