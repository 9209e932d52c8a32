#[automatically_derived]
impl<T: ::cache_core::CacheValue> ::cache_core::CacheValue for Node<T> {
    const FINGERPRINT: u64 = {
        let hash: u64 = 1272033442225055454u64;
        let hash = (hash ^ ::cache_core::__macro::fingerprint!(T))
            .wrapping_mul(1099511628211u64);
        let hash = (hash ^ 4929805299541306603u64).wrapping_mul(1099511628211u64);
        let hash = (hash ^ 5671462308707063101u64).wrapping_mul(1099511628211u64);
        let hash = (hash ^ <T as ::cache_core::CacheValue>::FINGERPRINT)
            .wrapping_mul(1099511628211u64);
        hash
    };
}
