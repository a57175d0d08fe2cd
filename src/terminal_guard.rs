//! The terminal guard: a second process, which restores the terminal when the dashboard was killed.
//!
//! Without it, a dashboard that ends by SIGKILL leaves the terminal in raw mode, without echo and
//! with mouse reports. The Temporal CLI kills its extensions in this way, and so does the kernel when
//! memory runs out. A process that shows the dashboard forks the guard in `main`, before a second
//! thread exists ([`fork`]). The guard waits for the end of the dashboard. If the dashboard then
//! [uses](hold) the terminal, the guard restores it.
//!
//! The shell continues when the dashboard has ended, and may take the settings of the terminal that it
//! finds then for the usual ones. So the guard must be faster. A killed process ends when its last
//! thread has ended and its memory is freed; only then its parent is notified, and its pipes close. So the
//! dashboard has a thread with a pipe of its own, which closes when this thread ends, and the guard
//! restores the settings then, while the kernel still ends the rest of the process.

use crate::process::identity::Identity;
use crate::process::{forked, spawn};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::termios::{FlushArg, SetArg, Termios, cfmakeraw, tcflush, tcgetattr, tcsetattr};
use std::ffi::OsString;
use std::io::{self, IsTerminal, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::sync::{Mutex, OnceLock, PoisonError, mpsc};
use std::time::Duration;

/// Title of the process for `ps`.
const TITLE: &[u8] = b"stigmer terminal guard";

/// How long an exiting dashboard waits for the exit of its guard, which takes less than a
/// millisecond.
const LEAVING: Duration = Duration::from_secs(1);

/// How long the guard waits for a terminal that accepts no output, in milliseconds.
const ACCEPTS_MS: u16 = 1_000;
/// Maximum lifetime of a guard after the end of its dashboard, in seconds. A terminal may block a
/// call that the guard makes.
const LIFETIME: u32 = 5;

/// The sequences that undo what a dashboard may have set: synchronized update, mouse reports, focus
/// reports, colours, title of the window, alternate screen, hidden cursor.
const RESTORE: &[u8] = b"\x1b[?2026l\x1b[?1006l\x1b[?1015l\x1b[?1003l\x1b[?1002l\x1b[?1000l\
    \x1b[?1004l\x1b[0m\x1b[23;2t\x1b[?1049l\x1b[?25h";

/// Number of control characters in the settings of a terminal (`NCCS`).
const CHARACTERS: usize = 32;
/// Size in bytes of a message to the guard. A message has a flag, four sets of mode bits and the
/// control characters. The size is less than `PIPE_BUF`, so the kernel never splits a message.
const MESSAGE: usize = 1 + 4 * 4 + CHARACTERS;

#[derive(Debug)]
struct Guard {
    identity: Identity,
    /// The write end of the pipe for messages, or `None` after it was closed.
    pipe: Mutex<Option<PipeWriter>>,
    /// The write end of the pipe of the thread, before the thread has it, or if there is no thread.
    alive: Mutex<Option<PipeWriter>>,
}

/// The guard of this process, or the error of the fork. A process without a guard can still show the
/// dashboard.
static GUARD: OnceLock<io::Result<Guard>> = OnceLock::new();

/// Forks the guard if the command-line arguments show that this process may show the dashboard. Must
/// be called before the process has a second thread. Otherwise no guard is created.
pub fn fork(arguments: impl Iterator<Item = OsString>) {
    let mut words = arguments.skip(1).take_while(|word| word != "--");
    if words.any(|word| word == "--tui") && io::stdin().is_terminal() && io::stdout().is_terminal()
    {
        let _ = GUARD.set(begin());
    }
}

fn begin() -> io::Result<Guard> {
    let (life, alive) = io::pipe()?;
    let (identity, pipe) = forked::fork(|pipe| run(pipe, &life))?;
    Ok(Guard { identity, pipe: Mutex::new(Some(pipe)), alive: Mutex::new(Some(alive)) })
}

/// Passes the second pipe to a thread that does nothing. Without the thread, the pipe closes with the
/// process.
fn live(guard: &Guard) {
    let mut alive = guard.alive.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(copy) = alive.as_ref().and_then(|pipe| pipe.try_clone().ok()) else { return };
    let number = copy.as_raw_fd();
    let (sender, isolated) = mpsc::channel();
    let thread = std::thread::Builder::new().name("alive".to_owned());
    let begun = thread.spawn(move || {
        let is_isolated = spawn::isolate_descriptors(copy.as_raw_fd()).is_ok();
        let _ = sender.send(is_isolated);
        if is_isolated {
            loop {
                std::thread::park();
            }
        }
    });
    if begun.is_ok() && isolated.recv() == Ok(true) {
        // The thread has its own descriptor with this number.
        let _ = nix::unistd::close(number);
        *alive = None;
    }
}

/// Makes the guard restore the current settings of the terminal if this process ends without a
/// [`release`]. Must be called before the dashboard changes the settings.
pub fn hold() {
    match GUARD.get() {
        Some(Ok(guard)) => {
            live(guard);
            if let Ok(settings) = tcgetattr(io::stdin()) {
                send(&message(&settings));
            }
        }
        Some(Err(error)) => {
            tracing::warn!(%error, "no guard restores the terminal if this process is killed");
        }
        None => {}
    }
}

/// Reports to the guard that the terminal is restored.
pub fn release() {
    send(&[0; MESSAGE]);
}

/// Closes the pipe to the guard, because this process exits now, and waits for the exit of the
/// guard.
pub fn end() {
    let Some(Ok(guard)) = GUARD.get() else { return };
    let pipe = guard.pipe.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(pipe) = pipe {
        drop(pipe);
        forked::wait_exit(&guard.identity, LEAVING);
    }
}

fn send(message: &[u8; MESSAGE]) {
    let Some(Ok(guard)) = GUARD.get() else { return };
    let mut pipe = guard.pipe.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(pipe) = &mut *pipe {
        // The write fails if another process has killed the guard. Then nothing guards the terminal.
        let _ = pipe.write_all(message);
    }
}

fn message(settings: &Termios) -> [u8; MESSAGE] {
    let mut message = [0; MESSAGE];
    message[0] = 1;
    let (modes, characters) = message[1..].split_at_mut(4 * 4);
    let bits = [
        settings.input_flags.bits(),
        settings.output_flags.bits(),
        settings.control_flags.bits(),
        settings.local_flags.bits(),
    ];
    for (place, bits) in modes.chunks_exact_mut(4).zip(bits) {
        place.copy_from_slice(&bits.to_le_bytes());
    }
    for (place, character) in characters.iter_mut().zip(settings.control_chars) {
        *place = character;
    }
    message
}

/// Writes the settings of a message into `settings`.
fn apply(message: &[u8; MESSAGE], settings: &mut Termios) {
    use nix::sys::termios::{ControlFlags, InputFlags, LocalFlags, OutputFlags};
    let (modes, characters) = message[1..].split_at(4 * 4);
    let mut bits =
        modes.chunks_exact(4).map(|it| it.try_into().map(u32::from_le_bytes).unwrap_or_default());
    let mut next = || bits.next().unwrap_or_default();
    settings.input_flags = InputFlags::from_bits_retain(next());
    settings.output_flags = OutputFlags::from_bits_retain(next());
    settings.control_flags = ControlFlags::from_bits_retain(next());
    settings.local_flags = LocalFlags::from_bits_retain(next());
    for (place, character) in settings.control_chars.iter_mut().zip(characters) {
        *place = *character;
    }
}

/// The code of the guard. Waits for the end of the dashboard. If the dashboard used the terminal at
/// that time, restores the terminal.
fn run(mut pipe: PipeReader, life: &PipeReader) {
    forked::detach(&[&pipe, life], c"stigmer-term", TITLE);
    let last = last_message(&mut pipe, life);
    if last[0] != 1 {
        return;
    }
    nix::unistd::alarm::set(LIFETIME);
    if let Some(was_raw) = restore_settings(&last, &io::stdin()) {
        // What the dashboard still writes must come before the sequences that undo it.
        while pipe.read(&mut [0; MESSAGE]).is_ok_and(|length| length > 0) {}
        restore_screen(was_raw, &io::stdin(), &io::stdout());
    }
}

/// Waits until a thread of the dashboard has ended. Returns the last message.
fn last_message(pipe: &mut PipeReader, life: &PipeReader) -> [u8; MESSAGE] {
    let mut last = [0; MESSAGE];
    loop {
        let mut fds = [&*pipe, life].map(|it| PollFd::new(it.as_fd(), PollFlags::POLLIN));
        match poll(&mut fds, PollTimeout::NONE) {
            Ok(_) => {}
            Err(Errno::EINTR) => continue,
            Err(_) => return last,
        }
        // A message comes before the end.
        if !fds[0].revents().is_some_and(|found| found.contains(PollFlags::POLLIN)) {
            return last;
        }
        let mut message = [0; MESSAGE];
        match pipe.read_exact(&mut message) {
            Ok(()) => last = message,
            Err(_) => return last,
        }
    }
}

/// Restores the settings of the terminal. Leaves them unchanged if another program has changed them
/// meanwhile: that program, such as the shell, uses the terminal now. Returns whether the terminal was in
/// raw mode, or `None` if the terminal is gone.
fn restore_settings(message: &[u8; MESSAGE], input: &impl AsFd) -> Option<bool> {
    let current = tcgetattr(input).ok()?;
    let mut before = current.clone();
    apply(message, &mut before);
    let mut raw = before.clone();
    cfmakeraw(&mut raw);
    let was_raw = modes(&current) == modes(&raw);
    if was_raw {
        let _ = tcsetattr(input, SetArg::TCSANOW, &before);
    }
    Some(was_raw)
}

/// Undoes what the dashboard has written.
fn restore_screen(was_raw: bool, input: &impl AsFd, output: &impl AsFd) {
    let mut fds = [PollFd::new(output.as_fd(), PollFlags::POLLOUT)];
    if poll(&mut fds, PollTimeout::from(ACCEPTS_MS)).is_ok_and(|ready| ready > 0) {
        let _ = nix::unistd::write(output, RESTORE);
    }
    if was_raw {
        // Input that was not read, such as a report of the mouse, is not meant for the shell.
        let _ = tcflush(input, FlushArg::TCIFLUSH);
    }
}

fn modes(settings: &Termios) -> [u32; 4] {
    [
        settings.input_flags.bits(),
        settings.output_flags.bits(),
        settings.control_flags.bits(),
        settings.local_flags.bits(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::pty::{OpenptyResult, openpty};
    use nix::sys::termios::LocalFlags;

    /// A terminal in raw mode, its settings before, and the message with them.
    fn raw() -> (OpenptyResult, Termios, [u8; MESSAGE]) {
        let pty = openpty(None, None).unwrap();
        let before = tcgetattr(&pty.slave).unwrap();
        let mut raw = before.clone();
        cfmakeraw(&mut raw);
        tcsetattr(&pty.slave, SetArg::TCSANOW, &raw).unwrap();
        let message = message(&before);
        (pty, before, message)
    }

    fn restore(message: &[u8; MESSAGE], input: &impl AsFd, output: &impl AsFd) {
        if let Some(was_raw) = restore_settings(message, input) {
            restore_screen(was_raw, input, output);
        }
    }

    #[test]
    fn guard_stops_waiting_when_a_thread_of_the_dashboard_ends() {
        let (_, _, message) = raw();
        let ((mut pipe, mut writer), (life, alive)) = (io::pipe().unwrap(), io::pipe().unwrap());
        writer.write_all(&[0; MESSAGE]).unwrap();
        writer.write_all(&message).unwrap();
        drop(alive);
        assert_eq!(last_message(&mut pipe, &life), message, "the process still has its pipe");
        let (life, _alive) = io::pipe().unwrap();
        writer.write_all(&message).unwrap();
        drop(writer);
        assert_eq!(last_message(&mut pipe, &life), message, "the process has ended");
    }

    #[test]
    fn pipe_of_a_thread_closes_before_the_process_ends() {
        let (life, alive) = io::pipe().unwrap();
        let number = alive.as_raw_fd();
        let (end, ends) = mpsc::channel::<()>();
        let (isolate, isolated) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            isolate.send(spawn::isolate_descriptors(alive.as_raw_fd()).is_ok()).unwrap();
            let _ = ends.recv();
        });
        if !isolated.recv().unwrap() {
            return; // An old kernel.
        }
        // This thread has its own table.
        nix::unistd::close(number).unwrap();
        let closes_within = |time: PollTimeout| {
            let mut fds = [PollFd::new(life.as_fd(), PollFlags::POLLIN)];
            poll(&mut fds, time).unwrap() > 0
        };
        assert!(!closes_within(PollTimeout::ZERO));
        drop(end);
        thread.join().unwrap();
        // The kernel closes the descriptors after the thread can be joined.
        assert!(closes_within(PollTimeout::from(60_000u16)));
    }

    #[test]
    fn terminal_in_raw_mode_is_restored() {
        let (pty, before, message) = raw();
        assert_ne!(tcgetattr(&pty.slave).unwrap(), before);
        restore(&message, &pty.slave, &pty.slave);
        assert_eq!(tcgetattr(&pty.slave).unwrap(), before);
        let mut shown = [0; 256];
        let length = nix::unistd::read(&pty.master, &mut shown).unwrap();
        assert_eq!(&shown[..length], RESTORE);
    }

    #[test]
    fn settings_of_another_program_stay() {
        let (pty, before, message) = raw();
        let mut others = before;
        others.local_flags.remove(LocalFlags::ECHO);
        tcsetattr(&pty.slave, SetArg::TCSANOW, &others).unwrap();
        restore(&message, &pty.slave, &pty.slave);
        assert_eq!(tcgetattr(&pty.slave).unwrap(), others);
    }

    #[test]
    fn terminal_that_is_gone_or_accepts_no_output_blocks_no_restore() {
        let (pty, before, message) = raw();
        let stops = nix::sys::termios::FlowArg::TCOOFF;
        nix::sys::termios::tcflow(&pty.slave, stops).unwrap();
        restore(&message, &pty.slave, &pty.slave);
        assert_eq!(tcgetattr(&pty.slave).unwrap(), before, "line mode without output");
        drop(pty.master);
        restore(&message, &pty.slave, &pty.slave);
    }
}
