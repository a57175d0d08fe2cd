//! How it looks: five palettes of styles, and whether the terminal can show Unicode.
//!
//! Panels name what a thing *is* (`dim`, `error`, `key`), never a colour. Colour is never the only sign:
//! each verdict also has a symbol and each state a word, so the colourless palette says as much.

mod depth;

pub use depth::Depth;

use ratatui::style::{Color, Modifier, Style};

use crate::log::Level;
use crate::model::StateView;

/// Which palette.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// 24-bit colours on near-black.
    #[default]
    Dark,
    /// 24-bit colours on near-white.
    Light,
    /// Pure colours on black, nothing dimmed.
    HighContrast,
    /// The terminal's own sixteen colours on its own background.
    Ansi16,
    /// Bold, dim and reversed only.
    NoColor,
}

/// Not the name of a theme.
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
    /// All, in the order in which a key cycles through them.
    pub const ALL: [Self; 5] =
        [Self::Dark, Self::Light, Self::HighContrast, Self::Ansi16, Self::NoColor];

    /// The next one.
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

    /// Its name, as an option would spell it.
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

    /// Its styles.
    #[must_use]
    pub fn palette(self) -> Palette {
        match self {
            Self::Dark => Palette::from_hues(&DARK),
            Self::Light => Palette::from_hues(&LIGHT),
            Self::HighContrast => Palette::from_hues(&HIGH_CONTRAST),
            Self::Ansi16 => Palette::ansi16(),
            Self::NoColor => Palette::no_color(),
        }
    }

    /// Its styles in the colours that the terminal has.
    #[must_use]
    pub fn palette_in(self, depth: Depth) -> Palette {
        match (self, depth) {
            (Self::Dark | Self::Light | Self::HighContrast, Depth::Sixteen) => Palette::ansi16(),
            (theme, depth) => theme.palette().map(|style| depth.nearest(style)),
        }
    }
}

/// Which characters the terminal can show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Symbols {
    /// Box drawing, bars, check marks.
    #[default]
    Unicode,
    /// Plain ASCII.
    Ascii,
}

/// A style for each role on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Palette {
    /// Background and ordinary text.
    pub base: Style,
    /// Labels and everything that is not the answer to a question.
    pub dim: Style,
    /// Numbers and names that are.
    pub strong: Style,
    /// Lines around things.
    pub border: Style,
    /// Titles in those lines.
    pub title: Style,
    /// Keys that can be pressed.
    pub key: Style,
    /// Addresses, what is under way: a second voice.
    pub accent: Style,
    /// Who speaks, in a log.
    pub component: Style,
    /// Passes.
    pub ok: Style,
    /// Odd.
    pub warn: Style,
    /// Failed.
    pub error: Style,
    /// Bars of a graph.
    pub graph: Style,
    /// Bars that stand behind others.
    pub graph_dim: Style,
    /// The tab that is open, a toast: text on a filled ground.
    pub selected: Style,
    /// The ground of the line that is looked at; a sign stands beside it as well.
    pub cursor: Style,
    /// What a search has found, within a line.
    pub found: Style,
    badge_ok: Style,
    badge_busy: Style,
    badge_warn: Style,
    badge_error: Style,
    badge_idle: Style,
}

struct Hues {
    ground: Color,
    text: Color,
    dim: Color,
    strong: Color,
    border: Color,
    title: Color,
    accent: Color,
    ok: Color,
    warn: Color,
    error: Color,
    graph: Color,
    graph_dim: Color,
    selected: Color,
    cursor: Color,
    idle: Color,
    on_badge: Color,
}

const fn rgb(hex: u32) -> Color {
    Color::Rgb((hex >> 16) as u8, (hex >> 8) as u8, hex as u8)
}

const DARK: Hues = Hues {
    ground: rgb(0x0f_13_1a),
    text: rgb(0xc9_d1_dc),
    dim: rgb(0x84_90_a2),
    strong: rgb(0xf2_f5_f9),
    border: rgb(0x3a_45_56),
    title: rgb(0xa9_b6_c8),
    accent: rgb(0x7c_c4_ff),
    ok: rgb(0x5f_d8_8f),
    warn: rgb(0xf5_c2_5b),
    error: rgb(0xff_73_7a),
    graph: rgb(0x4f_a8_d8),
    graph_dim: rgb(0x2f_62_83),
    selected: rgb(0x7c_c4_ff),
    cursor: rgb(0x1d_26_34),
    idle: rgb(0x8a_96_a8),
    on_badge: rgb(0x0b_0e_13),
};

const LIGHT: Hues = Hues {
    ground: rgb(0xfb_fa_f6),
    text: rgb(0x2c_33_3d),
    dim: rgb(0x66_6f_7b),
    strong: rgb(0x08_0c_12),
    border: rgb(0xc2_c6_cc),
    title: rgb(0x48_52_60),
    accent: rgb(0x0a_5c_b0),
    ok: rgb(0x14_79_3d),
    warn: rgb(0x92_5e_00),
    error: rgb(0xbf_1f_2f),
    graph: rgb(0x2c_7f_c4),
    graph_dim: rgb(0x9c_c4_e4),
    selected: rgb(0x0a_5c_b0),
    cursor: rgb(0xee_f2_f8),
    idle: rgb(0x5b_65_72),
    on_badge: rgb(0xff_ff_ff),
};

const HIGH_CONTRAST: Hues = Hues {
    ground: rgb(0x00_00_00),
    text: rgb(0xff_ff_ff),
    dim: rgb(0xd8_d8_d8),
    strong: rgb(0xff_ff_ff),
    border: rgb(0xb0_b0_b0),
    title: rgb(0xff_ff_ff),
    accent: rgb(0x66_e0_ff),
    ok: rgb(0x3c_ff_6e),
    warn: rgb(0xff_e0_33),
    error: rgb(0xff_8a_8a),
    graph: rgb(0x66_e0_ff),
    graph_dim: rgb(0x2f_a5_c8),
    selected: rgb(0xff_ff_ff),
    cursor: rgb(0x30_30_60),
    idle: rgb(0xd8_d8_d8),
    on_badge: rgb(0x00_00_00),
};

impl Palette {
    fn from_hues(hues: &Hues) -> Self {
        let on =
            |ground: Color| Style::new().fg(hues.on_badge).bg(ground).add_modifier(Modifier::BOLD);
        let ink = |color: Color| Style::new().fg(color);
        Self {
            base: Style::new().fg(hues.text).bg(hues.ground),
            dim: ink(hues.dim),
            strong: ink(hues.strong).add_modifier(Modifier::BOLD),
            border: ink(hues.border),
            title: ink(hues.title).add_modifier(Modifier::BOLD),
            key: ink(hues.accent).add_modifier(Modifier::BOLD),
            accent: ink(hues.accent),
            component: ink(hues.title),
            ok: ink(hues.ok),
            warn: ink(hues.warn),
            error: ink(hues.error),
            graph: ink(hues.graph),
            graph_dim: ink(hues.graph_dim),
            selected: on(hues.selected),
            cursor: Style::new().bg(hues.cursor),
            found: on(hues.warn),
            badge_ok: on(hues.ok),
            badge_busy: on(hues.accent),
            badge_warn: on(hues.warn),
            badge_error: on(hues.error),
            badge_idle: on(hues.idle),
        }
    }

    fn ansi16() -> Self {
        let ink = |color: Color| Style::new().fg(color);
        let on =
            |ground: Color| Style::new().fg(Color::Black).bg(ground).add_modifier(Modifier::BOLD);
        let dim = Style::new().add_modifier(Modifier::DIM);
        Self {
            base: Style::new().fg(Color::Reset).bg(Color::Reset),
            // Not bright black: common colour schemes give it the background's colour.
            dim,
            strong: Style::new().add_modifier(Modifier::BOLD),
            border: dim,
            title: Style::new().add_modifier(Modifier::BOLD),
            key: ink(Color::Cyan).add_modifier(Modifier::BOLD),
            accent: ink(Color::Cyan),
            component: Style::new(),
            ok: ink(Color::Green),
            warn: ink(Color::Yellow),
            error: ink(Color::Red),
            graph: ink(Color::Cyan),
            graph_dim: ink(Color::Cyan).add_modifier(Modifier::DIM),
            selected: on(Color::Cyan),
            cursor: Style::new().add_modifier(Modifier::BOLD),
            found: on(Color::Yellow),
            badge_ok: on(Color::Green),
            badge_busy: on(Color::Cyan),
            badge_warn: on(Color::Yellow),
            badge_error: on(Color::Red),
            badge_idle: on(Color::White),
        }
    }

    fn no_color() -> Self {
        let plain = Style::new();
        let bold = plain.add_modifier(Modifier::BOLD);
        let dim = plain.add_modifier(Modifier::DIM);
        let filled = bold.add_modifier(Modifier::REVERSED);
        Self {
            base: plain,
            dim,
            strong: bold,
            border: dim,
            title: bold,
            key: bold,
            accent: plain,
            component: plain,
            ok: plain,
            warn: bold,
            error: bold,
            graph: plain,
            graph_dim: dim,
            selected: filled,
            cursor: bold,
            found: filled,
            badge_ok: filled,
            badge_busy: filled,
            badge_warn: filled,
            badge_error: filled,
            badge_idle: filled,
        }
    }

    fn map(self, style: impl Fn(Style) -> Style) -> Self {
        Self {
            base: style(self.base),
            dim: style(self.dim),
            strong: style(self.strong),
            border: style(self.border),
            title: style(self.title),
            key: style(self.key),
            accent: style(self.accent),
            component: style(self.component),
            ok: style(self.ok),
            warn: style(self.warn),
            error: style(self.error),
            graph: style(self.graph),
            graph_dim: style(self.graph_dim),
            selected: style(self.selected),
            cursor: style(self.cursor),
            found: style(self.found),
            badge_ok: style(self.badge_ok),
            badge_busy: style(self.badge_busy),
            badge_warn: style(self.badge_warn),
            badge_error: style(self.badge_error),
            badge_idle: style(self.badge_idle),
        }
    }

    /// Ordinary text that leaves the ground as it is.
    #[must_use]
    pub fn text(&self) -> Style {
        Style { bg: None, ..self.base }
    }

    /// The filled ground behind the word for a state.
    #[must_use]
    pub fn badge(&self, state: StateView) -> Style {
        match state {
            StateView::Ready => self.badge_ok,
            StateView::Starting | StateView::Stopping => self.badge_busy,
            StateView::Degraded | StateView::Backoff => self.badge_warn,
            StateView::Failed => self.badge_error,
            StateView::Stopped => self.badge_idle,
        }
    }

    /// The colour of a state as ink.
    #[must_use]
    pub fn state(&self, state: StateView) -> Style {
        match state {
            StateView::Ready => self.ok,
            StateView::Starting | StateView::Stopping => self.accent,
            StateView::Degraded | StateView::Backoff => self.warn,
            StateView::Failed => self.error,
            StateView::Stopped => self.dim,
        }
    }

    /// The colour of a log level.
    #[must_use]
    pub fn level(&self, level: Level) -> Style {
        match level {
            Level::Trace | Level::Debug => self.dim,
            Level::Info => self.ok,
            Level::Warn => self.warn.add_modifier(Modifier::BOLD),
            Level::Error => self.error.add_modifier(Modifier::BOLD),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// WCAG 2 relative luminance.
    fn luminance(color: Color) -> f64 {
        let Color::Rgb(r, g, b) = color else { panic!("{color:?}") };
        let linear = |c: u8| {
            let c = f64::from(c) / 255.0;
            if c <= 0.040_45 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
    }

    fn contrast(a: Color, b: Color) -> f64 {
        let (a, b) = (luminance(a) + 0.05, luminance(b) + 0.05);
        if a > b { a / b } else { b / a }
    }

    #[test]
    fn theme_is_parsed_from_its_name_and_an_error_lists_the_names() {
        for theme in Theme::ALL {
            assert_eq!(theme.name().parse(), Ok(theme));
        }
        let error = "purple".parse::<Theme>().unwrap_err().to_string();
        assert!(error.contains("`purple`") && error.contains("high-contrast"), "{error}");
    }

    #[test]
    fn no_depth_shows_a_colour_that_the_terminal_lacks() {
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
    fn text_is_readable_on_its_ground() {
        for hues in [&DARK, &LIGHT, &HIGH_CONTRAST] {
            for ink in [
                hues.text,
                hues.dim,
                hues.strong,
                hues.title,
                hues.accent,
                hues.ok,
                hues.warn,
                hues.error,
            ] {
                assert!(contrast(ink, hues.ground) >= 4.5, "{ink:?} on {:?}", hues.ground);
                assert!(contrast(ink, hues.cursor) >= 4.5, "{ink:?} on {:?}", hues.cursor);
            }
            for badge in [hues.ok, hues.warn, hues.error, hues.accent, hues.idle, hues.selected] {
                assert!(contrast(hues.on_badge, badge) >= 4.5, "{:?} on {badge:?}", hues.on_badge);
            }
        }
    }

    #[test]
    fn every_theme_with_colours_tells_verdicts_states_and_levels_apart() {
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
            all_differ(&[Ready, Starting, Backoff, Failed, Stopped].map(|it| palette.badge(it)));
            use Level::{Debug, Error, Info, Warn};
            all_differ(&[Debug, Info, Warn, Error].map(|it| palette.level(it)));
        }
    }

    #[test]
    fn the_colourless_palette_has_no_colour() {
        let text = format!("{:?}", Theme::NoColor.palette());
        assert!(
            !text.contains("fg: Some") && !text.contains("bg: Some") && !text.contains(".fg"),
            "{text}"
        );
    }

    #[test]
    fn the_key_reaches_every_theme() {
        let mut theme = Theme::default();
        for expected in Theme::ALL {
            assert_eq!(theme, expected);
            theme = theme.next();
        }
        assert_eq!(theme, Theme::default());
    }
}
