//! The environment of a worker, and the search for its program.

use super::ServerAccess;
use crate::harmless::quote;
use crate::paths::shortened;
use crate::process::environment::BaseEnvironment;
use crate::process::memory;
use crate::process::sweep::Instance;
use crate::process::threads::LOOKS;
use crate::project::WorkerSpec;
use crate::supervisor::Failure;
use crate::unit::Refused;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Time limit for reading an `env-file` or looking for a program.
pub(super) const READ: Duration = Duration::from_secs(10);

/// Maximum size of an `env-file`, in bytes.
const ENV_FILE_MAX: u64 = 1 << 20;

/// The environment of a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Environment<'b> {
    /// The variables of the command that has started the worker.
    base: &'b BaseEnvironment,
    /// Further variables, which replace those of the command.
    variables: BTreeMap<String, String>,
}

impl<'b> Environment<'b> {
    /// Collects the variables: those of the command that has started the worker, then those of the
    /// server, then those of the `env-file`, then `env`. A later one replaces an earlier one.
    ///
    /// # Errors
    /// If the `env-file` cannot be read or has a mistake.
    pub(super) fn of(
        base: &'b BaseEnvironment,
        spec: &WorkerSpec,
        server: &ServerAccess,
    ) -> Result<Self, Refused> {
        Ok(Self { base, variables: variables(spec, server)? })
    }

    /// The value of a variable.
    pub(super) fn get(&self, name: &str) -> Option<&OsStr> {
        let own = self.variables.get(name).map(OsStr::new);
        own.or_else(|| self.base.get(OsStr::new(name)))
    }

    pub(super) fn into_pairs(self) -> Vec<(OsString, OsString)> {
        let pairs = self.variables.into_iter().map(|(name, value)| (name.into(), value.into()));
        self.base.with(pairs)
    }
}

/// The variables that do not depend on the command that has started the worker.
fn variables(
    spec: &WorkerSpec,
    server: &ServerAccess,
) -> Result<BTreeMap<String, String>, Refused> {
    let own = [
        ("TEMPORAL_ADDRESS", server.address.as_str()),
        ("TEMPORAL_NAMESPACE", server.namespace.as_str()),
        // Without it, Python keeps its output in a buffer, and loses the buffer if a signal ends
        // the process.
        ("PYTHONUNBUFFERED", "1"),
        // The core of the SDKs colours its lines even if they go into a file.
        ("NO_COLOR", "1"),
    ];
    let mut variables: BTreeMap<String, String> =
        own.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    if let Some(file) = &spec.env_file {
        variables.extend(read(file, &spec.name)?);
    }
    variables.extend(spec.env.clone());
    // The dashboard recognises the processes of the worker by this variable.
    variables.insert(memory::WORKER.to_owned(), spec.name.clone());
    Ok(variables)
}

/// The variables of the command that has started a running worker, from the environment of the worker.
/// The worker does not show those that its project file has replaced: they are those of this host.
/// `None` if the environment of the worker is unknown. Blocks for milliseconds.
pub(crate) fn base_of_running(spec: &WorkerSpec, instance: &Instance) -> Option<BaseEnvironment> {
    let mut base = BaseEnvironment::of_leader(instance)?;
    // Without a readable `env-file`, its variables stay.
    let replaced = variables(spec, &ServerAccess::default());
    let replaced = replaced.unwrap_or_else(|_| spec.env.clone());
    for name in replaced.keys() {
        base.set(OsStr::new(name), std::env::var_os(name).as_deref());
    }
    Some(base)
}

/// The namespace that a worker uses, as its environment says. Without a readable `env-file`, the
/// namespace of the other variables.
pub(super) async fn namespace(spec: &Arc<WorkerSpec>, server: &ServerAccess) -> String {
    let variable = |all: BTreeMap<String, String>| all.get("TEMPORAL_NAMESPACE").cloned();
    let (read, access) = (spec.clone(), server.clone());
    // The file system of the `env-file` may not respond.
    let set = match spec.env_file {
        Some(_) => LOOKS.run(READ, move || variables(&read, &access).ok()).await.ok().flatten(),
        None => variables(spec, server).ok(),
    };
    let plain = || spec.env.get("TEMPORAL_NAMESPACE").unwrap_or(&server.namespace).clone();
    set.and_then(variable).unwrap_or_else(plain)
}

fn read(file: &Path, worker: &str) -> Result<BTreeMap<String, String>, Refused> {
    let failed = |error: &io::Error| {
        let failure = Failure::new(
            format!(
                "cannot read {}, the `env-file` of worker `{worker}`: {error}",
                shortened(file)
            ),
            "make the file readable, or remove `env-file` from stigmer.toml",
        );
        Refused::by(error, failure)
    };
    let text = match std::fs::metadata(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => return Err(failed(&error)),
        Ok(meta) if !meta.is_file() || meta.len() > ENV_FILE_MAX => {
            let why = "it is not a regular file of at most 1 MiB";
            return Err(failed(&io::Error::new(io::ErrorKind::InvalidData, why)));
        }
        Ok(_) => std::fs::read_to_string(file).map_err(|error| failed(&error))?,
    };
    parse(&text).map_err(|line| {
        Failure::new(
            format!(
                "cannot start worker `{worker}`: {}:{line}: expected NAME=VALUE",
                shortened(file)
            ),
            "correct the line, or begin it with # to ignore it",
        )
        .into()
    })
}

/// Parses lines `NAME=VALUE`, as most tools for such files do: `#` begins a comment, `export` is
/// skipped, and quotes around a value are removed. The error is the number of the first wrong line.
fn parse(text: &str) -> Result<BTreeMap<String, String>, usize> {
    let mut variables = BTreeMap::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, value) = line.split_once('=').ok_or(number + 1)?;
        let (name, value) = (name.trim_end(), value.trim_start());
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.' || c == '-';
        if name.is_empty() || !name.chars().all(is_part) || value.contains('\0') {
            return Err(number + 1);
        }
        variables.insert(name.to_owned(), unquoted(value).ok_or(number + 1)?);
    }
    Ok(variables)
}

/// The value without its quotes, or without its comment. `None` without a closing quote.
fn unquoted(value: &str) -> Option<String> {
    match value.chars().next() {
        Some(quote @ ('\'' | '"')) => {
            let mut text = String::new();
            let mut rest = value[1..].chars();
            loop {
                match rest.next()? {
                    c if c == quote => break,
                    '\\' if quote == '"' => match rest.next()? {
                        'n' => text.push('\n'),
                        't' => text.push('\t'),
                        c @ ('"' | '\\' | '$') => text.push(c),
                        c => text.extend(['\\', c]),
                    },
                    c => text.push(c),
                }
            }
            let rest = rest.as_str().trim_start();
            (rest.is_empty() || rest.starts_with('#')).then_some(text)
        }
        _ => {
            let end = value.find(" #").unwrap_or(value.len());
            Some(value[..end].trim_end().to_owned())
        }
    }
}

/// Finds the program of a command of a worker: at its path, relative to the folder of the worker, or on `PATH`.
///
/// `key` is the key of the command in the project file.
///
/// # Errors
/// If there is no such program, or if it cannot be executed.
pub(super) fn program(
    spec: &WorkerSpec,
    command: &[String],
    key: &str,
    environment: &Environment<'_>,
) -> Result<PathBuf, Failure> {
    let name = command.first().map(String::as_str).unwrap_or_default();
    let (shown, worker) = (quote(name), &spec.name);
    if name.contains('/') {
        let path = spec.dir.join(name);
        return match is_program(&path) {
            Ok(true) => Ok(path),
            Ok(false) => Err(Failure::new(
                format!("cannot start worker `{worker}`: {} is not executable", shortened(&path)),
                format!(
                    "make the file executable with `chmod +x`, or name its interpreter in `{key}`"
                ),
            )),
            Err(error) => Err(Failure::new(
                format!(
                    "cannot start worker `{worker}`: cannot use the program {}: {error}",
                    shortened(&path)
                ),
                format!("correct `{key}` in stigmer.toml, or create the program"),
            )),
        };
    }
    let search = environment.get("PATH").unwrap_or(OsStr::new("/usr/bin:/bin"));
    let folders = std::env::split_paths(search).map(|folder| spec.dir.join(folder));
    let found =
        folders.map(|folder| folder.join(name)).find(|it| matches!(is_program(it), Ok(true)));
    found.ok_or_else(|| {
        Failure::new(
            format!("cannot start worker `{worker}`: there is no program `{shown}` on PATH"),
            format!("install the program, write its path into `{key}`, or set PATH in `env`"),
        )
    })
}

fn is_program(path: &Path) -> io::Result<bool> {
    let meta = std::fs::metadata(path)?;
    Ok(meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::Project;

    #[test]
    fn lines_of_an_env_file_are_read_as_most_tools_read_them() {
        let text = "# comment\n\nA=1\nexport B = two words # comment\nC='$x # y'\n\
                    D=\"a\\n\\\"b\\\" \\\\ \\x\" # c\nE=\nF=a#b\n  G=x  \r\n";
        let expected = [
            ("A", "1"),
            ("B", "two words"),
            ("C", "$x # y"),
            ("D", "a\n\"b\" \\ \\x"),
            ("E", ""),
            ("F", "a#b"),
            ("G", "x"),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(parse(text).unwrap(), expected.into());
        for (wrong, line) in
            [("A=1\nB", 2), ("=x", 1), ("A B=1", 1), ("A='x", 1), ("A=\"x\" y", 1), ("\nA=\"\\", 2)]
        {
            assert_eq!(parse(wrong), Err(line), "{wrong:?}");
        }
    }

    fn spec(folder: &Path, text: &str) -> WorkerSpec {
        let file = folder.join("stigmer.toml");
        let text = format!("[worker.orders]\n{text}");
        Project::parse(&file, &text, |_| Ok(true)).unwrap().workers.remove(0)
    }

    fn server() -> ServerAccess {
        ServerAccess {
            address: "127.0.0.1:7233".into(),
            namespace: "default".into(),
            ..ServerAccess::default()
        }
    }

    #[test]
    fn env_overrides_the_env_file_which_overrides_the_variables_of_the_server() {
        let folder = tempfile::tempdir().unwrap();
        let text = "run = \"a\"\nenv-file = \".env\"\nenv = { A = \"of env\" }";
        let spec = spec(folder.path(), text);
        let base: BaseEnvironment =
            serde_json::from_str(r#"{"A":"of base","B":"of base"}"#).unwrap();
        let variable = |name| {
            let environment = Environment::of(&base, &spec, &server()).unwrap();
            environment.get(name).map(OsStr::to_owned)
        };
        assert_eq!(variable("TEMPORAL_ADDRESS"), Some("127.0.0.1:7233".into()), "no env-file yet");
        assert_eq!(variable("PYTHONUNBUFFERED"), Some("1".into()));
        let file = folder.path().join(".env");
        std::fs::write(&file, "A=of file\nTEMPORAL_NAMESPACE=orders\nNO_COLOR=").unwrap();
        assert_eq!(variable("A"), Some("of env".into()));
        assert_eq!(variable("B"), Some("of base".into()));
        assert_eq!(variable("NO_COLOR"), Some("".into()));

        std::fs::write(&file, "A=1\nsecret").unwrap();
        let error = Environment::of(&base, &spec, &server()).unwrap_err();
        assert!(error.failure.reason.contains(".env:2: expected NAME=VALUE"), "{error:?}");
        assert!(!error.is_transient && !error.failure.reason.contains("secret"));
        std::fs::remove_file(&file).unwrap();
        std::fs::create_dir(&file).unwrap();
        let error = Environment::of(&base, &spec, &server()).unwrap_err();
        assert!(error.failure.reason.contains("worker `orders`: it is not"), "{error:?}");
    }

    #[tokio::test]
    async fn namespace_is_that_of_the_environment() {
        let folder = tempfile::tempdir().unwrap();
        for (text, of_file, expected) in [
            ("", None, "default"),
            ("env = { TEMPORAL_NAMESPACE = \"a\" }", None, "a"),
            ("env-file = \".env\"", Some("TEMPORAL_NAMESPACE=b"), "b"),
            ("env-file = \".env\"", Some("not a variable"), "default"),
        ] {
            let spec = Arc::new(spec(folder.path(), &format!("run = \"a\"\n{text}")));
            of_file.iter().for_each(|text| {
                std::fs::write(folder.path().join(".env"), text).unwrap();
            });
            assert_eq!(namespace(&spec, &server()).await, expected, "{text} {of_file:?}");
        }
    }

    #[test]
    fn program_is_found_in_the_folder_of_the_worker_or_on_its_path() {
        let folder = tempfile::tempdir().unwrap();
        let find = |run: &str, env: &str| {
            let text = format!("run = \"{run}\"\nenv = {{ {env} }}");
            let spec = spec(folder.path(), &text);
            let base = BaseEnvironment::own();
            program(&spec, &spec.run, "run", &Environment::of(&base, &spec, &server()).unwrap())
        };
        let bin = folder.path().join("bin");
        std::fs::create_dir(&bin).unwrap();
        let file = bin.join("own");
        std::fs::write(&file, "").unwrap();
        assert_eq!(find("sh", "").unwrap().file_name(), Some(OsStr::new("sh")));
        assert!(find("bin/own", "").unwrap_err().reason.contains("is not executable"));
        assert!(find("own", "PATH = \"bin\"").unwrap_err().reason.contains("no program `own`"));
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(find("bin/own", "").unwrap(), file);
        assert_eq!(find("own", "PATH = \"/none:bin\"").unwrap(), file);
        assert!(find("./none", "").unwrap_err().reason.contains("/none: "));
        assert!(find("sh", "PATH = \"\"").is_err());
    }
}
