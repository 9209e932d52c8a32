//! What the store keeps, and what it answers.

use std::fmt;
use std::str::FromStr;

use cache_core::CacheValue;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::words::parse_word;
use crate::{StoreError, UserId};

/// The settings that hold for a conversation, each from the most specific level that sets it.
///
/// The default is what holds where no level sets anything.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, CacheValue)]
pub struct ConversationConfig {
    /// How much is left out when one path is merged into another. Built in: moderate.
    pub merge_compression_strategy: MergeCompression,
    /// The most messages that a merge takes over. Built in: 100.
    pub merge_max_messages: u32,
    /// Whether pinned messages survive a merge as they are. Built in: true.
    pub merge_preserve_pinned: bool,
    /// How a path is shortened that grew too long. Built in: a sliding window.
    pub path_compression_strategy: PathCompression,
    /// The most messages of a path. Built in: 200.
    pub path_max_messages: u32,
    /// How many of the newest messages a sliding window keeps. Built in: 50.
    pub path_sliding_window_size: u32,
    /// How full a path has to be before it is compressed, from 0 (always) to 1 (only when it is full). Built in: 0.85.
    pub path_compression_threshold: f64,
    /// Whether idle conversations are compacted without being asked. Built in: true.
    pub auto_compact_enabled: bool,
    /// The time between two compactions, in minutes. Built in: 60.
    pub compaction_interval_minutes: u32,
    /// The most specific level that sets one of these.
    pub level: ConfigLevel,
    /// When that level was last written, by the clock of the database; `None` where everything is built in.
    pub updated_at: Option<DateTime<Utc>>,
    /// Who wrote it; `None` where everything is built in, or where it was written by SQL without a name.
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

/// What one level sets. `None` means: as the level above it says.
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
    /// Whether nothing is set: then everything is inherited.
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

/// The levels, from the least specific to the most specific one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, CacheValue)]
#[serde(rename_all = "snake_case")]
pub enum ConfigLevel {
    /// No level: what the program says.
    BuiltIn,
    /// Every tenant and user.
    Global,
    /// One tenant and its users.
    Tenant,
    /// One user of one tenant.
    User,
}

/// How much is left out when one path is merged into another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, CacheValue)]
#[serde(rename_all = "snake_case")]
pub enum MergeCompression {
    /// Nothing.
    None,
    /// Repetitions.
    Minimal,
    /// Details too.
    Moderate,
    /// All but the outcome.
    Aggressive,
}

/// How a path is shortened that grew too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, CacheValue)]
#[serde(rename_all = "snake_case")]
pub enum PathCompression {
    /// It is not.
    None,
    /// The newest messages are kept.
    SlidingWindow,
    /// What matters for the conversation is kept.
    Semantic,
    /// The newest messages are kept, and of the others what matters.
    Hybrid,
}

impl ConfigLevel {
    const ALL: [Self; 4] = [Self::BuiltIn, Self::Global, Self::Tenant, Self::User];

    /// The word that stands for it in the database and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BuiltIn => "built_in",
            Self::Global => "global",
            Self::Tenant => "tenant",
            Self::User => "user",
        }
    }
}

impl MergeCompression {
    const ALL: [Self; 4] = [Self::None, Self::Minimal, Self::Moderate, Self::Aggressive];

    /// The word that stands for it in the database and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Minimal => "minimal",
            Self::Moderate => "moderate",
            Self::Aggressive => "aggressive",
        }
    }
}

impl PathCompression {
    const ALL: [Self; 4] = [Self::None, Self::SlidingWindow, Self::Semantic, Self::Hybrid];

    /// The word that stands for it in the database and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::SlidingWindow => "sliding_window",
            Self::Semantic => "semantic",
            Self::Hybrid => "hybrid",
        }
    }
}

impl fmt::Display for ConfigLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for MergeCompression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for PathCompression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ConfigLevel {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        parse_word("parse a level", &Self::ALL, Self::as_str, text)
    }
}

impl FromStr for MergeCompression {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        parse_word("parse a merge compression strategy", &Self::ALL, Self::as_str, text)
    }
}

impl FromStr for PathCompression {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        parse_word("parse a path compression strategy", &Self::ALL, Self::as_str, text)
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::{Debug, Display};

    use super::*;

    fn is_its_word<T>(all: &[T])
    where
        T: Serialize + Display + FromStr<Err: Debug> + PartialEq + Debug,
    {
        for one in all {
            assert_eq!(serde_json::to_string(one).unwrap(), format!("\"{one}\""));
            assert_eq!(one.to_string().parse::<T>().unwrap(), *one);
        }
    }

    #[test]
    fn words_are_the_same_in_json_and_in_the_database() {
        is_its_word(&ConfigLevel::ALL);
        is_its_word(&MergeCompression::ALL);
        is_its_word(&PathCompression::ALL);
    }

    #[test]
    fn a_wrong_word_is_named_with_those_that_fit() {
        let error = "sliding".parse::<PathCompression>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "parse a path compression strategy: invalid input: `sliding` is none of none, sliding_window, semantic, hybrid"
        );
    }

    #[test]
    fn what_is_left_out_of_json_is_not_set() {
        let settings: ConfigSettings = serde_json::from_str(r#"{"merge_max_messages": 7}"#).unwrap();
        assert_eq!(settings, ConfigSettings { merge_max_messages: Some(7), ..ConfigSettings::default() });
        assert!(!settings.is_empty() && ConfigSettings::default().is_empty());
    }
}
