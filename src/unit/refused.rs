//! The refusal of a start before a process was spawned. Says whether a later start may succeed.

use crate::paths;
use crate::supervisor::{Failure, Resource};
use std::io;

/// Why the unit was not started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The reason, and what the user can do.
    pub failure: Failure,
    /// Whether a later attempt may succeed.
    pub is_transient: bool,
    /// The last lines of the output of a command that has failed.
    pub last_words: Vec<String>,
}

impl Refused {
    /// Creates a refusal because of an error of the operating system. The refusal is transient if
    /// [`paths::is_passing`] says that the error is temporary.
    pub fn by(error: &io::Error, failure: Failure) -> Self {
        let is_transient = paths::is_passing(error);
        Self { is_transient, ..waiting(error, failure).into() }
    }

    /// Creates a transient refusal for any error of the operating system.
    pub fn for_now(error: &io::Error, failure: Failure) -> Self {
        Self { is_transient: true, ..waiting(error, failure).into() }
    }

    /// Creates a refusal for an operation that had no thread to run on, or that did not end in
    /// time.
    pub fn unfinished(failure: Failure) -> Self {
        Self { is_transient: true, ..failure.until_free(Resource::System).into() }
    }
}

fn waiting(error: &io::Error, failure: Failure) -> Failure {
    match error {
        // Another process has the program file open for writing, which is not a lack of resources.
        error if error.kind() == io::ErrorKind::ExecutableFileBusy => failure,
        error if paths::is_disk_trouble(error) => failure.until_free(Resource::Disk),
        error if paths::is_passing(error) => failure.until_free(Resource::System),
        _ => failure,
    }
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self { failure, is_transient: false, last_words: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn temporary_errors_are_transient_and_disk_errors_wait_for_the_disk() {
        let refused = |code| {
            let error = io::Error::from_raw_os_error(code);
            let refused = Refused::by(&error, Failure::new("", ""));
            (refused.is_transient, refused.failure.waits_for)
        };
        let passing = [libc::EMFILE, libc::ENFILE, libc::ENOMEM, libc::EAGAIN, libc::EINTR];
        let of_file_systems = [libc::ENOTCONN, libc::ESTALE];
        let others = [libc::ENOLCK, libc::ENOBUFS].into_iter().chain(of_file_systems);
        for code in passing.into_iter().chain(others) {
            assert_eq!(refused(code), (true, Some(Resource::System)), "{code}");
        }
        for code in [libc::EIO, libc::ENOSPC, libc::EDQUOT, libc::EROFS] {
            assert_eq!(refused(code), (false, Some(Resource::Disk)), "{code}");
        }
        assert_eq!(refused(libc::ETXTBSY), (true, None));
        for code in [libc::ENOENT, libc::EACCES, libc::EPERM, libc::ELOOP, libc::ENOTDIR] {
            assert_eq!(refused(code), (false, None), "{code}");
        }
    }
}
