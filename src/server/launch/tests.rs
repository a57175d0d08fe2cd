use super::remains::remove_record;
use super::*;
use crate::config::Options;
use crate::paths::Home;
use crate::process::Pid;
use crate::process::descriptors::tests::{in_own_process, without_descriptors};
use crate::process::lock::HostLock;
use crate::supervisor::Resource;
use crate::unit::sweeps::{Launches, Sweeps};

/// A home whose host is the test process.
struct Rig {
    _folder: tempfile::TempDir,
    home: Home,
    settings: Arc<Settings>,
    lock: Arc<HostLock>,
}

impl Rig {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(&folder.path().join("home")).unwrap();
        home.prepare(true).unwrap();
        let settings = Arc::new(Settings::resolve(home.clone(), Options::on_free_ports()).unwrap());
        let lock = Arc::new(HostLock::take(&home.supervisor_lock()).unwrap().unwrap());
        Self { _folder: folder, home, settings, lock }
    }

    fn request(&self, unadopted: bool) -> LaunchRequest {
        LaunchRequest {
            generation: Generation(1),
            cause: Cause::Operator,
            detail: String::new(),
            settings: self.settings.clone(),
            unadopted,
        }
    }

    async fn permit(&self) -> Permit {
        Launches::new(Sweeps::new(&self.lock)).begin().await.unwrap()
    }

    /// Takes over the home as another host would, and writes the record of that host.
    fn lose_home(&self) -> (HostLock, Record) {
        std::fs::remove_file(self.home.supervisor_lock()).unwrap();
        let lock = HostLock::take(&self.home.supervisor_lock()).unwrap().unwrap();
        let record = crate::process::record::tests::record();
        record.write(&self.home.record()).unwrap();
        (lock, record)
    }
}

#[tokio::test]
async fn cleanup_does_not_remove_the_record_of_another_host() {
    let rig = Rig::new();
    let permit = rig.permit().await;
    let _other = rig.lose_home();
    assert!(remove_record(&rig.home, &permit).unwrap_err().is_transient);
    assert!(rig.home.record().exists());
}

#[tokio::test]
async fn launch_returns_an_unadopted_server_and_does_not_end_it() {
    let rig = Rig::new();
    let (home, permit) = (&rig.home, rig.permit().await);
    let mut child = std::process::Command::new("sleep").arg("300").spawn().unwrap();
    let pid = Pid::try_from(child.id()).unwrap();
    let record = Record {
        leader: Identity::of(pid).unwrap().unwrap(),
        ..crate::process::record::tests::record()
    };
    record.write(&home.record()).unwrap();
    let launched = launch(rig.request(true), &permit).await.unwrap();
    assert!(matches!(launched, Launched::Met(met, _) if *met == record));
    assert!(child.try_wait().unwrap().is_none(), "the server still runs");
    assert!(home.record().exists());
    assert_eq!(clear(&rig.settings, Purpose::Start { unadopted: false }, &permit).unwrap(), None);
    child.wait().unwrap();
    assert!(!home.record().exists());
    let purpose = Purpose::Start { unadopted: true };
    assert_eq!(clear(&rig.settings, purpose, &permit).unwrap(), None, "no server runs");
}

#[tokio::test]
async fn start_with_an_unknown_lock_holder_is_retried_only_if_a_server_was_not_adopted() {
    // In its own process: the process of another test that has just executed its program may still
    // have the locks of this test, and a sweep ends it.
    let name = "server::launch::tests::start_with_an_unknown_lock_holder_is_retried_only_if_a_server_\
                was_not_adopted";
    if !in_own_process(name) {
        return;
    }
    let rig = Rig::new();
    let permit = rig.permit().await;
    // The test process has the lock, but no marker in its environment. So stigmer cannot verify that
    // this process is a server.
    let _held = InstanceLock::take(&rig.home.temporal_lock()).unwrap();
    for (unadopted, waits_for) in [(false, None), (true, Some(Resource::System))] {
        let refused = clear(&rig.settings, Purpose::Start { unadopted }, &permit).unwrap_err();
        assert_eq!((refused.is_transient, refused.failure.waits_for), (false, waits_for));
    }
}

#[test]
fn lock_with_an_unreadable_holder_is_a_transient_refusal() {
    let name = "server::launch::tests::lock_with_an_unreadable_holder_is_a_transient_refusal";
    if !in_own_process(name) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("temporal.lock");
    let lock = InstanceLock::take(&path).unwrap();
    let unknown = without_descriptors(|| held(&path));
    assert!(unknown.is_transient, "{unknown:?}");
    assert_eq!(unknown.failure.waits_for, Some(Resource::System));
    assert!(!held(&path).is_transient, "the holder has no marker");
    drop(lock);
    assert!(held(&path).is_transient, "the holder has exited");
}

#[tokio::test]
async fn server_of_a_home_that_another_host_has_taken_during_the_search_is_not_found() {
    let rig = Rig::new();
    let permit = rig.permit().await;
    let (other, _) = rig.lose_home();
    let mut child = std::process::Command::new("sleep").arg("300").spawn().unwrap();
    let leader = Identity::of(Pid::try_from(child.id()).unwrap()).unwrap().unwrap();
    let record = Record { leader, ..crate::process::record::tests::record() };
    record.write(&rig.home.record()).unwrap();
    let failure = search(rig.settings.clone(), &permit).await.unwrap_err();
    assert!(failure.reason.contains("deleted or replaced"), "{failure}");
    let permit = Launches::new(Sweeps::new(&Arc::new(other))).begin().await.unwrap();
    let found = search(rig.settings.clone(), &permit).await.unwrap();
    assert!(found.is_some_and(|(found, _)| *found == record), "the other host finds it");
    child.kill().unwrap();
    child.wait().unwrap();
}
