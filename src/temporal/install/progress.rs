//! Shows the progress of an installation to the user.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use indicatif::{DecimalBytes, ProgressStyle};

use super::How;
use crate::harmless;

const TICK: Duration = Duration::from_millis(200);

/// Shows the progress of an installation. If the output fails, the error is ignored and the
/// installation continues.
pub trait Progress: Send {
    /// Shows that the installation waits until another process releases the lock file `lock`.
    fn waiting(&mut self, lock: &Path);
    /// Shows that a download starts. `bytes` is the size of the download, if known.
    fn started(&mut self, source: &str, bytes: Option<u64>);
    /// Shows that `bytes` bytes were downloaded so far.
    fn advanced(&mut self, bytes: u64);
    /// Shows that a source failed. The next source is tried after this call.
    fn failed(&mut self, source: &str, why: &str);
    /// Shows that the program is installed.
    fn finished(&mut self, path: &Path, how: How);
}

/// Creates a progress display on stderr: a bar on a terminal, and lines otherwise.
pub fn progress(on_terminal: bool) -> Box<dyn Progress> {
    if on_terminal {
        Box::new(ProgressBar::default())
    } else {
        Box::new(ProgressLines(std::io::stderr()))
    }
}

/// A progress display that shows nothing.
#[derive(Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn waiting(&mut self, _: &Path) {}
    fn started(&mut self, _: &str, _: Option<u64>) {}
    fn advanced(&mut self, _: u64) {}
    fn failed(&mut self, _: &str, _: &str) {}
    fn finished(&mut self, _: &Path, _: How) {}
}

/// A progress display that prints one line for each step.
#[derive(Debug)]
pub struct ProgressLines<W>(pub W);

impl<W: Write + Send> ProgressLines<W> {
    fn print(&mut self, text: &str) {
        // If the output is closed, the installation continues.
        let _ = writeln!(self.0, "{}", harmless::lines(text));
    }
}

impl<W: Write + Send> Progress for ProgressLines<W> {
    fn waiting(&mut self, lock: &Path) {
        self.print(&waiting(lock));
    }

    fn started(&mut self, source: &str, bytes: Option<u64>) {
        self.print(&started(source, bytes));
    }

    fn advanced(&mut self, _: u64) {}

    fn failed(&mut self, source: &str, why: &str) {
        self.print(&failed(source, why));
    }

    fn finished(&mut self, path: &Path, how: How) {
        self.print(&finished(path, how));
    }
}

/// A progress display with a bar on stderr. The lines of finished steps stay above the bar.
#[derive(Debug, Default)]
pub struct ProgressBar(Option<indicatif::ProgressBar>);

impl ProgressBar {
    fn end(&mut self, text: &str) {
        match self.0.take() {
            Some(bar) => {
                bar.println(harmless::lines(text));
                bar.finish_and_clear();
            }
            None => ProgressLines(std::io::stderr()).print(text),
        }
    }
}

impl Progress for ProgressBar {
    fn waiting(&mut self, lock: &Path) {
        self.end(&waiting(lock));
    }

    fn started(&mut self, source: &str, bytes: Option<u64>) {
        self.end(&started(source, bytes));
        let (bar, template) = match bytes {
            Some(bytes) => (
                indicatif::ProgressBar::new(bytes),
                "  {bar:30} {decimal_bytes}/{decimal_total_bytes}  {decimal_bytes_per_sec}  {eta}",
            ),
            None => (
                indicatif::ProgressBar::no_length(),
                "  {spinner} {decimal_bytes}  {decimal_bytes_per_sec}",
            ),
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        keep_alive(&bar);
        self.0 = Some(bar);
    }

    fn advanced(&mut self, bytes: u64) {
        if let Some(bar) = &self.0 {
            bar.set_position(bytes);
        }
    }

    fn failed(&mut self, source: &str, why: &str) {
        self.end(&failed(source, why));
    }

    fn finished(&mut self, path: &Path, how: How) {
        self.end(&finished(path, how));
    }
}

/// Draws the bar every [`TICK`], so that a download without new data does not look like a hang. The
/// thread ends with the bar.
///
/// If the system cannot create the thread, the bar moves only when data arrives.
/// `ProgressBar::enable_steady_tick` would panic in this case.
fn keep_alive(bar: &indicatif::ProgressBar) {
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
        Some(bytes) => format!("downloading the Temporal CLI: {source} ({})", DecimalBytes(bytes)),
        None => format!("downloading the Temporal CLI: {source} (size unknown)"),
    }
}

fn failed(source: &str, why: &str) -> String {
    format!("  cannot install from {source}: {why}")
}

fn finished(path: &Path, how: How) -> String {
    format!("the Temporal CLI is at {} ({how})", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::threads::tests::without_threads;

    #[test]
    fn progress_bar_works_without_a_thread() {
        if !without_threads(
            "temporal::install::progress::tests::progress_bar_works_without_a_thread",
        ) {
            return;
        }
        let mut bar = ProgressBar::default();
        bar.started("here", Some(10));
        bar.advanced(10);
        bar.finished(Path::new("/bin/temporal"), How::Verified);
    }
}
