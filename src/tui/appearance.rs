//! What the terminal can show, as its environment says.

use stigmer_ui::{Symbols, Theme};

pub(super) fn theme() -> Theme {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let contains =
        |name: &str, word: &str| std::env::var(name).is_ok_and(|value| value.contains(word));
    if set("NO_COLOR") {
        Theme::NoColor
    } else if set("COLORTERM") || contains("TERM", "256color") || contains("TERM", "direct") {
        Theme::Dark
    } else {
        Theme::Ansi16
    }
}

pub(super) fn symbols() -> Symbols {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
        .unwrap_or_default()
        .to_ascii_lowercase();
    let utf8 = locale.contains("utf-8") || locale.contains("utf8");
    if utf8 { Symbols::Unicode } else { Symbols::Ascii }
}
