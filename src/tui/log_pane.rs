//! The logs of the server and the workers for the view, in one order. Stores all lines, and decodes only
//! the lines on the screen.

use crate::log::line::{Kind, Level as LogLevel, LogLine as Parsed, level_of, worker_message};
use crate::log::noise::Noise as Known;
use crate::log::search::Finder;
use crate::log::{Counts, LogStore, MergedLine, UnitLog};
use jiff::tz::TimeZone;
use memchr::memmem;
use std::cell::{OnceCell, RefCell};
use std::collections::VecDeque;
use std::ops::Range;
use stigmer_ui::{Details, Level, LineCounts, LineHead, LineKind, LogLine, LogSource, Noise, OWN};

/// The lines of the logs. A line is decoded when a frame draws it, and the decoded form is
/// dropped after the frame. So with 100,000 lines, only the lines on the screen use memory for a
/// decoded form.
#[derive(Debug)]
pub struct LogPane {
    store: LogStore,
    zone: TimeZone,
    lines: VecDeque<PaneLine>,
    /// The open logs, in the order of their lines: number and name of the unit.
    open: Vec<(u16, String)>,
    /// The names of all units that ever had a log, by number. So a unit has the same number in all
    /// stored lines.
    known: Vec<String>,
    touched: RefCell<Vec<usize>>,
    /// The last search pattern and its compiled form. A search uses the compiled form again for
    /// each page.
    finder: RefCell<(String, Option<Finder>)>,
}

// The view and the store have the same number for the server.
const _: () = assert!(LogStore::SERVER == stigmer_ui::SERVER);

/// A stored line.
#[derive(Debug)]
struct PaneLine {
    names_workflow: bool,
    drawn: OnceCell<Box<Drawn>>,
}

#[derive(Debug)]
struct Drawn {
    clock: String,
    level: Level,
    text: String,
    fields: String,
    kind: LineKind,
    line: Parsed,
}

impl Default for LogPane {
    fn default() -> Self {
        Self {
            store: LogStore::new(LogStore::LINES, LogStore::BYTES),
            zone: crate::clock::zone(),
            lines: VecDeque::new(),
            open: vec![(LogStore::SERVER, UnitLog::SERVER.to_owned())],
            known: vec![UnitLog::SERVER.to_owned()],
            touched: RefCell::default(),
            finder: RefCell::default(),
        }
    }
}

impl LogPane {
    /// Opens these logs and drops all lines, because their order is that of the times in all logs.
    pub fn open(&mut self, logs: &[UnitLog]) {
        self.forget();
        self.store.clear();
        self.lines.clear();
        self.open.clear();
        for log in logs {
            let known = self.known.iter().position(|name| *name == log.unit);
            let number = known.unwrap_or_else(|| {
                self.known.push(log.unit.clone());
                self.known.len() - 1
            });
            // A machine runs fewer workers than there are numbers.
            self.open.push((u16::try_from(number).unwrap_or(OWN), log.unit.clone()));
        }
    }

    /// Appends a line of one of the open logs, or, if the number of the log is higher, a warning or an
    /// error of stigmer.
    pub fn push(&mut self, line: &MergedLine<'_>) {
        let unit = self.open.get(line.log).map_or(OWN, |(unit, _)| *unit);
        if unit == OWN && line.head.severity < LogLevel::Warn {
            return;
        }
        self.forget();
        self.store.push(unit, &line.text, &line.head);
        let names_workflow = unit == LogStore::SERVER && names_workflow(line.text.as_bytes());
        self.lines.push_back(PaneLine { names_workflow, drawn: OnceCell::new() });
        while self.lines.len() > self.store.len() {
            self.lines.pop_front();
        }
    }

    /// Drops all decoded lines. The next frame decodes the lines that it draws.
    pub fn forget(&mut self) {
        for index in self.touched.take() {
            if let Some(line) = self.lines.get_mut(index) {
                line.drawn.take();
            }
        }
    }

    fn with_finder<T>(
        &self,
        pattern: &str,
        search: impl FnOnce(&Finder) -> T,
    ) -> Result<T, String> {
        let mut kept = self.finder.borrow_mut();
        if kept.1.is_none() || kept.0 != pattern {
            *kept = (pattern.to_owned(), Some(Finder::new(pattern)?));
        }
        // This is always `Some`, because the code above has stored the pattern.
        kept.1.as_ref().map(search).ok_or_else(String::new)
    }

    fn drawn(&self, index: usize) -> Option<Drawn> {
        let entry = self.store.get(self.store.first_index() + index as u64)?;
        let mut line = entry.line();
        let is_of_worker = entry.unit() != LogStore::SERVER;
        let (text, fields, kind) = match line.kind {
            Kind::Raw if is_of_worker && !entry.continues() => {
                let (text, fields) = worker_message(entry.text());
                let kind = match level_of(entry.text()) {
                    LogLevel::Unknown => LineKind::Raw,
                    _ => LineKind::Structured,
                };
                line.fields = fields;
                (text, &line.fields, kind)
            }
            _ => (std::mem::take(&mut line.message), &line.fields, kind(line.kind)),
        };
        Some(Drawn {
            clock: line.clock(&self.zone).unwrap_or_default(),
            level: level(line.level),
            text,
            fields: shown_fields(fields),
            kind,
            line,
        })
    }
}

/// Returns the fields as the screen shows them. A line is often longer than the screen, so the fields
/// that name the workflow and the failure come first, and internal numbers last.
fn shown_fields(fields: &[(String, String)]) -> String {
    const FIRST: [&str; 5] = ["wf-id", "failure-message", "error", "wf-type", "activity-type"];
    const LAST: [&str; 7] = [
        "wf-namespace",
        "wf-run-id",
        "wf-namespace-id",
        "shard-id",
        "address",
        "component",
        "logging-call-at",
    ];
    let rank = |name: &str| {
        let first = FIRST.iter().position(|it| *it == name);
        let last = LAST.iter().position(|it| *it == name).map(|at| FIRST.len() + 1 + at);
        first.or(last).unwrap_or(FIRST.len())
    };
    let mut shown: Vec<&(String, String)> =
        fields.iter().filter(|(_, value)| !value.is_empty()).collect();
    shown.sort_by_key(|(name, _)| rank(name));
    let texts: Vec<String> = shown.iter().map(|(name, value)| format!("{name}={value}")).collect();
    texts.join("  ")
}

impl LogSource for LogPane {
    fn len(&self) -> usize {
        self.store.len()
    }

    fn line(&self, index: usize) -> Option<LogLine<'_>> {
        let cell = &self.lines.get(index)?.drawn;
        if cell.get().is_none() {
            let drawn = self.drawn(index)?;
            self.touched.borrow_mut().push(index);
            // This cannot fail: the cell is empty, and no other thread uses it.
            let _ = cell.set(Box::new(drawn));
        }
        let drawn = cell.get()?;
        let entry = self.store.get(self.store.first_index() + index as u64)?;
        Some(LogLine {
            time: &drawn.clock,
            level: drawn.level,
            component: &drawn.line.component,
            text: &drawn.text,
            fields: &drawn.fields,
            kind: drawn.kind,
            unit: entry.unit(),
            continues: entry.continues(),
        })
    }

    fn dropped(&self) -> u64 {
        self.store.first_index()
    }

    fn head(&self, index: usize) -> Option<LineHead> {
        let entry = self.store.get(self.store.first_index() + index as u64)?;
        Some(LineHead {
            level: level(entry.severity()),
            unit: entry.unit(),
            continues: entry.continues(),
            component: entry.component_id(),
            kind: kind(entry.kind()),
            noise: entry.noise().map(|noise| match noise {
                Known::StartUp => Noise::StartUp,
                Known::Shutdown => Noise::Shutdown,
                Known::Adjacent => Noise::Adjacent,
                Known::AdjacentToShutdown => Noise::AdjacentToShutdown,
                Known::NoServer => Noise::NoServer,
            }),
            names_workflow: self.lines.get(index).is_some_and(|line| line.names_workflow),
        })
    }

    fn component(&self, id: u16) -> &str {
        self.store.components().get(usize::from(id)).map_or("", String::as_str)
    }

    fn details(&self, index: usize) -> Option<Details> {
        let drawn = self.drawn(index)?;
        Some(Details { fields: drawn.line.fields, raw: drawn.line.raw })
    }

    fn find(&self, pattern: &str, numbers: Range<u64>) -> Result<Vec<u64>, String> {
        self.with_finder(pattern, |finder| self.store.find(finder, numbers))
    }

    fn counts(&self, unit: u16) -> LineCounts {
        let Counts { lines, errors } = self.store.counts(unit);
        LineCounts { lines, errors }
    }

    fn units(&self) -> &[(u16, String)] {
        &self.open
    }

    fn spans(&self, pattern: &str, text: &str) -> Vec<Range<usize>> {
        self.with_finder(pattern, |finder| finder.spans(text)).unwrap_or_default()
    }
}

/// Whether a line of the server names a workflow. Workflows of the server itself do not count.
fn names_workflow(line: &[u8]) -> bool {
    [&b"\"wf-id\":"[..], b" wf-id="].into_iter().any(|key| {
        memmem::find(line, key).is_some_and(|at| {
            let id = &line[at + key.len()..];
            let id = id.strip_prefix(b"\"").unwrap_or(id);
            !id.starts_with(b"\"") && !id.starts_with(b"temporal-sys-")
        })
    })
}

fn level(level: LogLevel) -> Level {
    match level {
        LogLevel::Debug => Level::Debug,
        LogLevel::Info | LogLevel::Unknown => Level::Info,
        LogLevel::Warn => Level::Warn,
        LogLevel::Error => Level::Error,
    }
}

fn kind(kind: Kind) -> LineKind {
    match kind {
        Kind::Json | Kind::Text => LineKind::Structured,
        Kind::Mark => LineKind::GenerationMark,
        Kind::Raw | Kind::Dump => LineKind::Raw,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_names_a_workflow_of_the_user_in_both_formats() {
        let json = |id: &str| format!(r#"{{"level":"INFO","msg":"x","wf-id":"{id}","n":1}}"#);
        let text = |id: &str| format!("time=2026 level=INFO msg=x wf-id={id} n=1");
        for line in [json("drift-11"), text("drift-11"), text("\"drift 11\"")] {
            assert!(names_workflow(line.as_bytes()), "{line}");
        }
        let own = "temporal-sys-history-scanner";
        for line in [json(own), text(own), json(""), text("\"\""), "msg=wf-id".to_owned()] {
            assert!(!names_workflow(line.as_bytes()), "{line}");
        }
    }
    #[test]
    fn workflow_and_failure_are_the_first_fields_and_internal_numbers_the_last() {
        let fields = [
            ("shard-id", "1"),
            ("attempt", "3"),
            ("wf-namespace", "default"),
            ("failure-message", "no order"),
            ("failure-source", ""),
            ("wf-id", "drift-11"),
        ];
        let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(
            shown_fields(&fields),
            "wf-id=drift-11  failure-message=no order  attempt=3  wf-namespace=default  shard-id=1"
        );
        assert_eq!(shown_fields(&[]), "");
    }
}
