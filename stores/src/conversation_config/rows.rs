//! The settings of one level as columns of a row, for every SQL database.

use std::error::Error;
use std::str::FromStr;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::check::GET;
use super::effective::{Layer, effective};
use super::{ConfigSettings, ConversationConfig};
use crate::backend::row;
use crate::{StoreError, StoreErrorKind, UserId};

row! {
    pub(super) struct ConfigRow {
        config_level: String,
        merge_compression_strategy: Option<String>,
        merge_max_messages: Option<i32>,
        merge_preserve_pinned: Option<bool>,
        path_compression_strategy: Option<String>,
        path_max_messages: Option<i32>,
        path_sliding_window_size: Option<i32>,
        path_compression_threshold: Option<f64>,
        auto_compact_enabled: Option<bool>,
        compaction_interval_minutes: Option<i32>,
        updated_at: DateTime<Utc>,
        updated_by: Option<UserId>,
    }
}

impl ConfigRow {
    fn into_layer(self) -> Result<Layer, StoreError> {
        let settings = ConfigSettings {
            merge_compression_strategy: word(self.merge_compression_strategy.as_deref())?,
            merge_max_messages: count(self.merge_max_messages)?,
            merge_preserve_pinned: self.merge_preserve_pinned,
            path_compression_strategy: word(self.path_compression_strategy.as_deref())?,
            path_max_messages: count(self.path_max_messages)?,
            path_sliding_window_size: count(self.path_sliding_window_size)?,
            path_compression_threshold: self.path_compression_threshold,
            auto_compact_enabled: self.auto_compact_enabled,
            compaction_interval_minutes: count(self.compaction_interval_minutes)?,
        };
        let level = self.config_level.parse().map_err(corrupt)?;
        Ok(Layer { level, settings, updated_at: self.updated_at, updated_by: self.updated_by })
    }
}

/// The effective configuration of the rows of all levels.
pub(super) fn config(rows: Vec<ConfigRow>) -> Result<Arc<ConversationConfig>, StoreError> {
    let layers: Result<Vec<Layer>, StoreError> = rows.into_iter().map(ConfigRow::into_layer).collect();
    layers.map(effective)
}

fn word<T: FromStr<Err = StoreError>>(column: Option<&str>) -> Result<Option<T>, StoreError> {
    column.map(str::parse).transpose().map_err(corrupt)
}

fn count(column: Option<i32>) -> Result<Option<u32>, StoreError> {
    column.map(u32::try_from).transpose().map_err(corrupt)
}

fn corrupt(why: impl Error + Send + Sync + 'static) -> StoreError {
    StoreError::new(StoreErrorKind::Corrupt, GET, "").with_source(why)
}
