//! What stands in the line above the log: how it follows, what is left out, how much there is.

use crate::explorer::Explorer;
use crate::human;
use crate::panel::scene::Scene;
use crate::panel::tabs::note::Note;

/// As much as fits into `room`.
pub(crate) fn note(explorer: &Explorer, scene: Scene<'_>, room: u16) -> Note {
    let Scene { palette, log, .. } = scene;
    let mut said = Vec::new();
    if explorer.follows() {
        said.push(("following".to_owned(), palette.ok));
    } else {
        let paused = match explorer.unseen() {
            0 => "paused".into(),
            new => format!("paused · {} new", human::count(new)),
        };
        said.push((paused, palette.warn));
    }
    let mut say = |text: String, style| said.push((format!(" · {text}"), style));
    if let Some(search) = explorer.search() {
        let current = explorer.current().filter(|_| !explorer.follows()).map(|row| row.first);
        let pattern = crate::draw::cluster::clip(&search.pattern, 20);
        say(format!("/{pattern} {}", search.count(current)), palette.key);
    }
    let filter = explorer.filter();
    if let Some(words) = filter.level_words() {
        say(words.into(), palette.warn);
    }
    if let Some(component) = filter.component {
        let name = match log.component(component) {
            "" => "nobody",
            name => name,
        };
        say(format!("only {name}"), palette.warn);
    }
    let hidden = filter.from.saturating_sub(log.dropped());
    if hidden > 0 {
        say(format!("{} cleared (Ctrl-L)", human::count(hidden)), palette.warn);
    }
    // Not how many are held: who came later to the same log holds fewer, and shows the same.
    if explorer.wrap {
        say("wrapped".into(), palette.dim);
    } else if explorer.shift > 0 {
        say(format!("from column {}", explorer.shift + 1), palette.dim);
    }
    if !explorer.folds() {
        say("unfolded".into(), palette.dim);
    }
    if explorer.follows() && Note::columns(&said) > room {
        // That it follows is the rule; what is hidden is not.
        said.remove(0);
        if let Some((first, _)) = said.first_mut() {
            *first = first.trim_start_matches(" · ").to_owned();
        }
    }
    Note::fitting(said, room)
}
