//! The SDKs of the workers of projects, and a worker of each with the same behaviour.

use super::{python, typescript};
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

/// An SDK of Temporal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sdk {
    Python,
    TypeScript,
}

/// The worker of the Python SDK. It describes the modes of the workers.
const PYTHON: &str = include_str!("../samples/shop.py");

/// The worker of the TypeScript SDK.
const TYPESCRIPT: (&str, &str) = ("shop.js", include_str!("../samples/typescript/shop.js"));

/// The script that bundles the workflows of the TypeScript SDK, and these workflows.
const BUNDLER: [(&str, &str); 2] = [
    ("bundle.js", include_str!("../samples/typescript/bundle.js")),
    ("orders.js", include_str!("../samples/typescript/orders.js")),
];

/// The result of the script in [`BUNDLER`].
const BUNDLED: &str = "bundled.js";

impl Sdk {
    /// The SDKs that this machine can run. TypeScript is optional.
    pub fn all() -> &'static [Self] {
        match typescript::packages() {
            Some(_) => &[Self::Python, Self::TypeScript],
            None => &[Self::Python],
        }
    }

    /// The name of the worker of this SDK in a project, and of its queue.
    pub fn name(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::TypeScript => "typescript",
        }
    }

    /// The source file of the worker, relative to the folder of its project.
    pub fn source(self) -> &'static str {
        match self {
            Self::Python => "shop.py",
            Self::TypeScript => TYPESCRIPT.0,
        }
    }

    /// A line of source code that prints a text.
    pub fn print(self, text: &str) -> String {
        match self {
            Self::Python => format!("print({text:?})"),
            Self::TypeScript => format!("console.log({text:?});"),
        }
    }

    /// The words of the command line, after [`Self::install`] into the working directory.
    pub fn command(self, arguments: &[&str]) -> Vec<String> {
        let program = match self {
            Self::Python => python::interpreter().display().to_string(),
            Self::TypeScript => "node".to_owned(),
        };
        let words = [self.source()].into_iter().chain(arguments.iter().copied());
        std::iter::once(program).chain(words.map(str::to_owned)).collect()
    }

    /// Writes the worker into the folder of a project.
    pub fn install(self, folder: &Path) {
        match self {
            Self::Python => std::fs::write(folder.join(self.source()), PYTHON).unwrap(),
            Self::TypeScript => typescript::place(&[TYPESCRIPT, (BUNDLED, bundled())], folder),
        }
    }
}

/// The bundle of the workflows of the TypeScript SDK.
fn bundled() -> &'static str {
    static BUNDLE: LazyLock<String> = LazyLock::new(|| {
        let folder = tempfile::tempdir().unwrap();
        typescript::place(&BUNDLER, folder.path());
        let mut node = Command::new("node");
        let done = node.arg(BUNDLER[0].0).current_dir(folder.path()).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        std::fs::read_to_string(folder.path().join(BUNDLED)).unwrap()
    });
    &BUNDLE
}
