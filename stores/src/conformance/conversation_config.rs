//! The suite of [`ConversationConfigStore`].

use super::checks::Checks;
use crate::conversation_config::{
    ConfigLevel, ConfigSettings, ConversationConfig, ConversationConfigStore, MergeCompression, PathCompression,
};
use crate::{StoreError, TenantId, UserId};

const NOTHING: ConfigSettings = ConfigSettings {
    merge_compression_strategy: None,
    merge_max_messages: None,
    merge_preserve_pinned: None,
    path_compression_strategy: None,
    path_max_messages: None,
    path_sliding_window_size: None,
    path_compression_threshold: None,
    auto_compact_enabled: None,
    compaction_interval_minutes: None,
};

/// Checks that `store` fulfils [`ConversationConfigStore`]. Returns the number of checks.
///
/// It leaves a global level that sets nothing, which is equivalent to none.
///
/// # Errors
///
/// The first error of a call that has to succeed.
///
/// # Panics
///
/// At the first check that fails; if the global level of `store` already sets something.
pub async fn conversation_config_store(store: &dyn ConversationConfigStore) -> Result<usize, StoreError> {
    let mut checks = Checks::default();
    built_in(store, &mut checks).await?;
    round_trips(store, &mut checks).await?;
    inherits(store, &mut checks).await?;
    returns_author_and_time(store, &mut checks).await?;
    a_level_is_one_row(store, &mut checks).await?;
    separates_owners(store, &mut checks).await?;
    writes_invalidate_earlier_reads(store, &mut checks).await?;
    deletes(store, &mut checks).await?;
    refuses(store, &mut checks).await?;
    built_in(store, &mut checks).await?;
    Ok(checks.made())
}

/// A user of a tenant, and the author of writes.
struct Someone {
    tenant: TenantId,
    user: UserId,
    by: UserId,
}

impl Someone {
    fn new() -> Self {
        Self { tenant: TenantId::random(), user: UserId::random(), by: UserId::random() }
    }

    async fn set(
        &self,
        store: &dyn ConversationConfigStore,
        level: ConfigLevel,
        settings: &ConfigSettings,
    ) -> Result<(), StoreError> {
        match level {
            ConfigLevel::BuiltIn => Ok(()),
            ConfigLevel::Global => store.set_global_config(settings, self.by).await,
            ConfigLevel::Tenant => store.set_tenant_config(self.tenant, settings, self.by).await,
            ConfigLevel::User => store.set_user_config(self.tenant, self.user, settings, self.by).await,
        }
    }

    async fn clear(&self, store: &dyn ConversationConfigStore) -> Result<(), StoreError> {
        store.delete_user_config(self.tenant, self.user).await?;
        store.delete_tenant_config(self.tenant).await?;
        store.set_global_config(&NOTHING, self.by).await
    }

    /// Reads the effective configuration of the user.
    async fn reads(&self, store: &dyn ConversationConfigStore) -> Result<ConversationConfig, StoreError> {
        Ok((*store.get_config(self.tenant, Some(self.user)).await?).clone())
    }

    /// Reads the effective configuration of the tenant.
    async fn reads_of_tenant(&self, store: &dyn ConversationConfigStore) -> Result<ConversationConfig, StoreError> {
        Ok((*store.get_config(self.tenant, None).await?).clone())
    }
}

async fn built_in(store: &dyn ConversationConfigStore, checks: &mut Checks) -> Result<(), StoreError> {
    let someone = Someone::new();
    let built_in = ConversationConfig {
        merge_compression_strategy: MergeCompression::Moderate,
        merge_max_messages: 100,
        merge_preserve_pinned: true,
        path_compression_strategy: PathCompression::SlidingWindow,
        path_max_messages: 200,
        path_sliding_window_size: 50,
        path_compression_threshold: 0.85,
        auto_compact_enabled: true,
        compaction_interval_minutes: 60,
        level: ConfigLevel::BuiltIn,
        updated_at: None,
        updated_by: None,
    };
    checks.equal("without settings the built-in ones apply", &someone.reads(store).await?, &built_in);
    checks.equal("for a tenant too", &someone.reads_of_tenant(store).await?, &built_in);
    checks.equal("the same when they are read again", &someone.reads(store).await?, &built_in);
    Ok(())
}

async fn round_trips(store: &dyn ConversationConfigStore, checks: &mut Checks) -> Result<(), StoreError> {
    for level in [ConfigLevel::Global, ConfigLevel::Tenant, ConfigLevel::User] {
        let someone = Someone::new();
        for settings in samples() {
            someone.set(store, level, &settings).await?;
            for _ in 0..2 {
                let found = someone.reads(store).await?;
                checks.equal("the settings apply", &values(&found), &under(&[settings]));
            }
        }
        someone.clear(store).await?;
    }
    Ok(())
}

/// Checks every combination in which three levels set or omit two settings.
async fn inherits(store: &dyn ConversationConfigStore, checks: &mut Checks) -> Result<(), StoreError> {
    let someone = Someone::new();
    for global in some_of(PathCompression::None, false) {
        someone.set(store, ConfigLevel::Global, &global).await?;
        for tenant in some_of(PathCompression::Hybrid, false) {
            someone.set(store, ConfigLevel::Tenant, &tenant).await?;
            let found = someone.reads_of_tenant(store).await?;
            let expected = (under(&[tenant, global]), most_specific(&[NOTHING, tenant, global]));
            checks.equal("a tenant inherits unset values", &(values(&found), found.level), &expected);
            for user in some_of(PathCompression::Semantic, true) {
                someone.set(store, ConfigLevel::User, &user).await?;
                let found = someone.reads(store).await?;
                let expected = (under(&[user, tenant, global]), most_specific(&[user, tenant, global]));
                checks.equal("a user inherits unset values", &(values(&found), found.level), &expected);
            }
        }
    }
    someone.clear(store).await
}

async fn returns_author_and_time(store: &dyn ConversationConfigStore, checks: &mut Checks) -> Result<(), StoreError> {
    let (someone, admin) = (Someone::new(), Someone::new());
    let settings = sample();
    for level in [ConfigLevel::Global, ConfigLevel::Tenant, ConfigLevel::User] {
        someone.set(store, level, &settings).await?;
        let first = someone.reads(store).await?;
        checks.equal(
            "the level and the writer are returned",
            &(first.level, first.updated_by),
            &(level, Some(someone.by)),
        );
        let again = Someone { by: admin.by, ..someone };
        again.set(store, level, &settings).await?;
        let second = someone.reads(store).await?;
        checks.equal("the last writer is returned", &second.updated_by, &Some(admin.by));
        checks.holds(
            "the time is returned, and does not decrease",
            first.updated_at.is_some() && second.updated_at >= first.updated_at,
        );
    }
    let of_tenant = someone.reads_of_tenant(store).await?;
    checks.equal("each level keeps its own", &of_tenant.level, &ConfigLevel::Tenant);
    someone.set(store, ConfigLevel::User, &NOTHING).await?;
    let found = someone.reads(store).await?;
    checks.equal("a level that sets nothing is not the one returned", &found, &of_tenant);
    someone.clear(store).await
}

/// Checks that a second write of a level replaces its row.
///
/// The unique constraint of the original did not hold: a second write added a second row.
async fn a_level_is_one_row(store: &dyn ConversationConfigStore, checks: &mut Checks) -> Result<(), StoreError> {
    let someone = Someone::new();
    for level in [ConfigLevel::Global, ConfigLevel::Tenant, ConfigLevel::User] {
        for messages in [1, 2, 3] {
            someone.set(store, level, &merges(messages)).await?;
            let found = someone.reads(store).await?;
            checks.equal("a second write of a level replaces the first one", &found.merge_max_messages, &messages);
        }
        let other = ConfigSettings { path_max_messages: Some(9), ..NOTHING };
        someone.set(store, level, &other).await?;
        let found = someone.reads(store).await?;
        let expected = (ConversationConfig::default().merge_max_messages, 9);
        checks.equal(
            "values missing from a write are inherited again",
            &(found.merge_max_messages, found.path_max_messages),
            &expected,
        );
        someone.clear(store).await?;
    }
    Ok(())
}

async fn separates_owners(store: &dyn ConversationConfigStore, checks: &mut Checks) -> Result<(), StoreError> {
    let mine = Someone::new();
    let neighbour = Someone { tenant: mine.tenant, ..Someone::new() };
    let elsewhere = Someone { user: mine.user, ..Someone::new() };
    // The same bytes as the id of a tenant and as the id of a user.
    let twin = Someone { tenant: uuid::Uuid::from(mine.user).into(), ..Someone::new() };
    mine.set(store, ConfigLevel::Tenant, &merges(2)).await?;
    mine.set(store, ConfigLevel::User, &merges(3)).await?;
    checks.equal("a user's own level", &mine.reads(store).await?.merge_max_messages, &3);
    checks.equal("is not the tenant's", &mine.reads_of_tenant(store).await?.merge_max_messages, &2);
    checks.equal("nor another user's", &neighbour.reads(store).await?.merge_max_messages, &2);
    checks.equal("nor the same user's in another tenant", &elsewhere.reads(store).await?.merge_max_messages, &100);
    checks.equal("nor of a tenant with the user's id", &twin.reads_of_tenant(store).await?.merge_max_messages, &100);
    elsewhere.set(store, ConfigLevel::User, &merges(4)).await?;
    checks.equal("a user may differ between tenants", &elsewhere.reads(store).await?.merge_max_messages, &4);
    checks.equal("and stays what they are in the first one", &mine.reads(store).await?.merge_max_messages, &3);
    elsewhere.clear(store).await?;
    mine.clear(store).await
}

/// Checks that a write reaches all cached configurations below its level.
///
/// The original left the cached entries of a tenant's users stale after a write of the tenant's level, and all entries
/// stale after a write of the global one.
async fn writes_invalidate_earlier_reads(
    store: &dyn ConversationConfigStore,
    checks: &mut Checks,
) -> Result<(), StoreError> {
    let mine = Someone::new();
    let neighbour = Someone { tenant: mine.tenant, ..Someone::new() };
    let stranger = Someone::new();
    let seen = async || -> Result<[u32; 4], StoreError> {
        Ok([
            mine.reads(store).await?.merge_max_messages,
            neighbour.reads(store).await?.merge_max_messages,
            mine.reads_of_tenant(store).await?.merge_max_messages,
            stranger.reads(store).await?.merge_max_messages,
        ])
    };
    checks.equal("before any write", &seen().await?, &[100, 100, 100, 100]);
    mine.set(store, ConfigLevel::Global, &merges(1)).await?;
    checks.equal("a global write reaches every user", &seen().await?, &[1, 1, 1, 1]);
    mine.set(store, ConfigLevel::Tenant, &merges(2)).await?;
    checks.equal("a tenant's write reaches its users", &seen().await?, &[2, 2, 2, 1]);
    mine.set(store, ConfigLevel::User, &merges(3)).await?;
    checks.equal("a user's write reaches that user", &seen().await?, &[3, 2, 2, 1]);
    mine.set(store, ConfigLevel::Global, &merges(4)).await?;
    checks.equal("a global write is covered by other levels", &seen().await?, &[3, 2, 2, 4]);
    store.delete_user_config(mine.tenant, mine.user).await?;
    checks.equal("so does a user's deletion", &seen().await?, &[2, 2, 2, 4]);
    store.delete_tenant_config(mine.tenant).await?;
    checks.equal("so does a tenant's deletion", &seen().await?, &[4, 4, 4, 4]);
    mine.clear(store).await?;
    checks.equal("so does taking the global settings back", &seen().await?, &[100, 100, 100, 100]);
    Ok(())
}

async fn deletes(store: &dyn ConversationConfigStore, checks: &mut Checks) -> Result<(), StoreError> {
    let someone = Someone::new();
    checks.equal("there is no tenant's level", &store.delete_tenant_config(someone.tenant).await?, &false);
    checks.equal("nor a user's", &store.delete_user_config(someone.tenant, someone.user).await?, &false);
    someone.set(store, ConfigLevel::Tenant, &merges(2)).await?;
    checks.equal(
        "a tenant's level is no user's",
        &store.delete_user_config(someone.tenant, someone.user).await?,
        &false,
    );
    someone.set(store, ConfigLevel::User, &merges(3)).await?;
    checks.equal("a deletion reports that there was one", &store.delete_tenant_config(someone.tenant).await?, &true);
    checks.equal("a second one finds nothing", &store.delete_tenant_config(someone.tenant).await?, &false);
    checks.equal("the settings of its users stay", &someone.reads(store).await?.merge_max_messages, &3);
    let elsewhere = store.delete_user_config(TenantId::random(), someone.user).await?;
    checks.equal("a user is one of a tenant", &elsewhere, &false);
    checks.equal("a user's level is deleted", &store.delete_user_config(someone.tenant, someone.user).await?, &true);
    checks.equal("once", &store.delete_user_config(someone.tenant, someone.user).await?, &false);
    checks.equal("then nothing is set", &someone.reads(store).await?, &ConversationConfig::default());
    someone.set(store, ConfigLevel::User, &NOTHING).await?;
    checks.equal(
        "a level that sets nothing exists",
        &store.delete_user_config(someone.tenant, someone.user).await?,
        &true,
    );
    Ok(())
}

async fn refuses(store: &dyn ConversationConfigStore, checks: &mut Checks) -> Result<(), StoreError> {
    let someone = Someone::new();
    for level in [ConfigLevel::Global, ConfigLevel::Tenant, ConfigLevel::User] {
        someone.set(store, level, &sample()).await?;
        let before = someone.reads(store).await?;
        for (names, wrong) in wrong_settings() {
            checks.refused("settings out of range", someone.set(store, level, &wrong).await, names);
        }
        checks.equal("a refused write changed nothing", &someone.reads(store).await?, &before);
    }
    someone.clear(store).await
}

fn wrong_settings() -> Vec<(&'static str, ConfigSettings)> {
    let mut wrong = Vec::new();
    for count in [0, 2_147_483_648, u32::MAX].map(Some) {
        wrong.push(("merge_max_messages", ConfigSettings { merge_max_messages: count, ..sample() }));
        wrong.push(("path_max_messages", ConfigSettings { path_max_messages: count, ..sample() }));
        wrong.push(("path_sliding_window_size", ConfigSettings { path_sliding_window_size: count, ..sample() }));
        wrong.push(("compaction_interval_minutes", ConfigSettings { compaction_interval_minutes: count, ..sample() }));
    }
    for threshold in [-0.01, 1.01, f64::NAN, f64::INFINITY, f64::NEG_INFINITY].map(Some) {
        wrong
            .push(("path_compression_threshold", ConfigSettings { path_compression_threshold: threshold, ..sample() }));
    }
    wrong
}

/// Settings that differ from the built-in ones in every field.
fn sample() -> ConfigSettings {
    ConfigSettings {
        merge_compression_strategy: Some(MergeCompression::Aggressive),
        merge_max_messages: Some(7),
        merge_preserve_pinned: Some(false),
        path_compression_strategy: Some(PathCompression::Hybrid),
        path_max_messages: Some(8),
        path_sliding_window_size: Some(9),
        path_compression_threshold: Some(0.1 + 0.2),
        auto_compact_enabled: Some(false),
        compaction_interval_minutes: Some(10),
    }
}

fn samples() -> Vec<ConfigSettings> {
    let mut samples = vec![NOTHING, sample()];
    let all_of = |count: u32| ConfigSettings {
        merge_max_messages: Some(count),
        path_max_messages: Some(count),
        path_sliding_window_size: Some(count),
        compaction_interval_minutes: Some(count),
        ..NOTHING
    };
    samples.extend([1, 2_147_483_647].map(all_of));
    let threshold = |threshold| ConfigSettings { path_compression_threshold: Some(threshold), ..NOTHING };
    samples.extend([0.0, 1.0, 0.1 + 0.2, 5e-324, 1.0 - f64::EPSILON].map(threshold));
    let merge = |strategy| ConfigSettings { merge_compression_strategy: Some(strategy), ..NOTHING };
    samples.extend(
        [MergeCompression::None, MergeCompression::Minimal, MergeCompression::Moderate, MergeCompression::Aggressive]
            .map(merge),
    );
    let path = |strategy| ConfigSettings { path_compression_strategy: Some(strategy), ..NOTHING };
    samples.extend(
        [PathCompression::None, PathCompression::SlidingWindow, PathCompression::Semantic, PathCompression::Hybrid]
            .map(path),
    );
    samples.extend([true, false].map(|is| ConfigSettings {
        merge_preserve_pinned: Some(is),
        auto_compact_enabled: Some(!is),
        ..NOTHING
    }));
    samples
}

fn merges(messages: u32) -> ConfigSettings {
    ConfigSettings { merge_max_messages: Some(messages), ..NOTHING }
}

/// Neither, either and both of two settings.
fn some_of(strategy: PathCompression, switch: bool) -> [ConfigSettings; 4] {
    [(None, None), (Some(strategy), None), (None, Some(switch)), (Some(strategy), Some(switch))].map(
        |(path_compression_strategy, auto_compact_enabled)| ConfigSettings {
            path_compression_strategy,
            auto_compact_enabled,
            ..NOTHING
        },
    )
}

/// All settings of these levels, the most specific one first, over the built-in ones.
///
/// The suite computes them itself and does not rely on the code under test.
fn under(levels: &[ConfigSettings]) -> ConfigSettings {
    let built_in = [values(&ConversationConfig::default())];
    let all = || levels.iter().chain(&built_in);
    ConfigSettings {
        merge_compression_strategy: all().find_map(|level| level.merge_compression_strategy),
        merge_max_messages: all().find_map(|level| level.merge_max_messages),
        merge_preserve_pinned: all().find_map(|level| level.merge_preserve_pinned),
        path_compression_strategy: all().find_map(|level| level.path_compression_strategy),
        path_max_messages: all().find_map(|level| level.path_max_messages),
        path_sliding_window_size: all().find_map(|level| level.path_sliding_window_size),
        path_compression_threshold: all().find_map(|level| level.path_compression_threshold),
        auto_compact_enabled: all().find_map(|level| level.auto_compact_enabled),
        compaction_interval_minutes: all().find_map(|level| level.compaction_interval_minutes),
    }
}

/// The most specific of these levels that sets anything: user, tenant, global.
fn most_specific(levels: &[ConfigSettings; 3]) -> ConfigLevel {
    let names = [ConfigLevel::User, ConfigLevel::Tenant, ConfigLevel::Global];
    let set = levels.iter().zip(names).find(|(level, _)| **level != NOTHING);
    set.map_or(ConfigLevel::BuiltIn, |(_, name)| name)
}

fn values(config: &ConversationConfig) -> ConfigSettings {
    ConfigSettings {
        merge_compression_strategy: Some(config.merge_compression_strategy),
        merge_max_messages: Some(config.merge_max_messages),
        merge_preserve_pinned: Some(config.merge_preserve_pinned),
        path_compression_strategy: Some(config.path_compression_strategy),
        path_max_messages: Some(config.path_max_messages),
        path_sliding_window_size: Some(config.path_sliding_window_size),
        path_compression_threshold: Some(config.path_compression_threshold),
        auto_compact_enabled: Some(config.auto_compact_enabled),
        compaction_interval_minutes: Some(config.compaction_interval_minutes),
    }
}
