//! A provider's words in the log.

/// A provider's text, harmless for the log: short, in quotes, controls escaped.
pub(crate) fn excerpt(text: &str) -> String {
    format!("{:?}", text.chars().take(200).collect::<String>())
}
