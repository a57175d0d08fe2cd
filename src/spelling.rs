//! Finds the name that the user probably meant.

/// Maximum number of characters that are inserted, deleted or replaced, and of swapped pairs. A greater difference is
/// seldom a typing error: `billing-tasks` and `shipping-tasks` are two queues.
const EDITS: usize = 2;

/// Returns the name that is most similar to `typed`. Ignores case, and the difference between `-`
/// and `_`. `None` if all names differ so much that a typing error is unlikely.
pub(crate) fn nearest<'n>(
    typed: &str,
    names: impl IntoIterator<Item = &'n str>,
) -> Option<&'n str> {
    // A longer text is no name, and the distance takes quadratic time.
    let plain = |text: &str| text.chars().take(100).collect::<String>().to_lowercase();
    let plain = |text: &str| plain(text).replace('_', "-");
    let typed = plain(typed);
    let is_near = |name: &str, edits| {
        let longer = typed.chars().count().max(name.chars().count());
        edits <= EDITS.min(longer / 3)
    };
    let edits = names.into_iter().map(|it| (strsim::osa_distance(&typed, &plain(it)), it));
    let (count, name) = edits.min()?;
    is_near(name, count).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_errors_lead_to_the_name() {
        let names = ["port", "ui-port", "task-queues"];
        for (typed, meant) in [
            ("prot", Some("port")),
            ("PORT", Some("port")),
            ("ui_port", Some("ui-port")),
            ("task-queue", Some("task-queues")),
            ("banana", None),
            ("abcui-port", None),
            ("", None),
        ] {
            assert_eq!(nearest(typed, names), meant, "{typed}");
        }
    }
}
