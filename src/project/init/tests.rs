use super::*;
use crate::project::Project;
use std::fs;

/// Creates a folder with these files, and proposes a project file for it. Checks that the file has no
/// mistakes.
fn proposed(files: &[(&str, &str)]) -> (Proposal, String) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("shop");
    fs::create_dir(&root).unwrap();
    for (path, text) in files {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let proposal = propose(&root).unwrap();
    let text = proposal.to_toml();
    let project =
        Project::parse(&root.join("stigmer.toml"), &text, |path| Ok(path.metadata()?.is_dir()))
            .unwrap_or_else(|mistakes| panic!("{mistakes}\n{text}"));
    let names = |names: Vec<&String>| names.into_iter().cloned().collect::<Vec<_>>();
    assert_eq!(
        names(project.workers.iter().map(|it| &it.name).collect()),
        names(proposal.workers.iter().map(|it| &it.name).collect())
    );
    for (read, written) in project.workers.iter().zip(&proposal.workers) {
        assert_eq!(read.run, written.run);
    }
    // The keys in comments have no mistakes, too.
    let active: String = text
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(key)
                if key.contains(" = ") && key.starts_with(|c: char| c.is_ascii_lowercase()) =>
            {
                key
            }
            Some(header) if header.starts_with("[worker.") => header,
            _ => line,
        })
        .fold(String::new(), |text, line| text + line + "\n");
    let all = Project::parse(&root.join("stigmer.toml"), &active, |_| Ok(true));
    all.unwrap_or_else(|mistakes| panic!("{mistakes}\n{active}"));
    (proposal, text)
}

const PYTHON: &str = "from temporalio.worker import Worker\nw = Worker(c, task_queue=\"orders\")\n";
const NODE: &str =
    "import { Worker } from '@temporalio/worker';\nWorker.create({ taskQueue: 'orders' });\n";

fn lines_of(files: &[(&str, &str)]) -> Vec<String> {
    proposed(files)
        .0
        .workers
        .iter()
        .map(|it| format!("{}: {}", it.name, it.run.join(" ")))
        .collect()
}

#[test]
fn python_project_is_started_with_its_own_tool() {
    for (marker, text, run) in [
        ("uv.lock", "temporalio", "uv run python worker.py"),
        ("poetry.lock", "temporalio", "poetry run python worker.py"),
        ("Pipfile", "temporalio", "pipenv run python worker.py"),
        ("requirements.txt", "temporalio", "python3 worker.py"),
        ("pyproject.toml", "[tool.uv]", "uv run python worker.py"),
    ] {
        let found = lines_of(&[(marker, text), ("worker.py", PYTHON)]);
        assert_eq!(found, [format!("orders: {run}")], "{marker}");
    }
    let own = [("requirements.txt", ""), (".venv/bin/python", ""), ("worker.py", PYTHON)];
    assert_eq!(lines_of(&own), ["orders: .venv/bin/python worker.py"]);
    let package = [
        ("uv.lock", ""),
        ("src/shop/__init__.py", ""),
        ("src/shop/run_worker.py", PYTHON),
        ("src/shop/test_worker.py", PYTHON),
        (".venv/lib/worker.py", PYTHON),
    ];
    let (proposal, text) = proposed(&package);
    assert_eq!(proposal.workers[0].run.join(" "), "uv run python -m shop.run_worker");
    assert_eq!(proposal.workers.len(), 1);
    for part in [
        "task-queues = [\"orders\"]",
        "watch = [\"src/**/*.py\"]",
        "# Python, src/shop/run_worker.py",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

#[test]
fn several_workers_have_names_of_their_own() {
    let other = PYTHON.replace("orders", "Order S!");
    let files = [
        ("uv.lock", ""),
        ("a_worker.py", PYTHON),
        ("b_worker.py", PYTHON),
        ("c_worker.py", &other),
    ];
    assert_eq!(
        lines_of(&files),
        [
            "orders: uv run python a_worker.py",
            "orders-2: uv run python b_worker.py",
            "Order-S: uv run python c_worker.py",
        ]
    );
}

#[test]
fn node_project_is_started_by_its_script_or_its_file() {
    let package = |scripts: &str| {
        format!("{{\"scripts\": {scripts}, \"dependencies\": {{\"@temporalio/worker\": \"1\"}}}}")
    };
    let script = package(
        r#"{"build": "tsc", "start.watch": "nodemon src/worker.ts", "start": "ts-node src/worker.ts"}"#,
    );
    let files = [
        ("package.json", script.as_str()),
        ("src/worker.ts", NODE),
        ("node_modules/x/worker.js", NODE),
    ];
    assert_eq!(lines_of(&files), ["orders: npm run start"]);
    let built = package(r#"{"build": "tsc", "worker": "node lib/worker.js"}"#);
    let files = [("package.json", built.as_str()), ("pnpm-lock.yaml", ""), ("src/worker.ts", NODE)];
    let (proposal, text) = proposed(&files);
    assert_eq!(proposal.workers[0].run.join(" "), "pnpm run worker");
    assert!(text.contains("before = \"pnpm run build\""), "{text}");
    let none = package("{}");
    assert_eq!(
        lines_of(&[("package.json", &none), ("src/w.ts", NODE)]),
        ["orders: npx tsx src/w.ts"]
    );
    assert_eq!(lines_of(&[("package.json", &none), ("w.js", NODE)]), ["orders: node w.js"]);
    let odd = package(r#"{"my worker & more": "node x"}"#);
    let (proposal, text) = proposed(&[("package.json", &odd)]);
    assert_eq!(proposal.workers[0].run, ["npm", "run", "my worker & more"]);
    assert!(text.contains("run = [\"npm\", \"run\""), "{text}");
    assert_eq!(lines_of(&[("package.json", "{ broken")]), ["shop: npx tsx src/worker.ts"]);
}

#[test]
fn each_other_language_has_its_command() {
    let go = "package main\nfunc main() { w := worker.New(c, \"orders\", worker.Options{}) }\n";
    assert_eq!(
        lines_of(&[("go.mod", "require go.temporal.io/sdk v1"), ("worker/main.go", go)]),
        ["orders: go run ./worker"]
    );
    assert_eq!(
        lines_of(&[("go.mod", "go.temporal.io/sdk"), ("main.go", go)]),
        ["orders: go run ."]
    );
    let java = "package com.shop;\npublic class Main { public static void main(String[] a) {\n\
                WorkerFactory f; f.newWorker(\"orders\"); } }\n";
    let main = "src/main/java/com/shop/Main.java";
    assert_eq!(
        lines_of(&[("pom.xml", "io.temporal"), ("mvnw", ""), (main, java)]),
        ["orders: ./mvnw -q compile exec:java -Dexec.mainClass=com.shop.Main"]
    );
    assert_eq!(
        lines_of(&[("build.gradle.kts", "io.temporal"), ("gradlew", ""), (main, java)]),
        ["orders: ./gradlew -q run"]
    );
    let csharp = "new TemporalWorker(client, new(taskQueue: \"orders\"))";
    assert_eq!(
        lines_of(&[("Shop.csproj", "Temporalio"), ("Program.cs", csharp)]),
        ["orders: dotnet run"]
    );
    assert_eq!(
        lines_of(&[("A.csproj", ""), ("Shop.csproj", "Temporalio")]),
        ["shop: dotnet run --project Shop.csproj"]
    );
    let ruby = "Temporalio::Worker.new(client:, task_queue: 'orders')";
    assert_eq!(
        lines_of(&[("Gemfile", "gem 'temporalio'"), ("worker.rb", ruby)]),
        ["orders: bundle exec ruby worker.rb"]
    );
    assert_eq!(
        lines_of(&[("Cargo.toml", "temporalio-sdk = 1"), ("src/bin/worker.rs", "")]),
        ["shop: cargo run --bin worker"]
    );
    assert_eq!(lines_of(&[("Cargo.toml", "")]), ["shop: cargo run"]);
}

#[test]
fn project_without_the_sdk_gives_way_to_one_with_it() {
    let files = [("package.json", "{}"), ("uv.lock", ""), ("worker.py", PYTHON)];
    assert_eq!(lines_of(&files), ["orders: uv run python worker.py"]);
    let (proposal, text) = proposed(&[("package.json", "{}"), ("go.mod", "module x")]);
    assert_eq!(proposal.workers.len(), 1);
    assert!(!proposal.workers[0].is_certain && text.contains("Check this command"), "{text}");
}

#[test]
fn projects_in_folders_below_run_in_their_folders() {
    let files = [
        ("web/package.json", "{}"),
        ("py/uv.lock", ""),
        ("py/worker.py", PYTHON),
        ("go [1]/go.mod", "go.temporal.io/sdk"),
    ];
    let (proposal, text) = proposed(&files);
    let found: Vec<_> =
        proposal.workers.iter().map(|it| (it.name.as_str(), it.dir.as_deref().unwrap())).collect();
    assert_eq!(found, [("go-1", "go [1]"), ("orders", "py")]);
    assert!(text.contains("watch = [\"py/**/*.py\"]"), "{text}");
}

#[test]
fn folder_without_a_project_gets_an_example_in_comments() {
    let (proposal, text) = proposed(&[("README.md", "hello")]);
    assert_eq!(proposal.workers, []);
    assert!(text.contains("# [worker.orders]\n# run = "), "{text}");
}

#[test]
fn strange_names_and_texts_give_a_valid_file() {
    let odd = PYTHON.replace("orders", "ö\u{7f}\u{202e}#[]");
    proposed(&[("uv.lock", ""), ("a \"b'\\ $x.py", &odd), ("é\n# worker.py", PYTHON)]);
    proposed(&[("all/uv.lock", ""), ("all/worker.py", &PYTHON.replace("orders", "server"))]);
    proposed(&[
        ("!a*/uv.lock", "temporalio"),
        ("-b/go.mod", "go.temporal.io/sdk"),
        ("-b/\u{1}.go", ""),
    ]);
    let text = format!("{}\u{0}{}", &PYTHON[..60], "x".repeat(300_000));
    proposed(&[("uv.lock", ""), ("worker.py", &text)]);
}

#[test]
fn folder_that_cannot_be_read_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    assert!(propose(&folder.path().join("gone")).is_err());
}
