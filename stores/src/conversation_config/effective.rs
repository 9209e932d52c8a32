//! Computes the effective configuration from the levels. Pure.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::{ConfigLevel, ConfigSettings, ConversationConfig};
use crate::UserId;

/// The settings of one level.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layer {
    pub(super) level: ConfigLevel,
    pub(super) settings: ConfigSettings,
    pub(super) updated_at: DateTime<Utc>,
    pub(super) updated_by: Option<UserId>,
}

/// The effective settings of these levels, at most one of each kind, in any order.
pub(super) fn effective(mut layers: Vec<Layer>) -> Arc<ConversationConfig> {
    layers.retain(|layer| !layer.settings.is_empty());
    layers.sort_unstable_by_key(|layer| std::cmp::Reverse(layer.level));
    let set = layers.iter().fold(ConfigSettings::default(), |so_far, above| so_far.or(above.settings));
    let built_in = ConversationConfig::default();
    let most_specific = layers.first();
    Arc::new(ConversationConfig {
        merge_compression_strategy: set.merge_compression_strategy.unwrap_or(built_in.merge_compression_strategy),
        merge_max_messages: set.merge_max_messages.unwrap_or(built_in.merge_max_messages),
        merge_preserve_pinned: set.merge_preserve_pinned.unwrap_or(built_in.merge_preserve_pinned),
        path_compression_strategy: set.path_compression_strategy.unwrap_or(built_in.path_compression_strategy),
        path_max_messages: set.path_max_messages.unwrap_or(built_in.path_max_messages),
        path_sliding_window_size: set.path_sliding_window_size.unwrap_or(built_in.path_sliding_window_size),
        path_compression_threshold: set.path_compression_threshold.unwrap_or(built_in.path_compression_threshold),
        auto_compact_enabled: set.auto_compact_enabled.unwrap_or(built_in.auto_compact_enabled),
        compaction_interval_minutes: set.compaction_interval_minutes.unwrap_or(built_in.compaction_interval_minutes),
        level: most_specific.map_or(ConfigLevel::BuiltIn, |layer| layer.level),
        updated_at: most_specific.map(|layer| layer.updated_at),
        updated_by: most_specific.and_then(|layer| layer.updated_by),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(level: ConfigLevel, settings: ConfigSettings) -> Layer {
        let updated_at = DateTime::from_timestamp(level as i64, 0).unwrap();
        Layer { level, settings, updated_at, updated_by: None }
    }

    fn merges(messages: u32) -> ConfigSettings {
        ConfigSettings { merge_max_messages: Some(messages), ..ConfigSettings::default() }
    }

    #[test]
    fn without_settings_the_built_in_defaults_apply() {
        let nothing = layer(ConfigLevel::User, ConfigSettings::default());
        for layers in [vec![], vec![nothing]] {
            assert_eq!(*effective(layers), ConversationConfig::default());
        }
    }

    #[test]
    fn each_setting_comes_from_the_most_specific_level_in_any_reading_order() {
        let global = ConfigSettings { path_max_messages: Some(7), auto_compact_enabled: Some(false), ..merges(1) };
        let tenant = ConfigSettings { path_max_messages: Some(8), ..merges(2) };
        let mut layers = vec![
            layer(ConfigLevel::Tenant, tenant),
            layer(ConfigLevel::User, merges(3)),
            layer(ConfigLevel::Global, global),
        ];
        for _ in 0..3 {
            layers.rotate_left(1);
            let found = effective(layers.clone());
            assert_eq!((found.merge_max_messages, found.path_max_messages, found.auto_compact_enabled), (3, 8, false));
            assert_eq!((found.level, found.updated_at), (ConfigLevel::User, DateTime::from_timestamp(3, 0)));
        }
    }

    #[test]
    fn a_level_that_sets_nothing_does_not_contribute() {
        let found = effective(vec![
            layer(ConfigLevel::Global, merges(1)),
            layer(ConfigLevel::Tenant, ConfigSettings::default()),
        ]);
        assert_eq!((found.level, found.updated_at), (ConfigLevel::Global, DateTime::from_timestamp(1, 0)));
    }
}
