//! Which lines one wants to see.

use crate::log::{Level, LineHead, LineKind, LogSource};

/// A choice of lines. Marks between generations pass while anything may: a log without them misleads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Filter {
    /// This level and above.
    pub(crate) level: Level,
    /// Only this component.
    pub(crate) component: Option<u16>,
    /// Only from this line on.
    pub(crate) from: u64,
}

impl Default for Filter {
    /// Everything passes.
    fn default() -> Self {
        Self { level: Level::Trace, component: None, from: 0 }
    }
}

impl Filter {
    pub(crate) fn passes(&self, number: u64, head: &LineHead) -> bool {
        number >= self.from
            && (head.kind == LineKind::GenerationMark
                || (head.level >= self.level
                    && self.component.is_none_or(|id| id == head.component)))
    }

    /// The next choice of levels; after the last everything again.
    pub(crate) fn next_level(self) -> Self {
        let level = match self.level {
            Level::Trace | Level::Debug => Level::Info,
            Level::Info => Level::Warn,
            Level::Warn => Level::Error,
            Level::Error => Level::Trace,
        };
        Self { level, ..self }
    }

    /// The choice of levels in words; `None`: all.
    pub(crate) fn level_words(self) -> Option<&'static str> {
        match self.level {
            Level::Trace | Level::Debug => None,
            Level::Info => Some("info and above"),
            Level::Warn => Some("warnings and errors"),
            Level::Error => Some("errors only"),
        }
    }
}

/// The components that speak in the log and how many lines each has, by name.
pub(crate) fn components(log: &dyn LogSource) -> Vec<(u16, u64)> {
    let mut counts: Vec<u64> = Vec::new();
    let heads = (0..log.len()).filter_map(|index| log.head(index));
    for head in heads.filter(|head| head.kind != LineKind::GenerationMark) {
        let id = usize::from(head.component);
        if counts.len() <= id {
            counts.resize(id + 1, 0);
        }
        counts[id] += 1;
    }
    let mut counts: Vec<(u16, u64)> =
        (0..=u16::MAX).zip(counts).filter(|(_, lines)| *lines > 0).collect();
    // Lines of nobody come last.
    counts.sort_by_key(|(id, _)| (log.component(*id).is_empty(), log.component(*id).to_owned()));
    counts
}
