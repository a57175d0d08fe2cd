//! Writes the history of a workflow into a file, as JSON that the SDKs replay.
//!
//! The Temporal CLI writes it: the JSON is exactly that of `temporal workflow show --output json`,
//! also for events that stigmer does not know.

use super::actions::RunRef;
use crate::harmless::quote;
use crate::process::descriptors::restore_limit;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;

/// Time limit. The CLI writes 50,000 events in some seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// Writes the history of a run into `file`, and replaces an existing file. `program` is the
/// Temporal CLI.
///
/// # Errors
/// The error of the CLI, or of the file. The existing file is unchanged then.
pub async fn save_history(
    program: &Path,
    address: &str,
    run: &RunRef,
    file: &Path,
) -> Result<(), String> {
    let part = file.with_extension("json.part");
    let saved = async {
        write(program, address, run, &part).await?;
        tokio::fs::rename(&part, file)
            .await
            .map_err(|error| format!("cannot write {}: {error}", file.display()))
    };
    let result = saved.await;
    if result.is_err() {
        // The file may not exist.
        let _ = tokio::fs::remove_file(&part).await;
    }
    result
}

async fn write(program: &Path, address: &str, run: &RunRef, part: &PathBuf) -> Result<(), String> {
    let created = tokio::fs::File::create(part).await;
    let file = created.map_err(|error| format!("cannot write {}: {error}", part.display()))?;
    let mut command = Command::new(program);
    // The configuration of the user is for other servers, and may request TLS.
    let variables = std::env::vars_os().map(|(name, _)| name);
    for name in variables.filter(|name| name.to_string_lossy().starts_with("TEMPORAL_")) {
        command.env_remove(name);
    }
    command
        .env("TEMPORAL_CONFIG_FILE", "/dev/null")
        .args(["workflow", "show", "--output", "json", "--address", address])
        .args(["--namespace", &run.namespace, "--workflow-id", &run.workflow_id])
        .args(["--run-id", &run.run_id])
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(file.into_std().await)
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    restore_limit(command.as_std_mut());
    let failed = |why: &dyn std::fmt::Display| format!("{} {why}", program.display());
    let child = command.spawn().map_err(|error| failed(&format!("cannot be run: {error}")))?;
    let ended = tokio::time::timeout(PATIENCE, child.wait_with_output()).await;
    let output = ended
        .map_err(|_| failed(&format!("took longer than {} s", PATIENCE.as_secs())))?
        .map_err(|error| failed(&format!("failed: {error}")))?;
    if output.status.success() {
        return Ok(());
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    let line = errors.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default();
    Err(failed(&format!("failed: {}", quote(line))))
}
