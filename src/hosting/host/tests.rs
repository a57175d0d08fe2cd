use super::*;
use crate::config::Options;
use crate::hosting::{is_hosted, prove, running, sign};
use crate::process::identity::{Identity, own_pid};
use crate::supervisor::State;
use crate::unit::sweeps::tests::under_way;

#[test]
fn only_a_living_host_can_restore_a_deleted_home() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::at(&folder.path().join("home")).unwrap();
    let lock = take_lock(&home).unwrap().unwrap();
    assert_eq!(host_of_deleted(&home), None, "nothing is deleted");
    std::fs::remove_dir_all(home.root()).unwrap();
    assert_eq!(host_of_deleted(&home), Some(own_pid()));
    drop(lock);
    assert_eq!(host_of_deleted(&home), None);
}

#[tokio::test]
async fn a_home_that_cannot_be_looked_at_is_neither_stopped_nor_without_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let above = folder.path().join("above");
    let home = Home::at(&above.join("home")).unwrap();
    let death = Death { attempt: 1, at: Duration::ZERO };
    assert!(matches!(Host::resume(&home, death).await, Ok(Resumed::Stopped)), "no home");
    std::fs::write(&above, "no folder").unwrap();
    assert!(matches!(Host::resume(&home, death).await, Err(HostError::Io { .. })));
    std::fs::remove_file(&above).unwrap();
    home.prepare(true).unwrap();
    assert!(running(&home).unwrap().is_none());
    std::fs::create_dir(home.record()).unwrap();
    running(&home).unwrap_err();
}

#[tokio::test]
async fn a_host_leaves_after_the_check_of_its_files_that_is_under_way() {
    let (_folder, home, host) = host();
    let keeper = host.keeper.clone();
    let (guard, keeping) = (host.guard.abort_handle(), host.keeping.abort_handle());
    let check = keeper.last.lock().await;
    let mut left = std::pin::pin!(host.leave());
    // The host stops its guard first. From there on, leaving without a wait takes fewer turns.
    let mut turns = 0;
    while turns < 1000 {
        assert!(futures_util::poll!(&mut left).is_pending(), "the host left during the check");
        tokio::task::yield_now().await;
        turns += u32::from(guard.is_finished());
    }
    assert!(!keeping.is_finished() && is_hosted(&home));
    drop(check);
    left.await;
    assert!(keeping.is_finished() && !is_hosted(&home));
}

/// The response to `GET /healthz`.
async fn health(home: &Home) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let asked = async {
        let mut stream = loop {
            match tokio::net::UnixStream::connect(home.socket()).await {
                Ok(stream) => break stream,
                Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        };
        let request = b"GET /healthz HTTP/1.1\r\nhost: _\r\nconnection: close\r\n\r\n";
        stream.write_all(request).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        text
    };
    tokio::time::timeout(Duration::from_secs(60), asked).await.expect("a response")
}

#[tokio::test]
async fn host_without_its_manager_is_not_healthy() {
    let (_folder, home, host) = host();
    let text = health(&home).await;
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    host.manager.abort();
    host.handle.closed().await;
    let text = health(&home).await;
    assert!(text.starts_with("HTTP/1.1 503"), "{text}");
    host.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn host_whose_manager_hangs_is_not_healthy_until_the_manager_goes_on() {
    let (_folder, home, host) = host();
    let text = health(&home).await;
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    let (facts, (release, released)) = (host.handle().watch(), std::sync::mpsc::channel::<()>());
    let (began, begun) = tokio::sync::oneshot::channel();
    // The manager cannot publish facts while they are borrowed.
    let borrower = std::thread::spawn(move || {
        let borrowed = facts.borrow();
        began.send(()).unwrap();
        let _ = released.recv();
        drop(borrowed);
    });
    begun.await.unwrap();
    // There is no program to start.
    let outcome = host.handle().begin(Command::Start).await.unwrap();
    let text = health(&home).await;
    assert!(text.starts_with("HTTP/1.1 503"), "{text}");
    drop(release);
    borrower.join().unwrap();
    outcome.await.unwrap().unwrap_err();
    let text = health(&home).await;
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    host.leave().await;
}

#[tokio::test]
async fn whatever_the_end_of_its_manager_a_host_unlocks_only_after_its_last_sweep() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::at(&folder.path().join("home")).unwrap();
    let settings = Settings::resolve(home.clone(), Options::default()).unwrap();
    let host = Host::start(settings, Mode::Headless).unwrap();
    let (sweep, end) = under_way(&host.sweeps).await;
    // As by a panic.
    host.manager.abort();
    host.handle.closed().await;
    let mut released = std::pin::pin!(host.release());
    assert!(futures_util::poll!(&mut released).is_pending());
    assert!(is_hosted(&home));
    end.send(()).unwrap();
    let _ = released.await.last_answers.await;
    assert!(!is_hosted(&home));
    sweep.await.unwrap().unwrap();
}

fn host() -> (tempfile::TempDir, Home, Host) {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::at(&folder.path().join("home")).unwrap();
    let settings = Settings::resolve(home.clone(), Options::default()).unwrap();
    let host = Host::start(settings, Mode::Headless).unwrap();
    (folder, home, host)
}

#[tokio::test]
async fn a_new_background_host_is_never_seen_as_one_that_was_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::at(&folder.path().join("home")).unwrap();
    let options = Options { temporal_bin: Some("/nothing".into()), ..Options::default() };
    let settings = Settings::resolve(home, options).unwrap();
    let host = Host::start(settings, Mode::Background).unwrap();
    assert_eq!(host.handle().facts().want, Want::Up, "before its manager has run");
    let mut facts = host.handle().watch();
    let changed = facts.wait_for(|facts| {
        assert_eq!(facts.want, Want::Up);
        matches!(facts.state, State::Failed { .. })
    });
    tokio::time::timeout(Duration::from_secs(60), changed).await.unwrap().unwrap();
    host.leave().await;
}

async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed().as_secs() < 60, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_deleted_socket_lock_or_home_comes_back_and_leads_to_the_same_host() {
    let (_folder, home, host) = host();
    let me = Some(Identity::own().pid);
    let answers = async || {
        let begun = Instant::now();
        loop {
            let status = crate::control::client::status(&home).await;
            if let Ok(status) = status {
                assert_eq!(status.host.map(|host| host.pid), me);
                return;
            }
            assert!(begun.elapsed().as_secs() < 60, "no answer");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    answers().await;
    std::fs::remove_file(home.socket()).unwrap();
    answers().await;
    std::fs::remove_file(home.supervisor_lock()).unwrap();
    until("the lock", || prove(&home).unwrap().map(|proven| proven.pid()) == me).await;
    std::fs::remove_dir_all(home.root()).unwrap();
    answers().await;
    assert!(is_hosted(&home));
    host.leave().await;
    assert!(!is_hosted(&home) && !home.socket().exists());
}

/// A command that holds a file in the place of the host lock, and has not signed it yet.
fn unsigned_in_place_of(home: &Home) -> HostLock {
    // At one stroke: the host must not restore the lock in between.
    let beside = home.root().join("beside");
    let lock = HostLock::take(&beside).unwrap().unwrap();
    std::fs::rename(&beside, home.supervisor_lock()).unwrap();
    lock
}

/// A command of this home that holds a file in the place of the host lock.
fn command_in_place_of(home: &Home) -> HostLock {
    // At one stroke: the host must not restore the lock in between.
    let beside = home.root().join("beside");
    let lock = HostLock::take(&beside).unwrap().unwrap();
    std::fs::copy(home.supervisor_lock(), &beside).unwrap();
    std::fs::rename(&beside, home.supervisor_lock()).unwrap();
    sign(&lock, home, Some(("stopping the server", Duration::from_secs(3600)))).unwrap();
    lock
}

#[tokio::test]
async fn a_host_waits_for_a_command_that_holds_its_lock_and_obeys_its_stop() {
    let (_folder, home, host) = host();
    // There is no program to start.
    host.handle().command(Command::Start).await.unwrap_err();
    let mut facts = host.handle().watch();
    let command = command_in_place_of(&home);
    let is_troubled = facts.wait_for(|it| it.troubles.contains_key("home"));
    tokio::select! {
        troubled = is_troubled => {
            let text = troubled.unwrap().troubles["home"].clone();
            assert!(text.contains(&format!("held by pid {}", own_pid())), "{text}");
        }
        () = host.home_lost().cancelled_owned() => panic!("it gave up its home"),
    }
    Intent::write_down(&home).unwrap();
    drop(command);
    let (handle, me) = (host.handle().clone(), Some(own_pid()));
    until("the lock", || prove(&home).unwrap().map(|proven| proven.pid()) == me).await;
    until("the stop", || handle.facts().want == Want::Down).await;
    until("no trouble", || !handle.facts().troubles.contains_key("home")).await;
    assert!(!host.home_lost().is_cancelled());
    host.leave().await;
}

#[tokio::test]
async fn a_host_obeys_the_stop_of_a_command_that_never_signed_its_lock() {
    let (_folder, home, host) = host();
    // There is no program to start.
    host.handle().command(Command::Start).await.unwrap_err();
    let mut facts = host.handle().watch();
    let command = unsigned_in_place_of(&home);
    let is_troubled = facts.wait_for(|it| it.troubles.contains_key("home"));
    tokio::time::timeout(Duration::from_secs(60), is_troubled).await.unwrap().unwrap();
    Intent::write_down(&home).unwrap();
    drop(command);
    let handle = host.handle().clone();
    until("the stop", || handle.facts().want == Want::Down).await;
    host.leave().await;
}

#[tokio::test]
async fn a_hand_over_waits_for_a_command_that_holds_the_host_lock() {
    let (_folder, home, host) = host();
    let command = command_in_place_of(&home);
    let mut facts = host.handle().watch();
    let mut released = std::pin::pin!(host.release());
    tokio::select! {
        biased;
        _ = &mut released => panic!("it did not wait"),
        it_waits = facts.wait_for(|it| it.troubles.contains_key("home")) => drop(it_waits),
    }
    assert!(!home.hand_over().exists());
    drop(command);
    released.await;
    assert!(home.hand_over().exists());
}

#[tokio::test]
async fn a_host_whose_home_another_one_took_ends_and_takes_nothing_with_it() {
    let (_folder, home, host) = host();
    let lost = host.home_lost();
    // At one stroke: the host must not restore the lock in between.
    let next = home.root().join("next");
    let next_host = HostLock::take(&next).unwrap().unwrap();
    next_host.write(&holder::host_text(Mode::Background)).unwrap();
    std::fs::rename(&next, home.supervisor_lock()).unwrap();
    std::fs::remove_file(home.socket()).unwrap();
    std::fs::write(home.socket(), "of the next host").unwrap();
    lost.cancelled().await;
    let _ = host.release().await.last_answers.await;
    assert!(is_hosted(&home), "by the next host");
    assert!(home.socket().exists(), "the next host's");
    assert!(!home.hand_over().exists(), "of another home");
    drop(next_host);
}
