//! Sets up the terminal for the dashboard, and restores it in all cases, even after a panic.

use crate::{harmless, terminal_guard};
use crossterm::event::{
    DisableFocusChange, DisableMouseCapture, EnableFocusChange, EnableMouseCapture,
};
use crossterm::style::Print;
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

/// The sequences that save the title of the window, and restore the saved one. A terminal that does
/// not know them ignores them.
const SAVE_TITLE: &str = "\u{1b}[22;2t";
const RESTORE_TITLE: &str = "\u{1b}[23;2t";

/// Whether the terminal is set up for the dashboard now.
static TAKEN: AtomicBool = AtomicBool::new(false);
/// Locked while a frame is drawn.
static DRAWING: Mutex<()> = Mutex::new(());
/// Maximum time that a panic waits for another thread to complete its frame. A frame takes long on
/// a busy machine, and never completes on a terminal that accepts no output.
const FRAME_ENDS: Duration = Duration::from_secs(2);
/// Whether another program (a pager) uses the terminal now.
static LENT: AtomicBool = AtomicBool::new(false);
/// The message of a panic during the use of the terminal by another program. Kept here until it is
/// printed.
static UNREAD: Mutex<Option<String>> = Mutex::new(None);
/// The message of the first panic. Kept here until it is written into the log.
static FIRST: Mutex<Option<String>> = Mutex::new(None);
/// The original stderr of this process, while stderr is redirected to a file.
static STDERR: Mutex<Option<std::os::fd::OwnedFd>> = Mutex::new(None);

/// The terminal while the dashboard uses it. The terminal is restored when the value is dropped.
#[derive(Debug)]
pub struct Screen {
    /// Never dropped, because the destructor of ratatui prints errors with a macro that panics if
    /// stderr cannot be written (on a closed terminal, or to a file on a full disk).
    terminal: ManuallyDrop<Terminal<CrosstermBackend<Stdout>>>,
    /// Set after a change of the size, because the terminal may have lost its content.
    is_stale: bool,
}

impl Screen {
    /// Sets up the terminal, and redirects stderr to the file `errors`, for two reasons: text on
    /// stderr would damage the picture, and on a closed terminal, a write to stderr would panic
    /// within the panic hook and abort the process.
    ///
    /// # Errors
    /// If the terminal cannot be set up.
    pub fn take(errors: &Path) -> io::Result<Self> {
        redirect_stderr(errors);
        restore_on_panic();
        terminal_guard::hold();
        enable_raw_mode().inspect_err(|_| give_back())?;
        TAKEN.store(true, Ordering::SeqCst);
        crossterm::execute!(
            io::stdout(),
            EnterAlternateScreen,
            EnableMouseCapture,
            EnableFocusChange,
            Print(SAVE_TITLE)
        )
        .inspect_err(|_| give_back())?;
        let terminal =
            Terminal::new(CrosstermBackend::new(io::stdout())).inspect_err(|_| give_back())?;
        Ok(Self { terminal: ManuallyDrop::new(terminal), is_stale: false })
    }

    /// Draws a frame. The terminal shows the frame only when it is complete (synchronized update).
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

    /// Writes escape sequences that do not change the picture.
    ///
    /// # Errors
    /// If the terminal was closed.
    pub fn write(&mut self, sequences: &str) -> io::Result<()> {
        let _drawing = Drawing::begin();
        if sequences.is_empty() || has_panicked() {
            return Ok(());
        }
        crossterm::execute!(io::stdout(), Print(sequences))
    }

    /// Makes the next frame draw all cells, even if the size is the same: the size may have changed
    /// and changed back since the last frame.
    pub fn resized(&mut self) {
        self.is_stale = true;
    }

    /// Restores the terminal, so that another program can use it until [`Self::resume`].
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
            DisableFocusChange,
            Print(RESTORE_TITLE),
            LeaveAlternateScreen,
            crossterm::cursor::Show
        )?;
        disable_raw_mode()?;
        terminal_guard::release();
        Ok(())
    }

    /// Sets up the terminal again after [`Self::suspend`]. The next frame draws all cells. Does
    /// nothing after a panic.
    ///
    /// # Errors
    /// If the terminal cannot be set up.
    pub fn resume(&mut self) -> io::Result<()> {
        let _drawing = Drawing::begin();
        LENT.store(false, Ordering::SeqCst);
        if has_panicked() {
            return Ok(());
        }
        terminal_guard::hold();
        enable_raw_mode()?;
        TAKEN.store(true, Ordering::SeqCst);
        crossterm::execute!(
            io::stdout(),
            EnterAlternateScreen,
            EnableMouseCapture,
            EnableFocusChange,
            Print(SAVE_TITLE)
        )?;
        // Create a new terminal object. Do not call `clear` on the old one, because `clear`
        // requests the cursor position from the terminal and waits for the response.
        self.terminal = ManuallyDrop::new(Terminal::new(CrosstermBackend::new(io::stdout()))?);
        Ok(())
    }

    /// Restores the terminal. Drops input that was not read, because that input is not meant for
    /// the shell.
    pub fn close(self) {
        // Disable the reports of the mouse and the focus first, so that no new input arrives after the input is dropped.
        let _ = crossterm::execute!(io::stdout(), DisableMouseCapture, DisableFocusChange);
        if TAKEN.load(Ordering::SeqCst) {
            let _ = nix::sys::termios::tcflush(io::stdin(), nix::sys::termios::FlushArg::TCIFLUSH);
        }
    }

    /// Stops using a terminal that was closed. Redirects stdout and stderr to `/dev/null`, because
    /// writes to a closed terminal fail.
    pub fn abandon(self) {
        TAKEN.store(false, Ordering::SeqCst);
        let _ = disable_raw_mode();
        terminal_guard::release();
        if let Ok(null) = std::fs::OpenOptions::new().read(true).write(true).open("/dev/null") {
            let _ = nix::unistd::dup2_stdout(&null);
            let _ = nix::unistd::dup2_stderr(&null);
        }
        STDERR.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

thread_local! {
    /// Whether this thread is drawing a frame.
    static DRAWS: Cell<bool> = const { Cell::new(false) };
}

/// The exclusive right of one thread to write to the terminal.
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

/// Restores the terminal and stderr. Ignores errors, because only a closed terminal cannot be
/// restored.
fn give_back() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        let _ = crossterm::execute!(
            io::stdout(),
            DisableMouseCapture,
            DisableFocusChange,
            Print(RESTORE_TITLE),
            LeaveAlternateScreen,
            crossterm::cursor::Show
        );
        let _ = disable_raw_mode();
    }
    terminal_guard::release();
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

/// Installs a panic hook that restores the screen before it prints the message.
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
                // Keep the message until the other program ends: on the screen, that program would
                // overwrite the message.
                let said = format!("{panic}");
                UNREAD.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(said);
            } else {
                give_back();
            }
            drop(drawn);
            // Do not write into the log here: the thread that panics may have locked the log.
            FIRST.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(panic.to_string());
            before(panic);
            let _ = io::stderr().flush();
        }));
    });
}

/// Writes the message of a panic into the log. If another program used the terminal during the
/// panic, also prints the message.
pub fn report_panic() {
    if let Some(panic) = FIRST.lock().unwrap_or_else(PoisonError::into_inner).take() {
        tracing::error!(panic, "panic");
    }
    if let Some(said) = UNREAD.lock().unwrap_or_else(PoisonError::into_inner).take() {
        let _ = writeln!(io::stderr(), "{}", harmless::lines(&said));
    }
}

/// Waits until another thread has completed its frame: the output of that frame would otherwise be
/// mixed with the message of the panic. Does not wait if this thread was drawing, because the panic
/// has ended its frame.
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

/// Whether any thread has panicked. After a panic, the terminal is restored, and nothing may be
/// drawn.
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
            // The frame takes 500 ms, as on a busy machine, or less if the test ends earlier.
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
