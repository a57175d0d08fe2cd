//! Snapshots of pages and dialogs.

use insta::assert_snapshot;

use super::panels;
use super::stage::{FRAMED, READABLE, Stage, and, in_host, pictures, with};
use crate::app::view::{
    self, ActionKind, ActionMenu, Item, PaletteChoice, Source, Tab, View, WorkflowCursor,
};
use crate::demo::sample::{self, SampleLog, pages};
use crate::explorer::Move;
use crate::log::Level;
use crate::loss::{Storage, WorkflowCount, WorkflowTotals};
use crate::model::{Answer, Model, StateView};

#[test]
fn palette() {
    let stages = [
        Stage::new("on the overview", sample::with_problems()),
        Stage::new("on the logs", sample::ready()).acting(|view, _, _| view.tab = Tab::Logs),
        Stage::new("on stigmer's own log", sample::in_state(StateView::Stopped)).acting(
            |view, _, _| {
                (view.tab, view.source) = (Tab::Logs, Source::Stigmer);
            },
        ),
        Stage::new("on a page", sample::with_problems()).acting(|view, model, _| {
            view.workflow = WorkflowCursor::of(Item::Problem(4), model);
        }),
        Stage::new("at its end", sample::ready()).acting(|view, _, _| {
            view.palette.selected = Some(PaletteChoice::Sign("30 min"));
        }),
        Stage::new("filtered", sample::with_problems()).acting(|view, _, _| {
            view.palette.edit(|text| text.push_str("refund"));
        }),
        Stage::new("no match", sample::with_problems()).acting(|view, _, _| {
            view.palette.edit(|text| text.push_str("nothing like this"));
        }),
    ];
    assert_snapshot!(pictures(FRAMED, &stages, panels::palette));
}

/// Draws the quit dialog in the states in which quitting asks first.
#[test]
fn quit() {
    let asked = Stage::states().into_iter().filter(|it| view::quit_asks(&it.model)).collect();
    let stages = and(
        asked,
        [
            Stage::new("with workflows", in_host()),
            with("with workflows, in memory", in_host(), |it| it.storage = Storage::Memory),
            with("unknown number, in memory", in_host(), |it| {
                (it.count, it.storage) = (WorkflowCount::Unknown, Storage::Memory);
            }),
            with("with one workflow, no background", in_host(), |it| {
                it.count = WorkflowCount::Current(WorkflowTotals { running: 1, closed: 0 });
                it.can.background = false;
            }),
        ],
    );
    assert_snapshot!(pictures(READABLE, &stages, panels::quit));
}

#[test]
fn confirm() {
    let stages = [
        Stage::new("with a file", in_host()),
        with("in memory", in_host(), |it| it.storage = Storage::Memory),
        with("unknown number, in memory", in_host(), |it| {
            (it.count, it.storage) = (WorkflowCount::Unknown, Storage::Memory);
        }),
        with("many, in memory", in_host(), |it| {
            it.count =
                WorkflowCount::Current(WorkflowTotals { running: 12_345, closed: 1_234_567 });
            it.storage = Storage::Memory;
        }),
    ];
    assert_snapshot!("confirm-stop", pictures(READABLE, &stages, panels::stop));
    assert_snapshot!("confirm-restart", pictures(READABLE, &stages[..1], panels::restart));
}

#[test]
fn lists() {
    let mut many = SampleLog::temporal();
    for n in 0..40 {
        many.push("21:28:04.000", Level::Info, &format!("service-{n}"), "speaks", "");
    }
    many.push_raw("a line without a component");
    let stages = [
        Stage::new("four", sample::ready()).acting(|view, _, _| view.picked = 2),
        Stage {
            log: many,
            ..Stage::new("more than fit", sample::ready()).acting(|view, _, _| view.picked = 30)
        },
    ];
    assert_snapshot!("sources", pictures(READABLE, &stages, panels::sources));
    let types = [Stage::new("types", sample::with_problems())];
    assert_snapshot!("types", pictures(READABLE, &types, panels::types));
}

#[test]
fn line() {
    let mut log = SampleLog::temporal();
    log.push(
        "21:28:04.000",
        Level::Error,
        "frontend",
        "Operation failed with internal error.",
        "error=unable_to_open_the_database_file_at_a_path_that_is_rather_long_for_a_terminal trace=one␊two␊three empty=",
    );
    let mut raw = SampleLog::temporal();
    raw.push_raw("panic: runtime error: invalid memory address or nil pointer dereference [signal SIGSEGV: segmentation violation]");
    let stages = [
        Stage { log, ..Stage::new("an error", sample::ready()) },
        Stage { log: raw, ..Stage::new("not understood", sample::ready()) },
        Stage::new("at its end", sample::ready()).acting(|view, _, _| view.page.scroll(Move::Last)),
    ];
    assert_snapshot!(pictures(READABLE, &stages, panels::line));
}

#[test]
fn entry() {
    let stages = [
        Stage::new("a repair", sample::ready()),
        Stage::new("a hang", sample::ready())
            .acting(|view, _, _| view.timeline.go(Move::Down(1), &sample::ready().timeline)),
        Stage::new("a start", sample::ready())
            .acting(|view, _, _| view.timeline.go(Move::Last, &sample::ready().timeline)),
    ];
    assert_snapshot!(pictures(READABLE, &stages, panels::entry));
}

/// Prepares the actions on the problem at this position.
fn act(view: &mut View, model: &Model, at: usize, kind: ActionKind) {
    view.select(at, model);
    view.menu = ActionMenu { kind, ..ActionMenu::new(view.targets(model)) };
}

#[test]
fn actions() {
    let menus = [
        Stage::new("a stuck workflow", sample::with_problems())
            .acting(|view, model, _| act(view, model, 1, ActionKind::ResetLast)),
        Stage::new("two retries", sample::with_problems())
            .acting(|view, model, _| act(view, model, 4, ActionKind::Retry)),
        Stage::new("a failed workflow", sample::with_problems())
            .acting(|view, model, _| act(view, model, 5, ActionKind::Cancel)),
    ];
    assert_snapshot!("actions", pictures(FRAMED, &menus, panels::actions));

    let forms = [
        Stage::new("empty", sample::with_problems())
            .acting(|view, model, _| act(view, model, 1, ActionKind::Signal)),
        Stage::new("not JSON", sample::with_problems()).acting(|view, model, _| {
            act(view, model, 1, ActionKind::Update);
            view.menu.fields = ["set_address".into(), "{\"street\": ".into()];
            view.menu.field = 1;
        }),
        Stage::new("a point", sample::with_problems()).acting(|view, model, _| {
            act(view, model, 1, ActionKind::ResetTo);
            view.menu.fields[0] = "14".into();
        }),
    ];
    assert_snapshot!("action-form", pictures(FRAMED, &forms, panels::form));

    let questions = [
        Stage::new("one", sample::with_problems())
            .acting(|view, model, _| act(view, model, 1, ActionKind::Terminate)),
        Stage::new("several", sample::with_many_rows(40)).acting(|view, model, log| {
            view.tab = Tab::Workflows;
            view.update(model, log);
            view.menu = ActionMenu::new(view.filtered_targets(model));
            view.menu.number = "1".into();
        }),
    ];
    assert_snapshot!("action-question", pictures(FRAMED, &questions, panels::terminate));
}

#[test]
fn answer() {
    let stage = |name, text: &str, is_error| {
        let title = "basket-1 › query items".into();
        let answer = Answer { number: 1, title, text: text.into(), is_error };
        Stage::new(name, Model { answer: Some(answer), ..sample::with_problems() })
    };
    let refused = "InvalidArgument: Query handler for 'nothing' expected but not found, and there is no dynamic handler, known queries: [items_of]";
    let stages = [
        stage("a value", "{\n  \"items\": [\n    \"apple\"\n  ]\n}", false),
        stage("no value", "", false),
        stage("an error", refused, true),
    ];
    assert_snapshot!(pictures(FRAMED, &stages, panels::answer));
}

#[test]
fn marks() {
    let stages = [Stage::new("two marks", sample::with_problems()).acting(|view, model, _| {
        view.select(1, model);
        view.marks.toggle(Item::Problem(1), model);
        view.marks.toggle(Item::Problem(2), model);
    })];
    assert_snapshot!(pictures(FRAMED, &stages, panels::main));
}

#[test]
fn row() {
    let select = |name, act: fn(&mut View, &Model, &SampleLog)| {
        Stage::new(name, sample::with_problems()).acting(act)
    };
    let stages = [
        select("a stuck workflow", |view, model, _| view.select(1, model)),
        select("two retries", |view, model, _| view.select(4, model)),
        select("a worker", |view, model, _| {
            view.show(Tab::Workers, model);
            view.select(4, model);
        }),
        select("a workflow", |view, model, log| {
            view.tab = Tab::Workflows;
            view.update(model, log);
            view.go(Move::Last, model);
        }),
    ];
    assert_snapshot!(pictures(READABLE, &stages, panels::row));
}

#[test]
fn workflow() {
    let base = sample::with_problems;
    let open = |name: &str, model: Model, act: fn(&mut View, &Model, &SampleLog)| {
        Stage::new(name, model).acting(act)
    };
    /// Opens the page of a problem or a workflow.
    fn show(view: &mut View, model: &Model, workflow_id: &str) {
        let problems = model.problems.iter().flatten();
        let problem = problems.clone().position(|row| row.subject == workflow_id);
        let workflow = model.recent.iter().flatten();
        let workflow = workflow.clone().position(|row| row.workflow_id == workflow_id);
        let item = problem.map(Item::Problem).or(workflow.map(Item::Workflow)).unwrap();
        view.workflow = WorkflowCursor::of(item, model);
    }
    let stages = [
        open("retrying", base(), |view, model, _| show(view, model, "refund-0")),
        open("with workflow tasks, a row selected", base(), |view, model, _| {
            show(view, model, "refund-0");
            let cursor = view.workflow.as_mut().unwrap();
            cursor.tasks = true;
            cursor.go(Move::Last, model);
        }),
        open("a cause selected", base(), |view, model, _| {
            show(view, model, "refund-0");
            view.workflow.as_mut().unwrap().go(Move::First, model);
        }),
        open("details of a cause", base(), |view, model, _| {
            show(view, model, "refund-0");
            let cursor = view.workflow.as_mut().unwrap();
            cursor.go(Move::First, model);
            cursor.is_open = true;
        }),
        open("details of a row", base(), |view, model, _| {
            show(view, model, "refund-0");
            let cursor = view.workflow.as_mut().unwrap();
            cursor.go(Move::Last, model);
            cursor.is_open = true;
        }),
        open("stuck", pages::stuck(base()), |view, model, _| show(view, model, "unknown-14")),
        open("failed", pages::failed(base()), |view, model, _| show(view, model, "shipment-7")),
        open("running", pages::running(base()), |view, model, _| show(view, model, "approval-9")),
        open("encrypted", pages::encrypted(base()), |view, model, _| {
            show(view, model, "checkout-0312");
        }),
        open("loading", Model { page: None, ..base() }, |view, model, _| {
            show(view, model, "refund-0");
        }),
        open("missing", pages::missing(base()), |view, model, _| show(view, model, "refund-0")),
        open("unreadable", pages::unreadable(base(), false), |view, model, _| {
            show(view, model, "refund-0");
        }),
        open("not refreshed", pages::unreadable(base(), true), |view, model, _| {
            show(view, model, "refund-0");
        }),
        open("long", pages::long(base(), 60_000), |view, model, _| show(view, model, "refund-0")),
    ];
    assert_snapshot!(pictures(FRAMED, &stages, panels::workflow));
}
