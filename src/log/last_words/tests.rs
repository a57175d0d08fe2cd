use super::*;
use crate::log::line::{LineParser, generation_mark};

const ERRORS: &str = include_str!("../../../tests/samples/startup-errors.log");
const PANIC: &str = include_str!("../../../tests/samples/panic-port-race.log");
const UI_RACE: &str = include_str!("../../../tests/samples/ui-port-race.log");
const SIGQUIT: &str = include_str!("../../../tests/samples/sigquit.log");
const EVENTS: &str = include_str!("../../../tests/samples/info.jsonl");

fn error_cause<'a>(lines: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let mut parser = LineParser::new(jiff::tz::TimeZone::UTC);
    let mut words = LastWords::default();
    for line in lines {
        words.observe(&parser.scan(line), line);
    }
    words.cause()
}

fn judge(code: i32, lines: &str) -> StartFailure {
    classify_exit(Some(code), error_cause(lines.lines()).as_deref())
}

#[test]
fn port_that_needs_a_privilege_differs_from_a_used_port() {
    for (what, words, port) in [
        (PortUse::Frontend, "can't set frontend port 80", 80),
        (PortUse::Ui, "can't set UI port 81", 81),
    ] {
        let line = format!("Error: {words}: listen tcp 127.0.0.1:{port}: bind: permission denied");
        let expected = StartFailure::PortForbidden { port: Some(port), what: Some(what) };
        assert_eq!(judge(1, &line), expected);
    }
}

#[test]
fn cause_of_every_refused_start_is_recognized() {
    use StartFailure::*;
    let taken = |port, what| PortTaken { port, what };
    let unusable = |detail: &str| DatabaseUnusable { detail: detail.to_owned() };
    let flag = |detail: &str| UnknownFlag { detail: detail.to_owned() };
    let expected = [
        taken(7233, PortUse::Frontend),
        taken(8233, PortUse::Ui),
        taken(8080, PortUse::Ui),
        taken(9090, PortUse::Metrics),
        taken(7243, PortUse::Http),
        Other, // the address is not ours
        Other, // no such port
        Other, // no port at all
        unusable(
            "failed checking dir for database file: stat /home/dev/nope: no such file or directory",
        ),
        unusable(
            "failed setting up schema: unable to create SQLite admin DB: unable to open database file (14)",
        ),
        unusable(
            "failed creating namespaces: unable to create SQLite admin DB: unable to open database file (14)",
        ),
        unusable(
            "failed creating namespaces: unable to create SQLite admin DB: file is not a database (26)",
        ),
        unusable(
            "failed creating namespaces: unable to create SQLite admin DB: database disk image is malformed (11)",
        ),
        unusable(
            "failed creating namespaces: error creating namespace \"default\": database disk image is malformed (11)",
        ),
        PartialSchema,
        unusable(
            "failed creating namespaces: error creating namespace \"default\": database or disk is full (13)",
        ),
        unusable(
            "failed setting up schema: error executing statement \"CREATE TABLE cluster_membership\\n(\\n\\tmembership_partition INT NOT NULL\\n);\": database or disk is full (13)",
        ),
        unusable(
            "error while updating cluster metadata: SaveClusterMetadata operation failed. Error: attempt to write a readonly database (8)",
        ),
        PartialSchema,
        flag("unknown flag: --nope"),
        flag(
            "invalid argument \"loud\" for \"--log-level\" flag: loud is not one of required values of debug, info, warn, error, never",
        ),
    ];
    assert_eq!(ERRORS.lines().count(), expected.len());
    for (line, expected) in ERRORS.lines().zip(expected) {
        assert_eq!(judge(1, line), expected, "{line}");
    }
}

#[test]
fn lost_port_races_differ_from_crashes() {
    assert_eq!(judge(2, PANIC), StartFailure::LostPortRace { port: None });
    assert_eq!(judge(1, UI_RACE), StartFailure::LostPortRace { port: Some(7500) });
    assert_eq!(judge(2, SIGQUIT), StartFailure::Other);
    assert_eq!(classify_exit(None, Some("SIGSEGV: segmentation violation")), StartFailure::Other);
    assert_eq!(classify_exit(Some(1), None), StartFailure::Other);
}

#[test]
fn lack_of_threads_or_descriptors_differs_from_a_crash() {
    let lines = "runtime: failed to create new OS thread (have 3 already; errno=11)
runtime: may need to increase max user processes (ulimit -u)
fatal error: newosproc

runtime stack:
runtime.throw({0x5861277?, 0x7fffb9b40668?})";
    assert_eq!(judge(2, lines), StartFailure::NoThread);
    let line = "panic: open /home/dev/bin/temporal: too many open files";
    assert_eq!(judge(2, line), StartFailure::NoDescriptor);
}

#[test]
fn cause_is_found_among_other_lines() {
    let usage = "Usage:\n  temporal server start-dev [flags]\n";
    let error = ERRORS.lines().nth(19).unwrap();
    let lines = format!("{EVENTS}{usage}{error}\n{error}\nx");
    assert_eq!(error_cause(lines.lines()).as_deref(), Some("Error: unknown flag: --nope"));
    assert_eq!(error_cause(SIGQUIT.lines()).as_deref(), Some("SIGQUIT: quit"));
    let cause = error_cause(UI_RACE.lines()).unwrap();
    assert_eq!(cause, "listen tcp 127.0.0.1:7500: bind: address already in use");
    assert_eq!(error_cause(EVENTS.lines()), None);
    let long = ERRORS.lines().nth(18).unwrap();
    let cause = error_cause([long]).unwrap();
    assert!(cause.starts_with("error while fetching cluster metadata: "), "{cause}");
    assert!(cause.ends_with("no such table: cluster_metadata_info (1)"), "{cause}");
}

#[test]
fn huge_dump_keeps_its_beginning_and_its_end() {
    let mut parser = LineParser::new(jiff::tz::TimeZone::UTC);
    let mut words = LastWords::default();
    let mut say = |line: &str| words.observe(&parser.scan(line), line);
    EVENTS.lines().for_each(&mut say);
    PANIC.lines().for_each(&mut say);
    for n in 0..75_000 {
        say(&format!("\tframe {n}"));
    }
    assert_eq!(words.dump().len(), KEPT);
    assert!(words.dump()[0].starts_with("panic: runtime error"));
    assert_eq!(words.last().len(), KEPT);
    assert_eq!(words.last()[KEPT - 1], "    frame 74999");
    assert!(words.cause().unwrap().starts_with("panic: runtime error"));
}

#[test]
fn next_generation_begins_without_last_words() {
    let mark = generation_mark(2, jiff::Timestamp::UNIX_EPOCH, "crash", "");
    let lines = format!("Error: old\n{mark}\nhello");
    assert_eq!(error_cause(lines.lines()), None);
}
