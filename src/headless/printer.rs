//! Prints events and log lines on stdout, for people and scripts.

use super::output::LineOutput;
use crate::config::Settings;
use crate::harmless::harmless;
use crate::log::line::LineParser;
use crate::log::{Batch, Follower, StartAt};
use crate::presenter;
use crate::protocol::{Entry, State, Status};
use crate::session::Session;
use jiff::tz::TimeZone;
use std::sync::Arc;

/// The entries of the timeline that must not be printed (again).
#[derive(Debug)]
enum Printed {
    /// At the start: all entries that are older than this time.
    Before(jiff::Timestamp),
    /// Later: the entries that were printed already. Times are not used for this, because the clock
    /// may be set back.
    These(Vec<Arc<Entry>>),
}

impl Printed {
    fn new_entries(&mut self, timeline: &[Arc<Entry>]) -> Vec<Arc<Entry>> {
        let is_new = |entry: &&Arc<Entry>| match &*self {
            Self::Before(begun) => entry.time > *begun,
            Self::These(printed) => !printed.contains(entry),
        };
        let new_entries = timeline.iter().filter(is_new).cloned().collect();
        *self = Self::These(timeline.to_vec());
        new_entries
    }
}

/// Prints the events of a host and the log of its server.
pub(super) struct Printer {
    out: LineOutput,
    log: Follower,
    parser: LineParser,
    zone: TimeZone,
    state: Option<(State, String)>,
    /// The entries of the timeline that must not be printed (again).
    printed: Printed,
    printed_ready: bool,
    follows: bool,
}

impl Printer {
    /// Creates a printer. It prints no timeline entries and no log lines from before this call.
    ///
    /// # Errors
    /// See [`LineOutput::begin`].
    pub(super) fn new(settings: &Settings) -> std::io::Result<Self> {
        let zone = crate::clock::zone();
        Ok(Self {
            out: LineOutput::begin(std::io::stdout())?,
            log: Follower::new(&settings.home.temporal_log(), StartAt::Tail(0)),
            parser: LineParser::new(zone.clone()),
            zone,
            state: None,
            printed: Printed::Before(jiff::Timestamp::now()),
            printed_ready: false,
            follows: false,
        })
    }

    pub(super) fn line(&self, text: &str) {
        let clock = crate::clock::now().strftime("%H:%M:%S%.3f");
        self.out.event(format!("{clock} stigmer  {}\n", harmless(text)));
    }

    pub(super) fn follows(&mut self, status: &Status) {
        self.follows = true;
        if let Some(host) = &status.host {
            self.line(&format!("attached to the {} host, pid {}", host.mode.as_str(), host.pid));
        }
    }

    /// Prints the changes since the last call: new timeline entries, a new state, and that the
    /// server has become ready.
    pub(super) fn status(&mut self, session: &Session) {
        let snapshot = session.view().snapshot;
        let status = &snapshot.status;
        for entry in self.printed.new_entries(&snapshot.timeline) {
            self.line(&presenter::describe(&entry));
        }
        let now = (status.state, status.message.clone());
        if self.state.as_ref() == Some(&now) {
            return;
        }
        let said = if status.message.is_empty() {
            status.state.to_string()
        } else {
            format!("{}: {}", status.state, status.message)
        };
        self.line(&said);
        if status.state == State::Failed {
            for words in &snapshot.last_words {
                self.line(&format!("last log lines of the server: {words}"));
            }
            if let Some(hint) = &snapshot.hint {
                // If this process is the host, it exits after a failed first start. So it must not
                // announce another attempt.
                let continues = self.follows || self.printed_ready;
                let again = snapshot.next_start_ms.filter(|_| continues);
                let again = again.map_or("", |_| "; stigmer retries the start");
                self.line(&format!("what to do: {hint}{again}"));
            }
        }
        if status.state.is_up() && !self.printed_ready {
            self.printed_ready = true;
            let temporal = status.temporal.as_ref();
            let reused = self.follows || temporal.is_some_and(|temporal| temporal.adopted);
            let word = presenter::announce(status, reused);
            self.out.event(word + "\n");
            if let Some(temporal) = temporal {
                self.line(&format!(
                    "address {}{}",
                    temporal.address,
                    temporal
                        .ui_url
                        .as_ref()
                        .map_or_else(String::new, |url| format!("   web UI {url}"))
                ));
            }
        }
        self.state = Some(now);
    }

    /// Waits until the output has room, then prints the next log lines. Lines that are not printed
    /// yet stay in the log file, so none is lost. Cancel-safe.
    pub(super) async fn log(&mut self) {
        let room = self.out.room().await;
        match self.log.next().await {
            Ok(batch) => {
                let mut text = String::new();
                render(&batch, &mut self.parser, &self.zone, &mut text);
                self.out.log(text, room);
            }
            Err(error) => tracing::warn!(%error, "cannot read the server log"),
        }
    }

    /// Prints the rest of the log at the end of the process. Prints nothing if the reader of stdout
    /// is too slow and the queue is full.
    pub(super) fn drain(&mut self) {
        if !self.out.has_room() {
            return;
        }
        let (mut text, parser, zone) = (String::new(), &mut self.parser, &self.zone);
        if let Err(error) = self.log.drain(|batch| render(batch, parser, zone, &mut text)) {
            tracing::warn!(%error, "cannot read the rest of the server log");
        }
        self.out.event(text);
    }

    /// Waits up to 1 s until the last lines are written.
    pub(super) async fn close(self) {
        self.out.close().await;
    }
}

fn render(batch: &Batch, parser: &mut LineParser, zone: &TimeZone, text: &mut String) {
    for line in batch.lines() {
        text.push_str(&parser.parse(line).render_plain(zone));
        text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Happened;
    use crate::supervisor::Cause;

    #[test]
    fn each_entry_is_printed_once_even_if_the_clock_is_set_back() {
        let at = |second| {
            let time = jiff::Timestamp::from_second(second).unwrap();
            let entry = crate::protocol::tests::entry(Happened::Ready, Cause::Crash);
            Arc::new(Entry { time, ..entry })
        };
        let mut printed = Printed::Before(jiff::Timestamp::from_second(100).unwrap());
        let mut timeline = vec![at(50), at(101)];
        assert_eq!(
            printed.new_entries(&timeline),
            [at(101)],
            "entries of earlier hosts are not printed"
        );
        timeline.push(at(20));
        assert_eq!(printed.new_entries(&timeline), [at(20)], "after the clock was set back");
        assert!(printed.new_entries(&timeline).is_empty());
        timeline.remove(0);
        timeline.push(at(21));
        assert_eq!(printed.new_entries(&timeline), [at(21)], "the oldest entry was dropped");
    }
}
