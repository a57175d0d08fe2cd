//! Lines for people and scripts, on stdout.

use super::output::Output;
use crate::config::Settings;
use crate::harmless::harmless;
use crate::log::line::LineParser;
use crate::log::{Batch, Follower, Start};
use crate::presenter;
use crate::protocol::{Entry, State, Status};
use crate::session::Session;
use jiff::tz::TimeZone;
use std::sync::Arc;

/// Which entries of the timeline are no news.
#[derive(Debug)]
enum Told {
    /// Those of before this moment.
    Before(jiff::Timestamp),
    /// These. Times do not tell: a clock may be set back.
    These(Vec<Arc<Entry>>),
}

impl Told {
    fn news(&mut self, timeline: &[Arc<Entry>]) -> Vec<Arc<Entry>> {
        let is_news = |entry: &&Arc<Entry>| match &*self {
            Self::Before(begun) => entry.time > *begun,
            Self::These(told) => !told.contains(entry),
        };
        let news = timeline.iter().filter(is_news).cloned().collect();
        *self = Self::These(timeline.to_vec());
        news
    }
}

/// Says what happens, and what Temporal logs.
pub(super) struct Printer {
    out: Output,
    log: Follower,
    parser: LineParser,
    zone: TimeZone,
    state: Option<(State, String)>,
    /// The timeline as it was told last.
    told: Told,
    said_ready: bool,
    follows: bool,
}

impl Printer {
    /// # Errors
    /// See [`Output::begin`].
    pub(super) fn new(settings: &Settings) -> std::io::Result<Self> {
        let zone = crate::clock::zone();
        Ok(Self {
            out: Output::begin(std::io::stdout())?,
            log: Follower::new(&settings.home.temporal_log(), Start::Tail(0)),
            parser: LineParser::new(zone.clone()),
            zone,
            state: None,
            told: Told::Before(jiff::Timestamp::now()),
            said_ready: false,
            follows: false,
        })
    }

    pub(super) fn line(&self, text: &str) {
        let clock = crate::clock::now().strftime("%H:%M:%S%.3f");
        self.out.say(format!("{clock} stigmer  {}\n", harmless(text)));
    }

    pub(super) fn follows(&mut self, status: &Status) {
        self.follows = true;
        if let Some(host) = &status.host {
            self.line(&format!("following the {} host, pid {}", host.mode.as_str(), host.pid));
        }
    }

    /// Says what is new.
    pub(super) fn status(&mut self, session: &Session) {
        let snapshot = session.view().snapshot;
        let status = &snapshot.status;
        for entry in self.told.news(&snapshot.timeline) {
            self.line(&presenter::tell(&entry));
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
                self.line(&format!("Temporal's last words: {words}"));
            }
            if let Some(hint) = &snapshot.hint {
                // A first start that fails is the end of its host.
                let goes_on = self.follows || self.said_ready;
                let again = snapshot.next_start_ms.filter(|_| goes_on);
                let again = again.map_or("", |_| "; stigmer tries again");
                self.line(&format!("what to do: {hint}{again}"));
            }
        }
        if status.state.is_up() && !self.said_ready {
            self.said_ready = true;
            let temporal = status.temporal.as_ref();
            let reused = self.follows || temporal.is_some_and(|temporal| temporal.adopted);
            let word = presenter::announce(status, reused);
            self.out.say(word + "\n");
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

    /// Writes the next lines of the log, once the reader has taken the last ones;
    /// cancel-safe. The log is a file: what is not read yet is not lost.
    pub(super) async fn log(&mut self) {
        let room = self.out.room().await;
        match self.log.next().await {
            Ok(batch) => {
                let mut text = String::new();
                render(&batch, &mut self.parser, &self.zone, &mut text);
                self.out.log(text, room);
            }
            Err(error) => tracing::warn!(%error, "log not read"),
        }
    }

    /// Writes the log to its end, for a reader that keeps up.
    pub(super) fn drain(&mut self) {
        if !self.out.has_room() {
            return;
        }
        let (mut text, parser, zone) = (String::new(), &mut self.parser, &self.zone);
        if let Err(error) = self.log.drain(|batch| render(batch, parser, zone, &mut text)) {
            tracing::warn!(%error, "log not read to its end");
        }
        self.out.say(text);
    }

    /// Waits a moment for the reader to take the last lines.
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
    fn an_entry_after_the_clock_was_set_back_is_told_and_none_is_told_twice() {
        let at = |second| {
            let time = jiff::Timestamp::from_second(second).unwrap();
            let entry = crate::protocol::tests::entry(Happened::Ready, Cause::Crash);
            Arc::new(Entry { time, ..entry })
        };
        let mut told = Told::Before(jiff::Timestamp::from_second(100).unwrap());
        let mut timeline = vec![at(50), at(101)];
        assert_eq!(told.news(&timeline), [at(101)], "what earlier hosts told is no news");
        timeline.push(at(20));
        assert_eq!(told.news(&timeline), [at(20)], "an hour back");
        assert!(told.news(&timeline).is_empty());
        timeline.remove(0);
        timeline.push(at(21));
        assert_eq!(told.news(&timeline), [at(21)], "the oldest has fallen out");
    }
}
