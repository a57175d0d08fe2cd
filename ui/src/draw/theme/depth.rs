//! The number of colours of a terminal, and the nearest of these colours for any colour.

use ratatui::style::{Color, Style};

/// Number of colours of a terminal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Depth {
    /// 24-bit colours.
    #[default]
    True,
    /// 256 colours: a cube of 6x6x6, and 24 greys.
    Indexed,
    /// 16 colours, which each terminal defines.
    Sixteen,
}

/// Values of each channel in the cube.
const LEVELS: [u8; 6] = [0, 95, 135, 175, 215, 255];
/// Indices of the first colour of the cube and of the first grey.
const CUBE: u8 = 16;
const GREYS: u8 = 232;

impl Depth {
    /// Returns the style with the nearest colours of this depth. For 16 colours the style is unchanged,
    /// because such a terminal gets the palette of [`super::Theme::Ansi16`].
    pub(super) fn nearest(self, style: Style) -> Style {
        match self {
            Self::True | Self::Sixteen => style,
            Self::Indexed => Style {
                fg: style.fg.map(indexed),
                bg: style.bg.map(indexed),
                underline_color: style.underline_color.map(indexed),
                ..style
            },
        }
    }
}

fn indexed(color: Color) -> Color {
    let Color::Rgb(red, green, blue) = color else { return color };
    let distance = |[r, g, b]: [u8; 3]| -> u32 {
        [(r, red), (g, green), (b, blue)].map(|(a, b)| u32::from(a.abs_diff(b)).pow(2)).iter().sum()
    };
    let cube = (0..216_u8).map(|n| {
        let level = |n: u8| LEVELS[usize::from(n % 6)];
        (CUBE + n, [level(n / 36), level(n / 6), level(n)])
    });
    let greys = (0..24_u8).map(|n| (GREYS + n, [8 + 10 * n; 3]));
    let nearest = cube.chain(greys).min_by_key(|(_, rgb)| distance(*rgb));
    nearest.map_or(color, |(index, _)| Color::Indexed(index))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_becomes_the_nearest_indexed_colour() {
        for (rgb, index) in [
            ((0, 0, 0), 16),
            ((255, 255, 255), 231),
            ((255, 0, 0), 196),
            ((0x0f, 0x13, 0x1a), 233),
            ((0x84, 0x90, 0xa2), 103),
            ((100, 100, 100), 241),
        ] {
            let (r, g, b) = rgb;
            assert_eq!(indexed(Color::Rgb(r, g, b)), Color::Indexed(index), "{rgb:?}");
        }
        assert_eq!(indexed(Color::Cyan), Color::Cyan);
    }
}
