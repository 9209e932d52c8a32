pub trait Store: Send + Sync {
    fn get(
        &self,
        id: u64,
        other: u64,
    ) -> impl ::core::future::Future<Output = Result<u64, Error>> + ::core::marker::Send;
}
::core::compile_error! {
    "the parameter `other` of `get` is neither in `key(..)` nor in `ignore(..)`\n  why: two calls that differ only in `other` would share one entry\n  write: `key(id, other)`, or `ignore(other)` if the answer does not depend on it"
}
