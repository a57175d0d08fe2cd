use super::*;
use crate::supervisor::Policy;
use std::path::Path;
use std::time::Duration;
use stigmer_ui::Theme;

fn home() -> Home {
    Home::at(Path::new("/tmp/stigmer-config-test")).unwrap()
}

fn resolve(options: Options) -> Result<Settings, ConfigError> {
    Settings::resolve(home(), options)
}

#[test]
fn defaults_match_the_documentation() {
    let settings = resolve(Options::default()).unwrap();
    assert_eq!((settings.port, settings.ui_port), (7233, Some(8233)));
    assert_eq!(settings.database, Database::File(home().database()));
    assert_eq!(settings.namespaces, ["default"]);
    assert_eq!(settings.policy, Policy::default());
    assert_eq!(settings.log_max, 64 << 20);
}

#[test]
fn stronger_source_overrides_each_option_separately() {
    let flags = Options { port: Some(1), ..Options::default() };
    let file = Options { port: Some(2), max_restarts: Some(9), ..Options::default() };
    let merged = flags.or(file);
    assert_eq!((merged.port, merged.max_restarts), (Some(1), Some(9)));
}

#[test]
fn in_memory_and_db_of_a_stronger_source_override_each_other() {
    let memory = Options { in_memory: Some(true), ..Options::default() };
    let file = Options { db: Some("/x.db".into()), ..Options::default() };
    assert_eq!(resolve(memory.clone().or(file.clone())).unwrap().database, Database::Memory);
    assert_eq!(resolve(file.or(memory)).unwrap().database, Database::File("/x.db".into()));
}

#[test]
fn in_memory_failures_must_last_unless_a_threshold_is_set() {
    let memory = Options { in_memory: Some(true), ..Options::default() };
    let in_memory = resolve(memory.clone()).unwrap();
    assert_eq!(in_memory.policy.failure_span, Duration::from_secs(15));
    assert_eq!(in_memory.in_force().failure_span, Some(Span(Duration::from_secs(15))));
    let explicit = Options { failure_threshold: Some(2), ..memory };
    assert_eq!(resolve(explicit).unwrap().policy.failure_span, Duration::ZERO);
}

#[test]
fn invalid_values_are_refused_with_the_option_and_a_hint() {
    let cases: [(Options, &str); 13] = [
        (Options { arguments: Some(vec!["-f/other.db".into()]), ..Options::default() }, "use --db"),
        (
            Options { db: Some("/x".into()), in_memory: Some(true), ..Options::default() },
            "--db is set too",
        ),
        (Options { port: Some(0), ..Options::default() }, "--port 0: must be at least 1"),
        (Options { port: Some(65000), ..Options::default() }, "--ui-port"),
        (
            Options { port: Some(7000), ui_port: Some(7000), ..Options::default() },
            "the gRPC frontend uses this port too",
        ),
        (Options { db: Some("/a?b".into()), ..Options::default() }, "contains `?`"),
        (Options { db: Some("/a%20b".into()), ..Options::default() }, "contains `%`"),
        (
            Options { probe_period: Some(Span(Duration::from_millis(99))), ..Options::default() },
            "--probe-period 99ms: must be at least 100ms",
        ),
        (Options { address: Some("localhost".into()), ..Options::default() }, "HOST:PORT"),
        (Options { http: Some("0.0.0.0:80".parse().unwrap()), ..Options::default() }, "loopback"),
        (
            Options { http: Some("7233".parse().unwrap()), ..Options::default() },
            "--http 127.0.0.1:7233: the server uses port 7233 too (--port)",
        ),
        (
            Options { http: Some("localhost:8233".parse().unwrap()), ..Options::default() },
            "--http 127.0.0.1:8233: the server uses port 8233 too (--ui-port)",
        ),
        (
            Options { arguments: Some(vec!["--db-filename=x".into()]), ..Options::default() },
            "use --db",
        ),
    ];
    for (options, expected) in cases {
        let message = resolve(options).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn http_address_may_be_a_port() {
    for text in ["9464", " localhost:9464 ", "127.0.0.1:9464"] {
        let http: HttpAddress = text.parse().unwrap();
        assert_eq!(http.to_string(), "127.0.0.1:9464", "{text:?}");
    }
    assert_eq!("[::1]:9464".parse::<HttpAddress>().unwrap().to_string(), "[::1]:9464");
    for text in ["", "localhost", "host:9464", "127.0.0.1", "94640", "-1"] {
        let error = text.parse::<HttpAddress>().unwrap_err();
        assert!(error.contains("localhost:9464"), "{error}");
    }
    for file in ["http = 9464", "http = \"localhost:9464\""] {
        let options: Options = toml::from_str(file).unwrap();
        assert_eq!(options.http, Some("9464".parse().unwrap()), "{file}");
    }
    // With an external server, `--http` may use a port that stigmer's own server would use
    // otherwise.
    let http = Some("7233".parse().unwrap());
    let address = Some("127.0.0.1:7233".to_owned());
    assert!(resolve(Options { http, address, ..Options::default() }).is_ok());
}

#[test]
fn arguments_that_end_the_server_or_belong_to_clients_are_refused() {
    let refused = |argument: &str| {
        let arguments = Some(vec!["--headless".to_owned(), argument.to_owned()]);
        resolve(Options { arguments, ..Options::default() }).unwrap_err().to_string()
    };
    for (argument, instead) in [
        ("--command-timeout", "--start-timeout"),
        ("--command-timeout=5s", "--start-timeout"),
        ("--client-connect-timeout=1s", "--probe-timeout"),
        ("--help", "exit"),
        ("-h", "exit"),
        ("--version", "exit"),
        ("--output=json", "log"),
        ("-ojson", "log"),
        ("--color=always", "log"),
        ("--profile=p", "client"),
        ("--env", "client"),
        ("--env-file", "client"),
        ("--config-file=x", "client"),
        ("--disable-config-file", "client"),
        ("--time-format=iso", "client"),
    ] {
        let message = refused(argument);
        assert!(message.contains(argument) && message.contains(instead), "{message}");
    }
    for argument in ["--dynamic-config-value", "--search-attribute", "--ui-public-path=/x"] {
        let arguments = Some(vec![argument.to_owned()]);
        assert!(resolve(Options { arguments, ..Options::default() }).is_ok(), "{argument}");
    }
}

#[test]
fn headless_disables_the_web_ui() {
    let options = Options { arguments: Some(vec!["--headless".into()]), ..Options::default() };
    assert_eq!(resolve(options).unwrap().ui_port, None);
}

#[test]
fn spans_and_sizes_round_trip() {
    for (text, span) in [("500ms", Duration::from_millis(500)), ("1m 30s", Duration::from_secs(90))]
    {
        let parsed: Span = text.parse().unwrap();
        assert_eq!(parsed.0, span);
        assert_eq!(parsed.to_string().parse::<Span>().unwrap(), parsed);
    }
    for wrong in ["90", "-1s", "soon", ""] {
        assert!(wrong.parse::<Span>().is_err(), "{wrong}");
    }
    for (text, bytes) in [("64MiB", 64 << 20), ("500 kB", 500_000), ("1G", 1 << 30), ("12", 12)] {
        let parsed: Size = text.parse().unwrap();
        assert_eq!(parsed.0, bytes);
        assert_eq!(parsed.to_string().parse::<Size>().unwrap(), parsed);
    }
    for wrong in ["", "MiB", "-1", "1 parsec", "1e30G"] {
        assert!(wrong.parse::<Size>().is_err(), "{wrong}");
    }
}

#[test]
fn errors_of_the_file_name_line_and_key() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::at(folder.path()).unwrap();
    assert_eq!(read_file(&home).unwrap(), Options::default(), "no file");
    std::fs::write(home.config(), "port = 7300\nprobe-period = \"250ms\"\ndb = \"x.db\"\n")
        .unwrap();
    let options = read_file(&home).unwrap();
    assert_eq!(options.port, Some(7300));
    assert_eq!(options.db, Some(home.root().join("x.db")), "relative to the file");
    std::fs::write(home.config(), "port = 7300\nprot = 1\n").unwrap();
    let message = read_file(&home).unwrap_err().to_string();
    assert!(message.contains("config.toml") && message.contains("prot"), "{message}");
    assert!(message.contains("line 2"), "{message}");
}

#[test]
fn only_requested_options_are_compared_with_the_running_server() {
    let running = resolve(Options { port: Some(7300), ..Options::default() }).unwrap().in_force();
    assert_eq!(differences(&Options::default(), &running), []);
    let same = Options { port: Some(7300), ui_port: Some(8300), ..Options::default() };
    assert_eq!(differences(&same, &running), []);
    let other = Options { port: Some(7301), in_memory: Some(true), ..Options::default() };
    let found: Vec<String> =
        differences(&other, &running).iter().map(ToString::to_string).collect();
    assert_eq!(
        found,
        [
            "--in-memory is false for the running server, but true was requested",
            "--port is 7300 for the running server, but 7301 was requested"
        ]
    );
}

#[test]
fn record_of_another_version_keeps_its_known_options() {
    let options = Options { port: Some(7300), db: Some("/x.db".into()), ..Options::default() };
    let later = r#"{"port": 7300, "db": "/x.db", "weather": [1], "stop-grace": "soon"}"#;
    assert_eq!(Options::recorded(later), Some(options));
    for garbled in ["", "{", "[]", "7"] {
        assert_eq!(Options::recorded(garbled), None, "{garbled}");
    }
}

#[test]
fn each_option_reaches_the_status_and_beats_a_weaker_source() {
    use clap::Args;
    // Every value differs from the default of its option.
    let values = serde_json::json!({
        "port": 7300, "ui-port": 8400, "temporal-bin": "/bin/temporal", "db": "/x.db",
        "in-memory": true, "namespace": ["a", "b"], "temporal-log-level": "debug",
        "probe-period": "2s", "probe-timeout": "3s", "failure-threshold": 7,
        "start-timeout": "4s", "stop-grace": "5s", "max-restarts": 6, "restart-window": "8s",
        "backoff-max": "9s", "log-max": "2MiB", "http": "127.0.0.1:9464", "watchdog": false,
        "address": "there:7", "allow-other-user": true, "arguments": ["--x"],
        "dynamic-config": {"a.b": [1]}
    });
    let values = values.as_object().unwrap();
    let command = Options::augment_args(clap::Command::new("t"));
    for option in command.get_arguments().filter_map(clap::Arg::get_long) {
        assert!(
            ["theme", "notify"].contains(&option) || values.contains_key(option),
            "no value for {option}"
        );
    }
    let defaults = resolve(Options::default()).unwrap().in_force().values;
    for (option, value) in values {
        let set = Options::recorded(&serde_json::json!({option: value}).to_string()).unwrap();
        let in_force = |options: Options| resolve(options).unwrap().in_force().values.to_map();
        assert_eq!(in_force(set.clone()).get(option), Some(value));
        assert_ne!(defaults.to_map().get(option), Some(value), "{option}");
        assert_eq!(set.clone().or(defaults.clone()).to_map().get(option), Some(value));
        assert_eq!(Options::default().or(set.clone()), set, "{option}");
    }
}

#[test]
fn options_of_the_dashboard_are_not_sent_to_the_host() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::at(folder.path()).unwrap();
    std::fs::write(home.config(), "theme = \"light\"\nnotify = \"title\"\n").unwrap();
    let file = read_file(&home).unwrap();
    assert_eq!((file.theme, file.notify), (Some(Theme::Light), Some(NotifyMode::Title)));
    let flag = Options { theme: Some(Theme::NoColor), ..Options::default() };
    assert_eq!(flag.clone().or(file.clone()).theme, Some(Theme::NoColor), "a flag beats the file");
    assert_eq!(serde_json::to_string(&file).unwrap(), "{}", "neither recorded nor sent");
    let running = resolve(file).unwrap();
    assert_eq!(running.options, Options::default());
    assert_eq!(differences(&flag, &running.in_force()), []);
    std::fs::write(home.config(), "\ntheme = \"purple\"\n").unwrap();
    let message = read_file(&home).unwrap_err().to_string();
    assert!(message.contains("line 2") && message.contains("high-contrast"), "{message}");
}

#[test]
fn example_file_has_all_options_and_no_others() {
    use clap::Args;
    let example = include_str!("../../assets/config.toml");
    // All options in the example file are comments. Remove the leading `# `, and parse the options.
    let active: String = example
        .lines()
        .filter_map(|line| line.strip_prefix("# "))
        .filter(|line| line.contains(" = "))
        .map(|line| format!("{line}\n"))
        .collect();
    let options: Options = toml::from_str(&active).unwrap();
    assert_eq!(options.failure_threshold, Some(3));
    assert_eq!(options.log_max, Some(Size(64 << 20)));
    toml::from_str::<Options>(example).unwrap();
    let command = Options::augment_args(clap::Command::new("t"));
    let names = command
        .get_arguments()
        .filter_map(clap::Arg::get_long)
        .chain(["arguments", "dynamic-config"]);
    for name in names {
        assert!(active.contains(&format!("{name} = ")), "{name} is not in the example");
    }
}

#[test]
fn times_accept_days_and_weeks_but_not_months() {
    let hours = |text: &str| text.parse::<Span>().map(|span| span.0.as_secs() / 3600);
    assert_eq!(hours("1d"), Ok(24));
    assert_eq!(hours("1w"), Ok(168));
    assert_eq!(hours("1d 2h"), Ok(26));
    for text in ["1mo", "1y", "1", "", "d", "-1d"] {
        assert!(hours(text).is_err(), "{text}");
    }
}

#[test]
fn switches_accept_the_usual_words() {
    use clap::Args;
    let command = Options::augment_args(clap::Command::new("t"));
    let is_switch = |it: &&clap::Arg| {
        it.get_value_names().is_some_and(|names| names.iter().any(|name| name == "BOOL"))
    };
    let switches: Vec<_> = command.get_arguments().filter(is_switch).cloned().collect();
    assert_eq!(switches.len(), 3);
    for switch in switches {
        let (id, long) = (switch.get_id().as_str(), switch.get_long().unwrap());
        let set = |word: &str| {
            let typed = ["t".to_owned(), format!("--{long}={word}")];
            command.clone().try_get_matches_from(typed).map(|it| it.get_one::<bool>(id).copied())
        };
        for (word, value) in [
            ("1", true),
            ("0", false),
            ("yes", true),
            ("no", false),
            ("true", true),
            ("false", false),
        ] {
            assert_eq!(set(word).unwrap(), Some(value), "--{long}={word}");
        }
        assert!(set("perhaps").is_err(), "--{long}");
    }
}

#[test]
fn non_utf8_paths_are_usage_errors() {
    use std::os::unix::ffi::OsStrExt;

    let file = || Some(std::ffi::OsStr::from_bytes(b"/tmp/\xff").into());
    for options in [
        Options { temporal_bin: file(), ..Options::default() },
        Options { db: file(), ..Options::default() },
    ] {
        let error = Settings::resolve(home(), options).unwrap_err().to_string();
        assert!(error.contains("not UTF-8"), "{error}");
    }
}
