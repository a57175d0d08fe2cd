//! Namespaces, retention and search attributes of a project, on the real server.

use crate::support::rig::Rig;
use serde_json::Value;
use std::sync::Mutex;
use std::time::Duration;
use stigmer::temporal::health::Client;
use stigmer::temporal::provision::{AttributeType, NamespaceChange, NamespaceSpec, ProvisionError};

const DAY: Duration = Duration::from_secs(24 * 3600);

fn spec(days: u32, attributes: &[(&str, AttributeType)]) -> NamespaceSpec {
    NamespaceSpec {
        names: vec!["default".to_owned(), "orders".to_owned()],
        retention: Some(DAY * days),
        search_attributes: attributes.iter().map(|(name, it)| ((*name).to_owned(), *it)).collect(),
    }
}

/// Makes the namespaces as the specification says. Returns the changes and the errors.
fn provision(
    rig: &Rig,
    spec: &NamespaceSpec,
) -> (Vec<(String, NamespaceChange)>, Vec<ProvisionError>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let changes = Mutex::new(Vec::new());
    let note = |name: &str, change: NamespaceChange| {
        changes.lock().unwrap().push((name.to_owned(), change));
    };
    let done = runtime.block_on(async {
        let client = Client::new(&rig.address(), Duration::from_secs(10)).unwrap();
        client.provision(spec, Duration::from_secs(30), note).await
    });
    (changes.into_inner().unwrap(), done.err().unwrap_or_default())
}

fn cli(rig: &Rig, words: &[&str]) -> Value {
    serde_json::from_str(&rig.cli(&[words, &["-o", "json"]].concat()).exits(0).stdout).unwrap()
}

fn retention(rig: &Rig, namespace: &str) -> String {
    let shown = cli(rig, &["operator", "namespace", "describe", "-n", namespace]);
    shown["config"]["workflowExecutionRetentionTtl"].as_str().unwrap().to_owned()
}

#[test]
fn namespaces_of_an_existing_database_get_what_the_project_says_once() {
    use AttributeType::{Double, Keyword, Text};
    let rig = Rig::new();
    rig.start();
    rig.run(&["restart"]).exits(0);
    let attributes = [("CustomerId", Keyword), ("Amount", Double)];
    let changed = |name: &str, change| (name.to_owned(), change);
    let added = |names: &[&str]| {
        NamespaceChange::Attributes(names.iter().map(|it| (*it).to_owned()).collect())
    };

    let (changes, errors) = provision(&rig, &spec(30, &attributes));
    assert_eq!(errors, []);
    assert_eq!(
        changes,
        [
            changed("default", NamespaceChange::Retention(DAY * 30)),
            changed("default", added(&["Amount", "CustomerId"])),
            changed("orders", NamespaceChange::Registered),
            changed("orders", added(&["Amount", "CustomerId"])),
        ]
    );
    for namespace in ["default", "orders"] {
        assert_eq!(retention(&rig, namespace), "2592000s");
        let search = cli(&rig, &["operator", "search-attribute", "list", "-n", namespace]);
        assert_eq!(search["customAttributes"]["Amount"], "INDEXED_VALUE_TYPE_DOUBLE");
    }
    assert_eq!(provision(&rig, &spec(30, &attributes)), (vec![], vec![]), "twice in a row");
    rig.run(&["restart"]).exits(0);
    assert_eq!(provision(&rig, &spec(30, &attributes)), (vec![], vec![]), "after a restart");

    // An error does not prevent the other changes.
    let (changes, errors) = provision(&rig, &spec(2, &[("Amount", Keyword), ("Note", Text)]));
    assert_eq!(
        changes,
        [
            changed("default", NamespaceChange::Retention(DAY * 2)),
            changed("default", added(&["Note"])),
            changed("orders", NamespaceChange::Retention(DAY * 2)),
            changed("orders", added(&["Note"])),
        ]
    );
    assert_eq!(errors.len(), 2, "{errors:?}");
    let error = errors[1].to_string();
    for part in ["`Amount`", "orders", "the type Double, not Keyword", "--name Amount"] {
        assert!(error.contains(part), "{error}");
    }
    assert_eq!(retention(&rig, "orders"), "172800s");
}

#[test]
fn refused_change_and_silent_server_are_errors() {
    let rig = Rig::new();
    rig.start();
    let reserved = spec(1, &[("WorkflowId", AttributeType::Keyword)]);
    let (_, errors) = provision(&rig, &reserved);
    assert_eq!(errors.len(), 2, "{errors:?}");
    assert!(errors[0].to_string().contains("reserved"), "{}", errors[0]);
    let names = vec!["other".to_owned()];
    let too_short =
        NamespaceSpec { names, retention: Some(Duration::from_secs(60)), ..spec(1, &[]) };
    let (_, errors) = provision(&rig, &too_short);
    assert!(errors[0].to_string().contains("cannot register the namespace other"), "{errors:?}");
    rig.stop();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let done = runtime.block_on(async {
        let client = Client::new(&rig.address(), Duration::from_secs(1)).unwrap();
        client.provision(&spec(1, &[]), Duration::from_millis(200), |_, _| ()).await
    });
    let errors = done.unwrap_err();
    assert!(errors[0].to_string().contains("refused"), "{errors:?}");
}
