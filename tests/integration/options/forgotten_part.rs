//! S2: the purpose of a key part.
//!
//! The same check passes with every part in the key, and fails if one is missing, so it can detect a missing part.

use std::sync::Arc;

use cache_core::{Cache, cached_store};

use super::support::Failed;

/// A store whose answer depends on all arguments, with the key parts in `$key`.
macro_rules! documents {
    ($module:ident, key($($key:ident),*), ignore($($ignored:ident),*)) => {
        mod $module {
            use super::*;

            #[cached_store(namespace = "test:parts")]
            #[async_trait::async_trait]
            pub(super) trait Documents: Send + Sync {
                #[cached(entity = "document", key($($key),*), ignore($($ignored),*), ttl = "5m")]
                async fn document(&self, tenant: u64, role: &str, locale: &str) -> Result<String, Failed>;
            }

            #[async_trait::async_trait]
            impl Documents for super::Source {
                async fn document(&self, tenant: u64, role: &str, locale: &str) -> Result<String, Failed> {
                    Ok(format!("{tenant}/{role}/{locale}"))
                }
            }

            /// Whether every caller receives its own document.
            pub(super) async fn distinguishes_callers() -> bool {
                let store = CachingDocuments::new(Arc::new(Source), &Cache::single_instance());
                for tenant in [1, 2] {
                    for role in ["admin", "guest"] {
                        for locale in ["de", "en"] {
                            if store.document(tenant, role, locale).await.unwrap() != format!("{tenant}/{role}/{locale}") {
                                return false;
                            }
                        }
                    }
                }
                true
            }
        }
    };
}

struct Source;

documents!(whole, key(tenant, role, locale), ignore());
documents!(other_order, key(locale, tenant, role), ignore());
documents!(without_tenant, key(role, locale), ignore(tenant));
documents!(without_role, key(tenant, locale), ignore(role));
documents!(without_locale, key(tenant, role), ignore(locale));

#[tokio::test]
async fn a_key_without_one_of_its_parts_mixes_up_callers() {
    assert!(whole::distinguishes_callers().await);
    assert!(other_order::distinguishes_callers().await);
    assert!(!without_tenant::distinguishes_callers().await);
    assert!(!without_role::distinguishes_callers().await);
    assert!(!without_locale::distinguishes_callers().await);
}
