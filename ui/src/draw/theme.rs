//! Themes, and the symbols and colours of the terminal.
//!
//! Panels name a role (`dim`, `error`, `key`), never a colour. Colour is never the only sign: each verdict also
//! has a symbol and each state a word, so a theme without colours shows the same information.

mod depth;
mod palette;

pub use depth::Depth;
pub use palette::Palette;

/// Theme of the dashboard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// 24-bit colours on a dark background.
    #[default]
    Dark,
    /// 24-bit colours on a light background.
    Light,
    /// Bright colours on black, no dim text.
    HighContrast,
    /// The 16 colours and the background of the terminal.
    Ansi16,
    /// No colours: bold, dim and reversed text.
    NoColor,
}

/// Error for a text that is not the name of a theme. The message lists the names of all themes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownTheme(String);

impl std::fmt::Display for UnknownTheme {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = Theme::ALL.map(Theme::name).join(", ");
        write!(f, "`{}` is not a theme; the themes are {names}", self.0)
    }
}

impl std::error::Error for UnknownTheme {}

impl std::str::FromStr for Theme {
    type Err = UnknownTheme;

    fn from_str(name: &str) -> Result<Self, UnknownTheme> {
        let named = Self::ALL.into_iter().find(|theme| theme.name() == name);
        named.ok_or_else(|| UnknownTheme(name.to_owned()))
    }
}

impl Theme {
    /// All themes, in the order of [`Theme::next`].
    pub const ALL: [Self; 5] =
        [Self::Dark, Self::Light, Self::HighContrast, Self::Ansi16, Self::NoColor];

    /// Returns the next theme. After the last theme, returns the first theme.
    #[must_use]
    pub fn next(self) -> Self {
        match self {
            Self::Dark => Self::Light,
            Self::Light => Self::HighContrast,
            Self::HighContrast => Self::Ansi16,
            Self::Ansi16 => Self::NoColor,
            Self::NoColor => Self::Dark,
        }
    }

    /// Returns the name, as in the option `--theme`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Dark => "dark",
            Self::Light => "light",
            Self::HighContrast => "high-contrast",
            Self::Ansi16 => "ansi16",
            Self::NoColor => "no-color",
        }
    }

    /// Returns the styles for a terminal with 24-bit colours.
    #[must_use]
    pub fn palette(self) -> Palette {
        match self {
            Self::Dark => Palette::dark(),
            Self::Light => Palette::light(),
            Self::HighContrast => Palette::high_contrast(),
            Self::Ansi16 => Palette::ansi16(),
            Self::NoColor => Palette::no_color(),
        }
    }

    /// Returns the styles with the nearest colours of `depth`.
    #[must_use]
    pub fn palette_in(self, depth: Depth) -> Palette {
        match (self, depth) {
            (Self::Dark | Self::Light | Self::HighContrast, Depth::Sixteen) => Palette::ansi16(),
            (theme, depth) => theme.palette().map(|style| depth.nearest(style)),
        }
    }
}

/// Symbols that the terminal can show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Symbols {
    /// Unicode: lines, bars, check marks.
    #[default]
    Unicode,
    /// ASCII only.
    Ascii,
}

#[cfg(test)]
mod tests {
    use ratatui::style::Style;

    use super::*;
    use crate::log::Level;
    use crate::model::StateView;

    #[test]
    fn theme_is_parsed_from_its_name_and_an_error_lists_the_names() {
        for theme in Theme::ALL {
            assert_eq!(theme.name().parse(), Ok(theme));
        }
        let error = "purple".parse::<Theme>().unwrap_err().to_string();
        assert!(error.contains("`purple`") && error.contains("high-contrast"), "{error}");
    }

    #[test]
    fn palette_uses_only_colours_of_the_depth() {
        for theme in Theme::ALL {
            let of = |depth| format!("{:?}", theme.palette_in(depth));
            assert_eq!(of(Depth::True), format!("{:?}", theme.palette()));
            assert!(!of(Depth::Indexed).contains("Rgb"), "{theme:?}");
            assert!(!of(Depth::Sixteen).contains("Rgb"), "{theme:?}");
            assert!(!of(Depth::Sixteen).contains("Indexed"), "{theme:?}");
            let indexed = theme.palette_in(Depth::Indexed);
            if theme.palette().cursor.bg.is_some() {
                assert_ne!(indexed.cursor.bg, indexed.base.bg, "{theme:?}");
            }
        }
    }

    #[test]
    fn coloured_themes_distinguish_verdicts_states_and_levels() {
        for theme in [Theme::Dark, Theme::Light, Theme::HighContrast, Theme::Ansi16] {
            let palette = theme.palette();
            let all_differ = |styles: &[Style]| {
                let alike = |at: usize| styles[..at].contains(&styles[at]);
                assert!(!(0..styles.len()).any(alike), "{theme:?}: {styles:?}");
            };
            all_differ(&[palette.base, palette.dim, palette.ok, palette.warn, palette.error]);
            all_differ(&[palette.graph, palette.graph_dim, palette.error]);
            all_differ(&[palette.key, palette.dim, palette.border.patch(palette.strong)]);
            use StateView::{Backoff, Failed, Ready, Starting, Stopped};
            all_differ(&[Ready, Starting, Backoff, Failed, Stopped].map(|it| palette.state(it)));
            use Level::{Error, Info, Warn};
            all_differ(&[Info, Warn, Error].map(|it| palette.level(it)));
        }
    }

    #[test]
    fn no_color_theme_has_no_colour() {
        let text = format!("{:?}", Theme::NoColor.palette());
        assert!(
            !text.contains("fg: Some") && !text.contains("bg: Some") && !text.contains(".fg"),
            "{text}"
        );
    }

    #[test]
    fn next_theme_reaches_every_theme() {
        let mut theme = Theme::default();
        for expected in Theme::ALL {
            assert_eq!(theme, expected);
            theme = theme.next();
        }
        assert_eq!(theme, Theme::default());
    }
}
