use super::batch::{ChangeBatch, LONGEST, QUIET};
use super::observer::follow_each;
use super::patterns::is_temporary;
use super::*;
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

const LIMIT: Duration = Duration::from_secs(60);

fn patterns(root: &Path, patterns: &[&str]) -> Patterns {
    let patterns: Vec<String> = patterns.iter().map(|it| (*it).to_owned()).collect();
    Patterns::new(root, &patterns).unwrap()
}

#[test]
fn patterns_match_as_in_a_gitignore_file() {
    let root = Path::new("/shop");
    let matches = |pattern: &str, file: &str| patterns(root, &[pattern]).matches(&root.join(file));
    for (pattern, file, expected) in [
        ("src/**/*.py", "src/a.py", true),
        ("src/**/*.py", "src/a/b/c.py", true),
        ("./src/**/*.py", "src/a.py", true),
        ("src/**/*.py", "src/a.pyc", false),
        ("src/**/*.py", "lib/a.py", false),
        ("src/**/*.py", "other/src/a.py", false),
        ("src/*.py", "src/a/b.py", false),
        ("*.py", "a.py", true),
        ("*.py", "deep/er/a.py", true),
        ("src", "src/a/b.txt", true),
        ("src/", "src/a.txt", true),
        ("/src", "lib/src/a.txt", false),
        ("src/**/*.{ts,tsx}", "src/a.tsx", true),
        ("src/[ab].py", "src/c.py", false),
        ("#x.py", "#x.py", true),
        ("src/**", "src/a.py~", false),
        ("src/**", "src/.a.py.swp", false),
    ] {
        assert_eq!(matches(pattern, file), expected, "{pattern}: {file}");
    }
    assert!(!patterns(root, &["**"]).matches(Path::new("/other/a.py")));
}

#[test]
fn only_folders_that_can_have_a_match_are_searched() {
    let root = Path::new("/shop");
    let reaches = |pattern: &str, folder: &str| {
        patterns(root, &[pattern, "conf/app.toml"]).reaches(&root.join(folder))
    };
    for (pattern, folder, expected) in [
        ("src/api/**/*.py", "", true),
        ("src/api/**/*.py", "src", true),
        ("src/api/**/*.py", "src/api/v1", true),
        ("src/api/**/*.py", "src/web", false),
        ("src/api/**/*.py", "conf", true),
        ("src/**", "data", false),
        ("*.py", "data/deep", true),
        ("*.py", "web/node_modules", false),
        ("*.py", "web/node_modules/x", false),
        ("node_modules/x/*.js", "node_modules/x", true),
        ("node_modules/x/*.js", "node_modules/y", false),
    ] {
        assert_eq!(reaches(pattern, folder), expected, "{pattern}: {folder}");
    }
}

#[test]
fn wrong_pattern_is_refused() {
    let refused = |pattern: &str| {
        Patterns::new(Path::new("/shop"), &[pattern.to_owned()]).unwrap_err().to_string()
    };
    for (pattern, why) in [
        ("src/[a", "bracket"),
        ("src/{a,b", "bracket"),
        ("src/[b-a]", "invalid range"),
        ("../shared/**", "leaves the folder"),
        ("a/../../b", "leaves the folder"),
    ] {
        let error = refused(pattern);
        assert!(error.contains(pattern) && error.contains(why), "{error}");
    }
}

#[test]
fn temporary_files_of_editors_are_known_by_their_names() {
    for name in [
        "4913",
        "a.py~",
        ".#a.py",
        "#a.py#",
        ".a.py.swp",
        ".a.py.swo",
        ".a.swx",
        "a.py.tmp",
        "a.py___jb_tmp___",
        "a.py___jb_old___",
        ".goutputstream-ABC",
        ".a.py.kate-swp",
    ] {
        assert!(is_temporary(name), "{name}");
    }
    for name in ["a.py", "49130", "#a", "swp", "a.swift", ".env", "tmp"] {
        assert!(!is_temporary(name), "{name}");
    }
}

#[test]
fn batch_ends_after_a_quiet_time() {
    let begin = Instant::now();
    let (mut batch, at) = (ChangeBatch::default(), |ms| begin + Duration::from_millis(ms));
    assert_eq!((batch.due(), batch.take(at(0))), (None, None));
    for (number, ms) in (0..10).map(|number| (number, number * 100)) {
        batch.add(Path::new(&format!("/{}", number % 4)), at(ms));
        assert_eq!(batch.take(at(ms + 99)), None, "{ms}");
    }
    let changed = batch.take(at(900) + QUIET).unwrap();
    assert_eq!(changed, ChangedFiles { first: "/0".into(), count: 4 });
    assert_eq!(batch.due(), None);
}

#[test]
fn batch_of_endless_changes_ends() {
    let begin = Instant::now();
    let mut batch = ChangeBatch::default();
    let mut now = begin;
    let changed = loop {
        batch.add(Path::new("/a"), now);
        now += QUIET / 2;
        if let Some(changed) = batch.take(now) {
            break changed;
        }
    };
    assert_eq!(changed.count, 1);
    assert!(now - begin >= LONGEST && now - begin < LONGEST + QUIET);
}

/// A folder with a watch.
struct Stage {
    _folder: tempfile::TempDir,
    root: PathBuf,
    _watch: FileWatch,
    reports: UnboundedReceiver<WatchReport>,
}

impl Stage {
    /// A watch of a folder with these files. Returns after the watch has begun.
    async fn new(patterns: &[&str], files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("shop");
        fs::create_dir(&root).unwrap();
        for (file, text) in files {
            write(&root.join(file), text);
        }
        let (watch, reports) = watch(self::patterns(&root, patterns), None).unwrap();
        let mut stage = Self { _folder: folder, root, _watch: watch, reports };
        assert_eq!(stage.next().await, WatchReport::Trouble(None));
        stage
    }

    async fn next(&mut self) -> WatchReport {
        tokio::time::timeout(LIMIT, self.reports.recv()).await.unwrap().unwrap()
    }

    /// Waits for the next batch. Returns its first file relative to the root, and the count.
    async fn changed(&mut self) -> (String, usize) {
        loop {
            if let WatchReport::Changed(ChangedFiles { first, count }) = self.next().await {
                return (first.strip_prefix(&self.root).unwrap().display().to_string(), count);
            }
        }
    }

    /// Waits for a batch that begins with this file. A pause between two events of an earlier file can
    /// make another batch with that file.
    async fn until_first(&mut self, file: &str) {
        while self.changed().await.0 != file {}
    }

    /// Waits until all changes so far were reported.
    async fn until_quiet(&mut self) {
        while tokio::time::timeout(QUIET * 5, self.reports.recv()).await.is_ok() {}
    }

    /// Writes a file repeatedly, until a batch begins with it. The watch of its folder may begin at a
    /// time that the test does not know.
    async fn until_written_file_is_first(&mut self, file: &str) {
        let path = self.path(file);
        let writer = tokio::spawn(async move {
            loop {
                write(&path, "changed");
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        });
        self.until_first(file).await;
        writer.abort();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    fn write(&self, name: &str) {
        write(&self.path(name), "changed");
    }
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

#[tokio::test]
async fn changes_are_one_batch_that_names_the_first_file() {
    let mut stage = Stage::new(&["src/**/*.py"], &[("src/a.py", ""), ("src/b/c.py", "")]).await;
    let expected = ("src/b/c.py".to_owned(), 3);
    let mut batches = Vec::new();
    // On a busy machine, a pause between two writes or two events can divide the changes.
    while batches.last() != Some(&expected) {
        assert!(batches.len() < 20, "{batches:?}");
        stage.until_quiet().await;
        for _ in 0..5 {
            stage.write("src/b/c.py");
            stage.write("src/a.py");
        }
        stage.write("src/new.py");
        batches.push(stage.changed().await);
    }
    stage.until_quiet().await;
    fs::remove_file(stage.path("src/a.py")).unwrap();
    assert_eq!(stage.changed().await, ("src/a.py".to_owned(), 1));
}

#[tokio::test]
async fn save_by_rename_and_touch_are_changes() {
    let mut stage = Stage::new(&["src/**"], &[("src/a.py", "")]).await;
    stage.write("src/a.py.tmp");
    fs::rename(stage.path("src/a.py.tmp"), stage.path("src/a.py")).unwrap();
    assert_eq!(stage.changed().await, ("src/a.py".to_owned(), 1));
    fs::File::options().append(true).open(stage.path("src/a.py")).unwrap();
    assert_eq!(stage.changed().await, ("src/a.py".to_owned(), 1));
}

#[tokio::test]
async fn excluded_and_temporary_files_do_not_count() {
    let mut stage = Stage::new(
        &["**"],
        &[
            (".git/HEAD", ""),
            (".gitignore", "*.log\n/build/\n!keep.log\n"),
            ("src/.gitignore", "/data\n"),
            ("src/data/x.csv", ""),
            ("build/out.js", ""),
            ("node_modules/x/index.js", ""),
        ],
    )
    .await;
    for file in [
        "app.log",
        "src/deep.log",
        "src/data/x.csv",
        "build/out.js",
        "build/new/y.js",
        ".git/index",
        "node_modules/x/index.js",
        "src/__pycache__/a.pyc",
        "src/4913",
        "src/a.py~",
        "src/.a.py.swp",
    ] {
        stage.write(file);
    }
    // Reading changes nothing.
    fs::read(stage.path(".gitignore")).unwrap();
    stage.write("src/keep.log");
    assert_eq!(stage.changed().await, ("src/keep.log".to_owned(), 1));
}

#[tokio::test]
async fn virtual_environment_does_not_count_from_its_creation_on() {
    let mut stage = Stage::new(&["**/*.py"], &[("old/pyvenv.cfg", ""), ("old/lib/a.py", "")]).await;
    stage.write("old/lib/a.py");
    // In the order of `python -m venv`.
    fs::create_dir_all(stage.path(".venv/lib/site")).unwrap();
    stage.write(".venv/pyvenv.cfg");
    stage.write(".venv/lib/site/pip.py");
    stage.write(".venv/lib/site/pip/new.py");
    stage.write("app.py");
    assert_eq!(stage.changed().await, ("app.py".to_owned(), 1));
    stage.write(".venv/lib/site/pip/new.py");
    stage.write("app.py");
    assert_eq!(stage.changed().await, ("app.py".to_owned(), 1));
}

#[tokio::test]
async fn changed_gitignore_takes_effect() {
    let mut stage = Stage::new(&["*.csv"], &[(".gitignore", "/data\n"), ("data/x.csv", "")]).await;
    stage.write("data/x.csv");
    write(&stage.path(".gitignore"), "/other\n");
    stage.until_written_file_is_first("data/x.csv").await;
}

#[tokio::test]
async fn new_folders_are_followed() {
    let mut stage = Stage::new(&["src/**/*.py"], &[("README", "")]).await;
    write(&stage.path("src/a/b/c.py"), "");
    stage.until_first("src/a/b/c.py").await;
    stage.write("src/a/b/d.py");
    stage.until_first("src/a/b/d.py").await;
    fs::create_dir(stage.path("outside")).unwrap();
    stage.write("outside/e.py");
    fs::rename(stage.path("outside"), stage.path("src/inside")).unwrap();
    stage.until_first("src/inside/e.py").await;
}

#[tokio::test]
async fn deleted_and_moved_folders_are_followed() {
    let mut stage = Stage::new(&["src/**/*.py"], &[("src/a/x.py", ""), ("src/b/y.py", "")]).await;
    fs::rename(stage.path("src/a"), stage.path("src/c")).unwrap();
    stage.changed().await;
    stage.write("src/c/x.py");
    assert_eq!(stage.changed().await.0, "src/c/x.py");
    fs::remove_dir_all(stage.path("src")).unwrap();
    stage.changed().await;
    stage.until_written_file_is_first("src/a/x.py").await;
}

#[tokio::test]
async fn root_that_is_deleted_and_created_again_is_watched() {
    let mut stage = Stage::new(&["*.py"], &[("a.py", "")]).await;
    fs::remove_dir_all(&stage.root).unwrap();
    stage.changed().await;
    stage.until_written_file_is_first("src/b.py").await;
}

#[tokio::test]
async fn exact_file_counts_although_it_is_excluded() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    write(&root.join(".gitignore"), "*.toml\n");
    let file = root.join("my [1] #file!.toml");
    let (_watch, mut reports) = watch(Patterns::of_file(&file), None).unwrap();
    let mut next = async || tokio::time::timeout(LIMIT, reports.recv()).await.unwrap().unwrap();
    assert_eq!(next().await, WatchReport::Trouble(None));
    write(&root.join("other.toml"), "");
    write(&root.join("src/my [1] #file!.toml"), "");
    write(&file, "");
    let changed = ChangedFiles { first: file.clone(), count: 1 };
    assert_eq!(next().await, WatchReport::Changed(changed));
}

#[tokio::test]
async fn end_of_the_watch_ends_its_thread() {
    let Stage { _watch, mut reports, _folder, .. } = Stage::new(&["*.py"], &[]).await;
    drop(_watch);
    let end = tokio::time::timeout(LIMIT, reports.recv()).await.unwrap();
    assert_eq!(end, None);
}

#[test]
fn only_files_that_were_written_after_the_given_time_have_changed() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let begun = SystemTime::now();
    let at = |name: &str, seconds: i64| {
        let file = fs::File::create(root.join(name)).unwrap();
        let age = Duration::from_secs(seconds.unsigned_abs());
        let time = if seconds < 0 { begun - age } else { begun + age };
        file.set_modified(time).unwrap();
    };
    [("old.py", -60), ("second.py", -10), ("first.py", -20), ("future.py", 3600), ("no.txt", -5)]
        .into_iter()
        .for_each(|(name, seconds)| at(name, seconds));
    let (_watch, mut reports) =
        watch(patterns(root, &["*.py"]), Some(begun - Duration::from_secs(30))).unwrap();
    assert_eq!(reports.blocking_recv(), Some(WatchReport::Trouble(None)));
    let expected = ChangedFiles { first: root.join("first.py"), count: 2 };
    assert_eq!(reports.blocking_recv(), Some(WatchReport::Changed(expected)));
}

#[tokio::test(start_paused = true)]
async fn watch_that_cannot_begin_reports_no_change_and_looks_back_when_it_begins() {
    let before = SystemTime::now();
    let (attempts, reported) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    let (reports, incoming) = unbounded_channel();
    let incoming = Mutex::new(Some(incoming));
    let begin = |since: Option<SystemTime>| {
        let mut attempts = attempts.lock().unwrap();
        attempts.push(since);
        let begins = attempts.len() == 3;
        begins
            .then(|| ((), incoming.lock().unwrap().take().unwrap()))
            .ok_or("no inotify".to_owned())
    };
    let file = ChangedFiles { first: "a".into(), count: 1 };
    reports.send(WatchReport::Changed(file.clone())).unwrap();
    drop(reports);
    let report = |report| reported.lock().unwrap().push(report);
    let following = follow_each(begin, None, report);
    let _ = tokio::time::timeout(Duration::from_secs(35), following).await;
    let attempts = attempts.into_inner().unwrap();
    assert_eq!(attempts.len(), 4);
    assert_eq!(attempts[0], None);
    assert!(attempts[1].unwrap() >= before && attempts[2] == attempts[1], "{attempts:?}");
    let reported = reported.into_inner().unwrap();
    let changes = reported.iter().filter(|it| matches!(it, WatchReport::Changed(_)));
    assert_eq!(changes.collect::<Vec<_>>(), [&WatchReport::Changed(file)], "{reported:?}");
}
