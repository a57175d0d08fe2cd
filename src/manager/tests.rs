//! What the manager makes of states, without a server.

use super::*;
use crate::config::Options;
use crate::process::lock::HostLock;
use crate::protocol::Happened;
use crate::supervisor::Failure;

/// A manager of a new home, with what it needs to exist.
struct Rig {
    manager: Manager,
    _handle: Handle,
    _folder: tempfile::TempDir,
}

fn rig() -> Rig {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::at(folder.path()).unwrap();
    let lock = Arc::new(HostLock::take(&home.supervisor_lock()).unwrap().unwrap());
    let settings = Settings::resolve(home, Options::default()).unwrap();
    let (manager, handle) = Manager::new(settings, Mode::Background, Sweeps::new(&lock));
    Rig { manager, _handle: handle, _folder: folder }
}

#[tokio::test]
async fn giving_up_is_one_entry_even_if_the_last_process_ends_later() {
    let Rig { mut manager, .. } = rig();
    let failed = |left| State::Failed { failure: Failure::new("why", "hint"), left, retry: None };
    let now = Instant::now();
    manager.observe(&State::Stopped { note: None }, &failed(Some(Generation(1))), now);
    let ended = timeline::entry(Happened::Ended, Generation(1), Cause::Crash, String::new());
    manager.remember(ended);
    manager.observe(&failed(Some(Generation(1))), &failed(None), now);
    let told: Vec<Happened> = manager.facts.timeline.iter().map(|it| it.happened).collect();
    assert_eq!(told, [Happened::Failed, Happened::Ended]);
}
