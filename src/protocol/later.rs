//! Words that a later host adds where each stands for something of its own: an entry, a layer, a
//! restart. What they stand for is skipped, and the rest is understood.

use crate::supervisor::Cause;
use serde::de::{Deserialize, DeserializeOwned, Deserializer};
use serde_json::Value;
use std::collections::BTreeMap;

/// Those of a list that are understood.
pub(crate) fn known<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    from: D,
) -> Result<Vec<T>, D::Error> {
    let all = Vec::<Value>::deserialize(from)?;
    Ok(all.into_iter().flat_map(T::deserialize).collect())
}

/// What there is, if it is understood.
pub(crate) fn if_known<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    from: D,
) -> Result<Option<T>, D::Error> {
    let one = Option::<Value>::deserialize(from)?;
    Ok(one.and_then(|one| T::deserialize(one).ok()))
}

/// Counts by cause. Those of a cause that is not understood are left out.
pub(super) fn counts<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<Cause, u64>, D::Error> {
    let all = BTreeMap::<String, u64>::deserialize(from)?;
    let known = |(name, count): (String, u64)| {
        Some((Cause::ALL.into_iter().find(|cause| cause.as_str() == name)?, count))
    };
    Ok(all.into_iter().filter_map(known).collect())
}
