use super::super::message::TypeName;
use super::super::message::failure::{
    ActivityFailureInfo, ApplicationFailureInfo, ChildFailureInfo, TimeoutFailureInfo,
};
use super::*;

fn application(type_name: &str, message: &str) -> FailureInfo {
    let application = ApplicationFailureInfo { type_name: type_name.into(), non_retryable: false };
    FailureInfo {
        message: message.into(),
        application: Some(application),
        ..FailureInfo::default()
    }
}

#[allow(clippy::needless_pass_by_value, reason = "chains are readable without references")]
fn caused(outer: FailureInfo, cause: FailureInfo) -> FailureInfo {
    FailureInfo { cause: cause.encode_to_vec().into(), ..outer }
}

fn activity_task_failed() -> FailureInfo {
    let activity = ActivityFailureInfo {
        activity_type: Some(TypeName { name: "ship".into() }),
        ..ActivityFailureInfo::default()
    };
    let message = "Activity task failed".into();
    FailureInfo { message, activity: Some(activity), ..FailureInfo::default() }
}

fn root(info: &FailureInfo) -> String {
    RootCause::of(info).text
}

#[test]
fn root_is_the_innermost_failure_with_its_type() {
    let chain = caused(
        activity_task_failed(),
        caused(
            application("ShippingError", "cannot ship"),
            caused(
                application("ConnectionError", "bank"),
                application("KeyError", "'missing-sku'"),
            ),
        ),
    );
    assert_eq!(root(&chain), "KeyError: 'missing-sku'");
}

#[test]
fn wrapper_without_a_cause_is_its_own_root() {
    assert_eq!(root(&activity_task_failed()), "Activity task failed");
}

#[test]
fn failure_of_a_child_is_recognized() {
    let child = FailureInfo { child: Some(ChildFailureInfo::default()), ..FailureInfo::default() };
    assert!(RootCause::of(&caused(child, application("E", "x"))).is_of_child);
    assert!(!RootCause::of(&caused(activity_task_failed(), application("E", "x"))).is_of_child);
}

#[test]
fn timeout_names_its_type() {
    let timeout = |message: &str| FailureInfo {
        message: message.into(),
        timeout: Some(TimeoutFailureInfo { timeout_type: 1 }),
        ..FailureInfo::default()
    };
    let chain = |message| root(&caused(activity_task_failed(), timeout(message)));
    assert_eq!(chain("activity StartToClose timeout"), "activity StartToClose timeout");
    assert_eq!(chain(""), "StartToClose timeout");
}

/// An error as the TypeScript SDK sends it if the error is no `ApplicationFailure`.
fn plain(stack: &str, message: &str) -> FailureInfo {
    FailureInfo { message: message.into(), stack_trace: stack.into(), ..FailureInfo::default() }
}

#[test]
fn error_of_typescript_has_its_type_in_the_stack() {
    // Node adds such lines to an error that leaves the sandbox of workflows.
    let position = "/app/workflow-bundle-5a.js:6627\n            throw this.workflowTaskError;\n            ^\n\n";
    let cases = [
        (
            "InventoryError: no stock\n    at reserve (a.ts:1:1)",
            "no stock",
            "InventoryError: no stock",
        ),
        ("RangeError: one\ntwo\n    at ship (a.js:1:1)", "one\ntwo", "RangeError: one"),
        ("Error: \n a\n    at ship (a.js:1:1)", "\n a", "Error: a"),
        (
            &format!("{position}TypeError: no order\n    at Bug (a.js:1:1)"),
            "no order",
            "TypeError: no order",
        ),
        (&format!("{position}Error\n    at Bug (a.js:1:1)"), "", "Error"),
        (
            "TypeError [ERR_INVALID_ARG_TYPE]: The \"path\" argument\n    at join (node:path:1:1)",
            "The \"path\" argument",
            "TypeError [ERR_INVALID_ARG_TYPE]: The \"path\" argument",
        ),
        (
            "AggregateError [ECONNREFUSED]: \n    at connect (node:net:1:1)",
            "",
            "AggregateError [ECONNREFUSED]",
        ),
        ("Error\n    at ship (a.js:1:1)", "", "Error"),
        // No line has the type.
        ("   at reserve (a.ts:1:1)", "no stock", "no stock"),
        ("a b: no stock", "no stock", "no stock"),
        ("a [b: no stock", "no stock", "no stock"),
        (": no stock", "no stock", "no stock"),
        ("no stock", "no stock", "no stock"),
        ("    at f (a.js:1:1)\nError: no stock", "no stock", "no stock"),
        ("", "", ""),
    ];
    for (stack, message, expected) in cases {
        assert_eq!(root(&plain(stack, message)), expected, "{stack:?} {message:?}");
    }
}

#[test]
fn failure_without_text_is_not_the_root() {
    let chain = caused(application("Error", "cannot reach the bank"), plain("", ""));
    assert_eq!(root(&chain), "Error: cannot reach the bank");
    let chain = caused(activity_task_failed(), plain("", ""));
    assert_eq!(root(&chain), "Activity task failed");
    assert_eq!(root(&plain("", "")), "");
}

#[test]
fn first_line_with_text_is_the_message() {
    let cases = [
        (application("E", "\n  \n  one \n two"), "E: one"),
        (application("E", ""), "E"),
        (application("", "text"), "text"),
        (application("", ""), ""),
        (application("ValueError", "ValueError: bad"), "ValueError: bad"),
        (application("E", "Ex: bad"), "E: Ex: bad"),
    ];
    for (info, expected) in cases {
        assert_eq!(root(&info), expected, "{info:?}");
    }
}

#[test]
fn text_of_users_cannot_move_the_cursor_and_is_bounded() {
    let hostile = application("\u{1b}[2JE", "bad\u{1b}[31m\u{7}text");
    assert!(!root(&hostile).contains('\u{1b}'));
    let long = root(&application("E", &"ä".repeat(100_000)));
    assert!(long.chars().count() <= 401, "{}", long.len());
}

#[test]
fn deep_chain_has_its_outer_failures_and_its_root() {
    let mut deep = application("E", "root");
    for depth in (0..10_000).rev() {
        deep = caused(application("E", &depth.to_string()), deep);
    }
    assert_eq!(root(&deep), "E: root");
    let chain = FailureLink::chain(&deep);
    let texts: Vec<&str> = chain.iter().map(|link| link.text.as_str()).collect();
    assert_eq!((texts.len(), texts[0], texts[30], texts[31]), (LINKS, "E: 0", "E: 30", "E: root"));
}

#[test]
fn chain_ends_at_an_invalid_cause() {
    let invalid = FailureInfo { cause: vec![0xff; 9].into(), ..application("E", "text") };
    assert_eq!(FailureLink::chain(&invalid).len(), 1);
    assert_eq!(root(&invalid), "E: text");
}

#[test]
fn encoded_message_is_described_as_encoded() {
    let info = FailureInfo {
        message: "Encoded failure".into(),
        encoded_attributes: Some(super::super::message::Payload::default()),
        ..application("", "")
    };
    assert_eq!(root(&info), "a codec of the user has encrypted the failure message");
}
