//! Arms the watchdog of a host while the server is to run. The watchdog starts the next host if the
//! host dies. The number of such starts in a row is limited.

use super::holder::is_hosted;
use crate::config::Settings;
use crate::facts::chronicle::Chronicle;
use crate::manager::{Handle, gave_up};
use crate::paths::Home;
use crate::supervisor::Want;
use crate::watchdog;
use std::io;

/// Maximum number of hosts in a row that die soon after their start, before the watchdog starts no
/// further host.
pub(super) fn attempts(settings: &Settings) -> u32 {
    settings.policy.max_restarts.max(1)
}

/// Writes an entry into the timeline of a home: the watchdog starts no further host. Does nothing
/// if a host runs.
///
/// # Errors
/// If the timeline cannot be written.
pub fn record_give_up(home: &Home, why: &str) -> io::Result<()> {
    if is_hosted(home) {
        return Ok(());
    }
    Chronicle::open(&home.events()).write(&gave_up(home, why))
}

/// Keeps the watchdog armed while the server of this host is to run, and disarmed otherwise. An
/// armed watchdog starts a new host if this process dies.
pub(super) async fn guard(handle: Handle) {
    const TROUBLE: &str = "watchdog";
    let mut facts = handle.watch();
    let mut armed = None;
    let mut ended = std::pin::pin!(watchdog::ended());
    loop {
        let (home, arms) = {
            let facts = facts.borrow_and_update();
            let arms = facts.settings.watchdog && facts.want == Want::Up && facts.is_managed();
            (facts.settings.home.clone(), arms.then(|| attempts(&facts.settings)))
        };
        match arms {
            Some(attempts) if armed != arms => {
                let failed = watchdog::arm(home.root(), attempts).err().map(|error| {
                    format!(
                        "cannot start the watchdog (the process that replaces a killed host): \
                         {error}; if this host is killed, no other host starts until you run \
                         `stigmer local`"
                    )
                });
                handle.trouble(TROUBLE, failed).await;
            }
            None if armed.is_some() => watchdog::disarm(),
            Some(_) | None => {}
        }
        armed = arms;
        tokio::select! {
            changed = facts.changed() => if changed.is_err() { return },
            () = &mut ended => {
                let text = "the watchdog has ended: if this host is killed, no other host starts \
                            until you run `stigmer local`";
                handle.trouble(TROUBLE, Some(text.to_owned())).await;
                return;
            }
        }
    }
}
