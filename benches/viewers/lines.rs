//! The times at which the screen of a dashboard shows each line.

use crate::screen::Screen;
use crate::stage::Stage;
use crate::writer::WORD;
use anyhow::Result;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Pairs of a line number and the moment at which this line and all lines before it had been on the
/// screen.
pub type Seen = Vec<(u64, Instant)>;

/// An attached dashboard, and the lines that it has shown.
pub struct LineScreen {
    pub screen: Screen,
    seen: Arc<Mutex<Seen>>,
}

impl LineScreen {
    pub fn attach(stage: &Stage) -> Result<Self> {
        let seen = Arc::new(Mutex::new(Seen::new()));
        let watched = seen.clone();
        let screen = Screen::attach(stage, move |text, now| {
            let Some(newest) = newest(text) else { return };
            let mut seen = watched.lock().expect("no thread panics with the lock");
            if seen.last().is_none_or(|(before, _)| newest > *before) {
                seen.push((newest, now));
            }
        })?;
        // The first screen folds routine lines, and so does the tab of logs until `z`.
        screen.press("4")?;
        screen.wait("the tab of logs", |text| text.contains("following"))?;
        screen.press("z")?;
        Ok(Self { screen, seen })
    }

    /// Waits until this line is on the screen. Returns the lines seen until then.
    pub fn until(&self, number: u64) -> Result<Seen> {
        let is_seen = |_: &str| {
            let seen = self.seen.lock().expect("no thread panics with the lock");
            seen.last().is_some_and(|(seen, _)| *seen >= number)
        };
        self.screen.wait(&format!("line {number}"), is_seen)?;
        Ok(self.seen.lock().expect("no thread panics with the lock").clone())
    }
}

fn newest(text: &str) -> Option<u64> {
    let number = |line: &str| line.split_once(WORD)?.1.get(..10)?.parse().ok();
    text.lines().filter_map(number).max()
}

/// Returns for each line the time from its write to its appearance on the screen.
pub fn latencies(written: &[Instant], seen: &Seen) -> Vec<Duration> {
    let reached = |number: usize| {
        let at = seen.partition_point(|(newest, _)| *newest < number as u64);
        seen.get(at).map(|(_, at)| *at)
    };
    written
        .iter()
        .enumerate()
        .filter_map(|(number, at)| Some(reached(number)?.saturating_duration_since(*at)))
        .collect()
}
