//! The time limit of a wait for the host lock. The limit is extended while another command holds
//! the lock.

use super::{Notice, Notify, work};
use crate::paths::Home;
use crate::process::Pid;
use std::time::{Duration, Instant};

/// The time limit of a wait for the host lock, or for a response of the host. Each command that
/// takes the lock writes its own time limit into the lock file. Within the time limit of such a
/// command, this time limit starts again.
#[derive(Debug)]
pub struct Patience {
    usual: Duration,
    deadline: Instant,
    notified: Option<Pid>,
}

impl Patience {
    /// Creates the time limit. `usual` is its length if no command holds the lock.
    #[must_use]
    pub fn new(usual: Duration) -> Self {
        Self { usual, deadline: Instant::now() + usual, notified: None }
    }

    /// Starts the time limit again from now.
    pub fn renew(&mut self) {
        self.deadline = Instant::now() + self.usual;
    }

    /// Whether the time limit is over. If a command holds the lock, extends the time limit, and
    /// sends one notice for that command.
    pub fn is_over(&mut self, home: &Home, notify: Notify<'_>) -> bool {
        let Some(work) = work(home) else { return Instant::now() >= self.deadline };
        self.renew();
        if self.notified.replace(work.pid) != Some(work.pid) {
            notify(&Notice::Waiting(work));
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hosting::sign;
    use crate::process::identity::Identity;
    use crate::process::lock::HostLock;
    use std::cell::RefCell;

    #[test]
    fn wait_lasts_as_long_as_the_work_of_a_command_and_sends_one_notice() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path()).unwrap();
        let lock = HostLock::take(&home.supervisor_lock()).unwrap().unwrap();
        let mut patience = Patience::new(Duration::ZERO);
        let notices = RefCell::new(Vec::new());
        let notify = |notice: &Notice| notices.borrow_mut().push(notice.to_string());
        sign(&lock, &home, Some(("stopping the server", Duration::from_secs(3600)))).unwrap();
        for _ in 0..3 {
            assert!(!patience.is_over(&home, &notify));
        }
        drop(lock);
        assert!(patience.is_over(&home, &notify));
        let notices = notices.into_inner();
        assert_eq!(notices.len(), 1);
        let pid = Identity::own().pid;
        let expected = format!("waiting for pid {pid}, which is stopping the server (up to ");
        assert!(notices[0].starts_with(&expected), "{notices:?}");
    }
}
