//! `temporal-local`: makes `stigmer local` an extension of the Temporal CLI, as `temporal local`.
//!
//! The Temporal CLI runs this program for `temporal local`. This program executes the `stigmer` of
//! its own folder, under its own name, so that `stigmer` knows its caller. It is not a copy or a link
//! of `stigmer`, because `cargo install` installs no links, and a copy has 17 MB.

use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

const NAME: &str = "temporal-local";

fn main() -> ExitCode {
    let (program, error) = match stigmer() {
        // `exec` returns only if it fails.
        Ok(program) => {
            let error = Command::new(&program).arg0(NAME).args(std::env::args_os().skip(1)).exec();
            (program.display().to_string(), error)
        }
        Err(error) => ("stigmer".to_owned(), error),
    };
    let _ = writeln!(
        io::stderr(),
        "temporal-local: cannot execute {program}: {error}; install both programs into one folder, for \
         example with `cargo install --path .`"
    );
    ExitCode::FAILURE
}

/// The path of the `stigmer` in the folder of this program. A symbolic link to this program is
/// followed.
fn stigmer() -> io::Result<PathBuf> {
    Ok(std::env::current_exe()?.with_file_name("stigmer"))
}
