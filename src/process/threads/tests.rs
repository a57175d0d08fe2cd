use super::*;
use crate::process::descriptors::tests::in_own_process;

/// A time limit that no test reaches, even on a busy machine. No result depends on it.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs the named test again in a process that cannot create threads. Returns true in that process.
/// Returns false in the first process after the other process has passed the test. If this system
/// cannot limit the threads of the process, the test is skipped with a message.
pub(crate) fn without_threads(test: &str) -> bool {
    if !in_own_process(test) {
        return false;
    }
    // The limit on processes does not apply to root. It applies to a process that is root only in
    // its own user namespace and another user outside.
    let is_bound = !nix::unistd::Uid::effective().is_root()
        || nix::unistd::setuid(nix::unistd::Uid::from_raw(65_534)).is_ok()
        || !is_root_outside();
    if !is_bound {
        println!(
            "skipped: the limit on processes does not apply to root, and no other user is mapped"
        );
        return false;
    }
    nix::sys::resource::setrlimit(nix::sys::resource::Resource::RLIMIT_NPROC, 0, 0).unwrap();
    assert!(Builder::new().spawn(|| ()).is_err());
    true
}

/// Whether the user root of this user namespace is also root in the parent namespace.
fn is_root_outside() -> bool {
    let map = std::fs::read_to_string("/proc/self/uid_map").unwrap();
    map.split_whitespace().take(2).eq(["0", "0"])
}

fn lane(permanent: usize, most: usize) -> &'static Lane {
    let lane = Box::leak(Box::new(Lane::new("test", permanent, most)));
    lane.start().unwrap();
    lane
}

/// A job that blocks until the sender is dropped.
fn blocked() -> (mpsc::Sender<()>, impl FnOnce() + Send) {
    let (release, released) = mpsc::channel::<()>();
    (release, move || {
        let _ = released.recv();
    })
}

fn abandoned(lane: &Lane) -> usize {
    lane.state().abandoned.len()
}

fn until(condition: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "the condition was never true");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[tokio::test]
async fn job_runs_on_an_existing_thread() {
    let lane = lane(1, 1);
    for n in 0..3 {
        assert_eq!(lane.run(PATIENCE, move || n).await.unwrap(), n);
        assert_eq!(lane.run_blocking(PATIENCE, move || n).unwrap(), n);
    }
    assert_eq!(lane.state().threads, 1);
}

/// Blocks one thread with an abandoned job.
async fn block_a_thread(lane: &'static Lane) -> mpsc::Sender<()> {
    let (release, blocks) = blocked();
    let (began, begun) = tokio::sync::oneshot::channel();
    let call = tokio::spawn(lane.run(PATIENCE, move || {
        began.send(()).unwrap();
        blocks();
    }));
    begun.await.unwrap();
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    release
}

#[tokio::test]
async fn job_that_exceeds_its_limit_is_overdue() {
    let lane = lane(1, 1);
    let (_release, blocks) = blocked();
    let overdue = lane.run(Duration::from_millis(1), blocks).await;
    assert!(matches!(overdue, Err(Unfinished::Overdue(_))), "{overdue:?}");
}

#[tokio::test]
async fn thread_is_blocked_only_after_the_limit_of_its_job() {
    let lane = lane(1, 2);
    let release = block_a_thread(lane).await;
    assert_eq!((abandoned(lane), lane.blocked()), (1, 0), "its time limit has not passed");
    lane.state().abandoned[0].1 = Instant::now();
    assert_eq!(lane.blocked(), 1);
    drop(release);
    until(|| lane.blocked() == 0);
}

#[tokio::test]
async fn blocked_thread_is_replaced_and_ends_with_its_job() {
    let lane = lane(1, 2);
    let release = block_a_thread(lane).await;
    assert_eq!((abandoned(lane), lane.state().threads), (1, 2));
    assert_eq!(lane.run(PATIENCE, || 7).await.unwrap(), 7);
    drop(release);
    until(|| abandoned(lane) == 0);
}

#[tokio::test]
async fn job_is_refused_at_once_if_no_thread_is_available() {
    let lane = lane(1, 1);
    let release = block_a_thread(lane).await;
    let refused = lane.run(PATIENCE, || ()).await.unwrap_err();
    assert!(matches!(refused, Unfinished::NoThread { abandoned: 1, .. }), "{refused}");
    drop(release);
    until(|| lane.run_blocking(PATIENCE, || ()).is_ok());
}

#[test]
fn tried_threads_have_ended() {
    let threads = || std::fs::read_dir("/proc/self/task").unwrap().count();
    let before = threads();
    try_create(100).unwrap();
    // Threads of other tests, which run at the same time, may be counted too.
    assert!(threads() < before + 100);
}

#[test]
fn job_without_a_free_thread_within_its_limit_never_starts() {
    let lane = lane(1, 1);
    let (release, blocks) = blocked();
    let (began, begun) = mpsc::channel();
    let first = std::thread::spawn(move || {
        lane.run_blocking(PATIENCE, move || {
            began.send(()).unwrap();
            blocks();
        })
    });
    begun.recv_timeout(PATIENCE).unwrap();
    let (ran, runs) = mpsc::channel();
    let late = lane.run_blocking(Duration::from_millis(1), move || ran.send(()));
    assert!(matches!(late, Err(Unfinished::Overdue(_))));
    drop(release);
    first.join().unwrap().unwrap();
    assert!(runs.recv_timeout(PATIENCE).is_err(), "the job was dropped, not run");
}

#[test]
fn job_without_a_caller_blocks_no_thread_that_others_need() {
    let lane = lane(1, 2);
    let (release, blocks) = blocked();
    lane.post(Duration::ZERO, blocks).unwrap();
    until(|| lane.blocked() == 1);
    assert_eq!(lane.run_blocking(PATIENCE, || 7).unwrap(), 7);
    drop(release);
    until(|| abandoned(lane) == 0);
}

#[tokio::test]
async fn panic_is_reported_and_the_thread_continues() {
    let lane = lane(1, 1);
    let panicked = lane.run(PATIENCE, || panic!("as expected")).await;
    assert!(matches!(panicked, Err(Unfinished::Panicked(_))));
    assert_eq!(lane.run(PATIENCE, || 7).await.unwrap(), 7);
}

#[tokio::test]
async fn late_result_is_dropped_by_its_thread() {
    #[derive(Debug)]
    struct Guard(mpsc::Sender<()>);
    impl Drop for Guard {
        fn drop(&mut self) {
            let _ = self.0.send(());
        }
    }
    let lane = lane(1, 1);
    let (release, blocks) = blocked();
    let (dropped, drops) = mpsc::channel();
    let (began, begun) = tokio::sync::oneshot::channel();
    let call = tokio::spawn(lane.run(PATIENCE, move || {
        began.send(()).unwrap();
        blocks();
        Guard(dropped)
    }));
    begun.await.unwrap();
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    assert_eq!(abandoned(lane), 1);
    drop(release);
    drops.recv_timeout(PATIENCE).unwrap();
    until(|| abandoned(lane) == 0);
}
