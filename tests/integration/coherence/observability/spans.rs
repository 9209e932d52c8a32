//! The spans of loads, look-ups in the shared tier and announcements of writes.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use cache_core::testing::{ChaosRemote, ManualClock, Operation};
use cache_core::{Cache, Error, MemoryRemote, ReadPolicy, Region};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::DefaultGuard;
use tracing::{Dispatch, Event, Level, Metadata, Span, Subscriber};
use tracing_core::span::Current;

use super::super::freshness::{LEASE, PATIENCE};
use super::super::sync_points::{pass, until};

/// A span as it was reported.
#[derive(Debug, Clone)]
struct Seen {
    name: &'static str,
    target: &'static str,
    level: Level,
    parent: Option<&'static str>,
    fields: BTreeMap<&'static str, String>,
}

impl Seen {
    fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }
}

#[derive(Debug, Default)]
struct State {
    spans: Vec<(Seen, &'static Metadata<'static>)>,
    entered: Vec<u64>,
    /// The number of spans that the test has taken.
    taken: usize,
}

/// Collects the spans of this thread, which runs all tasks of a single-threaded test.
#[derive(Debug, Clone)]
struct Spans {
    most: Level,
    state: Arc<Mutex<State>>,
}

impl Spans {
    fn start(most: Level) -> (Self, DefaultGuard) {
        // With a single subscriber, tracing keeps the decision of the first thread for all threads.
        static ANOTHER: OnceLock<Dispatch> = OnceLock::new();
        ANOTHER.get_or_init(|| Dispatch::new(Self { most: Level::TRACE, state: Arc::default() }));
        let spans = Self { most, state: Arc::default() };
        let guard = tracing::subscriber::set_default(spans.clone());
        (spans, guard)
    }

    /// The spans of the cache since the last call.
    fn take(&self) -> Vec<Seen> {
        let mut state = self.state.lock().unwrap();
        let (before, all) = (state.taken, state.spans.len());
        state.taken = all;
        let new = state.spans[before..].iter().map(|(seen, _)| seen.clone());
        new.filter(|seen| seen.target == "cache_core::spans").collect()
    }
}

struct Fields<'a>(&'a mut BTreeMap<&'static str, String>);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}").trim_matches('"').to_owned());
    }
}

impl Subscriber for Spans {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= self.most
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut state = self.state.lock().unwrap();
        let parent = match span.parent() {
            Some(id) => Some(id.into_u64()),
            None if span.is_contextual() => state.entered.last().copied(),
            None => None,
        };
        let parent = parent.map(|id| state.spans[usize::try_from(id).unwrap() - 1].0.name);
        let metadata = span.metadata();
        let mut fields = BTreeMap::new();
        span.record(&mut Fields(&mut fields));
        let (name, target, level) = (metadata.name(), metadata.target(), *metadata.level());
        state.spans.push((Seen { name, target, level, parent, fields }, metadata));
        Id::from_u64(state.spans.len() as u64)
    }

    fn record(&self, id: &Id, values: &Record<'_>) {
        let mut state = self.state.lock().unwrap();
        let place = usize::try_from(id.into_u64()).unwrap() - 1;
        values.record(&mut Fields(&mut state.spans[place].0.fields));
    }

    fn current_span(&self) -> Current {
        let state = self.state.lock().unwrap();
        match state.entered.last() {
            Some(id) => {
                let (_, metadata) = &state.spans[usize::try_from(*id).unwrap() - 1];
                Current::new(Id::from_u64(*id), metadata)
            }
            None => Current::none(),
        }
    }

    fn enter(&self, id: &Id) {
        self.state.lock().unwrap().entered.push(id.into_u64());
    }

    fn exit(&self, id: &Id) {
        let mut state = self.state.lock().unwrap();
        let last = state.entered.iter().rposition(|entered| *entered == id.into_u64());
        last.map(|place| state.entered.remove(place));
    }

    fn event(&self, _: &Event<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
}

fn names(spans: &[Seen]) -> Vec<(&'static str, Option<&'static str>)> {
    spans.iter().map(|seen| (seen.name, seen.parent)).collect()
}

/// Two instances, each with a region of names by name.
async fn regions() -> (ManualClock, [Cache; 2], [Region<String, String>; 2]) {
    let clock = ManualClock::new();
    let remote = MemoryRemote::with_clock(clock.clone());
    let caches = [(); 2].map(|()| {
        let builder = Cache::builder().lease(LEASE).clock(clock.clone()).read_timeout(PATIENCE).write_timeout(PATIENCE);
        builder.remote(remote.clone()).build().unwrap()
    });
    let policy = ReadPolicy::new(Duration::from_mins(10)).load_deadline(Duration::from_secs(5));
    let regions = caches.each_ref().map(|cache| cache.region("spans:test", "name", policy));
    // Afterwards: a connection serves the namespaces that it knows.
    for cache in &caches {
        assert!(cache.connected(PATIENCE).await);
    }
    (clock, caches, regions)
}

const KEY: &str = "bob@example.org";

#[derive(Debug, Clone)]
struct Failed;

type Answer = Result<String, Failed>;

impl From<Error> for Failed {
    fn from(_: Error) -> Self {
        Self
    }
}

/// The name of the span in which a store runs.
async fn innermost() -> Result<String, Error> {
    tokio::task::yield_now().await;
    Ok(Span::current().metadata().map_or("none", |metadata| metadata.name()).to_owned())
}

/// Reads the key within a span of the service.
async fn read(region: &Region<String, String>) -> String {
    use tracing::Instrument as _;
    region.get_or_load(&KEY.to_owned(), innermost).instrument(tracing::info_span!("request")).await.unwrap()
}

#[tokio::test]
async fn each_look_up_and_each_load_has_a_span_and_a_local_hit_has_none() {
    let (spans, _guard) = Spans::start(Level::DEBUG);
    let (_, caches, [first, second]) = regions().await;
    spans.take();
    assert_eq!(read(&first).await, "cache.load", "the store runs inside of the span");
    until("the value is in the shared tier", || caches[0].stats().total().fills == 1).await;
    let seen = spans.take();
    assert_eq!(names(&seen), [("cache.look_up", Some("request")), ("cache.load", Some("request"))]);
    let [look_up, load] = &seen[..] else { panic!("{seen:?}") };
    assert!(seen.iter().all(|span| span.level == Level::DEBUG));
    for (field, value) in [
        ("db.system.name", "memory"),
        ("otel.kind", "client"),
        ("cache.store", "spans:test"),
        ("cache.method", "name"),
        ("cache.hit", "false"),
        ("db.operation.batch.size", ""),
        ("db.operation.name", ""),
        ("error.type", ""),
    ] {
        assert_eq!(look_up.field(field), value, "{field}");
    }
    assert_eq!((load.field("cache.method"), load.field("error.type")), ("name", ""));
    for _ in 0..3 {
        read(&first).await;
    }
    assert_eq!(names(&spans.take()), [], "a local hit has no span");
    read(&second).await;
    let seen = spans.take();
    assert_eq!(names(&seen), [("cache.look_up", Some("request"))]);
    assert_eq!(seen[0].field("cache.hit"), "true");
}

#[tokio::test]
async fn a_load_that_fails_names_its_reason() {
    let (spans, _guard) = Spans::start(Level::DEBUG);
    let (clock, _, [region, _]) = regions().await;
    let reason = || {
        let seen = spans.take();
        let load = seen.iter().find(|span| span.name == "cache.load").unwrap();
        [load.field("otel.status_code"), load.field("error.type")].map(str::to_owned)
    };
    let key = || KEY.to_owned();
    assert!(region.get_or_load(&key(), async || Err(Failed)).await.is_err());
    assert_eq!(reason(), ["ERROR", "failed"]);
    assert!(region.get_or_load(&key(), async || -> Answer { panic!("on command") }).await.is_err());
    assert_eq!(reason(), ["ERROR", "panicked"]);
    let hangs = tokio::spawn(async move { region.get_or_load(&key(), std::future::pending::<Answer>).await });
    while !hangs.is_finished() {
        pass(&clock, Duration::from_secs(1)).await;
    }
    assert_eq!(reason(), ["ERROR", "timed_out"]);
}

#[tokio::test]
async fn an_error_of_the_shared_tier_is_in_the_span_of_its_look_up() {
    let (spans, _guard) = Spans::start(Level::DEBUG);
    let chaos = ChaosRemote::new(MemoryRemote::new());
    let cache = Cache::builder().remote(chaos.clone()).build().unwrap();
    let region = cache.region("spans:test", "name", ReadPolicy::new(Duration::from_mins(10)));
    assert!(cache.connected(PATIENCE).await);
    chaos.fail(Operation::Read);
    read(&region).await;
    let seen = spans.take();
    let look_up = seen.iter().find(|span| span.name == "cache.look_up").unwrap();
    assert_eq!(
        ["otel.status_code", "error.type", "cache.hit"].map(|field| look_up.field(field)),
        ["ERROR", "refused", ""]
    );
}

#[tokio::test]
async fn the_announcements_of_a_write_have_spans_without_keys() {
    let (spans, _guard) = Spans::start(Level::TRACE);
    let (_, caches, [region, _]) = regions().await;
    read(&region).await;
    let write = cache_core::WriteGuard::begin(&caches[0], vec![region.scope(&KEY)], Vec::new()).await;
    write.committed().await;
    region.invalidate(region.scope(&KEY)).await;
    let seen = spans.take();
    let writes = seen.iter().filter(|span| span.name == "cache.write");
    let operations: Vec<_> = writes.map(|span| [span.field("cache.operation"), span.field("otel.name")]).collect();
    let expected =
        [["lock", "cache.write lock"], ["release", "cache.write release"], ["invalidate", "cache.write invalidate"]];
    assert_eq!(operations, expected);
    let all = format!("{:?}", spans.state.lock().unwrap());
    assert!(!all.contains("bob@"), "{all}");
}

#[tokio::test]
async fn a_subscriber_that_wants_no_details_gets_no_span() {
    let (spans, _guard) = Spans::start(Level::INFO);
    let (_, _, [region, _]) = regions().await;
    assert_eq!(read(&region).await, "request");
    assert_eq!(names(&spans.take()), []);
}
