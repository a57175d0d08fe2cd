//! `stigmer local stop`: stops the server, after a confirmation if data would be lost.

use super::loss::{self, Ending};
use super::output::{self, line};
use super::{CliError, Context};
use crate::hosting::{self, Stopped};

pub(super) fn run(context: &Context, yes: bool) -> Result<i32, CliError> {
    context.warn_of_broken_files();
    loss::confirm(context, Ending::Stop, yes)?;
    line(match hosting::stop(&context.home, &output::notice)? {
        Stopped::Ours => "the server is stopped",
        Stopped::LeftAlone => {
            "the server was started elsewhere and is left alone; the host that watched it has ended"
        }
        Stopped::Watched => {
            "the server was started elsewhere and is left alone; a dashboard still watches it"
        }
        Stopped::Nothing => "the server is not running",
    });
    Ok(0)
}
