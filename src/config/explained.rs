//! Where the options of a running server are set. Derived from the files as they are now, so that no
//! file of the home has to store it.

use super::difference::plain;
use super::{EffectiveOptions, FileOrigin, Options, RequestedOptions, Settings};
use crate::harmless::quote;
use crate::paths::Home;
use std::fmt;

/// An option whose value is not the default, or is not the value in the files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExplainedOption<'a> {
    /// Key of the option.
    pub option: String,
    /// The value in the running server.
    pub value: String,
    /// Whether the value is the default.
    pub is_default: bool,
    /// The file that sets the option, with its value if that is another one.
    pub file: Option<(FileOrigin<'a>, Option<String>)>,
}

impl fmt::Display for ExplainedOption<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = if self.is_default { "default" } else { "set at the start" };
        let value = if self.value.is_empty() { "not set" } else { &self.value };
        write!(f, "{} {} (", self.option, quote(value))?;
        match &self.file {
            Some((origin, None)) => write!(f, "{origin})"),
            Some((origin, Some(other))) => write!(f, "{start}; {origin} has {})", quote(other)),
            None => write!(f, "{start})"),
        }
    }
}

/// Returns the options in force that are not defaults or differ from the files. `file` has the options
/// of the configuration file of the home.
#[must_use]
pub fn explain<'a>(
    in_force: &EffectiveOptions,
    home: &Home,
    requested: &'a RequestedOptions,
    file: &Options,
) -> Vec<ExplainedOption<'a>> {
    let defaults_with = |port| {
        let settings = Settings::resolve(home.clone(), Options { port, ..Options::default() });
        settings.map(|it| it.in_force().values.to_map()).unwrap_or_default()
    };
    let (mut defaults, running) = (defaults_with(None), in_force.values.to_map());
    // The default of this port depends on another option.
    if let Some(port) = defaults_with(in_force.values.port).remove("ui-port") {
        defaults.insert("ui-port".to_owned(), port);
    }
    let project = requested.project.as_ref().map(|project| project.options.clone());
    let files = project.unwrap_or_default().or(file.clone()).to_map();
    let explained = running.iter().map(|(option, value)| {
        let set = files.get(option);
        let other = set.filter(|set| *set != value).map(|set| plain(option, set));
        ExplainedOption {
            option: option.clone(),
            value: plain(option, value),
            is_default: defaults.get(option) == Some(value),
            file: set.map(|_| (requested.file_of(option), other)),
        }
    });
    let is_news = |it: &ExplainedOption<'_>| {
        !it.is_default || it.file.as_ref().is_some_and(|(_, other)| other.is_some())
    };
    explained.filter(is_news).collect()
}

#[cfg(test)]
mod tests {
    use super::super::ProjectOptions;
    use super::*;

    #[test]
    fn options_in_force_name_the_file_that_sets_them() {
        let home = Home::at(std::path::Path::new("/tmp/explained")).unwrap();
        let namespace = Some(vec!["default".into(), "orders".into()]);
        let project = ProjectOptions {
            file: "/shop/stigmer.toml".into(),
            options: Options {
                namespace: namespace.clone(),
                max_restarts: Some(9),
                dynamic_config: Some([("a.b".to_owned(), true.into())].into()),
                ..Options::default()
            },
            lines: [("namespace".to_owned(), 4), ("max-restarts".to_owned(), 5)].into(),
        };
        let requested = RequestedOptions { project: Some(project), ..Default::default() };
        let file = Options { failure_threshold: Some(4), ..Options::default() };
        let set = Options {
            port: Some(7300),
            namespace,
            failure_threshold: Some(4),
            ..Options::default()
        };
        let in_force = Settings::resolve(home.clone(), set).unwrap().in_force();
        let explained = explain(&in_force, &home, &requested, &file);
        let texts: Vec<String> = explained.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "dynamic-config not set (default; /shop/stigmer.toml has a.b=true)",
                "failure-threshold 4 (config.toml)",
                "max-restarts 5 (default; /shop/stigmer.toml:5 has 9)",
                "namespace default,orders (/shop/stigmer.toml:4)",
                "port 7300 (set at the start)",
            ]
        );
        let defaults = Settings::resolve(home.clone(), Options::default()).unwrap().in_force();
        assert_eq!(
            explain(&defaults, &home, &RequestedOptions::default(), &Options::default()),
            []
        );
    }
}
