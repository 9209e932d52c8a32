//! The attributes of the derives, with their flags on fields.

/// The option of every macro that names a renamed runtime crate.
pub(crate) const CRATE: &str = "crate";

/// The flag for a field whose `Display` text is a part of the key.
pub(crate) const DISPLAY: &str = "display";

/// The flag for a field whose type takes part in the fingerprint by its name only.
pub(crate) const BY_NAME: &str = "by_name";

/// The flag for a field that serde skips on purpose.
pub(crate) const SKIPPED: &str = "skipped";

/// The helper attribute of a derive.
pub(crate) struct Helper {
    /// Its name.
    pub(crate) name: &'static str,
    /// Its flags on fields.
    pub(crate) flags: &'static [&'static str],
}

/// The attribute of `#[derive(CacheKey)]`.
pub(crate) const CACHE_KEY: Helper = Helper { name: "cache_key", flags: &[DISPLAY] };

/// The attribute of `#[derive(CacheValue)]`.
pub(crate) const CACHE_VALUE: Helper = Helper { name: "cache_value", flags: &[BY_NAME, SKIPPED] };
