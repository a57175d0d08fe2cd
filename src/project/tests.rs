use super::*;
use crate::temporal::provision::AttributeType;
use serde_json::json;
use std::time::Duration;

mod documents;
mod properties;
mod search;

pub(super) fn parse(text: &str) -> Result<Project, Mistakes> {
    Project::parse(Path::new("/shop/stigmer.toml"), text, |path| {
        match path.to_string_lossy().as_ref() {
            "/shop" | "/shop/web" => Ok(true),
            "/shop/file" => Ok(false),
            "/shop/locked" => Err(io::ErrorKind::PermissionDenied.into()),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    })
}

/// The project without the lines of its file.
fn content(text: &str) -> Result<Project, Mistakes> {
    let mut project = parse(text)?;
    project.server.lines.clear();
    Ok(project)
}

#[track_caller]
fn mistakes(text: &str) -> Vec<(usize, String)> {
    let found = parse(text).expect_err(text);
    found.list.into_iter().map(|it| (it.line, it.what)).collect()
}

const EXAMPLE: &str = r#"
[temporal]
port = 7300
http = 9464
db = "data/shop.db"
namespace = ["default", "orders"]
temporal-log-level = "warn"
arguments = ["--ui-public-path", "/ui"]
retention = "30d"
search-attributes = { CustomerId = "Keyword", Amount = "Double" }
dynamic-config = { "frontend.enableUpdateWorkflowExecution" = true, "limit.x" = [1, 2.5, { a = "b" }] }

[worker.orders]
run = "uv run python 'my worker.py'"
dir = "./web"
env = { LOG_LEVEL = "debug" }
env-file = ".env"
watch = ["src/**/*.py"]
before = ["npm", "run", "build all"]
task-queues = ["orders"]
start = false
stop-grace = "5s"
max-restarts = 2
log-max = "2MiB"

[worker.a2-_]
run = "a"
"#;

#[test]
fn each_key_has_its_type() {
    let project = parse(EXAMPLE).unwrap();
    let server = &project.server;
    assert_eq!(
        (server.options.port, server.options.http),
        (Some(7300), Some("9464".parse().unwrap()))
    );
    assert_eq!(server.options.db, Some("/shop/data/shop.db".into()));
    let set = project.options();
    assert_eq!((set.lines["port"], set.lines["namespace"]), (3, 6));
    assert_eq!((set.options, set.file), (server.options.clone(), "/shop/stigmer.toml".into()));
    assert_eq!(server.retention, Some(Duration::from_secs(30 * 24 * 3_600)));
    assert_eq!(server.search_attributes["Amount"], AttributeType::Double);
    assert_eq!(
        server.options.dynamic_config.as_ref().unwrap()["limit.x"],
        json!([1, 2.5, {"a": "b"}])
    );
    let [orders, other] = project.workers.as_slice() else { panic!("{project:?}") };
    assert_eq!(
        (orders.name.as_str(), other.name.as_str()),
        ("orders", "a2-_"),
        "order of the file"
    );
    assert_eq!(orders.run, ["uv", "run", "python", "my worker.py"]);
    assert_eq!(orders.dir, Path::new("/shop/web"));
    assert_eq!(orders.env["LOG_LEVEL"], "debug");
    assert_eq!(orders.env_file.as_deref(), Some(Path::new("/shop/.env")));
    assert_eq!(orders.before.as_deref().unwrap(), ["npm", "run", "build all"]);
    assert_eq!((orders.start, &orders.task_queues[..]), (false, &["orders".to_owned()][..]));
    let (limits, defaults) = (&orders.limits, &other.limits);
    assert_eq!((limits.policy.stop_grace, limits.log_max), (Duration::from_secs(5), 2 << 20));
    assert_eq!(
        (limits.policy.max_restarts, limits.policy.backoff_max),
        (2, Duration::from_secs(30))
    );
    assert_eq!((defaults.policy.stop_grace, defaults.log_max), (Duration::from_secs(30), 64 << 20));
    assert_eq!((&other.dir, other.start), (&PathBuf::from("/shop"), true));
    assert_eq!(parse("").unwrap().workers, []);
}

#[test]
fn each_mistake_has_its_line_and_the_right_name() {
    let mut wrong = Vec::new();
    // Each text has one mistake, in its last line.
    for (text, what) in [
        ("[temporal]\nprot = 1", "unknown key `prot` in [temporal]; did you mean `port`?"),
        ("[temporal]\nui_port = 1", "did you mean `ui-port`?"),
        (
            "[temporal]\nhome = \"x\"",
            "unknown key `home` in [temporal]; the home is set with --home",
        ),
        ("[temporal]\ntheme = \"dark\"", "set it in config.toml"),
        ("[temporal]\nrun = \"x\"", "write `run` below [worker.NAME]"),
        ("[temporal]\nargs = []", "did you mean `arguments`?"),
        ("[temporal]\nbanana = 1", "the keys are port, ui-port"),
        ("port = 7233", "unknown key `port`; write `port` below [temporal]"),
        ("run = \"x\"", "write `run` below [worker.NAME]"),
        ("[workers.a]", "unknown table `workers`; did you mean [worker.NAME]?"),
        ("[server]", "did you mean [temporal]?"),
        ("[banana]", "the tables are [temporal] and [worker.NAME]"),
        ("[worker]\nrun = \"x\"", "`run` needs the name of a worker; write [worker.NAME]"),
        ("[worker]\norders = \"x\"", "write [worker.orders]"),
        ("[[worker]]", "`worker` is not a list; write [worker.NAME]"),
        ("temporal = 1", "`temporal` must be a table; write [temporal]"),
        ("[worker.orders]", "worker `orders` has no `run`"),
        ("[worker.a]\nrun = \"x\"\nwatc = []", "did you mean `watch`?"),
        ("[worker.a]\nrun = \"x\"\nport = 1", "write `port` below [temporal]"),
        (
            "[worker.a]\nrun = \"x\"\ncwd = \".\"",
            "unknown key `cwd` in [worker.a]; did you mean `dir`?",
        ),
        ("[worker.a]\nrun = \"x\"\ntask_queue = []", "did you mean `task-queues`?"),
        (
            "[temporal]\nport = \"7233\"",
            "`port` must be a whole number from 0 to 65535, not the text \"7233\"; remove the quotes",
        ),
        (
            "[temporal]\nport = 70000",
            "must be a whole number from 0 to 65535, not the number 70000",
        ),
        ("[temporal]\nport = -1", "not the number -1"),
        ("[temporal]\nport = 1.5", "not the number 1.5"),
        ("[temporal]\nport = 0", "`port` cannot be 0: must be at least 1"),
        (
            "[temporal]\nin-memory = \"true\"",
            "must be true or false, without quotes, not the text \"true\"; remove the quotes",
        ),
        (
            "[temporal]\nnamespace = \"a\"",
            "must be a list of texts, such as [\"a\", \"b\"], not the text \"a\"; write [\"a\"]",
        ),
        (
            "[temporal]\nnamespace = [\"a\",\n1]",
            "entry 2 of `namespace` must be a text in quotes, not the number 1",
        ),
        ("[temporal]\nnamespace = []", "empty list"),
        ("[temporal]\nnamespace = [\"\"]", "empty text"),
        (
            "[temporal]\ntemporal-log-level = \"inf\"",
            "one of \"debug\", \"info\", \"warn\", \"error\", not the text \"inf\"; did you mean \"info\"?",
        ),
        (
            "[temporal]\nprobe-period = 1",
            "a time with its unit in quotes, such as \"30s\", not the number 1; write \"1s\" for seconds",
        ),
        ("[temporal]\nprobe-period = \"soon\"", "`soon` is not a time"),
        (
            "[temporal]\nprobe-period = \"1ms\"",
            "`probe-period` cannot be 1ms: must be at least 100ms",
        ),
        ("[temporal]\nlog-max = \"1 parsec\"", "is not a size"),
        ("[temporal]\naddress = \"here\"", "expected HOST:PORT"),
        ("[temporal]\nhttp = \"0.0.0.0:80\"", "loopback"),
        ("[temporal]\nhttp = 0", "a port or an address"),
        ("[temporal]\ndb = \"a?b\"", "contains `?`"),
        ("[temporal]\ndb = \"x\"\nin-memory = true", "`db` is set too"),
        ("[temporal]\nport = 7300\nui-port = 7300", "the gRPC frontend uses this port too"),
        ("[temporal]\narguments = [\"--db-filename=x\"]", "use `db`"),
        ("[temporal]\naddress = \"a:1\"\ndynamic-config = { \"a.b\" = 1 }", "exclude each other"),
        ("[temporal]\nretention = \"1m\"", "at least 1h"),
        ("[temporal]\nretention = 30d", "write \"30d\""),
        (
            "[temporal]\nsearch-attributes = { A = \"Keywrd\" }",
            "`A` in `search-attributes` must be one of",
        ),
        ("[temporal]\nsearch-attributes = { A = \"Keywrd\" }", "did you mean \"Keyword\"?"),
        (
            "[temporal]\nsearch-attributes = { A = \"Int\", B = \"Int\", C = \"Int\", D = \"Int\" }",
            "has room for 3",
        ),
        (
            "[temporal]\ndynamic-config = { frontend.enableX = true }",
            "write \"frontend.enableX\" = …",
        ),
        ("[temporal]\ndynamic-config = { \"a.b\" = inf }", "finite"),
        ("[temporal]\ndynamic-config = { \"a.b\" = 1979-05-27 }", "put quotes around it"),
        ("[worker.\"my worker\"]\nrun = \"x\"", "write [worker.my-worker]"),
        ("[worker.-a]\nrun = \"x\"", "write [worker.a]"),
        ("[worker.\"../x\"]\nrun = \"x\"", "only letters, digits, - and _"),
        ("[worker.server]\nrun = \"x\"", "reserved"),
        ("[worker.All]\nrun = \"x\"", "reserved"),
        ("[worker.stigmer]\nrun = \"x\"", "reserved"),
        ("[worker.\"\"]\nrun = \"x\"", "needs a name"),
        ("[worker.aaaaaaaaaabbbbbbbbbbccccccccccdddddddddde]\nrun = \"x\"", "longer than 40"),
        ("[worker.a]\nrun = \"x\"\n[worker.A]\nrun = \"x\"", "differ only in case"),
        ("[worker.a]\nrun = \"x\"\n[worker.a]", "the name `a` occurs twice, first in line 1"),
        (
            "[worker.a]\nrun = \"x\"\nrun = \"y\"",
            "the name `run` occurs twice, first in line 2; remove one",
        ),
        ("[worker.a]\nrun = \"\"", "`run` is empty"),
        ("[worker.a]\nrun = []", "`run` is empty"),
        ("[worker.a]\nrun = [\"\"]", "`run` is empty"),
        ("[worker.a]\nrun = [\"a\", 1]", "entry 2 of `run` must be a text"),
        ("[worker.a]\nrun = 1", "`run` must be a command line in quotes, or a list of its parts"),
        ("[worker.a]\nrun = \"a && b\"", "`run` needs a shell for &&"),
        ("[worker.a]\nrun = \"x\"\nbefore = []", "`before` is empty; write a program"),
        ("[worker.a]\nrun = \"x\"\nargs = []", "did you mean `run`?"),
        ("[worker.a]\nrun = \"x\"\nbefore = \"'\"", "`before` has no closing ' quote"),
        ("[worker.a]\nrun = \"x\"\ndir = \"nowhere\"", "there is no folder /shop/nowhere"),
        ("[worker.a]\nrun = \"x\"\ndir = \"file\"", "/shop/file is not a folder"),
        ("[worker.a]\nrun = \"x\"\ndir = \"locked\"", "cannot look at /shop/locked"),
        ("[worker.a]\nrun = \"x\"\ndir = \"\"", "`dir` is empty"),
        (
            "[worker.a]\nrun = \"x\"\nenv = { \"A B\" = \"x\" }",
            "`A B` in `env` is not a name of an environment variable",
        ),
        ("[worker.a]\nrun = \"x\"\nenv = { 1A = \"x\" }", "`1A` in `env` is not"),
        (
            "[worker.a]\nrun = \"x\"\nenv = { A = 1 }",
            "`A` in `env` must be a text in quotes, not the number 1",
        ),
        ("[worker.a]\nrun = \"x\"\nenv = { TEMPORAL_ADDRESS = \"x\" }", "stigmer sets it"),
        ("[worker.a]\nrun = \"x\"\nenv = \"A=1\"", "a table, such as { LOG_LEVEL"),
        ("[worker.a]\nrun = \"x\"\nwatch = \"src\"", "write [\"src\"]"),
        ("[worker.a]\nrun = \"x\"\nwatch = [\"/src\"]", "absolute path"),
        ("[worker.a]\nrun = \"x\"\nwatch = [\"!src\"]", ".gitignore can"),
        (
            "[worker.a]\nrun = \"x\"\nwatch = [\"a[b\"]",
            "is not a pattern: a bracket has no partner",
        ),
        ("[worker.a]\nrun = \"x\"\ntask-queues = []", "remove the key"),
        ("[worker.a]\nrun = \"x\"\nstart = \"no\"", "`start` must be true or false"),
        ("[worker.a]\nrun = \"x\"\nstart-timeout = \"1ms\"", "at least 100ms"),
        ("[worker.a]\nrun = \"x\"\nlog-max = \"1k\"", "at least 1MiB"),
        (
            "[worker.a]\nrun = \"x\"\nmax-restarts = -1",
            "a whole number, 0 or more, not the number -1",
        ),
        ("[worker.a]\nrun = \"a\\u0000b\"", "code 0"),
        ("[worker.a]\nrun = x", "a text needs quotes"),
        ("[worker.a]\nrun", "a key needs a value"),
        ("[worker.a]\nrun =", "no value"),
        ("[worker.a", "closing ]"),
        ("[worker.a]\nrun = [\"a\"", "closing ]"),
        ("[worker.a]\nrun = \"a", "closing quote"),
    ] {
        let found = mistakes(text);
        let last = text.lines().count();
        let [(line, shown)] = found.as_slice() else {
            wrong.push(format!("{text}\n{found:#?}"));
            continue;
        };
        // The name of a worker is in its header, which is above the last line.
        let is_of_name = ["the name", "needs a name"].iter().any(|it| shown.contains(it));
        let is_there = *line == last || (is_of_name && *line + 1 == last);
        if !shown.contains(what) || !is_there {
            wrong.push(format!("{text}\n{line}: {shown}\nexpected {what}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn advice_about_a_command_that_needs_a_shell_is_a_command() {
    for line in ["a && b", "echo \"$HOME\" 'x'", "sed 's/\\./x/' <in", "~/bin/a"] {
        let run = |value: &str| format!("[worker.a]\nrun = {value}");
        let [(_, what)] = &mistakes(&run(&text::toml_text(line)))[..] else { panic!("{line}") };
        let advice = what.split_once("; write ").unwrap().1.split_once(", or ").unwrap().0;
        let project = parse(&run(advice)).unwrap();
        assert_eq!(project.workers[0].run, ["sh", "-c", line], "{what}");
    }
}

#[test]
fn all_mistakes_are_reported_at_once_in_the_order_of_the_file() {
    let text = "[worker.b]\nrun = \"x\"\ncwd = 1\n\n[temporal]\nport = \"x\"\nprobe-period = \"1ms\"\nmax-restarts = 1.5\n\n[worker.server]\nrun = \"\"\n\n[workers]\n";
    let lines: Vec<usize> = mistakes(text).into_iter().map(|(line, _)| line).collect();
    assert_eq!(lines, [3, 6, 7, 8, 10, 11, 13]);
    let shown = parse(text).unwrap_err().to_string();
    assert_eq!(shown.lines().count(), lines.len(), "one line for each: {shown}");
    assert!(shown.starts_with("/shop/stigmer.toml:3: unknown key `cwd`"), "{shown}");
}

#[test]
fn error_of_the_syntax_hides_only_the_mistakes_below() {
    let text = "[temporal]\nprot = 1\n[worker.a]\ndir = \"nowhere\"\nrun = a b\ncwd = 1\n";
    let lines: Vec<usize> = mistakes(text).into_iter().map(|(line, _)| line).collect();
    assert_eq!(lines, [2, 4, 5]);
}

#[test]
fn default_in_the_file_changes_nothing() {
    let with =
        |line: &str| parse(&format!("[worker.a]\nrun = \"x\"\n{line}")).unwrap().workers.remove(0);
    let defaults = WorkerSpec::defaults();
    assert_eq!(defaults.len(), 8, "{defaults:?}");
    for (key, value) in &defaults {
        assert_eq!(with(&format!("{key} = {}", text::toml_value(value))), with(""), "{key}");
    }
    assert_eq!(defaults["stop-grace"], "30s");
}

#[test]
fn each_key_is_read_and_written() {
    let written = parse(EXAMPLE).unwrap().to_toml();
    assert_eq!(content(&written), content(EXAMPLE));
    let project = parse(EXAMPLE).unwrap();
    let orders = project.workers[0].to_map();
    for key in keys::worker() {
        assert!(
            orders.contains_key(&key.name),
            "{} is missing in the example, or not read",
            key.name
        );
    }
    for key in keys::temporal() {
        let value = match (key.name.as_str(), &key.kind) {
            ("retention" | "start-timeout", _) => "\"2h\"".to_owned(),
            ("address", _) => "\"there:7233\"".to_owned(),
            ("failure-threshold", _) => "9".to_owned(),
            (_, kind::ValueKind::Flag) => "true".to_owned(),
            (_, kind::ValueKind::Count { .. }) => "7300".to_owned(),
            (_, kind::ValueKind::Time) => "\"90m\"".to_owned(),
            (_, kind::ValueKind::Size) => "\"2MiB\"".to_owned(),
            (_, kind::ValueKind::Path) => "\"/x\"".to_owned(),
            (_, kind::ValueKind::Word(_)) => "\"debug\"".to_owned(),
            (_, kind::ValueKind::Address) => "9464".to_owned(),
            (_, kind::ValueKind::Texts { .. }) => "[\"a\"]".to_owned(),
            (_, kind::ValueKind::Attributes) => "{ A = \"Int\" }".to_owned(),
            (_, kind::ValueKind::DynamicConfig) => "{ \"a.b\" = 1 }".to_owned(),
            (name, kind) => panic!("no value for {name}, {kind:?}"),
        };
        let project = parse(&format!("[temporal]\n{} = {value}", key.name)).unwrap();
        let map = project.server.to_map();
        assert!(map.contains_key(&key.name), "{}: {map:?}", key.name);
    }
}
