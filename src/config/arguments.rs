//! Checks the arguments that stigmer passes on to `temporal server start-dev`.

use super::ConfigError;

/// Whether this argument is `--headless`, alone or with a value that means true. Knows all values
/// that Go's flag parser accepts.
pub(super) fn is_headless(argument: &str) -> bool {
    match argument.strip_prefix("--headless") {
        Some("") => true,
        Some(value) => {
            matches!(value, "=1" | "=t" | "=T" | "=true" | "=TRUE" | "=True")
        }
        None => false,
    }
}

/// Refuses arguments that conflict with stigmer. The error names the option to use instead, or
/// gives the reason.
pub(super) fn refuse_ours(arguments: &[String]) -> Result<(), ConfigError> {
    const ENDS: &str =
        "with this argument, the Temporal CLI prints a text and exits without a server";
    const CLIENT: &str = "this option is for client commands and has no effect on a server";
    const OUTPUT: &str =
        "stigmer sets `--output none`, so that the Temporal CLI writes no banner into the log";
    const OURS: [(&str, &str); 31] = [
        ("--port", "use --port"),
        ("-p", "use --port"),
        ("--ui-port", "use --ui-port"),
        ("--ip", "the server must listen on 127.0.0.1, because stigmer checks it there"),
        ("--ui-ip", "the web UI listens on 127.0.0.1 only"),
        ("--db-filename", "use --db"),
        ("-f", "use --db"),
        ("--sqlite-pragma", "stigmer sets journal_mode=WAL and synchronous=NORMAL"),
        ("--namespace", "use --namespace"),
        ("-n", "use --namespace"),
        ("--log-level", "use --temporal-log-level"),
        ("--log-format", "stigmer reads the log as JSON"),
        ("--log-config", "this option would replace the log that stigmer reads"),
        ("--metrics-port", "stigmer chooses a free port"),
        ("--output", OUTPUT),
        ("-o", OUTPUT),
        ("--color", "the log must have no colours, because stigmer parses the log"),
        (
            "--command-timeout",
            "this option would end the server after that time; to limit a start, \
                               use --start-timeout",
        ),
        ("--client-connect-timeout", "to limit each check, use --probe-timeout"),
        ("--help", ENDS),
        ("-h", ENDS),
        ("--version", ENDS),
        ("-v", ENDS),
        ("--env", CLIENT),
        ("--env-file", CLIENT),
        ("--profile", CLIENT),
        ("--config-file", CLIENT),
        ("--disable-config-env", CLIENT),
        ("--disable-config-file", CLIENT),
        ("--no-json-shorthand-payloads", CLIENT),
        ("--time-format", CLIENT),
    ];
    for argument in arguments {
        let name = argument.split('=').next().unwrap_or_default();
        let is_ours = |ours: &str| {
            // Temporal also accepts a short option and its value without a space between them, such
            // as `-p7300`.
            let attached = ours.len() == 2 && argument.starts_with(ours);
            ours == name || attached || (ours == "--log-config" && name.starts_with("--log-"))
        };
        if let Some((_, instead)) = OURS.iter().find(|(ours, _)| is_ours(ours)) {
            return Err(ConfigError::Value {
                option: "",
                value: argument.clone(),
                why: format!("stigmer does not pass this argument to the server: {instead}"),
            });
        }
    }
    Ok(())
}
