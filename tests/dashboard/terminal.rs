//! A pseudo-terminal with the dashboard, and its screen.

use crate::support::process::Process;
use crate::support::rig::Rig;
use crate::support::{LIMIT, wait_until, within};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::termios::{LocalFlags, tcgetattr};
use pty_process::Size;
use pty_process::blocking::{Pty, open};
use std::io::{PipeReader, PipeWriter};
use std::num::NonZeroU16;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};
use stigmer::process::linux;
use stigmer::process::spawn::reset_signals;

pub const ESC: &str = "\x1b";
pub const CTRL_C: &str = "\x03";
pub const CTRL_Z: &str = "\x1a";
pub const PAGE_UP: &str = "\x1b[5~";
pub const TAB: &str = "\t";
pub const END: &str = "\x1b[F";

/// A dashboard in its own terminal. Dropping it kills the programs in the terminal.
pub struct Dashboard<'r> {
    rig: &'r Rig,
    child: Child,
    pty: Option<Arc<Pty>>,
    reader: Option<Reader>,
    shown: Arc<Shown>,
}

struct Shown {
    parser: Mutex<vt100::Parser<Clipboard>>,
    changed: Condvar,
}

/// The last copied text, in base64.
#[derive(Default)]
struct Clipboard(Vec<u8>);

impl vt100::Callbacks for Clipboard {
    fn copy_to_clipboard(&mut self, _: &mut vt100::Screen, _: &[u8], data: &[u8]) {
        self.0 = data.to_vec();
    }
}

/// The thread that reads the output of the terminal. Closing the pipe ends the thread.
struct Reader {
    stop: PipeWriter,
    thread: std::thread::JoinHandle<()>,
}

impl<'r> Dashboard<'r> {
    pub fn open(rig: &'r Rig) -> Self {
        Self::sized(rig, 120, 36)
    }

    pub fn sized(rig: &'r Rig, columns: u16, rows: u16) -> Self {
        Self::spawn(rig, rig.local(&["--tui"]), columns, rows)
    }

    /// Opens a dashboard on the tab of the server.
    pub fn on_server(rig: &'r Rig) -> Self {
        let dashboard = Self::open(rig);
        dashboard.press("5");
        dashboard
    }

    /// Opens a dashboard and waits until the server is ready.
    #[track_caller]
    pub fn ready(rig: &'r Rig) -> Self {
        let dashboard = Self::open(rig);
        dashboard.until_shows(&["READY"]);
        dashboard
    }

    /// Opens a dashboard in a shell, after `setup`.
    pub fn open_after(rig: &'r Rig, setup: &str) -> Self {
        Self::open_in(rig, &format!("{setup}; exec \"$@\""))
    }

    /// Opens a dashboard in a shell script, in which `"$@"` is the command of the dashboard.
    pub fn open_in(rig: &'r Rig, script: &str) -> Self {
        let dashboard = rig.local(&["--tui"]);
        let mut shell = rig.command("/bin/bash");
        shell.args(["-c", script, "bash"]).arg(dashboard.get_program()).args(dashboard.get_args());
        Self::spawn(rig, shell, 120, 36)
    }

    /// Runs any command of the rig that shows a dashboard.
    pub fn spawn(rig: &'r Rig, mut command: Command, columns: u16, rows: u16) -> Self {
        let (pty, pts) = open().unwrap();
        pty.resize(Size::new(rows, columns)).unwrap();
        command.env("TERM", "xterm-256color").env("LANG", "C.UTF-8");
        // SAFETY: `reset_signals` makes only calls that are allowed between fork and exec.
        unsafe {
            command.pre_exec(|| {
                reset_signals();
                Ok(())
            });
        }
        let child = pty_process::blocking::Command::from(command).spawn(pts).unwrap();
        let (height, width) = (nonzero(rows), nonzero(columns));
        let parser = vt100::Parser::new_with_callbacks(height, width, 0, Clipboard::default());
        let shown = Arc::new(Shown { parser: Mutex::new(parser), changed: Condvar::new() });
        let pty = Arc::new(pty);
        let (stopped, stop) = std::io::pipe().unwrap();
        let thread = std::thread::spawn({
            let (pty, shown) = (pty.clone(), shown.clone());
            move || read(&pty, &stopped, &shown)
        });
        let reader = Some(Reader { stop, thread });
        Self { rig, child, pty: Some(pty), reader, shown }
    }

    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap()
    }

    /// The first program of the terminal: the dashboard, or the shell that runs it.
    pub fn process(&self) -> Process {
        Process::pin(self.pid()).unwrap()
    }

    fn pty(&self) -> &Pty {
        self.pty.as_ref().expect("the terminal is open")
    }

    pub fn press(&self, keys: &str) {
        assert_eq!(nix::unistd::write(self.pty(), keys.as_bytes()).unwrap(), keys.len());
    }

    /// Column and row of a text on the screen.
    #[track_caller]
    pub fn find(&self, text: &str) -> (u16, u16) {
        let place = std::cell::Cell::new(None);
        self.until(text, |screen| {
            let rows = screen.rows(0, screen.size().1.get()).zip(0..);
            let found = rows.filter_map(|(row, y)| {
                let at = row.find(text)?;
                Some((u16::try_from(row[..at].chars().count()).ok()?, y))
            });
            place.set(found.last());
            place.get().is_some()
        });
        place.get().unwrap()
    }

    /// Sends a mouse report. `button`: 0 is the left button, 32 the left button while moving, 64
    /// and 65 the wheel. `down`: pressed or released.
    pub fn mouse(&self, button: u8, (x, y): (u16, u16), down: bool) {
        let end = if down { 'M' } else { 'm' };
        self.press(&format!("\x1b[<{button};{};{}{end}", x + 1, y + 1));
    }

    #[track_caller]
    pub fn click(&self, text: &str) {
        let place = self.find(text);
        self.mouse(0, place, true);
        self.mouse(0, place, false);
    }

    /// Clicks repeatedly until all of these words are on the screen.
    #[track_caller]
    pub fn click_until_shows(&self, text: &str, words: &[&str]) {
        // `click` finds the text each time, because a new row may move the text.
        self.repeat_until_shows(|| self.click(text), words);
    }

    /// Waits for a text that the dashboard copies by OSC 52. Returns the text and forgets it.
    #[track_caller]
    pub fn until_copied(&self) -> String {
        let deadline = Instant::now() + LIMIT;
        let mut parser = self.shown.parser.lock().unwrap();
        while parser.callbacks().0.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "nothing copied:\n{}", parser.screen().contents());
            parser = self.shown.changed.wait_timeout(parser, left).unwrap().0;
        }
        from_base64(&std::mem::take(&mut parser.callbacks_mut().0))
    }

    pub fn resize(&self, columns: u16, rows: u16) {
        let mut parser = self.shown.parser.lock().unwrap();
        parser.screen_mut().set_size(nonzero(rows), nonzero(columns));
        self.pty().resize(Size::new(rows, columns)).unwrap();
    }

    /// Waits until the screen satisfies `wanted`. Returns the text of the screen.
    #[track_caller]
    pub fn until(&self, what: &str, wanted: impl Fn(&vt100::Screen) -> bool) -> String {
        let deadline = Instant::now() + LIMIT;
        let mut parser = self.shown.parser.lock().unwrap();
        while !wanted(parser.screen()) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let screen = parser.screen().contents();
                drop(parser);
                panic!("no {what}:\n{screen}\n{}", self.rig.own_log());
            }
            parser = self.shown.changed.wait_timeout(parser, left).unwrap().0;
        }
        parser.screen().contents()
    }

    /// Reads something from the current screen.
    pub fn read<T>(&self, what: impl Fn(&vt100::Screen) -> T) -> T {
        what(self.shown.parser.lock().unwrap().screen())
    }

    /// Presses the keys repeatedly until all of these words are on the screen.
    #[track_caller]
    pub fn press_until_shows(&self, keys: &str, words: &[&str]) {
        self.repeat_until_shows(|| self.press(keys), words);
    }

    #[track_caller]
    pub fn repeat_until_shows(&self, act: impl Fn(), words: &[&str]) {
        let deadline = Instant::now() + LIMIT;
        loop {
            act();
            let parser = self.shown.parser.lock().unwrap();
            let missing = |parser: &mut vt100::Parser<Clipboard>| {
                let text = parser.screen().contents();
                !words.iter().all(|word| text.contains(word))
            };
            let wait = Duration::from_millis(500);
            let (parser, waited) =
                self.shown.changed.wait_timeout_while(parser, wait, missing).unwrap();
            if !waited.timed_out() {
                return;
            }
            assert!(Instant::now() < deadline, "no {words:?}:\n{}", parser.screen().contents());
        }
    }

    /// Waits until all of these words are on the screen.
    #[track_caller]
    pub fn until_shows(&self, words: &[&str]) -> String {
        self.until(&format!("{words:?}"), |screen| {
            let text = screen.contents();
            words.iter().all(|word| text.contains(word))
        })
    }

    #[track_caller]
    pub fn until_hides(&self, word: &str) -> String {
        self.until(&format!("screen without {word:?}"), |screen| !screen.contents().contains(word))
    }

    /// Closes the terminal, as a closed window does.
    pub fn close_terminal(&mut self) {
        if let Some(Reader { stop, thread }) = self.reader.take() {
            drop(stop);
            thread.join().unwrap();
        }
        let pty = self.pty.take().expect("the terminal is open");
        drop(Arc::into_inner(pty).expect("nobody else has it open"));
    }

    /// Waits for the end of the first program of the terminal, and checks its exit code.
    #[track_caller]
    pub fn exits(&mut self, code: i32) {
        let mut ended = None;
        within(LIMIT, || {
            ended = self.child.try_wait().unwrap();
            ended.is_some()
        });
        let found = ended.and_then(|status| status.code());
        let screen = self.read(vt100::Screen::contents);
        assert_eq!(found, Some(code), "{ended:?}\n{screen}\n{}", self.rig.own_log());
    }

    /// Fails unless the settings of the terminal are restored: main screen, visible cursor, no
    /// mouse reports, line mode and echo.
    #[track_caller]
    pub fn assert_restored(&self) {
        self.until("main screen with its cursor", |screen| {
            !screen.alternate_screen()
                && !screen.hide_cursor()
                && screen.mouse_protocol_mode() == vt100::MouseProtocolMode::None
        });
        wait_until("line mode and echo", || {
            let flags = tcgetattr(self.pty()).unwrap().local_flags;
            flags.contains(LocalFlags::ICANON | LocalFlags::ECHO | LocalFlags::ISIG)
        });
    }
}

impl Drop for Dashboard<'_> {
    fn drop(&mut self) {
        let session = self.pid();
        let is_inside = |process: &Process| {
            linux::stat(process.pid).unwrap().is_some_and(|stat| stat.session == session)
        };
        // Kill all processes in the terminal, also the job of a shell: without the kill, the job
        // would take some time to notice that the terminal is closed.
        let gone = within(LIMIT, || {
            let mut inside = self.rig.processes();
            inside.retain(is_inside);
            inside.iter().for_each(Process::kill);
            inside.is_empty()
        });
        let _ = self.child.wait();
        if self.pty.is_some() {
            self.close_terminal();
        }
        assert!(
            gone || std::thread::panicking(),
            "SIGKILL does not end the programs in the terminal"
        );
    }
}

fn read(pty: &Pty, stopped: &PipeReader, shown: &Shown) {
    let mut bytes = [0; 8192];
    loop {
        let mut fds = [
            PollFd::new(pty.as_fd(), PollFlags::POLLIN),
            PollFd::new(stopped.as_fd(), PollFlags::empty()),
        ];
        poll(&mut fds, PollTimeout::NONE).unwrap();
        if fds[1].any() == Some(true) {
            return;
        }
        match nix::unistd::read(pty, &mut bytes) {
            // All programs have closed their side of the terminal, and all output is read.
            Ok(0) | Err(_) => return,
            Ok(n) => shown.parser.lock().unwrap().process(&bytes[..n]),
        }
        shown.changed.notify_all();
    }
}

fn nonzero(size: u16) -> NonZeroU16 {
    NonZeroU16::new(size).unwrap()
}

fn from_base64(data: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = data.iter().filter_map(|byte| DIGITS.iter().position(|digit| digit == byte));
    let bits: Vec<u8> =
        digits.flat_map(|digit| (0..6).rev().map(move |i| (digit >> i & 1) as u8)).collect();
    let bytes = bits.chunks_exact(8).map(|bits| bits.iter().fold(0, |byte, bit| byte << 1 | bit));
    String::from_utf8(bytes.collect()).unwrap()
}
