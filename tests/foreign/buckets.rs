//! The trait of `object_store` itself. Ranges are cached; whole objects are streams.
//!
//! Two writes happen in what a call returns, a stream or an upload: the program invalidates after them, by a tag.

use std::fmt::{Debug, Display};
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use cache_core::{Cache, TagFamily, cached_store};
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use object_store::integration as suite;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt as _,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result,
};

use super::support::{decorated, eventually, writers_and_readers};

/// The entries of an object.
struct ObjectTag;

impl TagFamily for ObjectTag {
    type Key = String;
    const NAMESPACE: &'static str = "foreign:buckets";
    const NAME: &'static str = "object";
}

#[cached_store(foreign = ObjectStore, namespace = "foreign:buckets")]
#[async_trait]
trait Buckets: Display + Debug + Send + Sync + 'static {
    #[invalidates(tag(ObjectTag, location.to_string()))]
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult>;

    #[uncached]
    async fn put_multipart_opts(&self, location: &Path, opts: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>>;

    #[uncached]
    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult>;

    #[cached(entity = "ranges", key(location, ranges), display(location), tags(ObjectTag, location), ttl = "5m")]
    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>>;

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>>;

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>>;

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>>;

    #[uncached]
    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult>;

    #[invalidates(tag(ObjectTag, to.to_string()))]
    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()>;

    #[invalidates(tag(ObjectTag, from.to_string()), tag(ObjectTag, to.to_string()))]
    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()>;
}

const RANGES: [Range<u64>; 2] = [0..1, 1..3];

type Bucket = CachingBuckets<dyn ObjectStore>;

async fn read(bucket: &dyn ObjectStore, location: &Path) -> Result<Bytes> {
    Ok(bucket.get_ranges(location, &RANGES).await?.swap_remove(1))
}

/// Waits until an entry is stale on the instance that reads.
async fn follows(reader: &Bucket, location: &Path) {
    eventually("the reader follows", || reader.peek_get_ranges(location, &RANGES).is_none()).await;
}

/// Deletes objects, and invalidates their entries: the stream deletes after the call has returned.
async fn delete(bucket: &dyn ObjectStore, cache: &Cache, location: &Path) {
    let deleted = bucket.delete_stream(futures_util::stream::iter([Ok(location.clone())]).boxed());
    for location in deleted.collect::<Vec<_>>().await {
        cache.invalidate_tag::<ObjectTag>(&location.expect("a location in memory").to_string()).await;
    }
}

#[tokio::test]
async fn ranges_of_a_real_object_store_are_cached() {
    for caches in writers_and_readers().await {
        let behind: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let buckets = decorated(&caches, |cache| CachingBuckets::new(Arc::clone(&behind), cache)).await;
        let (writer, reader) = (&buckets[0], &buckets[1]);
        let (a, b) = (Path::from("folder/a"), Path::from("folder/b"));
        writer.put(&a, "old a".into()).await.unwrap();
        for _ in 0..2 {
            assert_eq!(read(reader, &a).await.unwrap(), "ld");
            assert!(read(reader, &b).await.is_err());
        }
        assert_eq!(caches[1].stats().total().local_hits, 1, "an error is not cached");

        writer.put(&a, "new a".into()).await.unwrap();
        follows(reader, &a).await;
        assert_eq!(read(reader, &a).await.unwrap(), "ew");
        writer.copy(&a, &b).await.unwrap();
        assert_eq!(read(reader, &b).await.unwrap(), "ew");
        assert_eq!(reader.get(&b).await.unwrap().bytes().await.unwrap(), "new a");

        delete(writer, &caches[0], &a).await;
        follows(reader, &a).await;
        assert!(read(reader, &a).await.is_err());
        assert_eq!(reader.list(None).collect::<Vec<_>>().await.len(), 1);
        writer.rename(&b, &a).await.unwrap();
        follows(reader, &b).await;
        assert_eq!((read(reader, &a).await.unwrap(), read(reader, &b).await.is_err()), ("ew".into(), true));
    }
}

/// What the crate runs over its store in memory.
#[tokio::test]
async fn the_tests_of_object_store_pass_over_the_decorator() {
    for caches in writers_and_readers().await {
        let buckets = decorated(&caches, |cache| -> Arc<dyn ObjectStore> {
            Arc::new(CachingBuckets::new(Arc::new(InMemory::new()), cache))
        });
        let bucket = &buckets.await[0];
        suite::put_get_delete_list(bucket).await;
        suite::list_with_offset_exclusivity(bucket).await;
        suite::get_opts(bucket).await;
        suite::list_uses_directories_correctly(bucket).await;
        suite::list_with_delimiter(bucket).await;
        suite::rename_and_copy(bucket).await;
        suite::copy_if_not_exists(bucket).await;
        suite::stream_get(bucket).await;
        suite::put_opts(bucket, true).await;
        suite::put_get_attributes(bucket).await;
    }
}
