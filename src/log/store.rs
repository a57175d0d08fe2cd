//! Keeps the last lines of one or several logs in memory, with limits for lines and bytes, and searches
//! them.
//!
//! For each line, the store has the text and a few bytes for filters. A line is parsed completely
//! only when it is shown. Each line has a number that never changes. So a selection or a search
//! result stays valid while lines are added and dropped.

mod pages;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;

use jiff::Timestamp;
use pages::{Pages, Place};

use super::line::{Head, Kind, Level, LogLine};
use super::noise::{self, Noise, NoiseFilter};
use super::search::Finder;

/// Memory for a line in addition to its text, in bytes: a slot and a line end.
const OVERHEAD: usize = size_of::<Slot>() + 1;

/// Minimum number of lines for a search on several threads.
const PARALLEL: usize = 20_000;
const MAX_HANDS: usize = 4;

/// Maximum number of different component names. Temporal has about 20.
const MAX_COMPONENTS: usize = 1_000;

/// The last lines of the log of a server and of other units.
#[derive(Debug)]
pub struct LogStore {
    noise: NoiseFilter,
    pages: Pages,
    slots: VecDeque<Slot>,
    first: u64,
    bytes: usize,
    max_lines: usize,
    max_bytes: usize,
    components: Vec<String>,
    counts: BTreeMap<u16, Counts>,
}

/// Numbers of stored lines of one unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All lines.
    pub lines: u64,
    /// The errors, without noise. A line that continues the line before it does not count.
    pub errors: u64,
}

/// The data of a stored line in addition to its text. A slot is small, because there are up to
/// 100,000 slots.
#[derive(Debug)]
struct Slot {
    place: Place,
    /// Time of the line in nanoseconds since 1970, up to the year 2262. `i64::MIN` if the line has
    /// no time.
    time: i64,
    /// Generation of the server that wrote the line. Zero if unknown.
    generation: u32,
    component: u16,
    /// Number of the unit that wrote the line.
    unit: u16,
    severity: Level,
    continues: bool,
    kind: Kind,
    noise: Option<Noise>,
}

/// A line in a store.
#[derive(Clone, Copy, Debug)]
pub struct StoredLine<'a> {
    store: &'a LogStore,
    slot: &'a Slot,
    index: u64,
}

impl LogStore {
    /// Default maximum number of lines.
    pub const LINES: usize = 100_000;
    /// Default maximum size in bytes.
    pub const BYTES: usize = 32 * 1024 * 1024;
    /// Number of the server among the units.
    pub const SERVER: u16 = 0;

    /// Creates an empty store for at most `max_lines` lines and `max_bytes` bytes. The bytes
    /// include the overhead of each line, but not the unused parts of the first and last page (64
    /// KiB each). The newest line is always kept.
    pub fn new(max_lines: usize, max_bytes: usize) -> Self {
        Self {
            noise: NoiseFilter::default(),
            pages: Pages::default(),
            slots: VecDeque::new(),
            first: 0,
            bytes: 0,
            max_lines: max_lines.max(1),
            max_bytes,
            components: Vec::new(),
            counts: BTreeMap::new(),
        }
    }

    /// Appends a line of a unit and drops the oldest lines beyond the limits. The lines of the server
    /// must be passed in their order.
    pub fn push(&mut self, unit: u16, text: &str, head: &Head) {
        let slot = Slot {
            place: self.pages.push(text),
            time: head.time.map_or(i64::MIN, nanoseconds),
            generation: head.generation.and_then(|n| u32::try_from(n).ok()).unwrap_or(0),
            component: self.intern(&head.component),
            unit,
            severity: head.severity,
            continues: head.continues,
            kind: head.kind,
            noise: match unit {
                Self::SERVER => self.noise.classify(text, head),
                _ => noise::of_worker(text),
            },
        };
        self.bytes += slot.cost();
        let counts = self.counts.entry(unit).or_default();
        counts.lines += 1;
        counts.errors += u64::from(slot.is_error());
        self.slots.push_back(slot);
        while self.slots.len() > self.max_lines
            || (self.bytes > self.max_bytes && self.slots.len() > 1)
        {
            self.drop_oldest();
        }
    }

    /// Drops all lines. The next line has the next number.
    pub fn clear(&mut self) {
        while !self.slots.is_empty() {
            self.drop_oldest();
        }
        self.noise = NoiseFilter::default();
    }

    /// Number of the oldest stored line. It equals the number of lines that were dropped.
    pub fn first_index(&self) -> u64 {
        self.first
    }

    /// Number of the next line that is appended.
    pub fn end(&self) -> u64 {
        self.first + self.slots.len() as u64
    }

    /// Number of stored lines.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether no line is stored.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Size of the stored lines in bytes, with the overhead of each line.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Numbers of the stored lines of this unit.
    pub fn counts(&self, unit: u16) -> Counts {
        self.counts.get(&unit).copied().unwrap_or_default()
    }

    /// All component names that have occurred, in the order of their first line. A name is never
    /// removed. One of the names may be empty.
    pub fn components(&self) -> &[String] {
        &self.components
    }

    /// The line with this number, if it is still stored.
    pub fn get(&self, index: u64) -> Option<StoredLine<'_>> {
        let slot = self.slots.get(usize::try_from(index.checked_sub(self.first)?).ok()?)?;
        Some(StoredLine { store: self, slot, index })
    }

    /// The stored lines with these numbers, iterable from both ends.
    pub fn range(&self, range: Range<u64>) -> impl DoubleEndedIterator<Item = StoredLine<'_>> {
        let begin = self.position(range.start);
        let slots = self.slots.range(begin..self.position(range.end).max(begin));
        let entry = move |(at, slot)| StoredLine {
            store: self,
            slot,
            index: self.first + (begin + at) as u64,
        };
        slots.enumerate().map(entry)
    }

    /// The numbers of all matching lines in a range. A caller that keeps a list of matches needs to
    /// search only the new lines.
    pub fn find(&self, finder: &Finder, range: Range<u64>) -> Vec<u64> {
        let (begin, end) = (self.position(range.start), self.position(range.end));
        if end.saturating_sub(begin) < PARALLEL {
            return self.find_in(finder, begin..end);
        }
        let hands = std::thread::available_parallelism().map_or(1, usize::from).min(MAX_HANDS);
        let share = (end - begin).div_ceil(hands);
        std::thread::scope(|scope| {
            let search = |from: usize| {
                let part = from..(from + share).min(end);
                // Each thread gets its own clone of the pattern. Threads with a common pattern
                // would wait for each other, because a pattern has memory that only one search can
                // use at a time.
                let (finder, its) = (finder.clone(), part.clone());
                let thread = std::thread::Builder::new().name("search".to_owned());
                thread.spawn_scoped(scope, move || self.find_in(&finder, its)).map_err(|_| part)
            };
            let parts: Vec<_> = (begin..end).step_by(share).map(search).collect();
            let found = parts.into_iter().map(|part| match part {
                Ok(thread) => thread.join().expect("a search never panics"),
                // The system created no thread, for example at the limit of processes. So this
                // thread searches the part itself.
                Err(part) => self.find_in(finder, part),
            });
            found.collect::<Vec<_>>().concat()
        })
    }

    fn find_in(&self, finder: &Finder, slots: Range<usize>) -> Vec<u64> {
        let mut found = Vec::new();
        let mut at = slots.start;
        while at < slots.end {
            let Place { page, mut start, .. } = self.slots[at].place;
            let rest = self.slots.range(at..slots.end);
            let next_page = at + rest.take_while(|slot| slot.place.page == page).count();
            let text = self.pages.page(page);
            let end = self.slots[next_page - 1].place.end as usize;
            while let Some(line) = finder.next(text, start as usize, end) {
                while (self.slots[at].place.end as usize) < line.end {
                    at += 1;
                }
                found.push(self.first + at as u64);
                start = self.slots[at].place.end + 1;
            }
            at = next_page;
        }
        found
    }

    fn position(&self, index: u64) -> usize {
        (index.clamp(self.first, self.end()) - self.first) as usize
    }

    fn drop_oldest(&mut self) {
        if let Some(slot) = self.slots.pop_front() {
            self.first += 1;
            self.bytes -= slot.cost();
            let counts = self.counts.entry(slot.unit).or_default();
            counts.lines -= 1;
            counts.errors -= u64::from(slot.is_error());
            self.pages.release(slot.place);
        }
    }

    fn intern(&mut self, component: &str) -> u16 {
        if let Some(known) = self.components.iter().position(|name| name == component) {
            return known as u16;
        }
        // The log may contain any number of invented names, so the memory for names is limited.
        // Beyond the limit, all further names are stored as one name.
        if self.components.len() < MAX_COMPONENTS {
            let full = self.components.len() == MAX_COMPONENTS - 1;
            self.components.push(if full { "…" } else { component }.to_owned());
        }
        (self.components.len() - 1) as u16
    }
}

impl Slot {
    fn cost(&self) -> usize {
        (self.place.end - self.place.start) as usize + OVERHEAD
    }

    fn is_error(&self) -> bool {
        self.severity == Level::Error && !self.continues && self.noise.is_none()
    }
}

impl<'a> StoredLine<'a> {
    /// Number of the line.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// Number of the unit that wrote the line.
    pub fn unit(&self) -> u16 {
        self.slot.unit
    }

    /// Level of the line, or else of the line that it continues: see [`Head::severity`].
    pub fn severity(&self) -> Level {
        self.slot.severity
    }

    /// Whether the line belongs to the line before it: see [`Head::continues`].
    pub fn continues(&self) -> bool {
        self.slot.continues
    }

    /// Kind of the line.
    pub fn kind(&self) -> Kind {
        self.slot.kind
    }

    /// The kind of noise of this line. `None` if the line is not noise, which the server writes at
    /// every start or stop.
    pub fn noise(&self) -> Option<Noise> {
        self.slot.noise
    }

    /// Name of the component of Temporal that wrote the line. May be empty.
    pub fn component(&self) -> &'a str {
        self.store.components.get(usize::from(self.slot.component)).map_or("", String::as_str)
    }

    /// Index of the component name in [`LogStore::components`].
    pub fn component_id(&self) -> u16 {
        self.slot.component
    }

    /// Generation of the server that wrote the line, if known.
    pub fn generation(&self) -> Option<u64> {
        (self.slot.generation > 0).then(|| u64::from(self.slot.generation))
    }

    /// Time of the line, if it has one.
    pub fn time(&self) -> Option<Timestamp> {
        let nanoseconds = Some(self.slot.time).filter(|time| *time != i64::MIN)?;
        Timestamp::from_nanosecond(i128::from(nanoseconds)).ok()
    }

    /// The text of the line as in the file. **Not safe to print**; use [`StoredLine::line`] to
    /// print it.
    pub fn text(&self) -> &'a str {
        self.store.pages.get(self.slot.place)
    }

    /// The completely parsed line, safe to print. This takes some microseconds. Its level is the
    /// severity.
    pub fn line(&self) -> LogLine {
        let head = Head {
            time: self.time(),
            level: self.severity(),
            severity: self.severity(),
            continues: self.continues(),
            component: self.component().to_owned().into(),
            generation: self.generation(),
            kind: self.kind(),
        };
        super::line::expand(self.text(), head)
    }
}

fn nanoseconds(time: Timestamp) -> i64 {
    i64::try_from(time.as_nanosecond()).unwrap_or(i64::MIN)
}
