//! What does not work besides the state of a unit, such as a file that cannot be written.

use std::borrow::Borrow;
use std::time::Instant;

/// Messages about parts that do not work, by part. The newest message is the first one, because a
/// screen may have no room for all.
#[derive(Debug, Clone)]
pub struct Troubles<K>(Vec<PartTrouble<K>>);

/// The message about a part that does not work.
#[derive(Debug, Clone)]
pub struct PartTrouble<K> {
    /// The part.
    pub part: K,
    /// The newest message.
    pub message: String,
    /// The time of the first message since the part worked.
    pub since: Instant,
}

impl<K> Default for Troubles<K> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: PartialEq> Troubles<K> {
    /// Replaces the message about a part. `None` if the part works.
    pub fn set(&mut self, part: K, message: Option<String>) {
        let known = self.0.iter().find(|it| it.part == part);
        if known.map(|it| &it.message) == message.as_ref() {
            return;
        }
        let since = known.map_or_else(Instant::now, |it| it.since);
        self.0.retain(|it| it.part != part);
        if let Some(message) = message {
            self.0.insert(0, PartTrouble { part, message, since });
        }
    }

    /// Returns the message about a part. `None` if the part works.
    pub fn get<Q: PartialEq + ?Sized>(&self, part: &Q) -> Option<&PartTrouble<K>>
    where
        K: Borrow<Q>,
    {
        self.0.iter().find(|it| it.part.borrow() == part)
    }

    /// Returns all messages, newest first.
    pub fn iter(&self) -> impl Iterator<Item = &PartTrouble<K>> {
        self.0.iter()
    }

    /// Whether there is a message about a part.
    pub fn contains_key<Q: PartialEq + ?Sized>(&self, part: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.get(part).is_some()
    }

    /// Returns the messages, newest first.
    pub fn messages(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|it| it.message.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_begins_with_its_first_message() {
        let mut troubles = Troubles::default();
        let mut since = |message: Option<&str>| {
            troubles.set("log", message.map(str::to_owned));
            troubles.get("log").map(|it| it.since)
        };
        let first = since(Some("a"));
        assert!(first.is_some());
        assert_eq!(since(Some("b")), first);
        assert_eq!(since(None), None);
        assert!(since(Some("a")) >= first);
    }

    #[test]
    fn newest_message_is_the_first_one() {
        let mut troubles = Troubles::default();
        let mut messages = |part, message: Option<&str>| {
            troubles.set(part, message.map(str::to_owned));
            troubles.messages().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(messages("log", Some("a")), ["a"]);
        assert_eq!(messages("project", Some("b")), ["b", "a"]);
        assert_eq!(messages("log", Some("a")), ["b", "a"], "the same message");
        assert_eq!(messages("log", Some("c")), ["c", "b"]);
        assert_eq!(messages("project", None), ["c"]);
        let log = troubles.get("log").map(|it| it.message.as_str());
        assert_eq!((log, troubles.contains_key("project")), (Some("c"), false));
    }
}
