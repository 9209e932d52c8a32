#[automatically_derived]
impl<T: ::cache_core::CacheValue> ::cache_core::CacheValue for Node<T> {
    const FINGERPRINT: u64 = {
        let hash: u64 = 1272033442225055454u64;
        let hash = ::cache_core::__macro::v1::hash_fingerprint(
            hash,
            ::cache_core::__macro::v1::fingerprint!(T),
        );
        let hash = ::cache_core::__macro::v1::hash_fingerprint(
            hash,
            4929805299541306603u64,
        );
        let hash = ::cache_core::__macro::v1::hash_fingerprint(
            hash,
            5671462308707063101u64,
        );
        let hash = ::cache_core::__macro::v1::hash_fingerprint(
            hash,
            <T as ::cache_core::CacheValue>::FINGERPRINT,
        );
        hash
    };
    const SELF_DESCRIBING_ONLY: ::core::option::Option<&'static str> = ::cache_core::__macro::v1::first_of(
        &[::cache_core::__macro::v1::self_describing_only!(T)],
    );
}
