//! Sets up the terminal, and always restores it.

use crate::harmless;
use crossterm::event::{DisableMouseCapture, EnableMouseCapture};
use crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use std::cell::Cell;
use std::io::{self, Stdout, Write};
use std::mem::ManuallyDrop;
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

/// Whether the terminal is set up for the dashboard.
static TAKEN: AtomicBool = AtomicBool::new(false);
/// Locked while a frame is drawn.
static DRAWING: Mutex<()> = Mutex::new(());
/// How long a panic waits for the frame of another thread. On a busy machine a frame takes time, and on
/// a terminal that accepts no output it never ends.
const FRAME_ENDS: Duration = Duration::from_secs(2);
/// Whether another program uses the terminal.
static LENT: AtomicBool = AtomicBool::new(false);
/// Message of a panic that the user could not see.
static UNREAD: Mutex<Option<String>> = Mutex::new(None);
/// Message of the first panic, until it is in the log.
static FIRST: Mutex<Option<String>> = Mutex::new(None);
/// The stderr of the user, while ours is redirected to a file.
static STDERR: Mutex<Option<std::os::fd::OwnedFd>> = Mutex::new(None);

/// The terminal of the dashboard. Dropping it restores the terminal.
#[derive(Debug)]
pub struct Screen {
    /// Never dropped. On drop, ratatui prints errors on stderr with a macro that panics if stderr
    /// (a dead terminal, a file on a full disk) cannot be written.
    terminal: ManuallyDrop<Terminal<CrosstermBackend<Stdout>>>,
    /// Set after the terminal has changed its size and may have lost its content.
    is_stale: bool,
}

impl Screen {
    /// Sets up the terminal and redirects stderr to `errors`. On the screen it would destroy the
    /// picture, and on a dead terminal it would panic inside the panic hook and abort.
    ///
    /// # Errors
    /// If the terminal cannot be set up.
    pub fn take(errors: &Path) -> io::Result<Self> {
        redirect_stderr(errors);
        restore_on_panic();
        enable_raw_mode().inspect_err(|_| give_back())?;
        TAKEN.store(true, Ordering::SeqCst);
        crossterm::execute!(io::stdout(), EnterAlternateScreen, EnableMouseCapture)
            .inspect_err(|_| give_back())?;
        let terminal =
            Terminal::new(CrosstermBackend::new(io::stdout())).inspect_err(|_| give_back())?;
        Ok(Self { terminal: ManuallyDrop::new(terminal), is_stale: false })
    }

    /// Draws a frame. The terminal shows it at once.
    ///
    /// # Errors
    /// If the terminal was closed.
    pub fn draw(&mut self, draw: impl FnOnce(&mut ratatui::Frame<'_>)) -> io::Result<()> {
        use crossterm::terminal::{BeginSynchronizedUpdate, EndSynchronizedUpdate};
        let _drawing = Drawing::begin();
        if has_panicked() {
            return Ok(());
        }
        crossterm::queue!(io::stdout(), BeginSynchronizedUpdate)?;
        if std::mem::take(&mut self.is_stale) {
            let area = self.terminal.size()?.into();
            self.terminal.resize(area)?;
        }
        self.terminal.draw(draw)?;
        crossterm::execute!(io::stdout(), EndSynchronizedUpdate)
    }

    /// Draws the next frame completely, even if the size is the same: it may have changed twice
    /// without a frame in between.
    pub fn resized(&mut self) {
        self.is_stale = true;
    }

    /// Restores the terminal for another program.
    ///
    /// # Errors
    /// If the terminal cannot be restored.
    pub fn suspend(&mut self) -> io::Result<()> {
        let _drawing = Drawing::begin();
        if has_panicked() {
            return Ok(());
        }
        LENT.store(true, Ordering::SeqCst);
        TAKEN.store(false, Ordering::SeqCst);
        crossterm::execute!(
            io::stdout(),
            DisableMouseCapture,
            LeaveAlternateScreen,
            crossterm::cursor::Show
        )?;
        disable_raw_mode()
    }

    /// Sets up the terminal again and draws a complete frame, except after a panic.
    ///
    /// # Errors
    /// If the terminal cannot be set up.
    pub fn resume(&mut self) -> io::Result<()> {
        let _drawing = Drawing::begin();
        LENT.store(false, Ordering::SeqCst);
        if has_panicked() {
            return Ok(());
        }
        enable_raw_mode()?;
        TAKEN.store(true, Ordering::SeqCst);
        crossterm::execute!(io::stdout(), EnterAlternateScreen, EnableMouseCapture)?;
        // `clear` is not possible here: it requests the cursor position from the terminal, and
        // waits.
        self.terminal = ManuallyDrop::new(Terminal::new(CrosstermBackend::new(io::stdout()))?);
        Ok(())
    }

    /// Restores the terminal, and drops unread input, which is not meant for the shell.
    pub fn close(self) {
        // Otherwise the terminal would still report the mouse.
        let _ = crossterm::execute!(io::stdout(), DisableMouseCapture);
        if TAKEN.load(Ordering::SeqCst) {
            let _ = nix::sys::termios::tcflush(io::stdin(), nix::sys::termios::FlushArg::TCIFLUSH);
        }
    }

    /// Ends the use of a dead terminal. Nothing may be written to it afterwards.
    pub fn abandon(self) {
        TAKEN.store(false, Ordering::SeqCst);
        let _ = disable_raw_mode();
        if let Ok(null) = std::fs::OpenOptions::new().read(true).write(true).open("/dev/null") {
            let _ = nix::unistd::dup2_stdout(&null);
            let _ = nix::unistd::dup2_stderr(&null);
        }
        STDERR.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

thread_local! {
    /// Whether this thread draws.
    static DRAWS: Cell<bool> = const { Cell::new(false) };
}

/// The right of one thread to write to the terminal.
struct Drawing(#[expect(dead_code, reason = "held until the drop")] MutexGuard<'static, ()>);

impl Drawing {
    fn begin() -> Self {
        let lock = DRAWING.lock().unwrap_or_else(PoisonError::into_inner);
        DRAWS.set(true);
        Self(lock)
    }
}

impl Drop for Drawing {
    fn drop(&mut self) {
        DRAWS.set(false);
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

/// Restores the terminal. Errors are ignored: a terminal that cannot be restored is gone.
fn give_back() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        let _ = crossterm::execute!(
            io::stdout(),
            DisableMouseCapture,
            LeaveAlternateScreen,
            crossterm::cursor::Show
        );
        let _ = disable_raw_mode();
    }
    let saved = STDERR.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(stderr) = saved {
        let _ = nix::unistd::dup2_stderr(&stderr);
    }
}

fn redirect_stderr(errors: &Path) {
    let Ok(saved) = io::stderr().as_fd().try_clone_to_owned() else { return };
    let mut options = std::fs::OpenOptions::new();
    let Ok(file) = options.append(true).create(true).mode(0o600).open(errors) else { return };
    if nix::unistd::dup2_stderr(&file).is_ok() {
        *STDERR.lock().unwrap_or_else(PoisonError::into_inner) = Some(saved);
    }
}

/// Installs a panic hook that first restores the screen and then prints the message.
fn restore_on_panic() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if crate::caught::is_caught() {
                return;
            }
            let drawn = wait_for_frame();
            PANICKED.store(true, Ordering::SeqCst);
            if LENT.load(Ordering::SeqCst) {
                // On the screen of another program the message would be lost.
                let said = format!("{panic}");
                UNREAD.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(said);
            } else {
                give_back();
            }
            drop(drawn);
            // Not through the log: the panicking thread may have locked it.
            FIRST.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(panic.to_string());
            before(panic);
            let _ = io::stderr().flush();
        }));
    });
}

/// Writes the message of a panic into the log. If another program used the terminal during the
/// panic, prints the message now.
pub fn report_panic() {
    if let Some(panic) = FIRST.lock().unwrap_or_else(PoisonError::into_inner).take() {
        tracing::error!(panic, "panic");
    }
    if let Some(said) = UNREAD.lock().unwrap_or_else(PoisonError::into_inner).take() {
        let _ = writeln!(io::stderr(), "{}", harmless::lines(&said));
    }
}

/// Waits for the end of the current frame, because its output would split the message. A panic inside of
/// a frame ends that frame.
fn wait_for_frame() -> Option<MutexGuard<'static, ()>> {
    if DRAWS.get() {
        return None;
    }
    let until = Instant::now() + FRAME_ENDS;
    loop {
        match DRAWING.try_lock() {
            Ok(drawn) => return Some(drawn),
            Err(TryLockError::Poisoned(drawn)) => return Some(drawn.into_inner()),
            Err(TryLockError::WouldBlock) if Instant::now() >= until => return None,
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(1)),
        }
    }
}

static PANICKED: AtomicBool = AtomicBool::new(false);

/// Whether any thread has panicked. The terminal was restored then, and must not be drawn on again.
#[must_use]
pub fn has_panicked() -> bool {
    PANICKED.load(Ordering::SeqCst)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn panic_waits_for_a_slow_frame_of_another_thread_and_not_for_its_own() {
        let ((begun, begins), (ends, ended)) = (mpsc::channel(), mpsc::channel::<()>());
        let frame = std::thread::spawn(move || {
            let drawing = Drawing::begin();
            begun.send(()).unwrap();
            // As long as a frame may take on a busy machine, unless the test ends before.
            let _ = ended.recv_timeout(Duration::from_millis(500));
            drop(drawing);
        });
        begins.recv().unwrap();
        assert!(wait_for_frame().is_some(), "written into the frame");
        drop(ends);
        frame.join().unwrap();
        let _own = Drawing::begin();
        let begun = Instant::now();
        assert!(wait_for_frame().is_none());
        assert!(begun.elapsed() < FRAME_ENDS);
    }
}
