//! What the user sees of a download.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use indicatif::{DecimalBytes, ProgressBar, ProgressStyle};

use super::How;
use crate::harmless;

const TICK: Duration = Duration::from_millis(200);

/// Is told how an install goes on. Nothing here may fail: who cannot show it keeps silent.
pub trait Progress: Send {
    /// Another process installs; its lock is waited for.
    fn waiting(&mut self, lock: &Path);
    /// A download begins: from where, and how large, where that is known.
    fn started(&mut self, source: &str, bytes: Option<u64>);
    /// So many bytes are there.
    fn advanced(&mut self, bytes: u64);
    /// A way failed; the next one is tried.
    fn failed(&mut self, way: &str, why: &str);
    /// The program is in its place.
    fn finished(&mut self, path: &Path, how: How);
}

/// What suits the standard error: a bar on a terminal, lines elsewhere.
pub fn progress(on_terminal: bool) -> Box<dyn Progress> {
    if on_terminal { Box::new(Bar::default()) } else { Box::new(Lines(std::io::stderr())) }
}

/// Says nothing.
#[derive(Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn waiting(&mut self, _: &Path) {}
    fn started(&mut self, _: &str, _: Option<u64>) {}
    fn advanced(&mut self, _: u64) {}
    fn failed(&mut self, _: &str, _: &str) {}
    fn finished(&mut self, _: &Path, _: How) {}
}

/// A line for each step.
#[derive(Debug)]
pub struct Lines<W>(pub W);

impl<W: Write + Send> Lines<W> {
    fn say(&mut self, text: &str) {
        // A reader that has gone is no reason to stop installing.
        let _ = writeln!(self.0, "{}", harmless::lines(text));
    }
}

impl<W: Write + Send> Progress for Lines<W> {
    fn waiting(&mut self, lock: &Path) {
        self.say(&waiting(lock));
    }

    fn started(&mut self, source: &str, bytes: Option<u64>) {
        self.say(&started(source, bytes));
    }

    fn advanced(&mut self, _: u64) {}

    fn failed(&mut self, way: &str, why: &str) {
        self.say(&failed(way, why));
    }

    fn finished(&mut self, path: &Path, how: How) {
        self.say(&finished(path, how));
    }
}

/// A bar on the standard error, with lines above it that stay.
#[derive(Debug, Default)]
pub struct Bar(Option<ProgressBar>);

impl Bar {
    fn end(&mut self, text: &str) {
        match self.0.take() {
            Some(bar) => {
                bar.println(harmless::lines(text));
                bar.finish_and_clear();
            }
            None => Lines(std::io::stderr()).say(text),
        }
    }
}

impl Progress for Bar {
    fn waiting(&mut self, lock: &Path) {
        self.end(&waiting(lock));
    }

    fn started(&mut self, source: &str, bytes: Option<u64>) {
        self.end(&started(source, bytes));
        let (bar, template) = match bytes {
            Some(bytes) => (
                ProgressBar::new(bytes),
                "  {bar:30} {decimal_bytes}/{decimal_total_bytes}  {decimal_bytes_per_sec}  {eta}",
            ),
            None => {
                (ProgressBar::no_length(), "  {spinner} {decimal_bytes}  {decimal_bytes_per_sec}")
            }
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        // Also where nothing comes in, the user sees that it lives.
        keep_alive(&bar);
        self.0 = Some(bar);
    }

    fn advanced(&mut self, bytes: u64) {
        if let Some(bar) = &self.0 {
            bar.set_position(bytes);
        }
    }

    fn failed(&mut self, way: &str, why: &str) {
        self.end(&failed(way, why));
    }

    fn finished(&mut self, path: &Path, how: How) {
        self.end(&finished(path, how));
    }
}

/// Draws the bar again and again until it ends. indicatif's own way panics where the system creates
/// no thread; then the bar moves only when bytes come in.
fn keep_alive(bar: &ProgressBar) {
    let weak = bar.downgrade();
    let live = move || weak.upgrade().filter(|bar| !bar.is_finished());
    let _ = std::thread::Builder::new().name("progress".to_owned()).spawn(move || {
        while let Some(bar) = live() {
            bar.tick();
            drop(bar);
            std::thread::sleep(TICK);
        }
    });
}

fn waiting(lock: &Path) -> String {
    format!("another process is installing the Temporal CLI; waiting for {}", lock.display())
}

fn started(source: &str, bytes: Option<u64>) -> String {
    match bytes {
        Some(bytes) => format!("fetching the Temporal CLI: {source} ({})", DecimalBytes(bytes)),
        None => format!("fetching the Temporal CLI: {source} (size unknown)"),
    }
}

fn failed(way: &str, why: &str) -> String {
    format!("  no success with {way}: {why}")
}

fn finished(path: &Path, how: How) -> String {
    format!("the Temporal CLI is {} ({how})", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::threads::tests::without_threads;

    #[test]
    fn a_bar_needs_no_thread() {
        if !without_threads("temporal::install::progress::tests::a_bar_needs_no_thread") {
            return;
        }
        let mut bar = Bar::default();
        bar.started("here", Some(10));
        bar.advanced(10);
        bar.finished(Path::new("/bin/temporal"), How::Verified);
    }
}
