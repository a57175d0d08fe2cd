//! The tab with stigmer's own log. Every dashboard, not only that of the host, reads the lines from
//! `logs/stigmer.log`. The crate tui-logger draws them.

mod lines;

use crate::log::Batch;
use lines::LineFormatter;
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout};
use ratatui::widgets::{Block, Borders, Widget};
use stigmer_ui::{Key, KeyCode, Palette, Pane};
use tui_logger::{Drain, TuiLoggerTargetWidget, TuiLoggerWidget, TuiWidgetEvent, TuiWidgetState};

/// Maximum number of characters in each part of a line, because a very long line would slow down
/// every frame.
const LINE_MAX: usize = 2_000;
/// Width of the list of log targets, in columns: the levels, the longest module name, and a border.
const TARGETS: u16 = 28;

/// The state of the tab.
pub struct OwnLogTab {
    state: TuiWidgetState,
    drain: Drain,
}

impl Default for OwnLogTab {
    fn default() -> Self {
        tui_logger::set_default_level(log::LevelFilter::Trace);
        tui_logger::set_hot_buffer_depth(4_000);
        let own = Self {
            state: TuiWidgetState::new().set_default_display_level(log::LevelFilter::Info),
            drain: Drain::new(),
        };
        // Log one record and move it to the display buffer at once, because tui-logger applies the
        // buffer depth only after that.
        own.log(log::Level::Debug, "stigmer", ["", "the log of all hosts of this home", ""]);
        tui_logger::move_events();
        own
    }
}

impl OwnLogTab {
    /// Appends lines from the log file.
    pub fn push(&self, batch: &Batch) {
        for line in batch.lines() {
            match serde_json::from_slice::<serde_json::Value>(line) {
                Ok(serde_json::Value::Object(event)) => self.event(&event),
                Ok(_) | Err(_) => {
                    self.log(log::Level::Info, "stigmer", ["", &String::from_utf8_lossy(line), ""]);
                }
            }
        }
    }

    fn event(&self, event: &serde_json::Map<String, serde_json::Value>) {
        let text = |key: &str| event.get(key).and_then(serde_json::Value::as_str).unwrap_or("");
        let clock = text("timestamp")
            .parse::<jiff::Timestamp>()
            .map(|time| time.to_zoned(crate::clock::zone()).strftime("%H:%M:%S%.3f").to_string())
            .unwrap_or_default();
        let fields: Vec<String> = event
            .iter()
            .filter(|(key, _)| {
                !matches!(key.as_str(), "timestamp" | "level" | "target" | "message")
            })
            .map(|(key, value)| match value.as_str() {
                Some(value) => format!("{key}={value}"),
                None => format!("{key}={value}"),
            })
            .collect();
        let level = text("level").parse().unwrap_or(log::Level::Info);
        let target = text("target");
        let module = target.strip_prefix("stigmer::").unwrap_or(target);
        self.log(level, module, [&clock, text("message"), &fields.join(" ")]);
    }

    fn log(&self, level: log::Level, target: &str, parts: [&str; 3]) {
        let clean = |part: &str| -> String {
            part.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LINE_MAX).collect()
        };
        let line = parts.map(clean).join(LineFormatter::BETWEEN);
        self.drain.log(
            &log::Record::builder()
                .level(level)
                .target(target)
                .args(format_args!("{line}"))
                .build(),
        );
    }

    /// Handles a key of the operator, for example to select a target or a level.
    pub fn key(&self, key: Key) {
        self.state.transition(match key.code {
            KeyCode::Char(' ') => TuiWidgetEvent::SpaceKey,
            KeyCode::Char('+') => TuiWidgetEvent::PlusKey,
            KeyCode::Char('-') => TuiWidgetEvent::MinusKey,
            KeyCode::Char('f') => TuiWidgetEvent::FocusKey,
            KeyCode::Up => TuiWidgetEvent::UpKey,
            KeyCode::Down => TuiWidgetEvent::DownKey,
            KeyCode::Left => TuiWidgetEvent::LeftKey,
            KeyCode::Right => TuiWidgetEvent::RightKey,
            KeyCode::PageUp => TuiWidgetEvent::PrevPageKey,
            KeyCode::PageDown => TuiWidgetEvent::NextPageKey,
            KeyCode::Esc => TuiWidgetEvent::EscapeKey,
            _ => return,
        });
    }

    /// Draws the tab.
    pub fn render(&self, pane: Pane, buffer: &mut Buffer, palette: &Palette) {
        let columns = if pane.targets { TARGETS } else { 0 };
        let [targets, lines] =
            Layout::horizontal([Constraint::Length(columns), Constraint::Min(0)])
                .spacing(u16::from(pane.targets))
                .areas(pane.place);
        if pane.targets {
            let frame = Block::new().borders(Borders::RIGHT).border_style(palette.border);
            TuiLoggerTargetWidget::default()
                .block(frame.title("targets").title_style(palette.dim))
                .style(palette.base)
                .style_off(palette.dim)
                .highlight_style(palette.selected)
                .state(&self.state)
                .render(targets, buffer);
        }
        TuiLoggerWidget::default()
            .style(palette.base)
            .formatter(Box::new(LineFormatter { palette: *palette }))
            .state(&self.state)
            .render(lines, buffer);
    }
}
