//! The styles of each theme, by role.

use ratatui::style::{Color, Modifier, Style};

use crate::log::{Level, OWN, SERVER};
use crate::model::StateView;

/// Style of each role on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Palette {
    /// Ordinary text and the background.
    pub base: Style,
    /// Labels and secondary text.
    pub dim: Style,
    /// Important numbers and names.
    pub strong: Style,
    /// Lines of boxes.
    pub border: Style,
    /// Titles of boxes.
    pub title: Style,
    /// Keys.
    pub key: Style,
    /// Addresses, and operations in progress.
    pub accent: Style,
    /// Component of a log line, and the name of the server.
    pub component: Style,
    /// Names of workers in log lines. More workers than styles share them.
    pub units: [Style; 3],
    /// Passed checks.
    pub ok: Style,
    /// Warnings.
    pub warn: Style,
    /// Errors.
    pub error: Style,
    /// Bars of a graph. If a graph also has other bars, the emphasized bars.
    pub graph: Style,
    /// Bars without emphasis.
    pub graph_dim: Style,
    /// Open tab and short messages: text on a filled background.
    pub selected: Style,
    /// Background of the selected line, which also has a sign.
    pub cursor: Style,
    /// Matches of a search within a line.
    pub found: Style,
}

struct Colors {
    ground: Color,
    text: Color,
    dim: Color,
    strong: Color,
    border: Color,
    title: Color,
    accent: Color,
    units: [Color; 3],
    ok: Color,
    warn: Color,
    error: Color,
    graph: Color,
    graph_dim: Color,
    selected: Color,
    cursor: Color,
    on_badge: Color,
}

const fn rgb(hex: u32) -> Color {
    Color::Rgb((hex >> 16) as u8, (hex >> 8) as u8, hex as u8)
}

const DARK: Colors = Colors {
    ground: rgb(0x0f_13_1a),
    text: rgb(0xc9_d1_dc),
    dim: rgb(0x84_90_a2),
    strong: rgb(0xf2_f5_f9),
    border: rgb(0x3a_45_56),
    title: rgb(0xa9_b6_c8),
    accent: rgb(0x7c_c4_ff),
    units: [rgb(0xc3_a6_ff), rgb(0xf0_9a_d2), rgb(0x6e_d6_cf)],
    ok: rgb(0x5f_d8_8f),
    warn: rgb(0xf5_c2_5b),
    error: rgb(0xff_73_7a),
    graph: rgb(0x4f_a8_d8),
    graph_dim: rgb(0x2f_62_83),
    selected: rgb(0x7c_c4_ff),
    cursor: rgb(0x1d_26_34),
    on_badge: rgb(0x0b_0e_13),
};

const LIGHT: Colors = Colors {
    ground: rgb(0xfb_fa_f6),
    text: rgb(0x2c_33_3d),
    dim: rgb(0x66_6f_7b),
    strong: rgb(0x08_0c_12),
    border: rgb(0xc2_c6_cc),
    title: rgb(0x48_52_60),
    accent: rgb(0x0a_5c_b0),
    units: [rgb(0x6a_3f_c4), rgb(0xa8_24_7c), rgb(0x0b_6e_74)],
    ok: rgb(0x14_79_3d),
    warn: rgb(0x92_5e_00),
    error: rgb(0xbf_1f_2f),
    graph: rgb(0x2c_7f_c4),
    graph_dim: rgb(0x9c_c4_e4),
    selected: rgb(0x0a_5c_b0),
    cursor: rgb(0xee_f2_f8),
    on_badge: rgb(0xff_ff_ff),
};

const HIGH_CONTRAST: Colors = Colors {
    ground: rgb(0x00_00_00),
    text: rgb(0xff_ff_ff),
    dim: rgb(0xd8_d8_d8),
    strong: rgb(0xff_ff_ff),
    border: rgb(0xb0_b0_b0),
    title: rgb(0xff_ff_ff),
    accent: rgb(0x66_e0_ff),
    units: [rgb(0xd0_b8_ff), rgb(0xff_a8_e6), rgb(0x7a_f0_e0)],
    ok: rgb(0x3c_ff_6e),
    warn: rgb(0xff_e0_33),
    error: rgb(0xff_8a_8a),
    graph: rgb(0x66_e0_ff),
    graph_dim: rgb(0x2f_a5_c8),
    selected: rgb(0xff_ff_ff),
    cursor: rgb(0x30_30_60),
    on_badge: rgb(0x00_00_00),
};

impl Palette {
    pub(super) fn dark() -> Self {
        Self::from_colors(&DARK)
    }

    pub(super) fn light() -> Self {
        Self::from_colors(&LIGHT)
    }

    pub(super) fn high_contrast() -> Self {
        Self::from_colors(&HIGH_CONTRAST)
    }

    fn from_colors(colors: &Colors) -> Self {
        let on = |ground: Color| {
            Style::new().fg(colors.on_badge).bg(ground).add_modifier(Modifier::BOLD)
        };
        let ink = |color: Color| Style::new().fg(color);
        Self {
            base: Style::new().fg(colors.text).bg(colors.ground),
            dim: ink(colors.dim),
            strong: ink(colors.strong).add_modifier(Modifier::BOLD),
            border: ink(colors.border),
            title: ink(colors.title).add_modifier(Modifier::BOLD),
            key: ink(colors.accent).add_modifier(Modifier::BOLD),
            accent: ink(colors.accent),
            component: ink(colors.title),
            units: colors.units.map(ink),
            ok: ink(colors.ok),
            warn: ink(colors.warn),
            error: ink(colors.error),
            graph: ink(colors.graph),
            graph_dim: ink(colors.graph_dim),
            selected: on(colors.selected),
            cursor: Style::new().bg(colors.cursor),
            found: on(colors.warn),
        }
    }

    pub(super) fn ansi16() -> Self {
        let ink = |color: Color| Style::new().fg(color);
        let on =
            |ground: Color| Style::new().fg(Color::Black).bg(ground).add_modifier(Modifier::BOLD);
        let dim = Style::new().add_modifier(Modifier::DIM);
        Self {
            base: Style::new().fg(Color::Reset).bg(Color::Reset),
            // Dim text is not bright black, which is the colour of the background in common colour
            // schemes.
            dim,
            strong: Style::new().add_modifier(Modifier::BOLD),
            border: dim,
            title: Style::new().add_modifier(Modifier::BOLD),
            key: ink(Color::Cyan).add_modifier(Modifier::BOLD),
            accent: ink(Color::Cyan),
            component: Style::new(),
            units: [Color::Magenta, Color::Blue, Color::LightMagenta].map(ink),
            ok: ink(Color::Green),
            warn: ink(Color::Yellow),
            error: ink(Color::Red),
            graph: ink(Color::Cyan),
            graph_dim: ink(Color::Cyan).add_modifier(Modifier::DIM),
            selected: on(Color::Cyan),
            cursor: Style::new().add_modifier(Modifier::BOLD),
            found: on(Color::Yellow),
        }
    }

    pub(super) fn no_color() -> Self {
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
            units: [plain; 3],
            ok: plain,
            warn: bold,
            error: bold,
            graph: plain,
            graph_dim: dim,
            selected: filled,
            cursor: bold,
            found: filled,
        }
    }

    pub(super) fn map(self, style: impl Fn(Style) -> Style) -> Self {
        Self {
            base: style(self.base),
            dim: style(self.dim),
            strong: style(self.strong),
            border: style(self.border),
            title: style(self.title),
            key: style(self.key),
            accent: style(self.accent),
            component: style(self.component),
            units: self.units.map(&style),
            ok: style(self.ok),
            warn: style(self.warn),
            error: style(self.error),
            graph: style(self.graph),
            graph_dim: style(self.graph_dim),
            selected: style(self.selected),
            cursor: style(self.cursor),
            found: style(self.found),
        }
    }

    /// Returns the style of ordinary text without a background.
    #[must_use]
    pub fn text(&self) -> Style {
        Style { bg: None, ..self.base }
    }

    /// Returns the text style of a state.
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

    /// Returns the style of the word for a state.
    #[must_use]
    pub fn state_word(&self, state: StateView) -> Style {
        self.state(state).add_modifier(Modifier::BOLD)
    }

    /// Returns the style of the name of a unit in log lines.
    #[must_use]
    pub fn unit(&self, number: u16) -> Style {
        match number {
            SERVER | OWN => self.component,
            worker => self.units[usize::from(worker - 1) % self.units.len()],
        }
    }

    /// Returns the text style of a log level.
    #[must_use]
    pub fn level(&self, level: Level) -> Style {
        match level {
            Level::Trace | Level::Debug | Level::Info => self.dim,
            Level::Warn => self.warn.add_modifier(Modifier::BOLD),
            Level::Error => self.error.add_modifier(Modifier::BOLD),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance as WCAG 2 defines it.
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
    fn text_has_enough_contrast_to_its_background() {
        for colors in [&DARK, &LIGHT, &HIGH_CONTRAST] {
            for ink in [
                colors.text,
                colors.dim,
                colors.strong,
                colors.title,
                colors.accent,
                colors.units[0],
                colors.units[1],
                colors.units[2],
                colors.ok,
                colors.warn,
                colors.error,
            ] {
                assert!(contrast(ink, colors.ground) >= 4.5, "{ink:?} on {:?}", colors.ground);
                assert!(contrast(ink, colors.cursor) >= 4.5, "{ink:?} on {:?}", colors.cursor);
            }
            for badge in [colors.ok, colors.warn, colors.error, colors.accent, colors.selected] {
                assert!(
                    contrast(colors.on_badge, badge) >= 4.5,
                    "{:?} on {badge:?}",
                    colors.on_badge
                );
            }
        }
    }
}
