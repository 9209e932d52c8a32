#[automatically_derived]
impl<T> ::cache_core::CacheKey for Scope<T>
where
    T: ::cache_core::CacheKey,
{
    fn write_key(&self, out: &mut ::cache_core::KeyWriter) {
        match self {
            Self::Everything {} => {
                out.part("Everything");
            }
            Self::Tenant { 0: field_0, 1: field_1 } => {
                out.part("Tenant");
                ::cache_core::CacheKey::write_key(field_0, out);
                out.display(field_1);
            }
            Self::Named { name: field_0 } => {
                out.part("Named");
                ::cache_core::CacheKey::write_key(field_0, out);
            }
        }
    }
    #[inline]
    fn same_key(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Everything {}, Self::Everything {}) => true,
            (
                Self::Tenant { 0: field_0, 1: field_1 },
                Self::Tenant { 0: other_0, 1: other_1 },
            ) => {
                ::cache_core::CacheKey::same_key(field_0, other_0)
                    && ::cache_core::__macro::v1::same_display(field_1, other_1)
            }
            (Self::Named { name: field_0 }, Self::Named { name: other_0 }) => {
                ::cache_core::CacheKey::same_key(field_0, other_0)
            }
            _ => false,
        }
    }
}
