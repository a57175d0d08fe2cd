//! What stands in the line above the log: how it follows, what is left out, how much there is.

use super::Scene;
use crate::cluster::width;
use crate::explorer::Explorer;
use crate::human;
use crate::paint::Piece;

/// As much as fits into `room`; the most important is said first.
pub(crate) fn note<'a>(
    explorer: &Explorer,
    scene: Scene<'_>,
    room: u16,
    out: &'a mut Vec<String>,
) -> Vec<Piece<'a>> {
    let Scene { palette, log, .. } = scene;
    let mut styles = Vec::new();
    if explorer.follows() {
        out.push("following".into());
        styles.push(palette.ok);
    } else {
        out.push(match explorer.unseen() {
            0 => "paused".into(),
            new => format!("paused · {} new", human::count(new)),
        });
        styles.push(palette.warn);
    }
    let mut say = |text: String, style| {
        out.push(format!(" · {text}"));
        styles.push(style);
    };
    if let Some(search) = explorer.search() {
        let current = explorer.current().filter(|_| !explorer.follows()).map(|row| row.first);
        let pattern = crate::cluster::clip(&search.pattern, 20);
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
        say(format!("{} cleared, Ctrl-L shows them", human::count(hidden)), palette.warn);
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
    let mut used = 3;
    let fitting = out.iter().zip(styles).take_while(|(text, _)| {
        used += width(text);
        used <= room
    });
    fitting.map(|(text, style)| (text.as_str(), style)).collect()
}
