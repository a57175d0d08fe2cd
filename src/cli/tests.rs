use super::*;
use stigmer_ui::Theme;

#[test]
fn command_line_is_consistent() {
    words::listed(Cli::command()).debug_assert();
}

#[test]
fn unknown_command_suggests_the_likely_one() {
    let cases = [
        ("stigmer local statsu", Some("stigmer local status")),
        ("stigmer local log", Some("stigmer local logs")),
        ("stigmer local down", Some("stigmer local stop")),
        ("stigmer local starts", Some("stigmer local start")),
        ("stigmer status", Some("stigmer local status")),
        ("stigmer stop", Some("stigmer local stop")),
        ("stigmer logs", Some("stigmer local logs")),
        ("stigmer restrat", Some("stigmer local restart")),
        ("stigmer local banana", None),
        ("stigmer local --prot 1", None),
    ];
    for (line, instead) in cases {
        let error = Cli::try_parse_from(line.split(' ')).unwrap_err();
        let said = words::instead(&error, &Cli::command());
        assert_eq!(said.as_deref(), instead, "{line}: {error}");
    }
}

#[test]
fn completions_offer_levels_but_no_internal_commands() {
    let text = completions::script(clap_complete::Shell::Bash, &mut words::public(&built()));
    assert!(text.contains("debug info warn error"));
    assert!(text.contains("restart"));
    assert!(!text.contains(hosting::background::SUBCOMMAND));
    let options = |task: &str| {
        let case =
            text.split_once(&format!("stigmer__subcmd__local__subcmd__{task})\n")).unwrap().1;
        case.lines().find(|line| line.contains("opts=")).unwrap().to_owned()
    };
    assert!(options("restart").contains("--port"), "{text}");
    assert!(options("stop").contains("--home") && !options("stop").contains("--port"));
}

#[test]
fn help_of_a_subcommand_lists_only_the_options_that_it_uses() {
    for (task, own) in [
        ("stop", vec!["--yes"]),
        ("status", vec!["--json", "--project", "--no-project"]),
        ("logs", vec!["--follow", "--grep"]),
        ("events", vec!["--lines"]),
        ("env", vec!["--json"]),
        ("install", vec!["--version"]),
        ("init", vec!["--print"]),
        ("restart", vec!["--yes", "--port", "--http", "--project"]),
    ] {
        let line = ["stigmer", "local", task, "--help"];
        let help = parse(Cli::command(), line.map(OsString::from)).unwrap_err().to_string();
        for option in own.iter().chain(&["--home"]) {
            assert!(help.contains(option), "{task} has no {option}: {help}");
        }
        let shows_others = help.contains("--port");
        assert_eq!(shows_others, own.contains(&"--port"), "{task}: {help}");
    }
    let line = ["stigmer", "local", "--help"].map(OsString::from);
    let help = parse(Cli::command(), line).unwrap_err().to_string();
    assert!(help.contains("--port") && help.contains("--theme"), "{help}");

    let mut page = Vec::new();
    let command = built();
    let local = command.find_subcommand("local").unwrap();
    manual::manual(local.find_subcommand("stop").unwrap(), &mut page).unwrap();
    let page = String::from_utf8(page).unwrap();
    assert!(page.contains("yes") && !page.contains("port"), "{page}");

    let line = ["stigmer", "local", "--port", "7300", "stop", "--db", "x"];
    let cli = parse(Cli::command(), line.map(OsString::from)).unwrap();
    let MainCommand::Local(local) = cli.command else { panic!() };
    assert_eq!(local.options.port, Some(7300), "accepted");
}

#[test]
fn manual_names_the_variable_of_every_option() {
    let mut text = Vec::new();
    manual::environment_of(&built(), &mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    for variable in [
        "STIGMER_HOME",
        "STIGMER_PORT",
        "STIGMER_IN_MEMORY",
        "STIGMER_THEME",
        "STIGMER_NOTIFY",
        "NO_COLOR",
    ] {
        assert!(text.contains(variable), "{variable} in {text}");
    }
}

#[test]
fn theme_of_command_line_overrides_theme_of_file() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::at(folder.path()).unwrap();
    std::fs::write(home.config(), "theme = \"light\"").unwrap();
    let line = ["stigmer", "local", "--tui", "--theme", "ansi16"];
    let MainCommand::Local(local) = Cli::try_parse_from(line).unwrap().command else { panic!() };
    let mut context = Context {
        home,
        explicit: local.options,
        project: ProjectChoice::Nothing,
        dashboard: DashboardOptions::default(),
        caller: Caller::Shell,
    };
    assert_eq!(context.dashboard_options().unwrap().theme, Some(Theme::Light));
    context.dashboard = context.explicit.take_dashboard();
    assert_eq!(context.dashboard_options().unwrap().theme, Some(Theme::Ansi16));
}

#[test]
fn options_are_accepted_before_and_after_the_subcommand() {
    for line in ["stigmer local --port 7300 restart", "stigmer local restart --port 7300"] {
        let cli = parse(Cli::command(), line.split(' ').map(OsString::from)).unwrap();
        let MainCommand::Local(local) = cli.command else { panic!("{line}") };
        assert_eq!(local.options.port, Some(7300), "{line}");
    }
    let cli = Cli::try_parse_from(["stigmer", "local", "restart", "--", "--headless"]).unwrap();
    let MainCommand::Local(local) = cli.command else { panic!() };
    assert!(
        matches!(local.command, Some(LocalCommand::Restart { arguments, .. }) if arguments == ["--headless"])
    );
}

#[test]
fn dashboard_with_a_subcommand_is_an_error_without_a_value() {
    let line = ["stigmer", "local", "--tui", "stop", "orders"].map(OsString::from);
    let error = parse(Cli::command(), line).unwrap().run().unwrap_err();
    assert_eq!(error.to_string(), "--tui: works only without a subcommand");
}
