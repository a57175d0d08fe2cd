//! The types of search attributes.

use serde::{Deserialize, Serialize};

/// The type of a search attribute, as Temporal names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum AttributeType {
    /// Text that a query finds by its words.
    Text,
    /// Text that a query compares as a whole.
    Keyword,
    /// A whole number.
    Int,
    /// A number.
    Double,
    /// True or false.
    Bool,
    /// A point in time.
    Datetime,
    /// Several keywords.
    KeywordList,
}

impl AttributeType {
    /// The names of all types.
    pub const NAMES: [&str; 7] =
        ["Text", "Keyword", "Int", "Double", "Bool", "Datetime", "KeywordList"];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_a_type() {
        for name in AttributeType::NAMES {
            let type_: AttributeType = serde_json::from_value(name.into()).unwrap();
            assert_eq!(serde_json::to_value(type_).unwrap(), name);
        }
    }
}
