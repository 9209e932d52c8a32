//! `revalidate`: a value whose version the store still has gets a new life without a load.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use cache_core::testing::ManualClock;
use cache_core::{Cache, LoadError, MemoryRemote, cached_store};

use super::sync_points::until;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Failure {
    Down,
    Cache(String),
}

impl From<cache_core::Error> for Failure {
    fn from(error: cache_core::Error) -> Self {
        Self::Cache(error.to_string())
    }
}

impl LoadError for Failure {
    fn is_outage(&self) -> bool {
        *self == Self::Down
    }
}

/// A text with its version.
type Page = (u64, String);

fn version(page: &Page) -> u64 {
    page.0
}

#[cached_store(namespace = "revalidation:test")]
trait Pages: Send + Sync {
    #[cached(
        entity = "page",
        key(site, name),
        ttl = "100s",
        jitter = 0,
        negative_ttl = "100s",
        stale_if_error = "1h",
        revalidate(page_version, version)
    )]
    async fn page(&self, site: u64, name: &str) -> Result<Option<Page>, Failure>;

    #[uncached]
    async fn page_version(&self, site: u64, name: &str) -> Result<Option<u64>, Failure>;

    #[cached(
        entity = "ahead",
        key(name),
        ttl = "100s",
        jitter = 0,
        refresh_after = "80s",
        revalidate(version_ahead, version)
    )]
    async fn ahead(&self, name: String) -> Result<Page, Failure>;

    #[uncached]
    async fn version_ahead(&self, name: String) -> u64;

    #[invalidates(page(site, name))]
    async fn put(&self, site: u64, name: &str, page: Page) -> Result<(), Failure>;
}

#[derive(Default)]
struct Library {
    pages: Mutex<HashMap<String, Page>>,
    loads: AtomicU64,
    asked: AtomicU64,
    is_down: AtomicBool,
}

impl Library {
    fn seed(&self, name: &str, version: u64) {
        self.pages.lock().unwrap().insert(name.to_owned(), (version, format!("text {version}")));
    }

    fn read(&self, name: &str) -> Result<Option<Page>, Failure> {
        if self.is_down.load(Ordering::SeqCst) {
            return Err(Failure::Down);
        }
        Ok(self.pages.lock().unwrap().get(name).cloned())
    }

    fn calls(&self) -> (u64, u64) {
        (self.loads.load(Ordering::SeqCst), self.asked.load(Ordering::SeqCst))
    }
}

impl Pages for Library {
    async fn page(&self, _: u64, name: &str) -> Result<Option<Page>, Failure> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        self.read(name)
    }

    async fn page_version(&self, _: u64, name: &str) -> Result<Option<u64>, Failure> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        Ok(self.read(name)?.map(|page| page.0))
    }

    async fn ahead(&self, name: String) -> Result<Page, Failure> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        self.read(&name)?.ok_or(Failure::Down)
    }

    async fn version_ahead(&self, name: String) -> u64 {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.read(&name).ok().flatten().map_or(0, |page| page.0)
    }

    async fn put(&self, _: u64, name: &str, page: Page) -> Result<(), Failure> {
        self.pages.lock().unwrap().insert(name.to_owned(), page);
        Ok(())
    }
}

fn page(version: u64) -> Page {
    (version, format!("text {version}"))
}

struct World {
    library: Arc<Library>,
    clock: ManualClock,
    cache: Cache,
    pages: CachingPages<Library>,
}

impl World {
    async fn each() -> [Self; 2] {
        let shared = {
            let clock = ManualClock::new();
            let remote = MemoryRemote::with_clock(clock.clone());
            let builder = Cache::builder().lease(Duration::from_hours(10)).clock(clock.clone());
            Self::of(clock, builder.remote(remote).build().unwrap())
        };
        assert!(shared.cache.connected(Duration::from_secs(20)).await);
        let clock = ManualClock::new();
        let single = Self::of(clock.clone(), Cache::single_instance_with_clock(clock));
        [shared, single]
    }

    fn of(clock: ManualClock, cache: Cache) -> Self {
        let library = Arc::<Library>::default();
        library.seed("a", 1);
        let pages = CachingPages::new(Arc::clone(&library), &cache);
        Self { library, clock, cache, pages }
    }

    async fn page(&self) -> Result<Option<Page>, Failure> {
        self.pages.page(7, "a").await
    }

    /// Waits until the shared tier has the value, if there is one.
    async fn filled(&self, method: &str, fills: u64) {
        let is_single = self.cache.backend() == cache_core::Backend::SingleInstance;
        until("the value is stored", || is_single || self.cache.stats().method("Pages", method).fills == fills).await;
    }

    fn revalidated(&self, method: &str) -> u64 {
        self.cache.stats().method("Pages", method).revalidated
    }
}

#[tokio::test]
async fn an_expired_value_with_the_version_of_the_store_is_not_loaded_again() {
    for world in World::each().await {
        assert_eq!((world.page().await, world.library.calls()), (Ok(Some(page(1))), (1, 0)));
        world.filled("page", 1).await;
        world.clock.advance(Duration::from_secs(101));
        assert_eq!((world.page().await, world.library.calls()), (Ok(Some(page(1))), (1, 1)));
        assert_eq!(world.revalidated("page"), 1);
        world.filled("page", 2).await;
        world.clock.advance(Duration::from_secs(99));
        assert_eq!(
            (world.page().await, world.library.calls()),
            (Ok(Some(page(1))), (1, 1)),
            "it has a whole life again"
        );
    }
}

#[tokio::test]
async fn another_version_is_loaded() {
    for world in World::each().await {
        assert_eq!(world.page().await, Ok(Some(page(1))));
        world.filled("page", 1).await;
        world.clock.advance(Duration::from_secs(101));
        world.library.seed("a", 2);
        assert_eq!((world.page().await, world.library.calls()), (Ok(Some(page(2))), (2, 1)));
        assert_eq!(world.revalidated("page"), 0);
    }
}

#[tokio::test]
async fn a_write_leaves_nothing_to_compare() {
    for world in World::each().await {
        assert_eq!(world.page().await, Ok(Some(page(1))));
        world.filled("page", 1).await;
        world.clock.advance(Duration::from_secs(101));
        // The same version with another text: a writer that does not count.
        world.pages.put(7, "a", (1, "other".to_owned())).await.unwrap();
        assert_eq!((world.page().await, world.library.calls()), (Ok(Some((1, "other".to_owned()))), (2, 0)));
    }
}

#[tokio::test]
async fn an_absence_and_an_outage_are_no_version() {
    for world in World::each().await {
        assert_eq!(world.pages.page(7, "none").await, Ok(None));
        assert_eq!(world.page().await, Ok(Some(page(1))));
        world.filled("page", 2).await;
        world.clock.advance(Duration::from_secs(101));
        assert_eq!((world.pages.page(7, "none").await, world.library.calls()), (Ok(None), (3, 0)));
        world.library.is_down.store(true, Ordering::SeqCst);
        assert_eq!(world.page().await, Ok(Some(page(1))), "`stale_if_error` answers");
        assert_eq!((world.library.calls(), world.revalidated("page")), ((4, 1), 0));
    }
}

#[tokio::test]
async fn a_refresh_compares_first() {
    for world in World::each().await {
        assert_eq!(world.pages.ahead("a".to_owned()).await, Ok(page(1)));
        world.filled("ahead", 1).await;
        world.clock.advance(Duration::from_secs(90));
        assert_eq!(world.pages.ahead("a".to_owned()).await, Ok(page(1)));
        until("the entry is refreshed", || world.revalidated("ahead") == 1).await;
        world.filled("ahead", 2).await;
        world.clock.advance(Duration::from_secs(70));
        assert_eq!((world.pages.ahead("a".to_owned()).await, world.library.calls()), (Ok(page(1)), (1, 1)));
        world.library.seed("a", 2);
        world.clock.advance(Duration::from_secs(20));
        assert_eq!(world.pages.ahead("a".to_owned()).await, Ok(page(1)));
        until("the new version is loaded", || world.pages.peek_ahead("a".to_owned()) == Some(page(2))).await;
        assert_eq!(world.library.calls(), (2, 2));
    }
}

#[tokio::test]
async fn a_fresh_read_loads() {
    for world in World::each().await {
        assert_eq!(world.page().await, Ok(Some(page(1))));
        world.filled("page", 1).await;
        world.clock.advance(Duration::from_secs(101));
        assert_eq!((world.pages.fresh().page(7, "a").await, world.library.calls()), (Ok(Some(page(1))), (2, 0)));
    }
}
