//! The description of a worker in its record. The next host adopts the worker by it, even if the
//! project file is broken or gone.

use crate::process::record::Record;
use crate::project::{Project, ServerSpec, WorkerSpec};
use std::path::{Path, PathBuf};

/// Key of the path of the project file.
const PROJECT: &str = "project";

/// The value of [`Record::options`]: the worker in the syntax of the project file.
pub(super) fn options(spec: &WorkerSpec, project: &Path) -> String {
    let (file, workers) = (project.to_owned(), vec![spec.clone()]);
    let text = Project { file, server: ServerSpec::default(), workers }.to_toml();
    serde_json::to_string(&text).unwrap_or_default()
}

/// The keys that only the record of a worker has.
pub(super) fn extra(project: &Path) -> Vec<(String, String)> {
    vec![(PROJECT.to_owned(), project.display().to_string())]
}

/// The path of the project file in the record of a worker.
pub(crate) fn recorded_project(record: &Record) -> PathBuf {
    record.extra(PROJECT).unwrap_or("/").into()
}

/// The worker in a record. `None` if an incompatible version of stigmer has written the record.
pub(crate) fn recorded_spec(record: &Record) -> Option<WorkerSpec> {
    let text: String = serde_json::from_str(&record.options).ok()?;
    // The folders of the worker were there at its start.
    let project = Project::parse(&recorded_project(record), &text, |_| Ok(true)).ok()?;
    project.workers.into_iter().next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::record::tests::record;

    #[test]
    fn recorded_worker_is_the_same_after_it_was_read() {
        let file = Path::new("/shop/stigmer.toml");
        let text = r#"
            [worker.orders]
            run = ["sh", "-c", "exec 'a b' \"c\" \\ = # \n"]
            env = { A = "b=c", B = "" }
            env-file = ".env"
            watch = ["*.py"]
            before = "npm run build"
            task-queues = ["orders", "ö"]
            start = false
            stop-grace = "1m"
        "#;
        let spec = Project::parse(file, text, |_| Ok(true)).unwrap().workers.remove(0);
        let written = Record { options: options(&spec, file), extra: extra(file), ..record() };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pid");
        written.write(&path).unwrap();
        let read = Record::read(&path).unwrap().unwrap();
        assert_eq!(recorded_spec(&read), Some(spec));
        assert_eq!(recorded_project(&read), file);
        assert_eq!(recorded_spec(&record()), None, "the record of a server");
    }
}
