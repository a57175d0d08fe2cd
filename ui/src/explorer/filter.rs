//! The filter of the log.

use crate::log::{Level, LineHead, LineKind, LogSource, SERVER};

/// Filter by level, unit, component and line number. Marks between generations pass every level and
/// component, because a log without these marks would be misleading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Filter {
    /// Minimum level.
    pub(crate) level: Level,
    /// Number of the unit to show. `None` for all.
    pub(crate) unit: Option<u16>,
    /// Component of the server to show. `None` for all.
    pub(crate) component: Option<u16>,
    /// Number of the first line to show.
    pub(crate) from: u64,
}

impl Default for Filter {
    /// A filter that all lines pass.
    fn default() -> Self {
        Self { level: Level::Trace, unit: None, component: None, from: 0 }
    }
}

impl Filter {
    pub(crate) fn passes(&self, number: u64, head: &LineHead) -> bool {
        number >= self.from
            && self.unit.is_none_or(|unit| unit == head.unit)
            && (head.kind == LineKind::GenerationMark
                || (head.level >= self.level
                    && self.component.is_none_or(|id| id == head.component)))
    }

    /// Returns the filter with the next level. After the last level, all levels pass.
    pub(crate) fn next_level(self) -> Self {
        let level = match self.level {
            Level::Trace | Level::Debug => Level::Info,
            Level::Info => Level::Warn,
            Level::Warn => Level::Error,
            Level::Error => Level::Trace,
        };
        Self { level, ..self }
    }

    /// Returns the levels that pass, in words. `None` if all levels pass.
    pub(crate) fn level_words(self) -> Option<&'static str> {
        match self.level {
            Level::Trace | Level::Debug => None,
            Level::Info => Some("info and above"),
            Level::Warn => Some("warnings and errors"),
            Level::Error => Some("errors only"),
        }
    }
}

/// Returns the number of stored lines of a unit, or of all.
pub(crate) fn lines(log: &dyn LogSource, unit: Option<u16>) -> u64 {
    let of_unit = |index: &usize| log.head(*index).is_some_and(|head| Some(head.unit) == unit);
    match unit {
        Some(_) => (0..log.len()).filter(of_unit).count() as u64,
        None => log.len() as u64,
    }
}

/// Returns the components of the stored lines of the server with their numbers of lines, sorted by name.
pub(crate) fn components(log: &dyn LogSource) -> Vec<(u16, u64)> {
    let mut counts: Vec<u64> = Vec::new();
    let heads = (0..log.len()).filter_map(|index| log.head(index));
    let heads = heads.filter(|head| head.unit == SERVER && head.kind != LineKind::GenerationMark);
    for head in heads {
        let id = usize::from(head.component);
        if counts.len() <= id {
            counts.resize(id + 1, 0);
        }
        counts[id] += 1;
    }
    let mut counts: Vec<(u16, u64)> =
        (0..=u16::MAX).zip(counts).filter(|(_, lines)| *lines > 0).collect();
    // Lines without a component come last.
    counts.sort_by_key(|(id, _)| (log.component(*id).is_empty(), log.component(*id).to_owned()));
    counts
}
