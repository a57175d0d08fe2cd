//! The end of a log in memory: bounded by lines and by bytes, filtered, searched.
//!
//! A line is kept as the text that stands in the file plus the few bytes that filters need; it is
//! read in full when somebody looks at it. Lines have absolute numbers that never change, so a
//! selection or a search result stays right while lines come and go.

mod filter;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::ops::Range;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use regex::Regex;

pub use filter::Filter;

use crate::temporal::logline::{self, Head, Kind, Level, LineParser, LogLine};

/// What an entry costs beside its text: itself, and the allocator's share.
const OVERHEAD: usize = size_of::<Slot>() + 16;

/// Different component names that are told apart; Temporal has about 20.
const MAX_COMPONENTS: usize = 1_000;

/// The last lines of a log.
#[derive(Debug)]
pub struct LogStore {
    parser: LineParser,
    slots: VecDeque<Slot>,
    first: u64,
    bytes: usize,
    max_lines: usize,
    max_bytes: usize,
    counts: [usize; Level::ALL.len()],
    marks: usize,
    components: Vec<String>,
}

/// As small as it gets: 100,000 of them are held.
#[derive(Debug)]
struct Slot {
    text: Box<str>,
    /// Nanoseconds since 1970, up to the year 2262; `i64::MIN`: the line says no time.
    time: i64,
    /// 0: not known.
    generation: u32,
    component: u16,
    level: Level,
    kind: Kind,
}

/// A line in the store.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    store: &'a LogStore,
    slot: &'a Slot,
    index: u64,
}

/// Where a search goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To newer lines.
    Forward,
    /// To older lines.
    Backward,
}

impl LogStore {
    /// Lines that are kept by default.
    pub const LINES: usize = 100_000;
    /// Bytes that are kept by default.
    pub const BYTES: usize = 32 * 1024 * 1024;

    /// An empty store that keeps at most `max_lines` lines and `max_bytes` bytes, its own overhead
    /// included, but always the newest line. For `zone` see [`LineParser::new`].
    pub fn new(max_lines: usize, max_bytes: usize, zone: TimeZone) -> Self {
        Self {
            parser: LineParser::new(zone),
            slots: VecDeque::new(),
            first: 0,
            bytes: 0,
            max_lines: max_lines.max(1),
            max_bytes,
            counts: [0; Level::ALL.len()],
            marks: 0,
            components: Vec::new(),
        }
    }

    /// Takes a line in; returns what was understood of it.
    pub fn push(&mut self, line: &[u8]) -> Head {
        let text = logline::text(line);
        let head = self.parser.scan(&text);
        let slot = Slot {
            text: text.into(),
            time: head.time.map_or(i64::MIN, nanoseconds),
            generation: head.generation.and_then(|n| u32::try_from(n).ok()).unwrap_or(0),
            component: self.intern(&head.component),
            level: head.level,
            kind: head.kind,
        };
        self.bytes += slot.cost();
        *self.counter(&slot) += 1;
        self.slots.push_back(slot);
        while self.slots.len() > self.max_lines
            || (self.bytes > self.max_bytes && self.slots.len() > 1)
        {
            self.drop_oldest();
        }
        head
    }

    /// Forgets all lines; numbers go on.
    pub fn clear(&mut self) {
        self.first = self.end();
        self.slots = VecDeque::new();
        self.bytes = 0;
        self.counts = [0; Level::ALL.len()];
        self.marks = 0;
    }

    /// Number of the oldest line kept; so many were dropped before it.
    pub fn first_index(&self) -> u64 {
        self.first
    }

    /// One more than the number of the newest line.
    pub fn end(&self) -> u64 {
        self.first + self.slots.len() as u64
    }

    /// Lines kept.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Bytes kept, overhead included.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Kept lines of a level, marks between generations apart.
    pub fn count(&self, level: Level) -> usize {
        self.counts[level.index()]
    }

    /// The component names seen so far, in the order of their appearance.
    pub fn components(&self) -> impl Iterator<Item = &str> {
        self.components.iter().map(String::as_str).filter(|name| !name.is_empty())
    }

    /// The line with that number, while it is kept.
    pub fn get(&self, index: u64) -> Option<Entry<'_>> {
        let slot = self.slots.get(usize::try_from(index.checked_sub(self.first)?).ok()?)?;
        Some(Entry { store: self, slot, index })
    }

    /// The kept lines with those numbers, from either end.
    pub fn range(&self, range: Range<u64>) -> impl DoubleEndedIterator<Item = Entry<'_>> {
        let position = |index: u64| (index.clamp(self.first, self.end()) - self.first) as usize;
        let begin = position(range.start);
        let slots = self.slots.range(begin..position(range.end).max(begin));
        let entry =
            move |(at, slot)| Entry { store: self, slot, index: self.first + (begin + at) as u64 };
        slots.enumerate().map(entry)
    }

    /// The lines of a range that pass a filter, from either end: a screenful is `.take(height)`.
    pub fn filtered<'a>(
        &'a self,
        range: Range<u64>,
        filter: &'a Filter,
    ) -> impl DoubleEndedIterator<Item = Entry<'a>> {
        self.range(range).filter(move |entry| filter.passes(entry))
    }

    /// How many kept lines pass a filter; at once where it asks for levels only.
    pub fn count_filtered(&self, filter: &Filter) -> usize {
        match filter.component {
            None => {
                let levels = Level::ALL.iter().filter(|level| **level >= filter.min_level);
                levels.map(|level| self.count(*level)).sum::<usize>() + self.marks
            }
            Some(_) => self.filtered(self.first..self.end(), filter).count(),
        }
    }

    /// The next line that passes the filter and matches, beginning with `from` itself.
    pub fn search(
        &self,
        pattern: &Regex,
        filter: &Filter,
        from: u64,
        direction: Direction,
    ) -> Option<u64> {
        let found = |entry: &Entry<'_>| filter.passes(entry) && pattern.is_match(entry.text());
        let entry = match direction {
            Direction::Forward => self.range(from..self.end()).find(found),
            Direction::Backward => self.range(self.first..from.saturating_add(1)).rev().find(found),
        };
        entry.map(|entry| entry.index)
    }

    /// Numbers of all lines in a range that pass the filter and match. Searching what is new since
    /// the last time is enough to keep a list of matches right.
    pub fn matches(&self, pattern: &Regex, filter: &Filter, range: Range<u64>) -> Vec<u64> {
        let found = |entry: &Entry<'_>| filter.passes(entry) && pattern.is_match(entry.text());
        self.range(range).filter(found).map(|entry| entry.index).collect()
    }

    fn drop_oldest(&mut self) {
        if let Some(slot) = self.slots.pop_front() {
            self.first += 1;
            self.bytes -= slot.cost();
            *self.counter(&slot) -= 1;
        }
    }

    fn counter(&mut self, slot: &Slot) -> &mut usize {
        match slot.kind {
            Kind::Mark => &mut self.marks,
            _ => &mut self.counts[slot.level.index()],
        }
    }

    fn intern(&mut self, component: &str) -> u16 {
        if let Some(known) = self.components.iter().position(|name| name == component) {
            return known as u16;
        }
        // Whoever invents component names gets one name for all further ones.
        if self.components.len() < MAX_COMPONENTS {
            let full = self.components.len() == MAX_COMPONENTS - 1;
            self.components.push(if full { "…" } else { component }.to_owned());
        }
        (self.components.len() - 1) as u16
    }
}

impl Slot {
    fn cost(&self) -> usize {
        self.text.len() + OVERHEAD
    }
}

impl<'a> Entry<'a> {
    /// The line's number.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// How bad it is.
    pub fn level(&self) -> Level {
        self.slot.level
    }

    /// What sort of line it is.
    pub fn kind(&self) -> Kind {
        self.slot.kind
    }

    /// Which part of Temporal speaks; may be empty.
    pub fn component(&self) -> &'a str {
        self.store.components.get(usize::from(self.slot.component)).map_or("", String::as_str)
    }

    /// The generation that wrote it, where known.
    pub fn generation(&self) -> Option<u64> {
        (self.slot.generation > 0).then(|| u64::from(self.slot.generation))
    }

    /// When it was written, where the line says so.
    pub fn time(&self) -> Option<Timestamp> {
        let nanoseconds = Some(self.slot.time).filter(|time| *time != i64::MIN)?;
        Timestamp::from_nanosecond(i128::from(nanoseconds)).ok()
    }

    /// The text as it stands in the file. **Not safe to print**: see [`Entry::line`].
    pub fn text(&self) -> &'a str {
        &self.slot.text
    }

    /// The line in full, safe to print; costs some microseconds.
    pub fn line(&self) -> LogLine {
        let head = Head {
            time: self.time(),
            level: self.level(),
            component: self.component().to_owned().into(),
            generation: self.generation(),
            kind: self.kind(),
        };
        logline::expand(self.text(), head)
    }
}

fn nanoseconds(time: Timestamp) -> i64 {
    i64::try_from(time.as_nanosecond()).unwrap_or(i64::MIN)
}
