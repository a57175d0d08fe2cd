//! The pictures of the documents are those that the program draws.
#![allow(clippy::disallowed_methods, reason = "a test may read files")]

use std::path::Path;

#[test]
fn pictures_are_up_to_date() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/screens");
    let pictures = stigmer_ui::demo::gallery::pictures();
    for (name, drawn) in &pictures {
        let kept = std::fs::read_to_string(folder.join(name).with_extension("svg"));
        assert!(
            kept.is_ok_and(|kept| kept == *drawn),
            "{name} is stale: run `cargo run -p stigmer-ui --example svg` and review the picture"
        );
    }
    let kept = std::fs::read_dir(&folder).map_or(0, Iterator::count);
    assert_eq!(kept, pictures.len(), "the folder has a picture that the program does not draw");
}
