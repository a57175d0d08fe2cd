//! Every panel, drawn where a screen has it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::app::keymap::Context;
use crate::app::view::{Order, View};
use crate::draw::layout::Pane;
use crate::draw::layout::{Parts, Shape, split_top};
use crate::panel::dialogs::{components, confirm, quit};
use crate::panel::pages::{entry, help, line};
use crate::panel::scene::{Placed, Scene};
use crate::panel::small::{reduced, tiny};
use crate::panel::tiles::{header, health, probe, resources, restarts, workflows};
use crate::panel::{self, failure, footer, tabs};

/// Where a panel is drawn, and from what.
pub(super) struct Canvas<'a> {
    pub(super) buf: &'a mut Buffer,
    /// The whole screen.
    pub(super) area: Rect,
    pub(super) view: &'a mut View,
    pub(super) scene: Scene<'a>,
    pub(super) placed: &'a mut Placed,
}

impl Canvas<'_> {
    fn parts(&self) -> Parts {
        panel::parts(self.area, self.view.shape, self.scene)
    }

    /// All but the footer.
    fn rest(&self) -> Rect {
        split_top(self.area, self.area.height - 1).0
    }
}

pub(super) fn header(it: &mut Canvas<'_>) -> Rect {
    let place = it.parts().header;
    header::draw(it.buf, place, it.view.shape, it.scene);
    place
}

pub(super) fn health(it: &mut Canvas<'_>) -> Rect {
    let place = it.parts().health;
    health::draw(it.buf, place, it.scene);
    place
}

pub(super) fn probe(it: &mut Canvas<'_>) -> Rect {
    let place = it.parts().probe;
    probe::draw(it.buf, place, it.scene);
    place
}

pub(super) fn restarts(it: &mut Canvas<'_>) -> Rect {
    let place = it.parts().restarts;
    restarts::draw(it.buf, place, it.scene);
    place
}

pub(super) fn resources(it: &mut Canvas<'_>) -> Rect {
    let place = it.parts().resources;
    resources::draw(it.buf, place, it.scene);
    place
}

pub(super) fn workflows(it: &mut Canvas<'_>) -> Rect {
    let place = it.parts().workflows;
    workflows::draw(it.buf, place, it.scene);
    place
}

/// The panel with the tabs: with a box around it, or below the facts of a small screen.
pub(super) fn main(it: &mut Canvas<'_>) -> Rect {
    let dim = it.scene.palette.dim;
    let own_log = &mut |pane: Pane, buf: &mut Buffer| {
        let place = pane.place;
        buf.set_stringn(place.x, place.y, "(the caller draws here)", place.width.into(), dim);
    };
    let main = if it.view.shape == Shape::Reduced {
        reduced::draw(it.buf, it.area, it.view, it.scene, own_log, it.placed);
        reduced::parts(it.area, it.scene).main
    } else {
        let main = it.parts().main;
        tabs::draw(it.buf, main, it.view, it.scene, own_log, it.placed);
        main
    };
    tabs::toast(it.buf, it.placed.said, it.scene);
    main
}

/// A small screen's facts, with the line below them.
pub(super) fn reduced(it: &mut Canvas<'_>) -> Rect {
    reduced::draw(it.buf, it.area, it.view, it.scene, &mut |_, _| {}, it.placed);
    let header = reduced::parts(it.area, it.scene).header;
    Rect { height: header.height + 1, ..header }
}

pub(super) fn tiny(it: &mut Canvas<'_>) -> Rect {
    tiny::draw(it.buf, it.area, it.view, it.scene, it.placed);
    it.area
}

pub(super) fn failure(it: &mut Canvas<'_>) -> Rect {
    if let Some(failure) = it.scene.failure() {
        failure::draw(it.buf, it.area, failure, it.scene);
    }
    it.area
}

pub(super) fn footer(it: &mut Canvas<'_>) -> Rect {
    let (_, place) = split_top(it.area, it.area.height - 1);
    let context = Context { view: it.view, model: it.scene.model, log: it.scene.log };
    footer::draw(it.buf, place, &context, it.scene.palette, it.placed);
    place
}

pub(super) fn help(it: &mut Canvas<'_>) -> Rect {
    let rest = it.rest();
    help::draw(it.buf, rest, it.view, it.scene, it.placed)
}

pub(super) fn quit(it: &mut Canvas<'_>) -> Rect {
    let rest = it.rest();
    quit::draw(it.buf, rest, it.view, it.scene, it.placed)
}

pub(super) fn stop(it: &mut Canvas<'_>) -> Rect {
    let rest = it.rest();
    confirm::draw(it.buf, rest, Order::Stop, it.view, it.scene, it.placed)
}

pub(super) fn restart(it: &mut Canvas<'_>) -> Rect {
    let rest = it.rest();
    confirm::draw(it.buf, rest, Order::Restart, it.view, it.scene, it.placed)
}

pub(super) fn components(it: &mut Canvas<'_>) -> Rect {
    let rest = it.rest();
    components::draw(it.buf, rest, it.view, it.scene, it.placed)
}

/// The line that is looked at.
pub(super) fn line(it: &mut Canvas<'_>) -> Rect {
    let rest = it.rest();
    let number = it.view.log.current().map_or(0, |row| row.first);
    line::draw(it.buf, rest, number, it.view, it.scene, it.placed)
}

/// The entry that is looked at.
pub(super) fn entry(it: &mut Canvas<'_>) -> Rect {
    let rest = it.rest();
    let rows = &it.scene.model.timeline;
    let id = rows.get(it.view.timeline.chosen(rows)).map_or(0, |row| row.id);
    entry::draw(it.buf, rest, id, it.view, it.scene, it.placed)
}
