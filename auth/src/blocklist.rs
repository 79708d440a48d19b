//! Passwords that are guessed first: well-known ones, plain patterns, and what is known of the person.

use std::{collections::HashSet, sync::LazyLock};

use crate::email::Email;

/// The most used passwords of eight characters and more, in lower case, from public breach statistics.
static COMMON: LazyLock<HashSet<&str>> = LazyLock::new(|| include_str!("blocklist.txt").lines().collect());

/// Words this application suggests by itself. A fork puts its own name here.
const CONTEXT: [&str; 4] = ["start-axum-auth", "startaxumauth", "leptos", "axum"];

/// Rows of keys, forwards, that fingers walk.
const WALKS: [&str; 6] = [
    "01234567890123456789",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiopasdfghjklzxcvbnm",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm",
    "1q2w3e4r5t6y7u8i9o0p",
    "qazwsxedcrfvtgbyhnujm",
];

/// A pattern this short is found by trying, however often it is repeated.
const SHORT_UNIT: usize = 4;

/// Whether a password is among the first to be tried.
pub(crate) fn guessable(password: &str, email: Option<&Email>) -> bool {
    let folded = password.to_lowercase();
    // The word behind "!!password2024": what is left without digits and signs around it.
    let stem = folded.trim_matches(|c: char| !c.is_alphabetic());
    let unit = repeated_unit(&folded);
    let known = |text: &str| COMMON.contains(text) || CONTEXT.contains(&text);
    known(&folded)
        || known(stem)
        || known(unit)
        || (unit.len() < folded.len() && unit.chars().count() <= SHORT_UNIT)
        || is_walk(&folded)
        || email.is_some_and(|email| {
            let own = [email.as_str(), email.local_part()];
            own.contains(&folded.as_str()) || own.contains(&stem) || own.contains(&unit)
        })
}

/// The shortest text that, repeated (the last time perhaps in part), is the whole.
fn repeated_unit(text: &str) -> &str {
    text.char_indices()
        .skip(1)
        .map(|(end, _)| &text[..end])
        .find(|unit| unit.chars().cycle().zip(text.chars()).all(|(a, b)| a == b))
        .filter(|unit| unit.len() * 2 <= text.len())
        .unwrap_or(text)
}

/// Whether the text is one run along keys, digits or the alphabet, in either direction.
fn is_walk(text: &str) -> bool {
    let backwards: String = text.chars().rev().collect();
    WALKS
        .iter()
        .any(|walk| walk.contains(text) || walk.contains(&backwards))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_long_and_folded() {
        assert!(COMMON.len() >= 3000);
        assert!(
            COMMON
                .iter()
                .all(|word| word.len() >= 8 && word.to_lowercase() == **word)
        );
    }

    #[test]
    fn the_usual_guesses_are_refused() {
        let ada: Email = "adalovelace@example.com".parse().unwrap();
        for bad in [
            "password",
            "Password",
            "PASSWORDPASSWORD",
            "password123456789",
            "!!Password2024!!",
            "aaaaaaaaaaaaaaa",
            "abcabcabcabcabc",
            "123456789012345",
            "987654321098765",
            "qwertyuiopasdfg",
            "1q2w3e4r5t6y7u8i9o0p",
            "abcdefghijklmnop",
            "start-axum-auth",
            "start-axum-auth1",
            "adalovelace@example.com",
            "AdaLovelace12345",
            "adalovelaceadalovelace",
        ] {
            assert!(guessable(bad, Some(&ada)), "{bad}");
        }
    }

    #[test]
    fn length_without_pattern_is_fine() {
        for good in [
            "correct horse battery staple",
            "tr\u{f6}ten im n\u{e4}chsten Mai",
            "q7#fK2!mZp9@wL4",
            "my password is a river",
        ] {
            assert!(!guessable(good, None), "{good}");
        }
    }
}
