use super::*;
use crate::process::lock::InstanceLock;
use crate::process::lock::tests::until_free;
use crate::process::spawn::{Leader, Spawn, close_all_but, inherit_only, spawn};
use crate::supervisor::{Exit, StopSignal};
use proptest::prelude::*;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::process::CommandExt;

struct FakeTable {
    rows: Vec<Process>,
    lock_holders: Vec<Pid>,
    marked: Vec<Pid>,
    marked_otherwise: Vec<Pid>,
}

const MARKER: &str = "3.50.1";

impl Table for FakeTable {
    fn processes(&self) -> &[Process] {
        &self.rows
    }
    fn holds_lock(&self, pid: Pid) -> bool {
        self.lock_holders.contains(&pid)
    }
    fn marker(&self, pid: Pid) -> Option<&str> {
        let other = self.marked_otherwise.contains(&pid).then_some("4.50.2");
        other.or(self.marked.contains(&pid).then_some(MARKER))
    }
}

fn row(pid: Pid, ppid: Pid, session: Pid, start_ticks: u64) -> Process {
    Process { pid, ppid, session, state: 'S', threads: 1, start_ticks, name: "temporal".into() }
}

fn leader(pid: Pid, start_ticks: u64) -> Instance {
    let leader = Identity { pid, start_ticks, boot_id: "b".into(), pid_namespace: "n".into() };
    Instance { leader, marker: MARKER.into() }
}

fn selected(table: &FakeTable, leader: &Instance, me: Pid) -> Vec<Pid> {
    let mut pids: Vec<Pid> = select(table, leader, me).iter().map(|p| p.pid).collect();
    pids.sort_unstable();
    pids
}

const ME: Pid = 50;

/// A table with init, a shell, this process, the processes of an instance, and foreign processes of
/// every kind.
fn machine() -> FakeTable {
    FakeTable {
        rows: vec![
            row(1, 0, 1, 1),
            row(40, 1, 40, 10),      // the shell
            row(ME, 40, 40, 20),     // the host
            row(100, ME, 100, 100),  // leader
            row(101, 100, 100, 101), // its child
            row(102, 101, 102, 102), // its grandchild, in a session of its own
            row(103, ME, 100, 103),  // orphan in the session, inherited by the host
            row(104, 1, 104, 104),   // escaped: only the lock
            row(105, 1, 105, 105),   // escaped: only the marker
            row(106, 105, 105, 106), // child of an escaped one
            row(200, 40, 200, 90),   // older foreign process of the same name
            row(201, 40, 201, 110),  // younger foreign process
            row(202, ME, 40, 111),   // another child of ours: the browser
            row(203, 1, 203, 112),
        ],
        lock_holders: vec![104],
        marked: vec![100, 105],
        marked_otherwise: vec![],
    }
}

#[test]
fn session_descent_lock_and_marker_each_prove_a_member() {
    assert_eq!(selected(&machine(), &leader(100, 100), ME), [100, 101, 102, 103, 104, 105, 106]);
}

#[test]
fn without_the_leader_only_lock_marker_and_their_descendants_count() {
    let mut table = machine();
    table.rows.retain(|process| process.pid != 100);
    assert_eq!(selected(&table, &leader(100, 100), ME), [104, 105, 106]);
}

#[test]
fn lock_holder_with_the_marker_of_another_instance_is_not_selected() {
    let mut table = machine();
    // The search for the processes of the old instance is late: the processes of the next instance
    // already have the same lock.
    table.rows.push(row(300, ME, 300, 300));
    table.rows.push(row(301, 300, 300, 301));
    table.lock_holders.extend([300, 301]);
    table.marked_otherwise.push(300);
    assert!(!selected(&table, &leader(100, 100), ME).contains(&300));
    // A process whose marker (an environment variable) cannot be read is still proven by the lock.
    assert!(selected(&table, &leader(100, 100), ME).contains(&301));
    let unmarked = Instance { marker: String::new(), ..leader(100, 100) };
    assert!(selected(&table, &unmarked, ME).contains(&300), "an absent marker equals nothing");
}

#[test]
fn child_in_the_session_of_the_host_is_not_proven_by_the_lock() {
    let mut table = machine();
    // This child was forked while the lock was open in the host.
    table.lock_holders.push(202);
    assert!(!selected(&table, &leader(100, 100), ME).contains(&202));
}

#[test]
fn reused_id_of_the_leader_proves_no_session_and_no_descent() {
    let mut table = machine();
    table.marked.clear();
    table.lock_holders.clear();
    // Another process now has the id of the leader, the spawned process. It was started later, and
    // leads a session with the same id.
    assert_eq!(selected(&table, &leader(100, 99), ME), [] as [Pid; 0]);
}

#[test]
fn zombie_leader_still_pins_its_session() {
    let mut table = machine();
    table.rows[3].state = 'Z';
    table.lock_holders.clear();
    table.marked.clear();
    assert_eq!(selected(&table, &leader(100, 100), ME), [100, 101, 102, 103]);
}

#[test]
fn host_and_its_ancestors_are_never_selected() {
    let mut table = machine();
    // In this case, a process of the instance has started the host.
    table.rows[2] = row(ME, 101, 100, 107);
    table.marked.push(ME);
    table.lock_holders.push(ME);
    let selected = selected(&table, &leader(100, 100), ME);
    assert!(!selected.contains(&ME) && !selected.contains(&101) && !selected.contains(&100));
}

#[test]
fn unknown_start_selects_nothing() {
    assert_eq!(selected(&machine(), &leader(100, 0), ME), [] as [Pid; 0]);
}

prop_compose! {
    fn any_row()(
        pid in -1..40i32,
        ppid in -1..40i32,
        session in -1..40i32,
        state in prop::sample::select(vec!['S', 'R', 'Z', 'T', 'D']),
        start_ticks in 0..20u64,
    ) -> Process {
        Process { pid, ppid, session, state, threads: 1, start_ticks, name: String::new() }
    }
}

proptest! {
    /// The random tables have few different ids, so that ids are often reused and parents form
    /// loops.
    #[test]
    fn older_processes_init_host_and_ancestors_are_never_selected(
        rows in prop::collection::vec(any_row(), 0..40),
        lock_holders in prop::collection::vec(-1..40i32, 0..6),
        marked in prop::collection::vec(-1..40i32, 0..6),
        marked_otherwise in prop::collection::vec(-1..40i32, 0..6),
        (pid, start) in (-1..40i32, 0..20u64),
        me in 2..40i32,
    ) {
        let mut seen = BTreeSet::new();
        let rows: Vec<Process> = rows.into_iter().filter(|row| seen.insert(row.pid)).collect();
        let table = FakeTable { rows, lock_holders, marked, marked_otherwise };
        let leader = leader(pid, start);
        let by_pid = |pid: Pid| table.rows.iter().find(|row| row.pid == pid);
        let mut ancestors = vec![me];
        while let Some(row) = by_pid(*ancestors.last().expect("never empty")) {
            if ancestors.contains(&row.ppid) {
                break;
            }
            ancestors.push(row.ppid);
        }
        let stands = by_pid(pid).is_some_and(|row| row.start_ticks == start) && start > 0;
        for process in select(&table, &leader, me) {
            prop_assert!(process.pid > 1);
            prop_assert!(start > 0 && process.start_ticks >= start);
            prop_assert!(!ancestors.contains(&process.pid));
            // Each selected process has one of the known proofs.
            let reason = (stands && (process.pid == pid || process.session == pid))
                || (table.lock_holders.contains(&process.pid)
                    && !table.marked_otherwise.contains(&process.pid))
                || table.marker(process.pid) == Some(MARKER)
                || select(&table, &leader, me).iter().any(|parent| parent.pid == process.ppid);
            prop_assert!(reason, "{process:?} without a proof");
        }
    }

    /// Without any proof, nothing is selected.
    #[test]
    fn without_a_proof_nothing_is_selected(rows in prop::collection::vec(any_row(), 0..40)) {
        let table = FakeTable { rows, lock_holders: vec![], marked: vec![], marked_otherwise: vec![] };
        prop_assert!(select(&table, &leader(99, 1), 2).is_empty());
    }
}

#[test]
fn process_ends_with_its_last_thread() {
    let ended = Process { state: 'Z', ..row(100, ME, 100, 100) };
    assert!(ended.is_zombie());
    let ending = Process { threads: 2, ..ended };
    assert!(!ending.is_zombie());
}

/// A log writer that sends its lines to another thread.
struct Lines(std::sync::mpsc::Sender<String>);

impl io::Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        // Sending fails if the test needs no more lines.
        let _ = self.0.send(String::from_utf8_lossy(line).into_owned());
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn unreadable_instance_is_not_killed_before_the_end_of_its_grace_period() {
    let folder = tempfile::tempdir().unwrap();
    let lock = folder.path().join("temporal.lock");
    // The lock file is a link to itself, so it cannot be opened, and the members of the instance
    // are unknown.
    std::os::unix::fs::symlink("temporal.lock", &lock).unwrap();
    let mut server = std::process::Command::new("sh")
        .args(["-c", "trap 'exit 7' TERM; echo; while :; do sleep 0.02; done"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut output = io::BufReader::new(server.stdout.take().unwrap());
    io::BufRead::read_line(&mut output, &mut line).unwrap();
    let leader = Identity::of(Pid::try_from(server.id()).unwrap()).unwrap().unwrap();
    let instance = Instance { leader, marker: MARKER.into() };
    instance.members(&lock).unwrap_err();
    let (log, logged) = std::sync::mpsc::channel();
    let subscriber =
        tracing_subscriber::fmt().with_writer(std::sync::Mutex::new(Lines(log))).finish();
    std::thread::scope(|scope| {
        let end = || instance.end(&lock, &[(StopSignal::Terminate, Duration::from_secs(60))]);
        let ended = scope.spawn(move || tracing::subscriber::with_default(subscriber, end));
        for _ in 0..3 {
            let line: String = logged.recv().unwrap();
            assert!(line.contains("cannot signal the processes"), "{line}");
        }
        std::fs::remove_file(&lock).unwrap();
        assert!(ended.join().unwrap().unwrap().is_empty());
    });
    assert_eq!(server.wait().unwrap().code(), Some(7), "killed");
}

/// Spawns a shell with this script. Its marker is empty, so only the lock proves the process.
fn shell(folder: &Path, script: &str, locks: &[InstanceLock]) -> Leader {
    let output = std::fs::File::create(folder.join("output")).unwrap();
    spawn(&Spawn {
        program: Path::new("/bin/sh"),
        arguments: &["-c".into(), script.into()],
        environment: &[],
        folder,
        output: &output,
        marker: "",
        locks,
    })
    .unwrap()
}

#[test]
fn late_sweep_does_not_select_the_process_that_has_the_lock_of_the_next_instance() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("unit.lock");
    // A child that another test forks also has the lock for a moment, so both `take` and
    // `only_leader` wait.
    let take = || {
        until_free(&path);
        InstanceLock::take(&path).unwrap().unwrap()
    };
    let members = |of: &Instance| -> Vec<Pid> {
        of.members(&path).unwrap().iter().map(|member| member.pid).collect()
    };
    let first = shell(folder.path(), "exec sleep 600", &[take()]);
    let first_instance = first.instance.clone();
    let only_leader = |of: &Instance| {
        while members(of) != [of.leader.pid] {
            std::thread::yield_now();
        }
    };
    only_leader(&first_instance);
    drop(first);

    // This child is in the state between fork and exec: it has the lock and no marker.
    let lock = take();
    let fd = lock.as_fd().as_raw_fd();
    let mut forked = std::process::Command::new("sleep");
    let detach = move || {
        nix::unistd::setsid()?;
        inherit_only(&[fd])
    };
    // SAFETY: `setsid`, `close_range` and `fcntl` are async-signal-safe.
    unsafe { forked.arg("600").pre_exec(detach) };
    let (mut forked, _claim) = claims::spawn(&mut forked).unwrap();
    let seen = members(&first_instance);
    forked.kill().unwrap();
    forked.wait().unwrap();
    assert_eq!(seen, [] as [Pid; 0], "before the next leader is known");

    let second = shell(folder.path(), "exec sleep 600", &[lock]);
    assert_eq!(members(&first_instance), [] as [Pid; 0], "of the next instance");
    only_leader(&second.instance);
}

#[test]
fn marker_that_a_process_got_after_it_lost_the_lock_proves_nothing() {
    const OTHER: &str = "other instance";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("unit.lock");
    let held = InstanceLock::take(&path).unwrap().unwrap();
    // This child is in the state between fork and exec until `execute` is dropped: it has the lock,
    // and the marker of this process.
    let (wait, execute) = io::pipe().unwrap();
    let (lock_fd, wait_fd) = (held.as_fd().as_raw_fd(), wait.as_fd().as_raw_fd());
    let mut child = std::process::Command::new("sleep");
    let until_dropped = move || {
        close_all_but(&[lock_fd, wait_fd]);
        nix::unistd::read(&wait, &mut [0])?;
        Ok(())
    };
    // SAFETY: `close_range` and `read` are async-signal-safe, and glibc can allocate after a fork.
    unsafe { child.arg("600").env(memory::MARKER, OTHER).pre_exec(until_dropped) };
    let mut child = child.spawn().unwrap();
    let pid = child.id().cast_signed();
    while !holds_lock(pid, &KnownFile::at(&path).unwrap().unwrap()).unwrap() {
        std::thread::yield_now();
    }

    let machine = Machine::read_with(&path, 0, |pids| {
        drop(execute);
        while memory::marker(pid).unwrap().as_deref() != Some(OTHER) {
            std::thread::yield_now();
        }
        memory::markers(pids)
    });
    child.kill().unwrap();
    child.wait().unwrap();
    let machine = machine.unwrap();
    assert_eq!(machine.marker(pid), Some(OTHER));
    assert!(!machine.holds_lock(pid));
}

#[tokio::test]
async fn sweep_of_one_instance_keeps_the_exit_status_of_another() {
    let folder = tempfile::tempdir().unwrap();
    let looked_at = shell(folder.path(), "exec sleep 600", &[]);
    let (_, watched) = shell(folder.path(), "exit 3", &[]).watch().unwrap();
    let unwatched = shell(folder.path(), "exit 4", &[]);
    watched.ended().await;
    while unwatched.instance.leader.is_alive().unwrap() {
        tokio::task::yield_now().await;
    }
    looked_at.instance.members_without_orphans(Path::new("")).unwrap();
    reap_inherited();
    assert_eq!(watched.exit(), Exit::Code(3));
    let (_, watched) = unwatched.watch().unwrap();
    watched.ended().await;
    assert_eq!(watched.exit(), Exit::Code(4));
    watched.reap();
}
