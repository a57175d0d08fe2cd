//! The pictures of the documents show what the program draws.
#![allow(clippy::disallowed_methods, reason = "a test may read files")]

use std::path::Path;

#[test]
fn the_pictures_are_up_to_date() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/screens");
    let pictures = stigmer_ui::demo::gallery::pictures();
    for (name, drawn) in &pictures {
        let kept = std::fs::read_to_string(folder.join(name).with_extension("svg"));
        assert!(
            kept.is_ok_and(|kept| kept == *drawn),
            "{name} is stale: run `cargo run -p stigmer-ui --example svg` and look at it"
        );
    }
    let kept = std::fs::read_dir(&folder).map_or(0, Iterator::count);
    assert_eq!(kept, pictures.len(), "a picture that nobody draws is left");
}
