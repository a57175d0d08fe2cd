//! An attached dashboard in a pseudo-terminal, and the times at which it shows each line.

use crate::stage::{Stage, is_ours};
use crate::writer::WORD;
use anyhow::Result;
use pty_process::Size;
use pty_process::blocking::{Command, Pty, open};
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::process::Child;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};
use stigmer::process::Pid;

const ROWS: u16 = 36;
const COLUMNS: u16 = 120;
/// Time limit of each wait.
const PATIENCE: Duration = Duration::from_secs(300);

/// Pairs of a line number and the moment at which this line and all lines before it had been on the
/// screen.
pub type Seen = Vec<(u64, Instant)>;

pub struct Screen {
    child: Child,
    pty: Arc<Pty>,
    shown: Arc<Shown>,
}

#[derive(Default)]
struct Shown {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    seen: Seen,
    text: String,
}

impl Screen {
    /// Attaches to the host of the stage and waits for the first complete screen.
    pub fn attach(stage: &Stage) -> Result<Self> {
        let (pty, pts) = open()?;
        pty.resize(Size::new(ROWS, COLUMNS))?;
        let variables = std::env::vars_os().filter(|(name, _)| !is_ours(name));
        let command = Command::new(env!("CARGO_BIN_EXE_stigmer"))
            .args(["local", "--tui", "--home"])
            .arg(stage.home.root())
            .env_clear()
            .envs(variables)
            .envs([("TERM", "xterm-256color"), ("LANG", "C.UTF-8")]);
        let child = command.spawn(pts)?;
        let shown = Arc::new(Shown::default());
        let pty = Arc::new(pty);
        std::thread::spawn({
            let (pty, shown) = (pty.clone(), shown.clone());
            move || read(&pty, &shown)
        });
        let screen = Self { child, pty, shown };
        screen.wait("READY", |state| state.text.contains("READY"))?;
        Ok(screen)
    }

    pub fn pid(&self) -> Pid {
        Pid::try_from(self.child.id()).unwrap_or_default()
    }

    /// Opens and closes the help repeatedly for `duration`. Returns the time from each key to its effect on
    /// the screen.
    pub fn keys(&self, duration: Duration) -> Result<Vec<Duration>> {
        let mut waited = Vec::new();
        let begun = Instant::now();
        while begun.elapsed() < duration {
            for (key, opens) in [("?", true), ("\x1b", false)] {
                // This pause is not a multiple of the frame time, so that keys arrive at different
                // moments of a frame.
                std::thread::sleep(Duration::from_millis(37));
                let pressed = Instant::now();
                (&*self.pty).write_all(key.as_bytes())?;
                self.wait("help", |state| state.text.contains("─ Help ─") == opens)?;
                waited.push(pressed.elapsed());
            }
        }
        Ok(waited)
    }

    /// Waits until this line is on the screen. Returns the lines seen until then.
    pub fn until(&self, number: u64) -> Result<Seen> {
        self.wait(&format!("line {number}"), |state| {
            state.seen.last().is_some_and(|(seen, _)| *seen >= number)
        })?;
        Ok(self.shown.state.lock().expect("no thread panics with the lock").seen.clone())
    }

    fn wait(&self, what: &str, there: impl Fn(&State) -> bool) -> Result<()> {
        let state = self.shown.state.lock().expect("no thread panics with the lock");
        let (state, waited) = self
            .shown
            .changed
            .wait_timeout_while(state, PATIENCE, |state| !there(state))
            .expect("no thread panics with the lock");
        anyhow::ensure!(!waited.timed_out(), "no {what} on the screen:\n{}", state.text);
        Ok(())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read(mut pty: &Pty, shown: &Shown) {
    let (rows, columns) = (NonZeroU16::new(ROWS), NonZeroU16::new(COLUMNS));
    let (Some(rows), Some(columns)) = (rows, columns) else { return };
    let mut parser = vt100::Parser::new(rows, columns, 0);
    let mut bytes = vec![0; 64 << 10];
    // The loop ends when the dashboard closes its side, because then the read fails.
    while let Ok(n @ 1..) = pty.read(&mut bytes) {
        parser.process(&bytes[..n]);
        let text = parser.screen().contents();
        let now = Instant::now();
        let newest = text.lines().filter_map(number).max();
        let mut state = shown.state.lock().expect("no thread panics with the lock");
        if let Some(newest) = newest
            && state.seen.last().is_none_or(|(before, _)| newest > *before)
        {
            state.seen.push((newest, now));
        }
        state.text = text;
        drop(state);
        shown.changed.notify_all();
    }
}

fn number(line: &str) -> Option<u64> {
    line.split_once(WORD)?.1.get(..10)?.parse().ok()
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
