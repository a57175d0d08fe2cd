//! The header: state, headline, version, uptime, generation, pid and addresses.

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

/// Column of the headline, right of the state.
const HEADLINE_COLUMN: u16 = state::BADGE_COLUMNS + 2;
/// Maximum rows of the headline.
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
    let host: Vec<Piece<'_>> = [
        (model.host_label.as_str(), palette.title),
        (" · ", palette.dim),
        (model.home.as_str(), palette.dim),
    ]
    .into_iter()
    .filter(|(text, _)| !text.is_empty())
    .collect();
    let inside = tile_in(buf, area, "stigmer local", &host, border, scene);

    let facts_height = if shape == Shape::Compact { 2 } else { 1 };
    let height = 1 + explanation(inside.width, scene);
    let height = height.min(inside.height.saturating_sub(facts_height));
    let (top, facts) = split_top(inside, height);
    if let Some(failure) = scene.failure() {
        let (first, rest) = split_top(top, 1);
        headline(buf, first, scene);
        failure::draw(buf, rest, failure, scene);
    } else {
        headline(buf, top, scene);
    }
    identity(buf, facts, shape, scene);
    if shape == Shape::Compact {
        checks_and_usage(buf, facts, scene);
    }
}

/// Returns the number of rows below the first row that the explanation of a failure or a long headline needs.
pub(crate) fn explanation(columns: u16, scene: Scene<'_>) -> u16 {
    let room = columns.saturating_sub(HEADLINE_COLUMN);
    scene.failure().map_or_else(
        || wrap_in(&state::headline(scene.model), room, MAX_HEADLINE).len().max(1) as u16 - 1,
        |it| failure::lines(it, columns),
    )
}

fn headline(buf: &mut Buffer, area: Rect, scene: Scene<'_>) {
    let Scene { model, palette, .. } = scene;
    let text = state::headline(model);
    let room = area.width.saturating_sub(HEADLINE_COLUMN + width(&text) + 2);
    let (cli, server) = (model.version.as_deref(), model.server_version.as_deref());
    // The headline has priority over the version.
    let taken = [server, None]
        .into_iter()
        .filter_map(|server| human::temporal_version(cli, server))
        .find(|version| width(version) <= room)
        .map_or(0, |version| paint::flush_right(buf, area, 0, &[(&version, palette.dim)]));
    state::badge(&mut Pen::row(buf, area, 0), model.state, palette);
    let has_activity = !model.doing.is_empty() || !model.message.is_empty();
    let style = match model.state {
        StateView::Failed | StateView::Degraded | StateView::Backoff => palette.state(model.state),
        _ if has_activity => palette.strong,
        _ => palette.dim,
    };
    let lines = wrap_in(&text, area.width.saturating_sub(HEADLINE_COLUMN), area.height.into());
    for (row, line) in (0..).zip(&lines) {
        Pen::row(buf, area, row).to(HEADLINE_COLUMN).reserve(taken).put(line, style);
    }
}

/// Draws uptime, generation, pid and addresses, in the same columns in every state.
fn identity(buf: &mut Buffer, area: Rect, shape: Shape, scene: Scene<'_>) {
    let Scene { model, palette, .. } = scene;
    let address = model.address.as_deref().unwrap_or("no address");
    let ui = match (&model.ui_url, shape) {
        (None, _) => "no web UI".to_owned(),
        (Some(url), Shape::Wide) => url.clone(),
        (Some(url), _) => short_url(url, address),
    };
    // An address is dim while no process listens on it.
    let style =
        |known: bool| if known && model.pid.is_some() { palette.accent } else { palette.dim };
    let taken = paint::flush_right(
        buf,
        area,
        0,
        &[
            (address, style(model.address.is_some())),
            ("   ", palette.dim),
            (&ui, style(model.ui_url.is_some())),
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

/// Shortens a URL to its port if the URL and `address` have the same host: `ui :8233`.
pub(crate) fn short_url(url: &str, address: &str) -> String {
    let bare = url.split_once("://").map_or(url, |(_, rest)| rest).trim_end_matches('/');
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    match bare.strip_prefix(host) {
        Some(port) if port.starts_with(':') => format!("ui {port}"),
        _ => bare.to_owned(),
    }
}

fn checks_and_usage(buf: &mut Buffer, area: Rect, scene: Scene<'_>) {
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
    fn url_is_shortened_to_its_port_on_the_same_host() {
        assert_eq!(short_url("http://127.0.0.1:8233", "127.0.0.1:7233"), "ui :8233");
        assert_eq!(short_url("http://box:8233/", "127.0.0.1:7233"), "box:8233");
    }
}
