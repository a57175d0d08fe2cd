//! The log that the view draws: a store, and the lines on the screen in full.

use crate::log::{Batch, LogStore};
use crate::temporal::logline::{Kind, Level as LogLevel, LogLine as Parsed};
use jiff::tz::TimeZone;
use std::cell::{OnceCell, RefCell};
use std::collections::VecDeque;
use stigmer_ui::{Level, LineKind, LogLine, LogSource};

/// A line is read in full when it is first drawn and forgotten after the frame:
/// of 100,000 lines, those on the screen cost anything.
#[derive(Debug)]
pub struct LogPane {
    store: LogStore,
    zone: TimeZone,
    lines: VecDeque<OnceCell<Box<Drawn>>>,
    touched: RefCell<Vec<usize>>,
}

#[derive(Debug)]
struct Drawn {
    clock: String,
    level: Level,
    fields: String,
    line: Parsed,
}

impl Default for LogPane {
    fn default() -> Self {
        let zone = TimeZone::system();
        Self {
            store: LogStore::new(LogStore::LINES, LogStore::BYTES, zone.clone()),
            zone,
            lines: VecDeque::new(),
            touched: RefCell::default(),
        }
    }
}

impl LogPane {
    /// Takes lines in.
    pub fn push(&mut self, batch: &Batch) {
        self.forget();
        for line in batch.lines() {
            self.store.push(line);
            self.lines.push_back(OnceCell::new());
        }
        while self.lines.len() > self.store.len() {
            self.lines.pop_front();
        }
    }

    /// The frame is drawn.
    pub fn forget(&mut self) {
        for index in self.touched.take() {
            if let Some(line) = self.lines.get_mut(index) {
                line.take();
            }
        }
    }

    fn drawn(&self, index: usize) -> Option<Drawn> {
        let line = self.store.get(self.store.first_index() + index as u64)?.line();
        let fields: Vec<String> =
            line.fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
        Some(Drawn {
            clock: line.clock(&self.zone).unwrap_or_default(),
            level: match line.level {
                LogLevel::Debug => Level::Debug,
                LogLevel::Info | LogLevel::Unknown => Level::Info,
                LogLevel::Warn => Level::Warn,
                LogLevel::Error => Level::Error,
            },
            fields: fields.join("  "),
            line,
        })
    }
}

impl LogSource for LogPane {
    fn len(&self) -> usize {
        self.store.len()
    }

    fn line(&self, index: usize) -> Option<LogLine<'_>> {
        let cell = self.lines.get(index)?;
        if cell.get().is_none() {
            let drawn = self.drawn(index)?;
            self.touched.borrow_mut().push(index);
            // Just seen to be empty, and nobody else is here.
            let _ = cell.set(Box::new(drawn));
        }
        let drawn = cell.get()?;
        Some(LogLine {
            time: &drawn.clock,
            level: drawn.level,
            component: &drawn.line.component,
            text: &drawn.line.message,
            fields: &drawn.fields,
            kind: match drawn.line.kind {
                Kind::Json | Kind::Text => LineKind::Structured,
                Kind::Mark => LineKind::GenerationMark,
                Kind::Raw | Kind::Dump => LineKind::Raw,
            },
        })
    }

    fn dropped(&self) -> u64 {
        self.store.first_index()
    }
}
