//! The first two rows: the state of the server, and the work.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::draw::cluster::width;
use crate::draw::graph;
use crate::draw::layout::split_left;
use crate::draw::paint::{self, Pen, Piece};
use crate::human;
use crate::model::Model;
use crate::panel::latency;
use crate::panel::scene::{Canvas, Click, Scene};
use crate::panel::state;

/// Minimum gap between two facts.
const GAP: u16 = 2;
/// Gap between two facts if there is room.
const WIDE_GAP: u16 = 4;
/// From this width on, checks and usage have labels.
const LABELS: u16 = 112;
/// Below this width, there is no room for checks and usage.
const USAGE: u16 = 72;

/// A fact in a row.
struct Fact {
    pieces: Vec<(String, Style)>,
    /// Priority: 0 is the highest. Without room, facts with the greatest numbers are omitted first.
    rank: u8,
}

impl Fact {
    fn new(rank: u8, text: impl Into<String>, style: Style) -> Self {
        Self { pieces: vec![(text.into(), style)], rank }
    }

    fn columns(&self) -> u16 {
        self.pieces.iter().map(|(text, _)| width(text)).sum()
    }
}

/// Splits facts into those that fit into `room` and the rest. Both keep their order.
fn fitting(facts: Vec<Fact>, room: u16) -> (Vec<Fact>, Vec<Fact>) {
    let mut order: Vec<usize> = (0..facts.len()).collect();
    order.sort_by_key(|at| facts[*at].rank);
    let mut left = room;
    let mut fits = vec![false; facts.len()];
    for at in order {
        let needed = facts[at].columns().saturating_add(GAP);
        if needed <= left {
            left -= needed;
            fits[at] = true;
        }
    }
    let mut fits = fits.into_iter();
    facts.into_iter().partition(|_| fits.next().unwrap_or(false))
}

/// Draws facts from left to right.
fn put(pen: &mut Pen<'_>, facts: &[Fact]) {
    let columns: u16 = facts.iter().map(Fact::columns).sum();
    let gaps = facts.len() as u16;
    let gap = if columns + gaps * WIDE_GAP <= pen.room() { WIDE_GAP } else { GAP };
    for fact in facts {
        pen.gap(gap);
        for (text, style) in &fact.pieces {
            pen.put(text, *style);
        }
    }
}

/// Whether the first row has room for the whole headline, and for the addresses on a full screen.
pub(super) fn shows_headline(columns: u16, model: &Model) -> bool {
    let age = state::age(model);
    let age = if age.is_empty() { 0 } else { width(&age) + 1 };
    let before = 1 + state::columns(model.state) + age + GAP;
    let after = match columns {
        USAGE.. => width(address(model)) + width(&ui(columns, model)) + 2 * GAP,
        _ => 0,
    };
    before.saturating_add(width(&state::headline(model))).saturating_add(after) < columns
}

pub(super) fn draw(canvas: &mut Canvas<'_>, state: Rect, work: Rect) {
    let omitted = state_line(canvas, state);
    work_line(canvas.buf, work, omitted, canvas.scene);
}

/// Draws the first row. Returns the important facts that do not fit.
fn state_line(canvas: &mut Canvas<'_>, area: Rect) -> Vec<Fact> {
    let scene @ Scene { model, palette, .. } = canvas.scene;
    let buf = &mut *canvas.buf;
    let mut pen = Pen::row(buf, area, 0);
    pen.gap(1);
    state::draw(&mut pen, model.state, palette);
    let age = state::age(model);
    if !age.is_empty() {
        pen.gap(1).put(&age, palette.text());
    }
    let headline = state::headline(model);
    if !headline.is_empty() && shows_headline(area.width, model) {
        pen.gap(GAP).put(&headline, palette.state(model.state));
    }
    let room = pen.room().saturating_sub(1);
    let from = pen.x();
    let (shown, omitted) = fitting(state_facts(area.width, scene), room);
    let (right, left): (Vec<Fact>, Vec<Fact>) = shown.into_iter().partition(|it| it.rank >= RIGHT);
    let pieces: Vec<Piece<'_>> = right
        .iter()
        .flat_map(|fact| {
            let pieces = fact.pieces.iter().map(|(text, style)| (text.as_str(), *style));
            std::iter::once(("  ", palette.dim)).chain(pieces)
        })
        .collect();
    let inner = Rect { width: area.width.saturating_sub(1), ..area };
    let taken = paint::flush_right(buf, inner, 0, &pieces);
    let mut pen = Pen::row(buf, area, 0);
    pen.to(from - area.x).reserve(taken);
    put(&mut pen, &left);
    if let Some(at) = right.iter().position(|fact| fact.rank == right_ranks(model)[0])
        && model.namespaces.len() > 1
    {
        let after = right[at + 1..].iter().map(|fact| fact.columns() + GAP).sum::<u16>();
        let columns = right[at].columns();
        let place = Rect {
            x: inner.right().saturating_sub(after.saturating_add(columns)),
            width: columns,
            height: 1,
            ..area
        };
        canvas.map.add(place.intersection(area), Click::Namespaces);
    }
    let is_important = |fact: &Fact| area.width >= USAGE && fact.rank < RIGHT;
    omitted.into_iter().filter(is_important).collect()
}

/// Rank from which facts are at the right end of the first row.
const RIGHT: u8 = 4;

/// Returns the ranks of the namespace and of the version. The namespace is more important if there
/// are several.
fn right_ranks(model: &Model) -> [u8; 2] {
    if model.namespaces.len() > 1 { [RIGHT, RIGHT + 1] } else { [RIGHT + 1, RIGHT] }
}

fn state_facts(columns: u16, scene: Scene<'_>) -> Vec<Fact> {
    let Scene { model, palette, .. } = scene;
    // A small screen shows the uptime first.
    let [up, restarted, at, web] = if columns >= USAGE { [3, 2, 0, 1] } else { [0, 3, 1, 2] };
    let mut facts = Vec::new();
    if let Some(ms) = model.uptime_ms {
        let age = if ms < 1_000 { "0 s".to_owned() } else { human::age(ms) };
        facts.push(Fact::new(up, format!("up {age}"), palette.text()));
    }
    if model.managed {
        facts.push(Fact::new(restarted, restarts(model), palette.text()));
    }
    // An address where no process listens is dim.
    let is_up = model.pid.is_some() || model.state.is_up();
    let style = |known: bool| if known && is_up { palette.accent } else { palette.dim };
    facts.push(Fact::new(at, address(model), style(model.address.is_some())));
    facts.push(Fact::new(web, ui(columns, model), style(model.ui_url.is_some())));
    let [namespace_rank, version_rank] = right_ranks(model);
    let is_one_of_several = model.namespaces.len() > 1 && columns >= USAGE;
    if (columns >= LABELS || is_one_of_several) && !model.namespace.is_empty() {
        let namespace = format!("namespace {}", model.namespace);
        let style = if is_one_of_several { palette.accent } else { palette.dim };
        facts.push(Fact::new(namespace_rank, namespace, style));
    }
    let version = human::temporal_version(model.version.as_deref(), None);
    facts.extend(version.map(|version| Fact::new(version_rank, version, palette.dim)));
    facts
}

fn address(model: &Model) -> &str {
    model.address.as_deref().unwrap_or("no address")
}

fn ui(columns: u16, model: &Model) -> String {
    match &model.ui_url {
        None => "no web UI".to_owned(),
        Some(url) if columns >= LABELS => url.clone(),
        Some(url) => short_url(url, address(model)),
    }
}

/// Returns the number of restarts with the cause of the latest one.
fn restarts(model: &Model) -> String {
    let count = human::counted(model.restarts.total, "restart", "restarts");
    match &model.restarts.last {
        Some(last) => format!("{count}: {}", last.cause),
        None => count,
    }
}

/// Shortens a URL to its port if its host is that of `address`: `UI :8233`.
fn short_url(url: &str, address: &str) -> String {
    let bare = url.split_once("://").map_or(url, |(_, rest)| rest).trim_end_matches('/');
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    match bare.strip_prefix(host) {
        Some(port) if port.starts_with(':') => format!("UI {port}"),
        _ => bare.to_owned(),
    }
}

/// Draws the second row, with `more` facts in front.
fn work_line(buf: &mut Buffer, area: Rect, more: Vec<Fact>, scene: Scene<'_>) {
    let usage = if area.width >= USAGE { usage_columns(area.width) } else { 0 };
    let (left, right) = split_left(area, area.width.saturating_sub(usage));
    let facts: Vec<Fact> = more.into_iter().chain(work_facts(scene)).collect();
    let mut pen = Pen::row(buf, left, 0);
    // One column before the first fact, which has a gap of its own.
    let (shown, _) = fitting(facts, left.width.saturating_sub(1) + GAP);
    put_first(&mut pen, &shown);
    if usage > 0 {
        usage_line(buf, right, area.width, scene);
    }
}

/// Draws facts like [`put`], the first one directly after the margin.
fn put_first(pen: &mut Pen<'_>, facts: &[Fact]) {
    let Some((first, rest)) = facts.split_first() else { return };
    pen.gap(1);
    for (text, style) in &first.pieces {
        pen.put(text, *style);
    }
    put(pen, rest);
}

fn work_facts(scene: Scene<'_>) -> Vec<Fact> {
    let Scene { model, palette, .. } = scene;
    let style = if scene.is_outdated() { palette.dim } else { palette.text() };
    let mut facts = Vec::new();
    if let Some(workers) = model.connected_workers {
        facts.push(Fact::new(13, human::counted(workers, "worker", "workers"), style));
    }
    if let Some(counts) = model.counts {
        facts.push(Fact::new(10, format!("{} running", human::count(counts.running)), style));
        let completed = format!("{} completed", human::count(counts.completed));
        facts.push(Fact::new(14, completed, style));
        let failed = if counts.failed > 0 { palette.error } else { style };
        facts.push(Fact::new(11, format!("{} failed", human::count(counts.failed)), failed));
        if counts.timed_out > 0 {
            let timed_out = format!("{} timed out", human::count(counts.timed_out));
            facts.push(Fact::new(12, timed_out, palette.error));
        }
    }
    if let Some(as_of) = &model.as_of {
        facts.push(Fact::new(9, format!("as of {as_of}"), palette.warn));
    }
    facts.push(closed_graph(scene));
    facts
}

/// Columns of the graph of closed workflows.
const CLOSED: u16 = 15;

/// Returns the graph of closed workflows, with `×` where one failed or timed out. While the numbers are
/// unknown, the graph is blank and takes the same room, so that the facts do not move.
fn closed_graph(scene: Scene<'_>) -> Fact {
    let Scene { model, palette, .. } = scene;
    let rank = 15;
    if model.closed_history.is_empty() {
        return Fact::new(rank, " ".repeat((width("30 min ") + CLOSED).into()), palette.base);
    }
    let all = model.closed_history.iter().map(|it| it.completed as f64);
    let ceiling = graph::ceiling(all, 1.0);
    let mut pieces = vec![("30 min ".to_owned(), palette.dim)];
    pieces.extend(model.closed_history.iter().map(|it| match it.failed {
        0 => (graph::symbol(it.completed as f64, ceiling).to_owned(), palette.graph_dim),
        _ => ("×".to_owned(), palette.error),
    }));
    Fact { pieces, rank }
}

/// Columns of the graph of latencies.
fn graph_columns(columns: u16) -> u16 {
    if columns >= LABELS { 8 } else { 6 }
}

/// Columns of the sum of the checks: `✓`, or `✓ 6 checks`.
fn checks_columns(columns: u16) -> u16 {
    if columns >= LABELS { 10 } else { 1 }
}

fn usage_columns(columns: u16) -> u16 {
    let label = if columns >= LABELS { 4 } else { 0 };
    GAP + checks_columns(columns)
        + 1
        + 6
        + 1
        + graph_columns(columns)
        + GAP
        + label
        + 6
        + GAP
        + 6
        + 1
}

/// Draws the sum of the checks, the latest latency with its history, CPU and memory. Each number has
/// a fixed place.
fn usage_line(buf: &mut Buffer, area: Rect, columns: u16, scene: Scene<'_>) {
    let Scene { model, palette, .. } = scene;
    let labels = columns >= LABELS;
    let mut pen = Pen::row(buf, area, 0);
    let (sign, style, text) = checks(scene);
    pen.gap(GAP).put(sign, style);
    if labels {
        let style = if sign == "✗" { style } else { palette.text() };
        pen.gap(1).left(&text, checks_columns(columns) - 2, style);
    }
    pen.gap(1);
    latency::latest(&mut pen, scene);
    pen.gap(1);
    let place = Rect { x: pen.x(), width: graph_columns(columns), ..area };
    pen.gap(place.width + GAP);
    if labels {
        pen.put("CPU ", palette.dim);
    }
    let live = model.is_live();
    let number = if live { palette.text() } else { palette.dim };
    let cpu = model.resources.cpu_percent.filter(|_| live).map(human::whole_percent);
    pen.right(cpu.as_deref().unwrap_or("–"), 6, number).gap(GAP);
    let memory = model.resources.rss_bytes.filter(|_| live).map(human::bytes);
    pen.right(memory.as_deref().unwrap_or("–"), 6, number);
    let place = place.intersection(area);
    latency::draw_history(buf, place, scene, latency::scale(&model.probe));
}

/// Returns the sign, the style and the words for all checks together.
fn checks(scene: Scene<'_>) -> (&'static str, Style, String) {
    let Scene { model, palette, .. } = scene;
    let failing = model.health.iter().filter(|layer| layer.ok == Some(false)).count() as u64;
    let passing = model.health.iter().filter(|layer| layer.ok == Some(true)).count() as u64;
    match (failing, passing) {
        _ if !model.is_live() => ("–", palette.dim, "checks".to_owned()),
        (0, 0) => ("–", palette.dim, "checks".to_owned()),
        (0, n) => ("✓", palette.ok, human::counted(n, "check", "checks")),
        (n, _) => ("✗", palette.error, format!("{n} fail")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_is_shortened_to_its_port_on_the_same_host() {
        assert_eq!(short_url("http://127.0.0.1:8233", "127.0.0.1:7233"), "UI :8233");
        assert_eq!(short_url("http://box:8233/", "127.0.0.1:7233"), "box:8233");
    }

    #[test]
    fn graph_of_closed_workflows_has_its_room_before_it_is_known() {
        use crate::demo::sample;
        let palette = crate::draw::theme::Theme::Dark.palette();
        let columns = |model: &Model| {
            let log = sample::SampleLog::default();
            let scene = Scene { model, log: &log, palette: &palette, notice: "" };
            work_facts(scene).iter().map(Fact::columns).collect::<Vec<u16>>()
        };
        let known = sample::with_problems();
        let unknown = Model { closed_history: Vec::new(), ..known.clone() };
        assert_eq!(columns(&unknown), columns(&known));
    }

    #[test]
    fn facts_with_a_low_priority_are_omitted_first_and_keep_their_order() {
        let facts = || {
            [(3, "aaaa"), (0, "bb"), (2, "cccc"), (1, "d")]
                .map(|(rank, text)| Fact::new(rank, text, Style::new()))
        };
        let texts = |room| -> String {
            let (shown, omitted) = fitting(facts().into(), room);
            let texts = |facts: Vec<Fact>| -> String {
                facts.into_iter().map(|fact| fact.pieces[0].0.clone() + " ").collect()
            };
            format!("{}| {}", texts(shown), texts(omitted))
        };
        assert_eq!(texts(100), "aaaa bb cccc d | ");
        assert_eq!(texts(13), "bb cccc d | aaaa ");
        assert_eq!(texts(12), "bb d | aaaa cccc ");
        assert_eq!(texts(0), "| aaaa bb cccc d ");
    }
}
