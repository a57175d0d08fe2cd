//! What does not work besides the state of a unit, such as a file that cannot be written.

use std::borrow::Borrow;

/// Messages about parts that do not work, by part. The newest message is the first one, because a
/// screen may have no room for all.
#[derive(Debug, Clone)]
pub struct Troubles<K>(Vec<(K, String)>);

impl<K> Default for Troubles<K> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: PartialEq> Troubles<K> {
    /// Replaces the message about a part. `None` if the part works.
    pub fn set(&mut self, part: K, message: Option<String>) {
        let known = self.0.iter().find(|(it, _)| *it == part).map(|(_, message)| message);
        if known == message.as_ref() {
            return;
        }
        self.0.retain(|(it, _)| *it != part);
        if let Some(message) = message {
            self.0.insert(0, (part, message));
        }
    }

    /// Returns the message about a part. `None` if the part works.
    pub fn get<Q: PartialEq + ?Sized>(&self, part: &Q) -> Option<&String>
    where
        K: Borrow<Q>,
    {
        self.0.iter().find(|(it, _)| it.borrow() == part).map(|(_, message)| message)
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
        self.0.iter().map(|(_, message)| message.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(
            (troubles.get("log"), troubles.contains_key("project")),
            (Some(&"c".to_owned()), false)
        );
    }
}
