//! The command line of stigmer. Each command has its own file.

mod completions;
mod environment;
mod error;
mod events;
mod extension;
mod host;
mod init;
mod install;
mod logs;
mod loss;
mod manual;
mod output;
mod problems;
mod restart;
mod start;
mod status;
mod stop;
#[cfg(test)]
mod tests;
mod words;
mod worker;

pub use error::CliError;

use crate::caller::Caller;
use crate::config::{self, ConfigError, DashboardOptions, Options, RequestedOptions};
use crate::hosting;
use crate::paths::{Home, HomeError};
use crate::process::{look, requirements};
use crate::project::{Project, ProjectChoice};
use crate::runtime::{block_on, build};
use crate::supervisor::Policy;
use crate::watchdog::{self, Death};
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// Run and supervise a Temporal dev server on this machine.
#[derive(Debug, Parser)]
#[command(name = "stigmer", version, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    command: MainCommand,
    #[arg(skip)]
    caller: Caller,
}

#[derive(Debug, Subcommand)]
enum MainCommand {
    /// Run a supervised Temporal dev server (in the background by default)
    Local(Box<Local>),
    /// Print completions for a shell
    Completions {
        /// Name of the shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
}

#[derive(Debug, Args)]
#[command(subcommand_precedence_over_arg = true)]
struct Local {
    #[command(subcommand)]
    command: Option<LocalCommand>,

    /// Show the dashboard in this terminal
    #[arg(long, conflicts_with = "no_tui")]
    tui: bool,

    /// Run in the foreground and print one line per event and log line
    #[arg(long)]
    no_tui: bool,

    /// Folder of configuration, data and logs (the home) [default: ~/.stigmer]
    #[arg(long, env = "STIGMER_HOME", value_name = "DIR", global = true)]
    home: Option<PathBuf>,

    /// Project file [default: the nearest stigmer.toml at or above the current folder]
    #[arg(long, env = "STIGMER_PROJECT", value_name = "FILE", global = true)]
    project: Option<PathBuf>,

    /// Use no project file, also if a variable or the current folder has one
    //
    // clap would refuse the flag together with the variable if one of them overrode the other.
    #[arg(long, global = true)]
    no_project: bool,

    #[command(flatten)]
    options: Options,

    /// Arguments that stigmer passes to `temporal server start-dev`
    #[arg(last = true, value_name = "ARG")]
    arguments: Vec<String>,
}

#[derive(Debug, Subcommand)]
enum LocalCommand {
    /// Start the server and the workers of the project, or only these workers
    Start {
        /// Names of workers; `server` is the server
        #[arg(value_name = "NAME")]
        names: Vec<String>,
    },
    /// Stop the workers, the server and its background host (the process that supervises them), or only these workers
    Stop {
        /// Names of workers; `server` is the server with all workers
        #[arg(value_name = "NAME")]
        names: Vec<String>,
        /// Do not ask for confirmation if data would be lost
        #[arg(short, long)]
        yes: bool,
    },
    /// Restart the server, or only these workers; options given here replace the current ones
    Restart {
        /// Names of workers; `server` is the server
        #[arg(value_name = "NAME")]
        names: Vec<String>,
        /// Do not ask for confirmation if data would be lost
        #[arg(short, long)]
        yes: bool,
        /// Arguments that stigmer passes to `temporal server start-dev`
        #[arg(last = true, value_name = "ARG")]
        arguments: Vec<String>,
    },
    /// Show the status of the server and its host
    Status {
        /// Print the status as JSON
        #[arg(long)]
        json: bool,
    },
    /// Show what is wrong now with workflows, workers and the server, and why
    Problems {
        /// Print as JSON
        #[arg(long)]
        json: bool,
    },
    /// Print the logs of the server and of the workers
    Logs(Box<logs::LogsArguments>),
    /// Print the timeline: starts, stops, crashes and restarts; a generation is one start
    Events {
        /// Show only the last N entries [default: all]
        #[arg(short = 'n', long, value_name = "N")]
        lines: Option<usize>,
        /// Print one JSON object per line
        #[arg(long)]
        json: bool,
    },
    /// Install the Temporal CLI into the home
    Install {
        /// Version to install [default: the tested version]
        #[arg(long, value_name = "V")]
        version: Option<String>,
    },
    /// Write a stigmer.toml that fits the current folder; never replaces a file
    Init {
        /// Print the file instead of writing it
        #[arg(long)]
        print: bool,
    },
    /// Print the address, the namespace and the web UI as shell variables, for `eval`
    Env {
        /// Print the variables as JSON
        #[arg(long)]
        json: bool,
    },
    #[command(hide = true, name = completions::NAMES)]
    Names,
    #[command(hide = true, name = hosting::background::SUBCOMMAND)]
    BackgroundHost {
        /// Options of the host, as JSON
        #[arg(long = "options", required_unless_present_any = ["attempt", "adopt"])]
        json: Option<String>,
        /// Only adopt a running server
        #[arg(long, conflicts_with_all = ["json", "attempt"])]
        adopt: bool,
        /// Replace a dead host; the number of this attempt
        #[arg(long = "resume", requires = "died_ms", conflicts_with = "json")]
        attempt: Option<u32>,
        /// Time of death of that host, in milliseconds since the boot
        #[arg(long = "died")]
        died_ms: Option<u64>,
        /// The watchdog gives up after the first attempt with a higher number
        #[arg(long, default_value_t = Policy::default().max_restarts)]
        attempts: u32,
    },
}

/// The home and the options, which all subcommands of `local` use.
#[derive(Debug)]
struct Context {
    home: Home,
    /// Options from flags and environment variables.
    explicit: Options,
    /// The project file.
    project: ProjectChoice,
    /// Options of the dashboard from flags and environment variables. Not part of `explicit`, because a
    /// host does not use them.
    dashboard: DashboardOptions,
    caller: Caller,
}

impl Context {
    /// Returns the options of the dashboard: from the command line, or else from the configuration
    /// file.
    fn dashboard_options(&self) -> Result<DashboardOptions, CliError> {
        let DashboardOptions { theme, notify } = self.dashboard;
        if theme.is_some() && notify.is_some() {
            return Ok(self.dashboard);
        }
        let file = config::read_file(&self.home)?;
        Ok(DashboardOptions { theme: theme.or(file.theme), notify: notify.or(file.notify) })
    }

    /// Returns the project. `None` without a project.
    fn project(&self) -> Result<Option<Project>, CliError> {
        Ok(self.project.load()?)
    }

    /// Returns the options of this command: flags, environment variables and the project file.
    fn requested(&self) -> Result<RequestedOptions, CliError> {
        let project = self.project()?.map(|project| project.options());
        Ok(RequestedOptions { explicit: self.explicit.clone(), project })
    }

    /// Prints a warning if the configuration file or the project file is not valid. Called by
    /// commands that do not need the options in the files.
    fn warn_of_broken_files(&self) {
        if let Err(error) = config::read_file(&self.home) {
            output::note(&format!("warning: {error}"));
        }
        if let Err(error) = self.project() {
            for line in error.to_string().lines() {
                output::note(&format!("warning: {line}"));
            }
        }
    }
}

/// Parses the command line and runs the command. Returns the exit code.
#[must_use]
pub fn main() -> i32 {
    let parsed = parse(Cli::command(), std::env::args_os());
    let cli = match parsed.or_else(without_environment) {
        Ok(cli) => cli,
        Err(error) => {
            // clap prints help and version to stdout, and errors to stderr.
            let _ = error.print();
            if let Some(instead) = words::instead(&error, &Cli::command()) {
                output::note(&format!("Did you mean `{instead}`?"));
            }
            return error.exit_code();
        }
    };
    match cli.run() {
        Ok(code) => code.max(i32::from(!output::is_complete())),
        Err(error) => {
            output::note(&format!("stigmer: {error}"));
            error.exit_code()
        }
    }
}

fn parse(
    command: clap::Command,
    line: impl IntoIterator<Item = OsString>,
) -> Result<Cli, clap::Error> {
    let line: Vec<OsString> = line.into_iter().collect();
    let command = words::listed(command);
    match Caller::of(line.first()) {
        Caller::Shell => Cli::from_arg_matches(&command.try_get_matches_from(line)?),
        Caller::TemporalCli => {
            let command = extension::with_global_options(command);
            let matches = command.try_get_matches_from(extension::line(line))?;
            let mut cli = Cli::from_arg_matches(&matches)?;
            extension::apply(&matches, &mut cli)?;
            cli.caller = Caller::TemporalCli;
            Ok(cli)
        }
    }
}

/// Returns the definition of the command line, with all options of each subcommand.
fn built() -> clap::Command {
    let mut command = words::listed(Cli::command());
    command.build();
    command
}

/// Parses the command line again, but ignores the environment variables of all options except
/// `--home`. A command that needs only the home, such as `stop`, must work even if the variable of
/// another option has an invalid value.
fn without_environment(error: clap::Error) -> Result<Cli, clap::Error> {
    use clap::error::ErrorKind::{InvalidValue, ValueValidation};
    if !matches!(error.kind(), InvalidValue | ValueValidation) {
        return Err(error);
    }
    let command = Cli::command().mut_subcommand("local", |local| {
        local.mut_args(|arg| match arg.get_id().as_str() {
            "home" => arg,
            _ => arg.env(clap::builder::Resettable::Reset),
        })
    });
    match parse(command, std::env::args_os()) {
        Ok(cli) if cli.needs_only_home() => {
            let text = error.to_string();
            let first = text.lines().next().unwrap_or_default();
            let what = first.trim_start_matches("error: ");
            output::note(&format!(
                "warning: {what} (an environment variable; this command does not \
                                   need the option and ignores the variable)"
            ));
            Ok(cli)
        }
        Ok(_) | Err(_) => Err(error),
    }
}

impl Cli {
    fn needs_only_home(&self) -> bool {
        let MainCommand::Local(local) = &self.command else { return false };
        match &local.command {
            Some(
                LocalCommand::Stop { .. }
                | LocalCommand::Status { .. }
                | LocalCommand::Problems { .. }
                | LocalCommand::Logs(_)
                | LocalCommand::Events { .. }
                | LocalCommand::Init { .. }
                | LocalCommand::Names
                | LocalCommand::Env { .. },
            ) => true,
            Some(
                LocalCommand::Start { .. }
                | LocalCommand::Restart { .. }
                | LocalCommand::Install { .. }
                | LocalCommand::BackgroundHost { .. },
            )
            | None => false,
        }
    }

    fn run(self) -> Result<i32, CliError> {
        match self.command {
            MainCommand::Local(local) => local.run(self.caller),
            MainCommand::Completions { shell } => {
                let text = completions::script(shell, &mut words::public(&built()));
                output::raw(text.as_bytes());
                Ok(0)
            }
            MainCommand::Man => {
                let text = manual::page(&built()).map_err(|error| {
                    CliError::Other(format!("cannot create the manual page: {error}"))
                })?;
                output::raw(&text);
                Ok(0)
            }
        }
    }
}

impl Local {
    fn run(self, caller: Caller) -> Result<i32, CliError> {
        let last_attempt = match &self.command {
            Some(LocalCommand::BackgroundHost { attempt: Some(attempt), attempts, .. }) => {
                let home = self.home.clone().unwrap_or_default();
                (*attempt > *attempts).then_some((home, *attempt))
            }
            Some(_) | None => None,
        };
        let done = self.perform(caller);
        if let (Err(error), Some((home, attempt))) = (&done, last_attempt) {
            // This was the last attempt to replace a dead host. Disarm the watchdog, so that it
            // starts no further host: that host would fail for the same reason.
            watchdog::disarm();
            host::give_up(&home, attempt, error);
        }
        done
    }

    fn perform(self, caller: Caller) -> Result<i32, CliError> {
        if self.command.is_some() && (self.tui || self.no_tui) {
            return Err(CliError::Config(ConfigError::Value {
                option: if self.tui { "tui" } else { "no-tui" },
                value: String::new(),
                why: "works only without a subcommand".into(),
            }));
        }
        // This command needs no home.
        if let Some(LocalCommand::Init { print }) = &self.command {
            return init::run(*print);
        }
        let project = match self.project {
            _ if self.no_project => ProjectChoice::Nothing,
            Some(file) => ProjectChoice::File(file),
            None => ProjectChoice::Nearest,
        };
        if matches!(self.command, Some(LocalCommand::Names)) {
            return Ok(completions::print_names(self.home, project));
        }
        let root = match self.home {
            Some(home) => home,
            None => Home::default_root()?,
        };
        let home = look::bounded(&root, |root| Ok(Home::at(root)))
            .unwrap_or_else(|source| Err(HomeError::Io { path: root.clone(), source }))?;
        hosting::wait_restored(&home);
        let mut explicit = self.options.absolute();
        let mut arguments = self.arguments;
        if let Some(LocalCommand::Restart { arguments: given, .. }) = &self.command {
            arguments.extend(given.iter().cloned());
        }
        if !arguments.is_empty() {
            explicit.arguments = Some(arguments);
        }
        let reads_files_only = matches!(
            self.command,
            Some(
                LocalCommand::Logs(_) | LocalCommand::Events { .. } | LocalCommand::Install { .. }
            )
        );
        if !reads_files_only {
            requirements::check().map_err(|error| match error.raw_os_error() {
                Some(_) => CliError::Other(format!("cannot identify processes: {error}")),
                None => CliError::Other(error.to_string()),
            })?;
        }
        let dashboard = explicit.take_dashboard();
        let context = Context { home, explicit, project, dashboard, caller };
        match self.command {
            None if self.tui => host::dashboard(&context),
            None if self.no_tui => host::headless(&context),
            None => start::run(&context),
            Some(LocalCommand::Start { names }) => {
                worker::on_each(&context, "start", &names, || start::run(&context))
            }
            Some(LocalCommand::Stop { yes, names }) => {
                worker::on_each(&context, "stop", &names, || stop::run(&context, yes))
            }
            Some(LocalCommand::Restart { yes, names, .. }) => {
                worker::on_each(&context, "restart", &names, || restart::run(&context, yes))
            }
            Some(LocalCommand::Status { json }) => status::run(&context, json),
            Some(LocalCommand::Problems { json }) => problems::run(&context, json),
            Some(LocalCommand::Logs(wanted)) => logs::run(&context, *wanted),
            Some(LocalCommand::Events { lines, json }) => events::run(&context, lines, json),
            Some(LocalCommand::Install { version }) => install::run(&context, version.as_deref()),
            Some(LocalCommand::Env { json }) => environment::run(&context, json),
            Some(LocalCommand::Init { print }) => init::run(print),
            Some(LocalCommand::Names) => Ok(0),
            Some(LocalCommand::BackgroundHost { attempt: Some(attempt), died_ms, .. }) => {
                let at = Duration::from_millis(died_ms.unwrap_or_default());
                host::resume(&context, Death { attempt, at })
            }
            Some(LocalCommand::BackgroundHost { adopt: true, .. }) => host::adopt(&context),
            Some(LocalCommand::BackgroundHost { json, .. }) => {
                host::background(&context, &json.unwrap_or_default())
            }
        }
    }
}
