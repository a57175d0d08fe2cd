//! `stigmer local restart`: restarts the server, after a confirmation if data would be lost.

use super::loss::{self, Ending};
use super::{CliError, Context, install, output, start};
use crate::hosting;

pub(super) fn run(context: &Context, yes: bool) -> Result<i32, CliError> {
    let (home, requested) = (&context.home, context.requested()?);
    hosting::check_restart(home, &requested)?;
    loss::confirm(context, Ending::Restart, yes)?;
    let mut progress = install::progress();
    let started = hosting::restart(home, &requested, progress.as_mut(), &output::notice)?;
    start::announce(&started);
    Ok(0)
}
