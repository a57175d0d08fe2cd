use super::*;
use crate::config::Options;
use crate::paths::Home;
use crate::process::Pid;

#[test]
fn only_a_program_that_is_plainly_something_else_is_given_little_time() {
    let runs = |command: &str| {
        may_be_temporal(&Occupant { command: command.into(), ..Occupant::unknown(7233) })
    };
    for command in ["", "/opt/temporal server start-dev", "/usr/bin/docker-proxy -proto tcp"] {
        assert!(runs(command), "{command}");
    }
    for command in ["nc -l 7233", "python3 -m http.server 7233", "node server.js"] {
        assert!(!runs(command), "{command}");
    }
}

#[test]
fn server_that_this_host_could_not_look_at_is_not_ended() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::at(&folder.path().join("home")).unwrap();
    home.prepare(true).unwrap();
    let mut child = std::process::Command::new("sleep").arg("300").spawn().unwrap();
    let pid = Pid::try_from(child.id()).unwrap();
    let record = Record {
        leader: Identity::of(pid).unwrap().unwrap(),
        ..crate::process::record::tests::record()
    };
    record.write(&home.record()).unwrap();
    let settings = Settings::resolve(home.clone(), Options::default()).unwrap();
    let refused = clear(&settings, Some("no descriptors")).unwrap_err();
    assert!(refused.curable);
    let reason = &refused.failure.reason;
    assert!(reason.contains(&format!("pid {pid}")), "{reason}");
    assert!(reason.contains("no descriptors"), "{reason}");
    assert!(child.try_wait().unwrap().is_none(), "it lives");
    assert!(home.record().exists());
    clear(&settings, None).unwrap();
    child.wait().unwrap();
    assert!(!home.record().exists());
}
