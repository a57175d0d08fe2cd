//! The variables that a process gets from the command that starts it.

use super::memory::{self, MARKER};
use super::sweep::Instance;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// The beginning of the names of the variables of stigmer. They belong to one command, and a marker
/// of another instance would prove a wrong process.
const OWN: &[u8] = b"STIGMER_";

/// Environment variables, without those of stigmer. `Debug` shows only their number, because they may
/// contain secrets. Serialized as an object, without the variables that are not UTF-8.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct BaseEnvironment(BTreeMap<OsString, OsString>);

impl BaseEnvironment {
    /// The variables of this process.
    #[must_use]
    pub fn own() -> Self {
        Self::new(std::env::vars_os())
    }

    fn new(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let kept = variables.into_iter().filter(|(name, _)| !name.as_bytes().starts_with(OWN));
        Self(kept.collect())
    }

    /// The variables with which the leader of an instance was started. `None` if they are unknown:
    /// the process has ended, or has replaced the memory of its environment.
    pub(crate) fn of_leader(instance: &Instance) -> Option<Self> {
        let found = Self::parse(&memory::environment(instance.leader.pid)?, &instance.marker)?;
        // Another process may have got the number of the leader.
        instance.leader.is_alive().is_ok_and(|alive| alive).then_some(found)
    }

    /// Parses the memory of a process. Only with this marker it is complete.
    fn parse(bytes: &[u8], marker: &str) -> Option<Self> {
        let variables = || bytes.split(|byte| *byte == 0).filter_map(split);
        variables()
            .find(|(name, value)| *name == MARKER.as_bytes() && *value == marker.as_bytes())?;
        let owned = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
        Some(Self::new(variables().map(|(name, value)| (owned(name), owned(value)))))
    }

    /// The value of a variable.
    #[must_use]
    pub fn get(&self, name: &OsStr) -> Option<&OsStr> {
        self.0.get(name).map(OsString::as_os_str)
    }

    /// Replaces or removes a variable.
    pub(crate) fn set(&mut self, name: &OsStr, value: Option<&OsStr>) {
        match value {
            Some(value) => _ = self.0.insert(name.to_owned(), value.to_owned()),
            None => _ = self.0.remove(name),
        }
    }

    /// All variables, with further ones that replace those of the same name.
    pub(crate) fn with(
        &self,
        further: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Vec<(OsString, OsString)> {
        let mut all = self.0.clone();
        all.extend(further);
        all.into_iter().collect()
    }
}

impl fmt::Debug for BaseEnvironment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BaseEnvironment({} variables)", self.0.len())
    }
}

impl Serialize for BaseEnvironment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = |(name, value): (&'_ OsString, &'_ OsString)| {
            Some((name.to_str()?.to_owned(), value.to_str()?.to_owned()))
        };
        serializer.collect_map(self.0.iter().filter_map(text))
    }
}

impl<'de> Deserialize<'de> for BaseEnvironment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let variables = BTreeMap::<String, String>::deserialize(deserializer)?;
        let is_usable = |name: &str, value: &str| {
            !name.is_empty() && !name.contains(['=', '\0']) && !value.contains('\0')
        };
        if variables.iter().any(|(name, value)| !is_usable(name, value)) {
            return Err(D::Error::custom(
                "a name of a variable is empty or contains `=`, or a variable contains a zero byte",
            ));
        }
        Ok(Self::new(variables.into_iter().map(|(name, value)| (name.into(), value.into()))))
    }
}

/// Splits `NAME=VALUE`.
fn split(variable: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = variable.iter().position(|byte| *byte == b'=').filter(|at| *at > 0)?;
    Some((&variable[..at], &variable[at + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(environment: &BaseEnvironment) -> Vec<&str> {
        environment.0.keys().map(|name| name.to_str().unwrap()).collect()
    }

    #[test]
    fn environment_of_a_process_counts_only_with_its_marker() {
        let memory =
            b"PATH=/a:/b\0EMPTY=\0no variable\0=x\0STIGMER_INSTANCE=1.2.3\0STIGMER_HOME=/h\0";
        let found = BaseEnvironment::parse(memory, "1.2.3").unwrap();
        assert_eq!(names(&found), ["EMPTY", "PATH"]);
        assert_eq!(found.get(OsStr::new("PATH")), Some(OsStr::new("/a:/b")));
        assert_eq!(BaseEnvironment::parse(memory, "1.2.4"), None);
        // As after `setproctitle`, which writes the title of a process into this memory.
        assert_eq!(BaseEnvironment::parse(b"python: orders\0\0\0\0", "1.2.3"), None);
    }

    #[test]
    fn environment_is_an_object_in_json_and_has_no_variable_of_stigmer() {
        let invalid = (OsString::from("BYTES"), OsString::from_vec(vec![0xff]));
        let pairs = [("A", "1"), ("STIGMER_HOME", "/h")].map(|(a, b)| (a.into(), b.into()));
        let environment = BaseEnvironment::new(pairs.into_iter().chain([invalid]));
        assert_eq!(names(&environment), ["A", "BYTES"]);
        let text = serde_json::to_string(&environment).unwrap();
        assert_eq!(text, r#"{"A":"1"}"#);
        let read: BaseEnvironment =
            serde_json::from_str(r#"{"A":"1","STIGMER_INSTANCE":"9"}"#).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), text);
        for wrong in [r#"{"":"1"}"#, r#"{"A=":"1"}"#, r#"{"A":"\u0000"}"#, r#"{"A":1}"#, "[]"] {
            serde_json::from_str::<BaseEnvironment>(wrong).unwrap_err();
        }
    }

    #[test]
    fn debug_shows_no_variable() {
        let secret = BaseEnvironment::new([("TOKEN".into(), "hunter2".into())]);
        assert_eq!(format!("{secret:?}"), "BaseEnvironment(1 variables)");
    }
}
