//! How a worker is started, for each language with an SDK of Temporal.

use super::scan::{ProjectFolder, SourceFile};
use regex::Regex;
use serde_json::Value;

/// A worker that was found in a folder.
pub(super) struct FoundWorker {
    pub(super) language: &'static str,
    /// The file with the code of the worker, relative to the folder.
    pub(super) file: Option<String>,
    pub(super) run: Vec<String>,
    pub(super) before: Option<Vec<String>>,
    pub(super) task_queue: Option<String>,
    pub(super) watch: Vec<String>,
    /// Whether the project uses the SDK of Temporal.
    pub(super) is_certain: bool,
}

impl FoundWorker {
    fn new(language: &'static str, run: &[&str]) -> Self {
        Self {
            language,
            file: None,
            run: words(run),
            before: None,
            task_queue: None,
            watch: Vec::new(),
            is_certain: false,
        }
    }

    /// Adds what the code of the worker shows. `queue` finds the name of the task queue.
    fn with(mut self, source: Option<&SourceFile>, queue: &str) -> Self {
        let Some(source) = source else { return self };
        self.file = Some(source.path.clone());
        self.is_certain = true;
        self.task_queue = Regex::new(queue)
            .ok()
            .and_then(|queue| Some(queue.captures(&source.text)?.get(1)?.as_str().to_owned()))
            .filter(|queue| !queue.contains(char::is_control) && !queue.trim().is_empty());
        self
    }

    fn watching(mut self, ending: &str) -> Self {
        let is_below = |file: &String| file.starts_with("src/");
        let below = if self.file.as_ref().is_some_and(is_below) { "src/" } else { "" };
        self.watch = vec![format!("{below}**/*.{ending}")];
        self
    }
}

/// The function of each language: the workers in a folder.
pub(super) const LANGUAGES: &[fn(&ProjectFolder) -> Vec<FoundWorker>] =
    &[python, node, go, java, dotnet, ruby, rust];

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// The files that contain all these parts, those with `worker` in their name first.
fn workers<'f>(folder: &'f ProjectFolder, endings: &[&str], parts: &[&str]) -> Vec<&'f SourceFile> {
    let is_test = |source: &SourceFile| {
        let name = source.name().to_lowercase();
        name.starts_with("test") || name.contains(".test.") || name.contains("_test.")
    };
    let is_worker = |source: &&SourceFile| {
        endings.contains(&source.ending())
            && !is_test(source)
            && parts.iter().all(|part| source.text.contains(part))
    };
    let mut found: Vec<&SourceFile> = folder.sources().iter().filter(is_worker).collect();
    found.sort_by_key(|source| !source.path.to_lowercase().contains("worker"));
    found
}

fn python(folder: &ProjectFolder) -> Vec<FoundWorker> {
    let markers = [
        "pyproject.toml",
        "uv.lock",
        "requirements.txt",
        "poetry.lock",
        "Pipfile",
        "setup.py",
        "setup.cfg",
    ];
    if folder.first(&markers).is_none() {
        return Vec::new();
    }
    let runner: &[&str] = if folder.has("uv.lock")
        || folder.text("pyproject.toml").contains("[tool.uv")
    {
        &["uv", "run", "python"]
    } else if folder.has("poetry.lock") || folder.text("pyproject.toml").contains("[tool.poetry") {
        &["poetry", "run", "python"]
    } else if folder.has("Pipfile") {
        &["pipenv", "run", "python"]
    } else {
        let own = [".venv/bin/python", "venv/bin/python"];
        match own.into_iter().find(|program| folder.has_program(program)) {
            Some(".venv/bin/python") => &[".venv/bin/python"],
            Some(_) => &["venv/bin/python"],
            None => &["python3"],
        }
    };
    let is_package = |folder_of: &str| {
        let marker = format!("{folder_of}/__init__.py");
        folder.sources().iter().any(|source| source.path == marker)
    };
    let start = |source: Option<&SourceFile>| {
        let mut run = words(runner);
        match source {
            Some(source) if is_package(source.folder()) => {
                let module = source.path.trim_end_matches(".py").replace('/', ".");
                let module = module.strip_prefix("src.").unwrap_or(&module).to_owned();
                run.extend(["-m".to_owned(), module]);
            }
            Some(source) => run.push(source.path.clone()),
            None => run.push("worker.py".to_owned()),
        }
        let mut found = FoundWorker::new("Python", &[]);
        found.run = run;
        let texts = markers.map(|name| folder.text(name));
        found.is_certain = texts.iter().any(|text| text.contains("temporalio"));
        found.with(source, r#"task_queue\s*=\s*["']([^"'\\]+)["']"#).watching("py")
    };
    match workers(folder, &["py"], &["temporalio", "Worker("]).as_slice() {
        [] => vec![start(None)],
        found => found.iter().map(|source| start(Some(*source))).collect(),
    }
}

fn node(folder: &ProjectFolder) -> Vec<FoundWorker> {
    if !folder.has("package.json") {
        return Vec::new();
    }
    let package: Value = serde_json::from_str(&folder.text("package.json")).unwrap_or_default();
    let scripts: Vec<(&str, &str)> = package["scripts"]
        .as_object()
        .map(|scripts| {
            scripts.iter().filter_map(|(name, it)| Some((name.as_str(), it.as_str()?))).collect()
        })
        .unwrap_or_default();
    let manager = match folder.first(&["pnpm-lock.yaml", "yarn.lock", "bun.lock", "bun.lockb"]) {
        Some("pnpm-lock.yaml") => "pnpm",
        Some("yarn.lock") => "yarn",
        Some(_) => "bun",
        None => "npm",
    };
    let is_dependency = |name: &str| {
        let groups = ["dependencies", "devDependencies"];
        groups.iter().any(|group| package[group].get(name).is_some())
    };
    let sources = workers(folder, &["ts", "js", "mjs"], &["@temporalio/worker", "Worker.create"]);
    let source = sources.first().copied();
    let ending = source.map_or("ts", SourceFile::ending);
    let mut found = FoundWorker::new(if ending == "ts" { "TypeScript" } else { "JavaScript" }, &[]);
    match worker_script(&scripts) {
        Some((name, script)) => {
            found.run = words(&[manager, "run", name]);
            let is_built = ["dist/", "lib/", "build/", "out/"].iter().any(|it| script.contains(it));
            let has_build = scripts.iter().any(|(name, _)| *name == "build");
            found.before = (is_built && has_build).then(|| words(&[manager, "run", "build"]));
        }
        None => {
            let file = source.map_or("src/worker.ts", |source| source.path.as_str());
            found.run = match ending {
                "ts" if is_dependency("ts-node") && !is_dependency("tsx") => {
                    words(&["npx", "ts-node", file])
                }
                "ts" => words(&["npx", "tsx", file]),
                _ => words(&["node", file]),
            };
        }
    }
    found.is_certain = package.to_string().contains("@temporalio/");
    vec![found.with(source, r#"taskQueue:\s*["'`]([^"'`\\$]+)["'`]"#).watching(ending)]
}

/// The script of `package.json` that starts the worker.
fn worker_script<'s>(scripts: &[(&'s str, &'s str)]) -> Option<(&'s str, &'s str)> {
    let other = ["watch", "build", "test", "lint", "debug", "format"];
    let is_other = |name: &str| other.iter().any(|it| name.contains(it));
    let names =
        ["worker", "start:worker", "worker:start", "start-worker", "dev:worker", "worker:dev"];
    let by_name = names.iter().find_map(|name| scripts.iter().find(|(it, _)| it == name));
    let starts = |(name, script): &&(&str, &str)| {
        (name.contains("worker") || script.contains("worker")) && !is_other(name)
    };
    by_name
        .or_else(|| scripts.iter().find(starts))
        .or_else(|| scripts.iter().find(|(name, _)| *name == "start"))
        .copied()
}

fn go(folder: &ProjectFolder) -> Vec<FoundWorker> {
    if !folder.has("go.mod") {
        return Vec::new();
    }
    let start = |source: Option<&SourceFile>| {
        let package = match source.map_or("worker", SourceFile::folder) {
            "" => ".".to_owned(),
            folder => format!("./{folder}"),
        };
        let mut found = FoundWorker::new("Go", &["go", "run", &package]);
        found.is_certain = folder.text("go.mod").contains("go.temporal.io/sdk");
        found.with(source, r#"worker\.New\(\s*[^,()]+,\s*["`]([^"`\\]+)["`]"#).watching("go")
    };
    match workers(folder, &["go"], &["package main", "worker.New("]).as_slice() {
        [] => vec![start(None)],
        found => found.iter().map(|source| start(Some(*source))).collect(),
    }
}

fn java(folder: &ProjectFolder) -> Vec<FoundWorker> {
    let Some(build) = folder.first(&["pom.xml", "build.gradle.kts", "build.gradle"]) else {
        return Vec::new();
    };
    let sources = workers(folder, &["java"], &["WorkerFactory", "static void main"]);
    let source = sources.first().copied();
    let mut found = if build == "pom.xml" {
        let program = if folder.has("mvnw") { "./mvnw" } else { "mvn" };
        let class = source.and_then(main_class).unwrap_or_else(|| "com.example.Worker".to_owned());
        FoundWorker::new(
            "Java",
            &[program, "-q", "compile", "exec:java", &format!("-Dexec.mainClass={class}")],
        )
    } else {
        let program = if folder.has("gradlew") { "./gradlew" } else { "gradle" };
        FoundWorker::new("Java", &[program, "-q", "run"])
    };
    found.is_certain = folder.text(build).contains("io.temporal");
    vec![found.with(source, r#"newWorker\(\s*"([^"\\]+)""#).watching("java")]
}

/// The name of the class in a Java file, with its package.
fn main_class(source: &SourceFile) -> Option<String> {
    let class = source.name().strip_suffix(".java")?;
    let package = Regex::new(r"(?m)^\s*package\s+([\w.]+)\s*;").ok()?;
    let package =
        package.captures(&source.text).and_then(|it| Some(it.get(1)?.as_str().to_owned()));
    Some(package.map_or_else(|| class.to_owned(), |package| format!("{package}.{class}")))
}

fn dotnet(folder: &ProjectFolder) -> Vec<FoundWorker> {
    let is_project = |name: &&str| name.ends_with(".csproj");
    let projects: Vec<&str> = folder.files().filter(is_project).collect();
    let Some(first) = projects.first() else { return Vec::new() };
    let uses_temporal = |name: &&&str| folder.text(name).contains("Temporalio");
    let project = projects.iter().find(uses_temporal);
    let mut found = FoundWorker::new(".NET", &["dotnet", "run"]);
    if projects.len() > 1 {
        let project: &str = project.unwrap_or(first);
        found.run.extend(words(&["--project", project]));
    }
    found.is_certain = project.is_some();
    let sources = workers(folder, &["cs"], &["TemporalWorker"]);
    vec![found.with(sources.first().copied(), r#"taskQueue:\s*"([^"\\]+)""#).watching("cs")]
}

fn ruby(folder: &ProjectFolder) -> Vec<FoundWorker> {
    if !folder.has("Gemfile") {
        return Vec::new();
    }
    let sources = workers(folder, &["rb"], &["Temporalio::Worker"]);
    let source = sources.first().copied();
    let file = source.map_or("worker.rb", |source| source.path.as_str());
    let mut found = FoundWorker::new("Ruby", &["bundle", "exec", "ruby", file]);
    found.is_certain = folder.text("Gemfile").contains("temporalio");
    vec![found.with(source, r#"task_queue:\s*["']([^"'\\]+)["']"#).watching("rb")]
}

fn rust(folder: &ProjectFolder) -> Vec<FoundWorker> {
    if !folder.has("Cargo.toml") {
        return Vec::new();
    }
    let has_worker = folder.has_program("src/bin/worker.rs");
    let run: &[&str] =
        if has_worker { &["cargo", "run", "--bin", "worker"] } else { &["cargo", "run"] };
    let mut found = FoundWorker::new("Rust", run);
    found.is_certain = folder.text("Cargo.toml").contains("temporal");
    let sources = workers(folder, &["rs"], &["temporal", "Worker"]);
    vec![found.with(sources.first().copied(), r#"task_queue\(\s*"([^"\\]+)""#).watching("rs")]
}
