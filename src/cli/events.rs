//! `stigmer local events`: prints the timeline from its file.

use super::output::{self, line};
use super::{CliError, Context};
use crate::facts::chronicle;
use crate::presenter;
use crate::protocol::Entry;
use crate::supervisor::Cause;
use stigmer_ui::human;

pub(super) fn run(context: &Context, last: Option<usize>, json: bool) -> Result<i32, CliError> {
    context.warn_of_broken_files();
    let mut lines: Vec<String> = Vec::new();
    for file in chronicle::files(&context.home.events()) {
        match std::fs::read(&file) {
            Ok(bytes) => lines.extend(String::from_utf8_lossy(&bytes).lines().map(str::to_owned)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => {
                return Err(CliError::Other(format!(
                    "cannot read the timeline {}: {error}; check the owner of the file",
                    file.display()
                )));
            }
        }
    }
    // Skip lines that cannot be parsed: a full disk may have cut them off, or another version of
    // stigmer may have written them.
    let entries = lines.iter().filter_map(|text| Some((text, serde_json::from_str(text).ok()?)));
    let entries: Vec<(&String, Entry)> = entries.collect();
    let first = last.map_or(0, |last| entries.len().saturating_sub(last));
    for (text, entry) in &entries[first..] {
        if json {
            output::json(text);
        } else {
            print(entry);
        }
    }
    Ok(0)
}

fn print(entry: &Entry) {
    let time = entry.time.to_zoned(crate::clock::zone()).strftime("%Y-%m-%d %H:%M:%S%.3f");
    line(&format!("{time}  {}", presenter::describe(entry)));
    let phases: Vec<String> = entry
        .phases
        .iter()
        .map(|phase| format!("{} {}", phase.name, human::latency(phase.us)))
        .collect();
    if !phases.is_empty() {
        line(&format!("    {}", phases.join(", ")));
    }
    // Do not print the peak memory for an out-of-memory kill, because the detail of the entry
    // contains it already.
    let shows_peak = entry.cause != Cause::Operator && entry.oom_kills.is_none();
    if let Some(peak) = entry.peak_rss_bytes.filter(|_| shows_peak) {
        line(&format!("    peak memory {}", human::bytes(peak)));
    }
    let gap = !entry.first_words.is_empty() && !entry.last_words.is_empty();
    let words = entry.first_words.iter().map(String::as_str);
    let words = words.chain(gap.then_some("…")).chain(entry.last_words.iter().map(String::as_str));
    for words in words {
        line(&format!("    | {words}"));
    }
}
