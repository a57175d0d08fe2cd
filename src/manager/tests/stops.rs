//! Tests of stops that must search for a server, and of an intent that another process has written.

use super::*;
use crate::process::lock::tests::until_free;

async fn until(handle: &Handle, condition: impl Fn(&Facts) -> bool) {
    let mut facts = handle.watch();
    let reached = facts.wait_for(|facts| condition(facts));
    drop(tokio::time::timeout(Duration::from_secs(60), reached).await.unwrap().unwrap());
}

/// Waits until the home has an intent "down" that fulfils the condition, and returns it.
async fn down(home: &Home, condition: impl Fn(&Intent) -> bool) -> Box<Intent> {
    let written = async {
        loop {
            match Intent::down(home).unwrap().filter(|intent| condition(intent)) {
                Some(intent) => return intent,
                None => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), written).await.unwrap()
}

#[tokio::test]
async fn stop_of_the_previous_host_is_not_complete_while_the_search_for_its_server_fails() {
    let Rig { mut manager, handle, _lock, _folder } = rig_as(Mode::Headless);
    let _stranger = Sleeper::stranger(&manager.facts.settings.home);
    manager.resumed = Some(Want::Down);
    let running = tokio::spawn(manager.run());
    until(&handle, |facts| matches!(facts.state, State::Failed { retry: Some(_), .. })).await;
    assert_eq!(handle.facts().want, Want::Down);
    running.abort();
}

#[tokio::test]
async fn intent_has_the_generation_of_the_server_that_a_search_found() {
    let mut rig = Unadopted::new(Mode::Background).await;
    rig.handle.command(Command::Stop(Cause::Operator)).await.unwrap_err();
    let failed = down(&rig.home, |intent| intent.generation.is_some()).await.generation;
    let options = rig.handle.facts().settings.options.clone();
    let server = rig.prove(&options);
    rig.handle.command(Command::Stop(Cause::Operator)).await.unwrap();
    assert!(!server.is_alive());
    let found = Some(rig.handle.facts().generation);
    assert!(found > failed);
    down(&rig.home, |intent| intent.generation == found).await;
}

#[tokio::test]
async fn search_waits_until_the_home_is_in_place() {
    let Rig { manager, handle, _lock: lock, _folder } = rig_as(Mode::Headless);
    let path = manager.facts.settings.home.supervisor_lock();
    std::fs::remove_file(&path).unwrap();
    let other = HostLock::take(&path).unwrap().unwrap();
    lock.restore().unwrap();
    drop(other);
    lock.restore().unwrap();
    assert!(lock.has_yielded(), "the other process may have stopped the server");
    let running = tokio::spawn(manager.run());
    let stopped = handle.begin(Command::Stop(Cause::Operator)).await.unwrap();
    until(&handle, |facts| matches!(facts.state, State::Stopping(_))).await;
    lock.resume();
    stopped.await.unwrap().unwrap();
    running.abort();
}

#[tokio::test]
async fn intent_of_an_earlier_command_does_not_undo_a_later_start() {
    let options = Options { temporal_bin: Some("/nothing".into()), ..Options::on_free_ports() };
    let Rig { manager, handle, _lock, _folder } = rig_with(Mode::Headless, options);
    let home = manager.facts.settings.home.clone();
    let running = tokio::spawn(manager.run());
    handle.command(Command::Stop(Cause::Operator)).await.unwrap();
    let own = down(&home, |_| true).await;
    // Another process takes the host lock. So this host cannot write the intent "up" of the next
    // start, and the file still contains "down".
    std::fs::remove_file(home.supervisor_lock()).unwrap();
    let _other = HostLock::take(&home.supervisor_lock()).unwrap().unwrap();
    drop(handle.begin(Command::Start).await.unwrap());
    let _facts = handle.settled().await;
    handle.follow(own.clone()).await;
    assert_eq!(handle.settled().await.want, Want::Up, "this host has written that intent");
    handle.follow(Box::new(Intent { generation: None, ..*own })).await;
    assert_eq!(handle.settled().await.want, Want::Down, "a command has written that intent");
    running.abort();
}

#[tokio::test]
async fn stop_is_not_proven_while_a_worker_runs_that_the_host_could_not_adopt() {
    let Rig { manager, handle, _lock, _folder } = rig_as(Mode::Headless);
    let files = manager.facts.settings.home.worker("orders");
    files.prepare().unwrap();
    // The test process has locked the file, but it is not a worker of stigmer.
    let held = InstanceLock::take(&files.lock()).unwrap();
    let running = tokio::spawn(manager.run());
    until(&handle, |facts| facts.troubles.contains_key("workers")).await;
    let error = handle.command(Command::Stop(Cause::Operator)).await.unwrap_err();
    assert!(error.is_unproven() && error.message.contains("orders"), "{error}");
    drop(held);
    until_free(&files.lock());
    handle.command(Command::Stop(Cause::Operator)).await.unwrap();
    until(&handle, |facts| !facts.troubles.contains_key("workers")).await;
    running.abort();
}

#[tokio::test]
async fn failed_search_for_all_workers_is_repeated_by_a_stop() {
    let Rig { manager, handle, _lock, _folder } = rig_as(Mode::Headless);
    let workers = manager.facts.settings.home.workers();
    std::fs::write(&workers, "").unwrap();
    let running = tokio::spawn(manager.run());
    until(&handle, |facts| facts.troubles.contains_key("workers")).await;
    handle.command(Command::Stop(Cause::Operator)).await.unwrap_err();
    std::fs::remove_file(&workers).unwrap();
    handle.command(Command::Stop(Cause::Operator)).await.unwrap();
    until(&handle, |facts| !facts.troubles.contains_key("workers")).await;
    running.abort();
}
