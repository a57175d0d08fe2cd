//! `stigmer local stop`.

use super::loss::{self, Ending};
use super::output::{self, line};
use super::{CliError, Context};
use crate::hosting::{self, Stopped};

pub(super) fn run(context: &Context, yes: bool) -> Result<i32, CliError> {
    context.warn_of_broken_config();
    loss::confirm(context, Ending::Stop, yes)?;
    line(match hosting::stop(&context.home, &output::notice)? {
        Stopped::Ours => "Temporal is stopped",
        Stopped::LeftAlone => {
            "Temporal was started elsewhere and is left alone; the host that watched it has ended"
        }
        Stopped::Watched => {
            "Temporal was started elsewhere and is left alone; a dashboard still watches it"
        }
        Stopped::Nothing => "Temporal is not running",
    });
    Ok(0)
}
