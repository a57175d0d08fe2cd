//! `stigmer local env`: prints the address, namespace and web UI of the server, for `eval` or as
//! JSON.

use super::output::{self, line, note};
use super::{CliError, Context};
use crate::hosting;
use crate::protocol::State;

pub(super) fn run(context: &Context, json: bool) -> Result<i32, CliError> {
    context.warn_of_broken_files();
    let status = hosting::status(&context.home)?;
    let temporal = match (&status.temporal, status.state) {
        (Some(temporal), _) => temporal,
        (None, State::Stopped) => {
            // Also print a message, because `eval` hides the exit code from the user.
            note(
                "stigmer: the server is not running, so no variable is set; start the server with \
                 `stigmer local`",
            );
            return Ok(3);
        }
        (None, _) => {
            return Err(CliError::Other(format!(
                "cannot print the address of the server: the server is {}; see `stigmer local \
                 status`",
                status.state
            )));
        }
    };
    let variables: Vec<(&str, &str)> = [
        ("TEMPORAL_ADDRESS", Some(temporal.address.as_str())),
        ("TEMPORAL_NAMESPACE", status.options.first_namespace()),
        ("TEMPORAL_UI_URL", temporal.ui_url.as_deref()),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value?)))
    .collect();
    if json {
        let object: serde_json::Map<String, serde_json::Value> =
            variables.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        output::json(&serde_json::Value::Object(object).to_string());
    } else {
        for (name, value) in variables {
            line(&format!("export {name}='{}'", value.replace('\'', r"'\''")));
        }
    }
    Ok(0)
}
