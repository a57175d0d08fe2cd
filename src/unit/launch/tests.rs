use super::super::sweeps::{Launches, Sweeps};
use super::*;
use crate::process::lock::HostLock;
use crate::process::record::tests::record;
use crate::supervisor::Cause;
use std::sync::Arc;

/// A folder with the files of a unit. The test process is the host.
struct Rig {
    folder: tempfile::TempDir,
    lock: Arc<HostLock>,
}

impl Rig {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let lock = HostLock::take(&folder.path().join("host.lock")).unwrap().unwrap();
        Self { folder, lock: Arc::new(lock) }
    }

    async fn permit(&self) -> Permit {
        Launches::new(Sweeps::new(&self.lock)).begin().await.unwrap()
    }

    fn record_file(&self) -> PathBuf {
        self.folder.path().join("unit.pid")
    }

    fn lock_file(&self) -> PathBuf {
        self.folder.path().join("unit.lock")
    }

    /// The specification of a launch of this program.
    fn spec(&self, program: &str, arguments: &[&str]) -> Spec {
        let log = self.folder.path().join("unit.log");
        Spec {
            record: Record {
                executable: program.into(),
                marker: marker(Generation(1)),
                ..record()
            },
            record_file: self.record_file(),
            arguments: arguments.iter().map(Into::into).collect(),
            environment: vec![("UNIT".into(), "of a test".into())],
            folder: self.folder.path().to_owned(),
            log: MarkedLog::open(&log, Generation(1), Cause::Operator, "").unwrap(),
            lock_file: self.lock_file(),
            locks: Vec::new(),
        }
    }

    /// Takes over the home as another host would, and writes the record of that host.
    fn lose_home(&self) -> (HostLock, Record) {
        let path = self.folder.path().join("host.lock");
        std::fs::remove_file(&path).unwrap();
        let lock = HostLock::take(&path).unwrap().unwrap();
        record().write(&self.record_file()).unwrap();
        (lock, record())
    }
}

#[tokio::test]
async fn start_in_a_home_that_was_taken_during_the_preparation_spawns_and_records_nothing() {
    let rig = Rig::new();
    let permit = rig.permit().await;
    let spec = rig.spec("/bin/true", &[]);
    let _other = rig.lose_home();
    let before = std::fs::read_to_string(rig.record_file()).unwrap();
    let not_started = start(spec, &permit).expect_err("refused");
    assert!(matches!(not_started, NotStarted::Unswept(Unswept::NotInPlace)), "{not_started:?}");
    assert_eq!(std::fs::read_to_string(rig.record_file()).unwrap(), before, "the other host's");
}

#[tokio::test]
async fn process_that_was_spawned_while_another_host_took_the_home_is_ended_with_its_record() {
    for leaves_draft in [true, false] {
        let rig = Rig::new();
        let permit = rig.permit().await;
        let output = std::fs::File::create(rig.folder.path().join("output")).unwrap();
        let leader = spawn(&Spawn {
            program: Path::new("/bin/sleep"),
            arguments: &["300".into()],
            environment: &[],
            folder: rig.folder.path(),
            output: &output,
            marker: "1.spawned-too-late.1",
            locks: &[],
        })
        .unwrap();
        let spawned = leader.instance.clone();
        let (_lock, other) = rig.lose_home();
        if leaves_draft {
            Record { marker: spawned.marker.clone(), ..other }.write(&rig.record_file()).unwrap();
        }
        let ended = in_place_or_ended(leader, &rig.record_file(), &rig.lock_file(), &permit);
        assert!(matches!(ended, Err(Unswept::NotInPlace)));
        assert!(!spawned.leader.is_alive().unwrap());
        assert_eq!(rig.record_file().exists(), !leaves_draft);
    }
}

#[tokio::test]
async fn program_that_cannot_be_executed_leaves_no_record() {
    let rig = Rig::new();
    let not_started = start(rig.spec("/nonexistent", &[]), &rig.permit().await).unwrap_err();
    let NotStarted::NotSpawned(error) = not_started else { panic!("{not_started:?}") };
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
    assert!(!rig.record_file().exists());
}
