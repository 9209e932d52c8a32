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
}
