//! Is it up, what does it do, which one is it, where does it listen.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::draw::cluster::{width, wrap_in};
use crate::draw::layout::{Shape, split_top};
use crate::draw::paint::{self, Pen, Piece};
use crate::human;
use crate::model::StateView;
use crate::panel::scene::{Scene, tile_in};
use crate::panel::tiles::health;
use crate::panel::{failure, state};

/// Column of the headline.
const BESIDE_BADGE: u16 = state::BADGE_COLUMNS + 2;
/// Rows of the headline.
const MAX_HEADLINE: usize = 2;

pub(crate) fn draw(buf: &mut Buffer, area: Rect, shape: Shape, scene: Scene<'_>) {
    let Scene { model, palette, .. } = scene;
    let border = match model.state {
        StateView::Failed => palette.error,
        StateView::Degraded | StateView::Backoff => palette.warn,
        StateView::Stopped | StateView::Starting | StateView::Ready | StateView::Stopping => {
            palette.border
        }
    };
    let whose: Vec<Piece<'_>> = [
        (model.host_label.as_str(), palette.title),
        (" · ", palette.dim),
        (model.home.as_str(), palette.dim),
    ]
    .into_iter()
    .filter(|(text, _)| !text.is_empty())
    .collect();
    let inside = tile_in(buf, area, "stigmer local", &whose, border, scene);

    let facts_height = if shape == Shape::Compact { 2 } else { 1 };
    let told = 1 + explanation(inside.width, scene);
    let told = told.min(inside.height.saturating_sub(facts_height));
    let (told, facts) = split_top(inside, told);
    if let Some(it) = scene.failure() {
        let (first, rest) = split_top(told, 1);
        headline(buf, first, scene);
        failure::draw(buf, rest, it, scene);
    } else {
        headline(buf, told, scene);
    }
    identity(buf, facts, shape, scene);
    if shape == Shape::Compact {
        layers_and_usage(buf, facts, scene);
    }
}

/// Rows that trouble needs below the first.
pub(crate) fn explanation(columns: u16, scene: Scene<'_>) -> u16 {
    let room = columns.saturating_sub(BESIDE_BADGE);
    scene.failure().map_or_else(
        || wrap_in(&state::headline(scene.model), room, MAX_HEADLINE).len().max(1) as u16 - 1,
        |it| failure::lines(it, columns),
    )
}

fn headline(buf: &mut Buffer, area: Rect, scene: Scene<'_>) {
    let Scene { model, palette, .. } = scene;
    let text = state::headline(model);
    let room = area.width.saturating_sub(BESIDE_BADGE + width(&text) + 2);
    let (cli, server) = (model.version.as_deref(), model.server_version.as_deref());
    // The version is known; what happens is news.
    let taken = [server, None]
        .into_iter()
        .filter_map(|server| human::temporal_version(cli, server))
        .find(|version| width(version) <= room)
        .map_or(0, |version| paint::flush_right(buf, area, 0, &[(&version, palette.dim)]));
    state::badge(&mut Pen::row(buf, area, 0), model.state, palette);
    let news = !model.doing.is_empty() || !model.message.is_empty();
    let style = match model.state {
        StateView::Failed | StateView::Degraded | StateView::Backoff => palette.state(model.state),
        _ if news => palette.strong,
        _ => palette.dim,
    };
    let lines = wrap_in(&text, area.width.saturating_sub(BESIDE_BADGE), area.height.into());
    for (row, line) in (0..).zip(&lines) {
        Pen::row(buf, area, row).to(BESIDE_BADGE).reserve(taken).put(line, style);
    }
}

/// Uptime, generation, pid; address and web UI. The same columns in every state.
fn identity(buf: &mut Buffer, area: Rect, shape: Shape, scene: Scene<'_>) {
    let Scene { model, palette, .. } = scene;
    let address = model.address.as_deref().unwrap_or("no address");
    let ui = match (&model.ui_url, shape) {
        (None, _) => "no web UI".to_owned(),
        (Some(url), Shape::Wide) => url.clone(),
        (Some(url), _) => short_url(url, address),
    };
    // An address where nobody listens is not worth looking at.
    let ink = |known: bool| if known && model.pid.is_some() { palette.accent } else { palette.dim };
    let taken = paint::flush_right(
        buf,
        area,
        0,
        &[
            (address, ink(model.address.is_some())),
            ("   ", palette.dim),
            (&ui, ink(model.ui_url.is_some())),
        ],
    );

    let mut pen = Pen::row(buf, area, 0);
    pen.reserve(taken);
    let uptime = model.uptime_ms.map_or_else(|| "–".to_owned(), human::uptime);
    pen.put("up ", palette.dim).left(&uptime, 12, palette.strong);
    let (label, gap) = if shape == Shape::Wide { ("generation ", 3) } else { ("gen ", 1) };
    let generation =
        if model.generation == 0 { "–".to_owned() } else { model.generation.to_string() };
    pen.gap(gap).put(label, palette.dim).left(&generation, 4, palette.strong);
    let pid = model.pid.map_or_else(|| "–".to_owned(), |pid| pid.to_string());
    pen.gap(gap).put("pid ", palette.dim).left(&pid, 8, palette.strong);
}

/// The port is enough where the host is the same: `ui :8233`.
pub(crate) fn short_url(url: &str, address: &str) -> String {
    let bare = url.split_once("://").map_or(url, |(_, rest)| rest).trim_end_matches('/');
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    match bare.strip_prefix(host) {
        Some(port) if port.starts_with(':') => format!("ui {port}"),
        _ => bare.to_owned(),
    }
}

fn layers_and_usage(buf: &mut Buffer, area: Rect, scene: Scene<'_>) {
    let usage = &scene.model.resources;
    let palette = scene.palette;
    let cpu = usage.cpu_percent.map_or_else(|| "–".to_owned(), human::percent);
    let rss = usage.rss_bytes.map_or_else(|| "–".to_owned(), human::bytes);
    let (cpu, rss) = (format!("{cpu:>6}"), format!("{rss:>6}"));
    let pieces = [
        ("CPU ", palette.dim),
        (cpu.as_str(), palette.strong),
        ("  RSS ", palette.dim),
        (rss.as_str(), palette.strong),
    ];
    let taken = paint::flush_right(buf, area, 1, &pieces);
    let mut pen = Pen::row(buf, area, 1);
    health::in_a_row(pen.reserve(taken), scene);
}

#[cfg(test)]
mod tests {
    use super::short_url;

    #[test]
    fn urls_shrink_to_their_port_on_the_same_host() {
        assert_eq!(short_url("http://127.0.0.1:8233", "127.0.0.1:7233"), "ui :8233");
        assert_eq!(short_url("http://box:8233/", "127.0.0.1:7233"), "box:8233");
    }
}
