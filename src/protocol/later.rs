//! Deserialization of values that a later version of stigmer may have added, such as a check or a
//! kind of timeline entry. An unknown value is skipped, and the other values are used.

use crate::supervisor::Cause;
use serde::de::{Deserialize, DeserializeOwned, Deserializer};
use serde_json::Value;
use std::collections::BTreeMap;

/// Deserializes a list and skips the values that this version does not know.
pub(crate) fn known<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    from: D,
) -> Result<Vec<T>, D::Error> {
    let all = Vec::<Value>::deserialize(from)?;
    Ok(all.into_iter().flat_map(T::deserialize).collect())
}

/// Deserializes a value. `None` if this version does not know the value.
pub(crate) fn if_known<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    from: D,
) -> Result<Option<T>, D::Error> {
    let one = Option::<Value>::deserialize(from)?;
    Ok(one.and_then(|one| T::deserialize(one).ok()))
}

/// Deserializes counts by cause, and skips causes that this version does not know.
pub(super) fn counts<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<Cause, u64>, D::Error> {
    let all = BTreeMap::<String, u64>::deserialize(from)?;
    let known = |(name, count): (String, u64)| {
        Some((Cause::ALL.into_iter().find(|cause| cause.as_str() == name)?, count))
    };
    Ok(all.into_iter().filter_map(known).collect())
}
