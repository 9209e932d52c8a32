//! The settings that the store keeps, and the configuration that it returns.

use cache_core::CacheValue;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::UserId;
use crate::words::words;

/// The effective settings of a conversation, each from the most specific level that sets it.
///
/// The default is the configuration if no level sets anything.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, CacheValue)]
pub struct ConversationConfig {
    /// How much is omitted when one path is merged into another. Built in: moderate.
    pub merge_compression_strategy: MergeCompression,
    /// The most messages that a merge takes over. Built in: 100.
    pub merge_max_messages: u32,
    /// Whether pinned messages survive a merge as they are. Built in: true.
    pub merge_preserve_pinned: bool,
    /// How an overlong path is shortened. Built in: a sliding window.
    pub path_compression_strategy: PathCompression,
    /// The most messages of a path. Built in: 200.
    pub path_max_messages: u32,
    /// How many of the newest messages a sliding window keeps. Built in: 50.
    pub path_sliding_window_size: u32,
    /// How full a path has to be before it is compressed. Built in: 0.85.
    ///
    /// From 0 (always) to 1 (only when it is full).
    pub path_compression_threshold: f64,
    /// Whether idle conversations are compacted automatically. Built in: true.
    pub auto_compact_enabled: bool,
    /// The time between two compactions, in minutes. Built in: 60.
    pub compaction_interval_minutes: u32,
    /// The most specific level that sets one of these.
    pub level: ConfigLevel,
    /// When that level was last written, by the clock of the database.
    ///
    /// `None` if everything is built in.
    pub updated_at: Option<DateTime<Utc>>,
    /// The user that wrote it.
    ///
    /// `None` if everything is built in, or if it was written by SQL without a name.
    pub updated_by: Option<UserId>,
}

impl Default for ConversationConfig {
    fn default() -> Self {
        Self {
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
        }
    }
}

/// The settings of one level. `None` inherits the setting of the level above.
///
/// ```
/// use stores::conversation_config::ConfigSettings;
///
/// let settings = ConfigSettings { merge_max_messages: Some(40), ..ConfigSettings::default() };
/// let above = ConfigSettings { merge_max_messages: Some(80), auto_compact_enabled: Some(false), ..settings };
/// let both = settings.or(above);
/// assert_eq!((both.merge_max_messages, both.auto_compact_enabled), (Some(40), Some(false)));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConfigSettings {
    /// See [`ConversationConfig::merge_compression_strategy`].
    pub merge_compression_strategy: Option<MergeCompression>,
    /// See [`ConversationConfig::merge_max_messages`]. From 1 to 2,147,483,647.
    pub merge_max_messages: Option<u32>,
    /// See [`ConversationConfig::merge_preserve_pinned`].
    pub merge_preserve_pinned: Option<bool>,
    /// See [`ConversationConfig::path_compression_strategy`].
    pub path_compression_strategy: Option<PathCompression>,
    /// See [`ConversationConfig::path_max_messages`]. From 1 to 2,147,483,647.
    pub path_max_messages: Option<u32>,
    /// See [`ConversationConfig::path_sliding_window_size`]. From 1 to 2,147,483,647.
    pub path_sliding_window_size: Option<u32>,
    /// See [`ConversationConfig::path_compression_threshold`]. From 0 to 1.
    pub path_compression_threshold: Option<f64>,
    /// See [`ConversationConfig::auto_compact_enabled`].
    pub auto_compact_enabled: Option<bool>,
    /// See [`ConversationConfig::compaction_interval_minutes`]. From 1 to 2,147,483,647.
    pub compaction_interval_minutes: Option<u32>,
}

impl ConfigSettings {
    /// Whether nothing is set, so that everything is inherited.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// These settings, and for each that is not set, the one of the level `above`.
    #[must_use]
    pub fn or(self, above: Self) -> Self {
        Self {
            merge_compression_strategy: self.merge_compression_strategy.or(above.merge_compression_strategy),
            merge_max_messages: self.merge_max_messages.or(above.merge_max_messages),
            merge_preserve_pinned: self.merge_preserve_pinned.or(above.merge_preserve_pinned),
            path_compression_strategy: self.path_compression_strategy.or(above.path_compression_strategy),
            path_max_messages: self.path_max_messages.or(above.path_max_messages),
            path_sliding_window_size: self.path_sliding_window_size.or(above.path_sliding_window_size),
            path_compression_threshold: self.path_compression_threshold.or(above.path_compression_threshold),
            auto_compact_enabled: self.auto_compact_enabled.or(above.auto_compact_enabled),
            compaction_interval_minutes: self.compaction_interval_minutes.or(above.compaction_interval_minutes),
        }
    }
}

words! {
    /// The levels, from the least specific to the most specific one.
    #[derive(PartialOrd, Ord)]
    ConfigLevel, "a level", "built_in, global, tenant and user" {
        /// No level: the defaults of the program.
        BuiltIn = "built_in",
        /// Every tenant and user.
        Global = "global",
        /// One tenant and its users.
        Tenant = "tenant",
        /// One user of one tenant.
        User = "user",
    }

    /// How much is omitted when one path is merged into another.
    MergeCompression, "a merge compression strategy", "none, minimal, moderate and aggressive" {
        /// Nothing.
        None = "none",
        /// Repetitions.
        Minimal = "minimal",
        /// Details too.
        Moderate = "moderate",
        /// All but the outcome.
        Aggressive = "aggressive",
    }

    /// How an overlong path is shortened.
    PathCompression, "a path compression strategy", "none, sliding_window, semantic and hybrid" {
        /// It is not shortened.
        None = "none",
        /// The newest messages are kept.
        SlidingWindow = "sliding_window",
        /// The messages that matter for the conversation are kept.
        Semantic = "semantic",
        /// The newest messages are kept, and of the others those that matter.
        Hybrid = "hybrid",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::check;

    #[test]
    fn every_variant_has_exactly_one_name() {
        check(ConfigLevel::ALL, "built_in global tenant user");
        check(MergeCompression::ALL, "none minimal moderate aggressive");
        check(PathCompression::ALL, "none sliding_window semantic hybrid");
        assert!(ConfigLevel::ALL.is_sorted());
    }

    #[test]
    fn a_field_missing_from_json_is_not_set() {
        let settings: ConfigSettings = serde_json::from_str(r#"{"merge_max_messages": 7}"#).unwrap();
        assert_eq!(settings, ConfigSettings { merge_max_messages: Some(7), ..ConfigSettings::default() });
        assert!(!settings.is_empty() && ConfigSettings::default().is_empty());
    }
}
