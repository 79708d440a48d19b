//! Passwords that are guessed first: well-known ones, plain patterns, and what is known of the person.

use std::{collections::HashSet, sync::LazyLock};

use crate::{email::Email, opaque};

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

/// What is left of a password beside the person's own words must be longer than this.
const OWN: usize = 4;
/// A shorter part of a name or an address is part of many words.
const PART: usize = 3;

/// What is known of the person whose password it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Person<'a> {
    /// The address.
    pub email: Option<&'a Email>,
    /// The name.
    pub name: Option<&'a str>,
}

impl Person<'_> {
    /// Whether a folded password is hardly more than the person's own words, in whatever order, with digits
    /// and signs between them.
    fn is_all_of(&self, folded: &str) -> bool {
        let letters = |text: &str| -> String { text.chars().filter(|c| c.is_alphanumeric()).collect() };
        let name = opaque::normal(self.name.unwrap_or_default()).to_lowercase();
        let local_part = self.email.map_or("", Email::local_part);
        let mut words: Vec<String> = [name.as_str(), local_part]
            .into_iter()
            .flat_map(|text| text.split(|c: char| !c.is_alphanumeric()))
            .filter(|part| part.chars().count() >= PART)
            .map(str::to_owned)
            // Whole names may be short: two characters are one in Chinese.
            .chain(
                [letters(&name), letters(local_part)]
                    .into_iter()
                    .filter(|whole| whole.chars().count() > 1),
            )
            .collect();
        words.sort_by_key(|word| std::cmp::Reverse(word.len()));
        let mut rest = letters(folded);
        let before = rest.len();
        for word in &words {
            rest = rest.replace(word.as_str(), " ");
        }
        let others = rest.chars().filter(|c| c.is_alphabetic()).count();
        rest.len() < before && others < OWN
    }
}

/// Whether a password is among the first to be tried.
pub(crate) fn guessable(password: &str, person: &Person<'_>) -> bool {
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
        || person.email.is_some_and(|email| {
            let own = [email.as_str(), email.local_part()];
            own.contains(&folded.as_str()) || own.contains(&stem) || own.contains(&unit)
        })
        || person.is_all_of(&folded)
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
            let person = Person {
                email: Some(&ada),
                name: None,
            };
            assert!(guessable(bad, &person), "{bad}");
        }
    }

    #[test]
    fn what_is_made_of_the_persons_name_is_refused() {
        let ada: Email = "countess@example.com".parse().unwrap();
        let person = |name| Person {
            email: Some(&ada),
            name: Some(name),
        };
        for bad in [
            "Ada Lovelace",
            "AdaLovelace1815",
            "lovelace-lovelace-ada!",
            "1815.Lovelace.12.10",
            "Lovelace, Countess",
            "my Ada Lovelace",
        ] {
            assert!(guessable(bad, &person("Ada Lovelace")), "{bad}");
        }
        assert!(guessable("Ren\u{e9}e 1998 2001", &person("Rene\u{301}e")));
        assert!(guessable(
            "\u{674e}\u{660e}-\u{674e}\u{660e} 2001",
            &person("\u{674e} \u{660e}")
        ));
        for good in [
            "Ada Lovelace wrote programs",
            "a canal in Panama, adamant",
            "correct horse battery staple",
            "93847 102938 475610",
        ] {
            assert!(!guessable(good, &person("Ada Lovelace")), "{good}");
        }
        // A name says nothing about what it is not in.
        assert!(!guessable("q7#fK2!mZp9@wL4", &person("J\u{f6}")));
        assert!(!guessable("seven quiet rivers", &person("")));
    }

    #[test]
    fn length_without_pattern_is_fine() {
        for good in [
            "correct horse battery staple",
            "tr\u{f6}ten im n\u{e4}chsten Mai",
            "q7#fK2!mZp9@wL4",
            "my password is a river",
        ] {
            assert!(!guessable(good, &Person::default()), "{good}");
        }
    }
}
