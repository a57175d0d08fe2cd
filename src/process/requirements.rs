//! Checks that processes can be identified on this system.
//!
//! All proofs about processes are read from `/proc`. If `/proc` belongs to another pid namespace,
//! it shows other processes under the same ids, so every proof would be about a wrong process.
//! [`check`] refuses such a `/proc`. Every read of the process table calls [`check`].

use super::Pid;
use super::pidfd::pin;
use std::io;
use std::sync::OnceLock;

/// Why processes cannot be identified on this system.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unsupported {
    /// `/proc` cannot be read.
    #[error(
        "cannot identify processes: cannot read {file} ({why}); mount /proc with \
         `mount -t proc proc /proc`"
    )]
    NoProcfs {
        /// Path of the file in `/proc`.
        file: &'static str,
        /// The error of the operating system.
        why: String,
    },
    /// `/proc` shows the processes of another pid namespace.
    #[error(
        "cannot identify processes: /proc belongs to another pid namespace (this process is pid \
         {own}, and /proc shows {shown}), so stigmer starts and signals no process; mount the /proc of \
         this namespace, for example with `unshare --pid --fork --mount-proc`"
    )]
    ForeignProcfs {
        /// The id of this process.
        own: Pid,
        /// The process ids that `/proc` shows instead.
        shown: String,
    },
    /// The kernel or a sandbox does not allow pidfds.
    #[error(
        "cannot identify processes: pidfd_open fails ({0}); stigmer needs Linux 5.4 or later, and a \
         sandbox that allows pidfd_open"
    )]
    NoPidfd(String),
}

/// Checks that `/proc` belongs to this pid namespace, and that pidfds can be opened. The result is
/// cached.
///
/// # Errors
/// An [`Unsupported`] in an [`io::Error`], which is cached too. If descriptors or memory are
/// missing for the check, the error is not cached.
pub fn check() -> io::Result<()> {
    static CHECKED: OnceLock<Result<(), Unsupported>> = OnceLock::new();
    let known = match CHECKED.get() {
        Some(known) => known,
        None => {
            let found = examine()?;
            CHECKED.get_or_init(|| found)
        }
    };
    known.clone().map_err(io::Error::other)
}

/// Whether this error is a lack of descriptors or memory in this process or the system. Such an
/// error says nothing about the object of the call.
#[must_use]
pub fn is_shortage(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOMEM | libc::ENOBUFS))
}

fn examine() -> io::Result<Result<(), Unsupported>> {
    let own = nix::unistd::getpid().as_raw();
    let unreadable = |file, error: io::Error| {
        let why = error.to_string();
        if is_shortage(&error) { Err(error) } else { Ok(Unsupported::NoProcfs { file, why }) }
    };
    let read = |file| match std::fs::read_to_string(file) {
        Ok(text) => Ok(Ok(text)),
        Err(error) => unreadable(file, error).map(Err),
    };
    let link = match std::fs::read_link("/proc/self") {
        Ok(link) => link.to_str().and_then(|link| link.parse().ok()),
        // This process is not in this `/proc`.
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return unreadable("/proc/self", error).map(Err),
    };
    let status = match read("/proc/self/status")? {
        Ok(status) => status,
        Err(unsupported) => return Ok(Err(unsupported)),
    };
    if let Err(unsupported) = read("/proc/sys/kernel/random/boot_id")? {
        return Ok(Err(unsupported));
    }
    if let Err(unsupported) = compare(own, link, &status) {
        return Ok(Err(unsupported));
    }
    match pin(own) {
        Ok(_) => Ok(Ok(())),
        Err(error) if is_shortage(&error) => Err(error),
        Err(error) => Ok(Err(Unsupported::NoPidfd(error.to_string()))),
    }
}

/// Checks that `/proc` belongs to the pid namespace of this process. `own` is the id of this
/// process. `link` is the target of `/proc/self`. `status` is the text of `/proc/self/status`. Its
/// `NSpid` line has the id of this process in the namespace of that `/proc`, and in each namespace
/// below.
fn compare(own: Pid, link: Option<Pid>, status: &str) -> Result<(), Unsupported> {
    let numbers =
        |line: &str| line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let listed: Option<Vec<Pid>> =
        status.lines().find_map(|line| line.strip_prefix("NSpid:")).map(numbers);
    match (link, listed) {
        (Some(link), Some(listed)) if link == own && listed == [own] => Ok(()),
        (link, listed) => {
            let mut shown: Vec<String> = link.iter().map(|pid| format!("pid {pid}")).collect();
            let listed = listed.unwrap_or_default();
            if listed.len() > 1 {
                let text: Vec<String> = listed.iter().map(Pid::to_string).collect();
                shown.push(format!("NSpid {}", text.join(" ")));
            }
            let shown = if shown.is_empty() { "no such process".into() } else { shown.join(", ") };
            Err(Unsupported::ForeignProcfs { own, shown })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proc_of_another_pid_namespace_is_refused() {
        let status = |numbers: &str| format!("Name:\tx\nPid:\t7\nNSpid:\t{numbers}\nNSsid:\t1\n");
        assert_eq!(compare(7, Some(7), &status("7")), Ok(()));
        for (own, link, numbers) in [
            (1, Some(4711), "4711\t1"),
            // This process has the same id in both namespaces by chance.
            (7, Some(7), "7\t7"),
            // `/proc` belongs to a namespace that does not contain this process.
            (7, None, ""),
            (7, None, "7"),
        ] {
            let error = compare(own, link, &status(numbers)).unwrap_err().to_string();
            assert!(error.contains("another pid namespace"), "{error}");
        }
        assert!(compare(7, Some(7), "Pid:\t7\n").is_err(), "no NSpid line");
    }

    #[test]
    fn this_system_is_supported() {
        check().unwrap();
    }
}
