//! Noticing that the terminal is gone.

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::io;
use std::os::fd::AsFd;

/// Calls `gone` when the terminal goes away. A closed terminal need not send
/// SIGHUP (a killed multiplexer, `trap "" HUP`), and the event stream does not
/// tell; waiting for nothing on stdin does.
pub fn watch(gone: impl FnOnce() + Send + 'static) {
    std::thread::spawn(move || {
        let stdin = io::stdin();
        loop {
            let mut fds = [PollFd::new(stdin.as_fd(), PollFlags::empty())];
            match poll(&mut fds, PollTimeout::NONE) {
                Ok(_) => break,
                Err(nix::errno::Errno::EINTR) => {}
                Err(_) => break,
            }
        }
        gone();
    });
}
