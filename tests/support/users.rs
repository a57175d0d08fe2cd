//! Another user, for limits that do not bind root.

use super::rig::Rig;
use nix::unistd::Uid;

/// A rig whose commands run as a user without any other process. `None`, and a line that says why,
/// if this user cannot become another one.
pub fn unused_user() -> Option<Rig> {
    if !Uid::effective().is_root() {
        println!("skipped: only root becomes another user, and other processes of this one count");
        return None;
    }
    let mut rig = Rig::new();
    rig.run_as(1_000_000 + u32::from(rig.port));
    Some(rig)
}
