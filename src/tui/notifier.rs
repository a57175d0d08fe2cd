//! Notifies a user who looks at another window: by the title of the terminal window, and by
//! messages about new problems.

use crate::config::NotifyMode;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use stigmer_ui::human;
use stigmer_ui::model::{Model, ProblemRow, Severity, StateView};

/// Minimum time between two messages.
const PAUSE: Duration = Duration::from_secs(30);

/// The escape sequence by which a terminal shows a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    /// OSC 9, of most terminals. Other terminals ignore it.
    Osc9,
    /// OSC 777, of rxvt, foot and VTE.
    Osc777,
    /// The bell, because tmux passes no messages to its terminal.
    Bell,
}

impl Protocol {
    /// Selects the sequence by the variables that terminals set.
    fn of(variable: impl Fn(&str) -> Option<String>) -> Self {
        let term = variable("TERM").unwrap_or_default();
        if variable("TMUX").is_some() || term.starts_with("screen") || term.starts_with("tmux") {
            return Self::Bell;
        }
        let is_777 = term.starts_with("rxvt") || term.starts_with("foot");
        if is_777 || variable("VTE_VERSION").is_some() { Self::Osc777 } else { Self::Osc9 }
    }

    fn sequence(self, text: &str) -> String {
        match self {
            Self::Osc9 => format!("\u{1b}]9;{text}\u{7}"),
            Self::Osc777 => format!("\u{1b}]777;notify;stigmer;{text}\u{7}"),
            Self::Bell => "\u{7}".to_owned(),
        }
    }
}

/// Decides when to change the title, and when to send a message.
#[derive(Debug)]
pub(super) struct Notifier {
    mode: NotifyMode,
    protocol: Protocol,
    /// Whether the window has the focus. True for a terminal that does not report its focus.
    is_focused: bool,
    title: String,
    /// Identifiers of the red problems in the last frame. `None` before the first list.
    known: Option<BTreeSet<String>>,
    /// Those that began while the window had no focus, and that no message has named.
    unreported: BTreeSet<String>,
    last: Option<Instant>,
}

impl Notifier {
    pub(super) fn new(mode: NotifyMode) -> Self {
        Self {
            mode,
            protocol: Protocol::of(|name| std::env::var(name).ok()),
            is_focused: true,
            title: String::new(),
            known: None,
            unreported: BTreeSet::new(),
            last: None,
        }
    }

    pub(super) fn set_focus(&mut self, is_focused: bool) {
        self.is_focused = is_focused;
    }

    /// Sets the title again in the next frame, because another program may have changed it.
    pub(super) fn forget_title(&mut self) {
        self.title.clear();
    }

    /// Returns the escape sequences for this frame. Empty if there is nothing to report.
    pub(super) fn update(&mut self, model: &Model, now: Instant) -> String {
        let rows = model.problems.iter().flatten();
        let red: Vec<&ProblemRow> = rows.filter(|row| row.severity == Severity::Red).collect();
        let message = self.message(&red, model.problems.is_some(), now);
        let title = title(model.state, red.len());
        match self.mode {
            NotifyMode::Off => return String::new(),
            NotifyMode::Title | NotifyMode::All => {}
        }
        let message = message.filter(|_| self.mode == NotifyMode::All);
        let mut sequences = String::new();
        if title != self.title {
            sequences += &format!("\u{1b}]2;{title}\u{7}");
            self.title = title;
        }
        sequences + &message.map(|text| self.protocol.sequence(&text)).unwrap_or_default()
    }

    fn message(&mut self, red: &[&ProblemRow], is_known: bool, now: Instant) -> Option<String> {
        let ids: BTreeSet<String> = red.iter().map(|row| row.id.clone()).collect();
        if self.is_focused {
            self.unreported.clear();
        } else if let Some(known) = &self.known {
            self.unreported.extend(ids.difference(known).cloned());
        }
        self.unreported.retain(|id| ids.contains(id));
        if is_known {
            self.known = Some(ids);
        }
        let is_early = self.last.is_some_and(|last| now.duration_since(last) < PAUSE);
        let first = red.iter().find(|row| self.unreported.contains(&row.id))?;
        if is_early {
            return None;
        }
        let more = self.unreported.len() as u64 - 1;
        let mut text = format!("{}: {} {}", first.kind.label(), first.type_name, first.subject);
        if more > 0 {
            text += &format!(", and {}", human::counted(more, "more problem", "more problems"));
        }
        self.unreported.clear();
        self.last = Some(now);
        // A semicolon separates the parts of a sequence.
        Some(text.replace(';', ","))
    }
}

fn title(state: StateView, problems: usize) -> String {
    match (problems, state) {
        (1.., _) => format!("✗ {problems} stigmer"),
        (0, StateView::Ready) => "● stigmer".to_owned(),
        (0, StateView::Degraded) => "▲ stigmer".to_owned(),
        (0, StateView::Failed) => "✗ stigmer".to_owned(),
        (0, StateView::Stopped) => "○ stigmer".to_owned(),
        (0, StateView::Starting | StateView::Stopping | StateView::Backoff) => {
            "◐ stigmer".to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(ids: &[&str]) -> Model {
        let row = |id: &&str| ProblemRow {
            id: (*id).to_owned(),
            type_name: "Refund".to_owned(),
            subject: (*id).to_owned(),
            ..ProblemRow::default()
        };
        let problems = Some(ids.iter().map(row).collect());
        Model { problems, state: StateView::Ready, ..Model::default() }
    }

    fn notifier(mode: NotifyMode) -> Notifier {
        Notifier { protocol: Protocol::Osc9, ..Notifier::new(mode) }
    }

    #[test]
    fn title_shows_the_state_and_the_number_of_red_problems() {
        let mut it = notifier(NotifyMode::Title);
        let now = Instant::now();
        assert_eq!(it.update(&model(&[]), now), "\u{1b}]2;● stigmer\u{7}");
        assert_eq!(it.update(&model(&[]), now), "", "unchanged");
        it.set_focus(false);
        assert_eq!(it.update(&model(&["a", "b"]), now), "\u{1b}]2;✗ 2 stigmer\u{7}");
        it.forget_title();
        assert_eq!(it.update(&model(&["a", "b"]), now), "\u{1b}]2;✗ 2 stigmer\u{7}");
        let mut off = notifier(NotifyMode::Off);
        off.set_focus(false);
        assert_eq!(off.update(&model(&[]), now) + &off.update(&model(&["a"]), now), "");
    }

    #[test]
    fn message_names_new_problems_only_without_focus_and_at_most_once_in_30_s() {
        let mut it = notifier(NotifyMode::All);
        let begin = Instant::now();
        let after = |it: &mut Notifier, seconds, ids: &[&str]| {
            let sent = it.update(&model(ids), begin + Duration::from_secs(seconds));
            sent.split_once("]9;").map(|(_, text)| text.trim_end_matches('\u{7}').to_owned())
        };
        assert_eq!(after(&mut it, 0, &["old"]), None);
        assert_eq!(after(&mut it, 1, &["old", "seen"]), None, "the window has the focus");
        it.set_focus(false);
        assert_eq!(after(&mut it, 2, &["old", "seen"]), None);
        let one = Some("failed: Refund new".to_owned());
        assert_eq!(after(&mut it, 3, &["old", "seen", "new"]), one);
        assert_eq!(after(&mut it, 4, &["old", "seen", "new", "x", "y", "gone"]), None, "too early");
        assert_eq!(after(&mut it, 32, &["seen", "new", "x", "y"]), None, "too early");
        let two = Some("failed: Refund x, and 1 more problem".to_owned());
        assert_eq!(after(&mut it, 33, &["seen", "new", "x", "y"]), two);
        assert_eq!(after(&mut it, 99, &["seen", "new", "x", "y"]), None, "reported already");
        assert_eq!(after(&mut it, 100, &["seen", "z"]), Some("failed: Refund z".to_owned()));
        assert_eq!(after(&mut it, 101, &["seen", "late"]), None);
        it.set_focus(true);
        assert_eq!(after(&mut it, 140, &["seen", "late"]), None, "the user has seen it");
        it.set_focus(false);
        assert_eq!(after(&mut it, 141, &["seen", "late"]), None);
    }

    #[test]
    fn sequence_depends_on_the_terminal() {
        let of = |set: &[(&str, &str)]| {
            let value = |name: &str| {
                let found = set.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            Protocol::of(value)
        };
        assert_eq!(of(&[("TERM", "xterm-256color")]), Protocol::Osc9);
        assert_eq!(of(&[("TERM", "xterm-256color"), ("VTE_VERSION", "7600")]), Protocol::Osc777);
        assert_eq!(of(&[("TERM", "foot")]), Protocol::Osc777);
        assert_eq!(of(&[("TERM", "foot"), ("TMUX", "/tmp/t,1,0")]), Protocol::Bell);
        assert_eq!(of(&[("TERM", "tmux-256color")]), Protocol::Bell);
        assert_eq!(Protocol::Osc777.sequence("a"), "\u{1b}]777;notify;stigmer;a\u{7}");
    }
}
