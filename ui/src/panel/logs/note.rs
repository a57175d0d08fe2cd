//! The note about the log: whether it follows the newest lines or is paused, the search, the
//! filters, wrapping.

use crate::draw::cluster::clip;
use crate::explorer::Explorer;
use crate::human;
use crate::panel::note::Note;
use crate::panel::scene::Scene;

/// Maximum columns of a search pattern.
const PATTERN: u16 = 20;

/// Returns the note for `room` columns. `name` is what the search looks for, if not its pattern.
pub(crate) fn note(explorer: &Explorer, name: Option<&str>, scene: Scene<'_>, room: u16) -> Note {
    let Scene { palette, log, .. } = scene;
    let mut pieces = Vec::new();
    if explorer.follows() {
        pieces.push(("following".to_owned(), palette.dim));
    } else {
        let paused = match explorer.unseen() {
            0 => "paused".into(),
            new => format!("paused · {} new", human::count(new)),
        };
        pieces.push((paused, palette.warn));
    }
    let mut add = |text: String, style| pieces.push((format!(" · {text}"), style));
    let filter = explorer.filter();
    if let Some(unit) = filter.unit.filter(|_| log.units().len() > 1) {
        add(format!("log of {}", clip(log.unit_name(unit), PATTERN)), palette.dim);
    }
    if let Some(search) = explorer.search() {
        let current = explorer.current().filter(|_| !explorer.follows()).map(|row| row.first);
        let (slash, text) = match name {
            Some(name) => ("", name),
            None => ("/", search.pattern.as_str()),
        };
        let text = clip(text, PATTERN);
        add(format!("{slash}{text} {}", search.count(current)), palette.key);
    }
    if let Some(words) = filter.level_words() {
        add(words.into(), palette.warn);
    }
    if let Some(component) = filter.component {
        let name = match log.component(component) {
            "" => "lines without a component",
            name => name,
        };
        add(format!("only {name}"), palette.warn);
    }
    let hidden = filter.from.saturating_sub(log.dropped());
    if hidden > 0 {
        add(format!("{} cleared (Ctrl-L)", human::count(hidden)), palette.warn);
    }
    // The note has no total number of lines, because that number differs between viewers: a viewer
    // that attached later has fewer lines of the same log.
    if explorer.wrap {
        add("wrapped".into(), palette.dim);
    } else if explorer.shift > 0 {
        add(format!("from column {}", explorer.shift + 1), palette.dim);
    }
    if !explorer.folds() {
        add("unfolded".into(), palette.dim);
    }
    if explorer.follows() && Note::columns(&pieces) > room {
        // If the room is too small, omit "following" first, because following is the default. The notes about
        // hidden lines are more important.
        pieces.remove(0);
        if let Some((first, _)) = pieces.first_mut() {
            *first = first.trim_start_matches(" · ").to_owned();
        }
    }
    Note::fitting(pieces, room)
}
