//! Draws the pictures of the documents. Run in the root folder: `cargo run -p stigmer-ui --example svg`.
#![allow(clippy::disallowed_methods, clippy::disallowed_macros, reason = "a program, not the view")]

use std::path::PathBuf;

fn main() -> std::io::Result<()> {
    let folder = std::env::args_os().nth(1).map_or_else(|| "assets/screens".into(), PathBuf::from);
    std::fs::create_dir_all(&folder)?;
    for (name, picture) in stigmer_ui::demo::gallery::pictures() {
        std::fs::write(folder.join(name).with_extension("svg"), picture)?;
    }
    Ok(())
}
