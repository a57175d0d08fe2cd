//! Creates the view of the resources that the server uses, and determines where its data is stored.

use super::Now;
use crate::paths;
use crate::protocol::{Detached, Status};
use stigmer_ui::loss::Storage;
use stigmer_ui::model::ResourcesView;

pub(super) fn resources(now: Now<'_>) -> ResourcesView {
    let measured = now.measured();
    let temporal = now.status().temporal.as_ref();
    let database = temporal.and_then(|temporal| temporal.database.as_ref());
    ResourcesView {
        cpu_percent: measured.and_then(|temporal| temporal.cpu_percent).map(|p| p as f32),
        cpu_history: now.snapshot.cpu.iter().map(|percent| *percent as f32).collect(),
        rss_bytes: measured.and_then(|temporal| temporal.rss_bytes),
        rss_history: now.snapshot.rss.clone(),
        db_path: database.map(|database| paths::shortened(&database.path)),
        db_bytes: database.filter(|_| !now.is_unwatched()).and_then(|database| database.bytes),
    }
}

/// Where the server of this status stores its data.
pub(super) fn storage(status: &Status) -> Storage {
    let database = status.temporal.as_ref().and_then(|temporal| temporal.database.as_ref());
    match database.and_then(|database| database.detached) {
        Some(Detached::Deleted) => Storage::Deleted,
        Some(Detached::Replaced) => Storage::Replaced,
        None if status.options.values.in_memory == Some(true) => Storage::Memory,
        None => Storage::File,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::EffectiveOptions;

    #[test]
    fn storage_follows_from_options_and_observations() {
        let mut status = crate::protocol::tests::running().status;
        assert_eq!(storage(&status), Storage::File);
        status.options.values.in_memory = Some(false);
        assert_eq!(storage(&status), Storage::File);
        status.options.values.in_memory = Some(true);
        assert_eq!(storage(&status), Storage::Memory);
        status.options = EffectiveOptions::default();
        for (detached, expected) in [
            (None, Storage::File),
            (Some(Detached::Deleted), Storage::Deleted),
            (Some(Detached::Replaced), Storage::Replaced),
        ] {
            let path = "/h/t.db".into();
            let database = crate::protocol::DatabaseStatus { path, bytes: None, detached };
            status.temporal.as_mut().unwrap().database = Some(database);
            assert_eq!(storage(&status), expected);
        }
    }
}
