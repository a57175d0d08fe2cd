use super::*;
use crate::config::Options;
use crate::control::server::tests::{health, until_healthy};
use crate::hosting::{is_hosted, prove, running, sign};
use crate::process::identity::{Identity, own_pid};
use crate::supervisor::State;
use crate::unit::sweeps::tests::under_way;
use std::time::Duration;

#[tokio::test]
async fn unreadable_home_is_neither_stopped_nor_without_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let above = folder.path().join("above");
    let home = Home::at(&above.join("home")).unwrap();
    let death = Death { attempt: 1, at: Duration::ZERO };
    assert!(matches!(Host::resume(&home, death).await, Ok(Resumed::Stopped)), "no home");
    std::fs::write(&above, "not a folder").unwrap();
    assert!(matches!(Host::resume(&home, death).await, Err(HostError::Io { .. })));
    std::fs::remove_file(&above).unwrap();
    home.prepare(true).unwrap();
    assert!(running(&home).unwrap().is_none());
    std::fs::create_dir(home.record()).unwrap();
    running(&home).unwrap_err();
}

#[tokio::test]
async fn process_that_finds_no_server_to_adopt_does_not_become_the_host() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::at(&folder.path().join("home")).unwrap();
    assert!(Host::adopt(&home).unwrap().is_none(), "no server runs");
    assert!(!is_hosted(&home));
    let held = HostLock::take(&home.supervisor_lock()).unwrap();
    assert!(matches!(Host::adopt(&home), Err(HostError::Running)));
    drop(held);
    std::fs::create_dir(home.record()).unwrap();
    Host::adopt(&home).unwrap_err();
}

#[tokio::test]
async fn host_leaves_after_the_running_check_of_its_files() {
    let (_folder, home, host) = host();
    let keeper = host.keeper.clone();
    let (guard, keeping) = (host.guard.abort_handle(), host.keeping.abort_handle());
    let check = keeper.last.lock().await;
    let mut left = std::pin::pin!(host.leave());
    // The host ends its guard task first. After that, poll the host 1,000 more times. A host that
    // did not wait for the check would leave within these polls.
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

#[tokio::test]
async fn host_without_its_manager_is_not_healthy() {
    let (_folder, home, host) = host();
    until_healthy(&home).await;
    host.manager.abort();
    host.handle.closed().await;
    assert_eq!(health(&home).await, "503");
    host.leave().await;
}

#[tokio::test]
async fn host_without_its_manager_unlocks_only_after_its_last_sweep() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::at(&folder.path().join("home")).unwrap();
    let settings = Settings::resolve(home.clone(), Options::on_free_ports()).unwrap();
    let host = Host::start(settings, Mode::Headless).unwrap();
    let (sweep, end) = under_way(&host.sweeps).await;
    // Abort the manager: it ends in the same way after a panic.
    host.manager.abort();
    host.handle.closed().await;
    let mut released = std::pin::pin!(host.release());
    assert!(futures_util::poll!(&mut released).is_pending());
    assert!(is_hosted(&home));
    end.send(()).unwrap();
    let _ = released.await.last_responses.await;
    assert!(!is_hosted(&home));
    sweep.await.unwrap().unwrap();
}

fn host() -> (tempfile::TempDir, Home, Host) {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::at(&folder.path().join("home")).unwrap();
    let settings = Settings::resolve(home.clone(), Options::on_free_ports()).unwrap();
    let host = Host::start(settings, Mode::Headless).unwrap();
    (folder, home, host)
}

#[tokio::test]
async fn new_background_host_never_has_the_intent_down() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::at(&folder.path().join("home")).unwrap();
    let options = Options { temporal_bin: Some("/nothing".into()), ..Options::on_free_ports() };
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
async fn deleted_socket_lock_or_home_is_restored_by_the_same_host() {
    let (_folder, home, host) = host();
    let me = Some(Identity::own().pid);
    let responds = async || {
        let begun = Instant::now();
        loop {
            let status = crate::control::client::status(&home).await;
            if let Ok(status) = status {
                assert_eq!(status.host.map(|host| host.pid), me);
                return;
            }
            assert!(begun.elapsed().as_secs() < 60, "no response");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    responds().await;
    std::fs::remove_file(home.socket()).unwrap();
    responds().await;
    std::fs::remove_file(home.supervisor_lock()).unwrap();
    until("the lock", || prove(&home).unwrap().map(|proven| proven.pid()) == me).await;
    std::fs::remove_dir_all(home.root()).unwrap();
    responds().await;
    assert!(is_hosted(&home));
    host.leave().await;
    assert!(!is_hosted(&home) && !home.socket().exists());
}

/// Replaces the host lock by another file, and returns the lock on the new file. The new file has
/// no text: it looks like the lock of a command that has not written its identity yet.
fn replace_lock_unsigned(home: &Home) -> HostLock {
    // Rename the locked file over the old one: a rename is atomic, so the host cannot restore its
    // lock in between.
    let new = home.root().join("new");
    let lock = HostLock::take(&new).unwrap().unwrap();
    std::fs::rename(&new, home.supervisor_lock()).unwrap();
    lock
}

/// Replaces the host lock by another file, and returns the lock on the new file. The new file has
/// the text of a command.
fn replace_lock_signed(home: &Home) -> HostLock {
    // Rename the locked file over the old one: a rename is atomic, so the host cannot restore its
    // lock in between.
    let new = home.root().join("new");
    let lock = HostLock::take(&new).unwrap().unwrap();
    sign(&lock, home, Some(("stopping the server", Duration::from_secs(3600)))).unwrap();
    std::fs::rename(&new, home.supervisor_lock()).unwrap();
    lock
}

#[tokio::test]
async fn host_waits_for_a_command_that_holds_its_lock_and_then_stops_the_server() {
    let (_folder, home, host) = host();
    // The start fails, because there is no Temporal CLI.
    host.handle().command(Command::Start).await.unwrap_err();
    let mut facts = host.handle().watch();
    let command = replace_lock_signed(&home);
    let is_troubled = facts.wait_for(|it| it.troubles.contains_key("home"));
    tokio::select! {
        troubled = is_troubled => {
            let text = troubled.unwrap().troubles.get("home").unwrap().message.clone();
            assert!(text.contains(&format!("locked by pid {}", own_pid())), "{text}");
        }
        () = host.home_lost().cancelled_owned() => panic!("the host gave up its home"),
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
async fn host_stops_the_server_after_a_stop_of_a_command_that_never_signed_its_lock() {
    let (_folder, home, host) = host();
    // The start fails, because there is no Temporal CLI.
    host.handle().command(Command::Start).await.unwrap_err();
    let mut facts = host.handle().watch();
    let command = replace_lock_unsigned(&home);
    let is_troubled = facts.wait_for(|it| it.troubles.contains_key("home"));
    tokio::time::timeout(Duration::from_secs(60), is_troubled).await.unwrap().unwrap();
    Intent::write_down(&home).unwrap();
    drop(command);
    let handle = host.handle().clone();
    until("the stop", || handle.facts().want == Want::Down).await;
    host.leave().await;
}

#[tokio::test]
async fn host_starts_nothing_until_it_knows_whether_a_command_has_stopped_the_server() {
    let (_folder, home, host) = host();
    // The start fails, because there is no Temporal CLI.
    host.handle().command(Command::Start).await.unwrap_err();
    let handle = host.handle().clone();
    let trouble = || {
        let facts = handle.facts();
        facts.troubles.get("home").map(|it| it.message.clone()).unwrap_or_default()
    };
    let command = replace_lock_signed(&home);
    until("the command", || trouble().contains("locked by")).await;
    std::fs::remove_file(home.intent()).unwrap();
    std::fs::create_dir(home.intent()).unwrap();
    drop(command);
    until("the trouble", || trouble().contains("unknown whether a command has stopped")).await;
    assert_eq!(handle.facts().want, Want::Up);
    assert!(is_hosted(&home) && !host.lock.is_in_place());
    std::fs::remove_dir(home.intent()).unwrap();
    Intent::write_down(&home).unwrap();
    until("the stop", || handle.facts().want == Want::Down).await;
    until("no trouble", || trouble().is_empty()).await;
    assert!(host.lock.is_in_place());
    host.leave().await;
}

#[tokio::test]
async fn host_does_not_start_while_it_is_unknown_whether_a_stop_is_in_progress() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::at(&folder.path().join("home")).unwrap();
    home.prepare(true).unwrap();
    std::fs::create_dir(home.intent()).unwrap();
    std::fs::write(home.record(), "").unwrap();
    let settings = || Settings::resolve(home.clone(), Options::on_free_ports()).unwrap();
    let error = Host::start(settings(), Mode::Background).unwrap_err().to_string();
    assert!(error.contains("cannot become the host") && error.contains("intent.json"), "{error}");
    assert_eq!(holder::killed_host(&home), None, "it is not taken for a host that was killed");
    let death = Death { attempt: 1, at: Duration::ZERO };
    assert!(matches!(Host::resume(&home, death).await, Err(HostError::Io { .. })));
    std::fs::remove_dir(home.intent()).unwrap();
    Host::start(settings(), Mode::Headless).unwrap().leave().await;
}

#[tokio::test]
async fn hand_over_waits_for_a_command_that_holds_the_host_lock() {
    let (_folder, home, host) = host();
    let command = replace_lock_signed(&home);
    let mut facts = host.handle().watch();
    let mut released = std::pin::pin!(host.release());
    tokio::select! {
        biased;
        _ = &mut released => panic!("the hand-over did not wait"),
        waits = facts.wait_for(|it| it.troubles.contains_key("home")) => drop(waits),
    }
    assert!(!home.hand_over().exists());
    drop(command);
    released.await;
    assert!(home.hand_over().exists());
}

#[tokio::test]
async fn host_whose_home_another_host_took_ends_and_deletes_nothing() {
    let (_folder, home, host) = host();
    let lost = host.home_lost();
    // Rename the locked file over the old one: a rename is atomic, so the host cannot restore its
    // lock in between.
    let next = home.root().join("next");
    let next_host = HostLock::take(&next).unwrap().unwrap();
    next_host.write(&holder::host_text(Mode::Background)).unwrap();
    std::fs::rename(&next, home.supervisor_lock()).unwrap();
    std::fs::remove_file(home.socket()).unwrap();
    std::fs::write(home.socket(), "of the next host").unwrap();
    lost.cancelled().await;
    let _ = host.release().await.last_responses.await;
    assert!(is_hosted(&home), "the next host has its lock");
    assert!(home.socket().exists(), "the next host has its socket");
    assert!(!home.hand_over().exists(), "the home belongs to the next host");
    drop(next_host);
}
