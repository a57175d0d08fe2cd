//! Determines from environment variables what the terminal can show: colors, background, symbols.

use stigmer_ui::{Depth, Symbols, Theme};

/// Chooses a theme that suits the terminal.
pub(super) fn suitable() -> Theme {
    if set("NO_COLOR") {
        return Theme::NoColor;
    }
    match depth() {
        Depth::Sixteen => Theme::Ansi16,
        Depth::Indexed | Depth::True => {
            let ground = std::env::var("COLORFGBG").unwrap_or_default();
            if is_light(&ground) { Theme::Light } else { Theme::Dark }
        }
    }
}

fn set(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|value| !value.is_empty())
}

/// Number of colors of the terminal, according to `COLORTERM` and `TERM`.
pub(super) fn depth() -> Depth {
    let value = |name: &str| std::env::var(name).unwrap_or_default();
    depth_of(&value("COLORTERM"), &value("TERM"))
}

fn depth_of(colorterm: &str, term: &str) -> Depth {
    if matches!(colorterm, "truecolor" | "24bit") || term.contains("direct") {
        Depth::True
    } else if !colorterm.is_empty() || term.contains("256color") {
        Depth::Indexed
    } else {
        Depth::Sixteen
    }
}

/// Whether the background of the terminal is light. Some terminals set `COLORFGBG`, whose last part
/// is the number of the background color (0 to 15). The light colors are 7 (light grey) and 15
/// (white).
fn is_light(colorfgbg: &str) -> bool {
    colorfgbg.rsplit_once(';').is_some_and(|(_, ground)| matches!(ground, "7" | "15"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_follows_from_the_variables_of_the_terminal() {
        let cases = [
            ("truecolor", "xterm-256color", Depth::True),
            ("24bit", "xterm", Depth::True),
            ("", "xterm-direct", Depth::True),
            ("", "xterm-256color", Depth::Indexed),
            ("", "tmux-256color", Depth::Indexed),
            ("gnome-terminal", "xterm", Depth::Indexed),
            ("", "xterm", Depth::Sixteen),
            ("", "linux", Depth::Sixteen),
            ("", "", Depth::Sixteen),
        ];
        for (colorterm, term, depth) in cases {
            assert_eq!(depth_of(colorterm, term), depth, "{colorterm:?} {term:?}");
        }
    }

    #[test]
    fn light_background_is_recognized_by_its_number() {
        let cases = [
            ("0;15", true),
            ("0;default;15", true),
            ("0;7", true),
            ("15;0", false),
            ("7;8", false),
            ("15", false),
            ("0;default", false),
            ("", false),
        ];
        for (said, light) in cases {
            assert_eq!(is_light(said), light, "{said:?}");
        }
    }
}
