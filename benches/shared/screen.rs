//! An attached dashboard in a pseudo-terminal.

use super::stage::{Stage, is_ours};
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
const PATIENCE: Duration = Duration::from_secs(120);

pub struct Screen {
    child: Child,
    pty: Arc<Pty>,
    shown: Arc<Shown>,
}

#[derive(Default)]
struct Shown {
    text: Mutex<String>,
    changed: Condvar,
}

impl Screen {
    /// Attaches to the host of the stage and waits for the first complete screen. `watch` gets each new
    /// text of the screen, before any wait for this text ends.
    pub fn attach(
        stage: &Stage,
        watch: impl FnMut(&str, Instant) + Send + 'static,
    ) -> Result<Self> {
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
            move || read(&pty, &shown, watch)
        });
        let screen = Self { child, pty, shown };
        screen.wait("READY", |text| text.contains("READY"))?;
        Ok(screen)
    }

    pub fn pid(&self) -> Pid {
        Pid::try_from(self.child.id()).unwrap_or_default()
    }

    pub fn press(&self, keys: &str) -> Result<()> {
        Ok((&*self.pty).write_all(keys.as_bytes())?)
    }

    /// Opens and closes the list of commands repeatedly for `duration`. Returns the time from each key to
    /// its effect on the screen.
    pub fn keys(&self, duration: Duration) -> Result<Vec<Duration>> {
        let mut waited = Vec::new();
        let begun = Instant::now();
        while begun.elapsed() < duration {
            for (key, opens) in [("?", true), ("\x1b", false)] {
                // This pause is not a multiple of the frame time, so that keys arrive at different
                // moments of a frame.
                std::thread::sleep(Duration::from_millis(37));
                let pressed = Instant::now();
                self.press(key)?;
                self.wait("the list of commands", |text| text.contains("─ Commands ─") == opens)?;
                waited.push(pressed.elapsed());
            }
        }
        Ok(waited)
    }

    /// Waits until the text of the screen satisfies the condition.
    pub fn wait(&self, what: &str, is_there: impl Fn(&str) -> bool) -> Result<()> {
        let text = self.shown.text.lock().expect("no thread panics with the lock");
        let (text, waited) = self
            .shown
            .changed
            .wait_timeout_while(text, PATIENCE, |text| !is_there(text))
            .expect("no thread panics with the lock");
        anyhow::ensure!(!waited.timed_out(), "no {what} on the screen:\n{text}");
        Ok(())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read(mut pty: &Pty, shown: &Shown, mut watch: impl FnMut(&str, Instant)) {
    let (rows, columns) = (NonZeroU16::new(ROWS), NonZeroU16::new(COLUMNS));
    let (Some(rows), Some(columns)) = (rows, columns) else { return };
    let mut parser = vt100::Parser::new(rows, columns, 0);
    let mut bytes = vec![0; 64 << 10];
    // The loop ends when the dashboard closes its side, because then the read fails.
    while let Ok(n @ 1..) = pty.read(&mut bytes) {
        parser.process(&bytes[..n]);
        let text = parser.screen().contents();
        watch(&text, Instant::now());
        *shown.text.lock().expect("no thread panics with the lock") = text;
        shown.changed.notify_all();
    }
}
