//! What makes a password acceptable: its length, and that it is not among the first to be guessed. Those are
//! well-known passwords, words, dates and patterns strung together, and what is known of the user and of this
//! application.

use secrecy::SecretString;

use super::{
    hash::Passwords,
    opaque::{self, Password},
};
use crate::{email::Email, error::PasswordProblem};

/// The longest password, in characters. Longer ones are refused, never cut.
pub const MAX_CHARS: usize = 256;
/// The lowest minimum length that a configuration may set.
pub const MIN_LENGTH_FLOOR: usize = 8;

/// A password must take more guesses than three of the most common words in a row, as a power of ten. Each guess
/// costs as much as our hash.
const LEAST_GUESSES_LOG10: f64 = 8.1;
/// The most characters that are examined: more than this without a pattern is enough.
const LOOKED_AT: usize = 64;

/// Words that this application suggests by itself, in addition to its address.
const CONTEXT: [&str; 4] = [wire::NAME, "startaxumauth", "leptos", "axum"];

/// What is known of the user whose password it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Person<'a> {
    /// The user's address.
    pub email: Option<&'a Email>,
    /// The user's name.
    pub name: Option<&'a str>,
}

impl Passwords {
    /// The smallest accepted number of characters.
    pub fn min_length(&self) -> usize {
        self.0.min_length
    }

    /// Accepts a new password or refuses it. There are no composition rules: only length and resistance to guessing
    /// count.
    ///
    /// # Errors
    /// A [`PasswordProblem`].
    pub(crate) fn accept(
        &self,
        typed: &SecretString,
        person: &Person<'_>,
    ) -> Result<Password, PasswordProblem> {
        let password = Password::new(typed)?;
        let text = password.as_str();
        let length = text.chars().count();
        if length > MAX_CHARS {
            return Err(PasswordProblem::TooLong);
        }
        if length < self.0.min_length {
            return Err(PasswordProblem::TooShort);
        }
        if is_guessable(text, person, &self.0.host) {
            return Err(PasswordProblem::TooCommon);
        }
        Ok(password)
    }
}

/// Whether a password is among the first to be tried. `host` is the application's host.
fn is_guessable(password: &str, person: &Person<'_>, host: &str) -> bool {
    let known = known_words(person, host);
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    let whole: String = password.to_lowercase().chars().take(LOOKED_AT).collect();
    // The words behind "!!pass-word2024": signs between and around them add no strength.
    let plain = alphanumeric(&whole);
    let stem = plain.trim_matches(|c: char| !c.is_alphabetic());
    let length = |text: &str| text.chars().count();
    let has_stem = length(stem) * 2 >= length(&plain);
    let mut texts = vec![&*whole, &*plain];
    texts.extend(has_stem.then_some(stem));
    // For most passwords the texts are equal, and guessing a long one takes milliseconds.
    texts.dedup();
    texts.into_iter().filter(|text| !text.is_empty()).any(|text| {
        // Text outside every list and pattern takes at least ten guesses a character, so its strength is its
        // length.
        let least = LEAST_GUESSES_LOG10.min(length(text) as f64 - 0.5);
        zxcvbn::zxcvbn(text, &known).guesses_log10() < least
    })
}

/// What an attacker knows without guessing, in lower case.
fn known_words(person: &Person<'_>, host: &str) -> Vec<String> {
    let name = opaque::normal(person.name.unwrap_or_default()).to_lowercase();
    let email = person.email.map_or("", Email::as_str);
    let wholes = [&*name, email, person.email.map_or("", Email::local_part), host];
    let parts = wholes
        .into_iter()
        .flat_map(|whole| whole.split(|c: char| !c.is_alphanumeric()))
        // A shorter part occurs in too many words.
        .filter(|part| part.chars().count() > 2)
        .map(str::to_owned);
    // Whole names may be short: two characters are a whole name in Chinese.
    let wholes = wholes
        .into_iter()
        .flat_map(|whole| [whole.to_owned(), alphanumeric(whole)])
        .filter(|whole| whole.chars().count() > 1);
    parts.chain(wholes).chain(CONTEXT.map(str::to_owned)).collect()
}

fn alphanumeric(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::AddressLimits;

    fn is_refused(password: &str, person: &Person<'_>) -> bool {
        is_guessable(password, person, "notes.example")
    }

    #[test]
    fn the_usual_guesses_are_refused() {
        let ada: Email = "adalovelace@example.com".parse().unwrap();
        // Repeated until it is long enough.
        let name = wire::NAME.repeat(15_usize.div_ceil(wire::NAME.len()));
        for bad in [
            "password",
            "Password",
            "PASSWORDPASSWORD",
            "PasswordPassword1!",
            "password123456789",
            "password1password2",
            "!!Password2024!!",
            "P@ssw0rdP@ssw0rd1",
            "thisismypassword",
            "Summer2024Summer2024",
            "iloveyouiloveyou1",
            "i love you so much 123",
            "monkey123456789",
            "letmein12345678",
            "admin1234567890",
            "aaaaaaaaaaaaaaa",
            "aaaaaaaaaaaaaaa1",
            "abcabcabcabcabc",
            "1234512345123451",
            "111222333444555",
            "000000000000001",
            "123456789012345",
            "123456789012345a",
            "987654321098765",
            "qwertyuiopasdfg",
            "qwertyuiopasdfghjkl1",
            "1q2w3e4r5t6y7u8i9o0p",
            "abcdefghijklmnop",
            "abcdefghijklmno1",
            &name,
            &format!("{name}1"),
            &format!("{name}-{name}"),
            "notes.example 2026",
            "adalovelace@example.com",
            "AdaLovelace12345",
            "adalovelaceadalovelace",
        ] {
            let person = Person {
                email: Some(&ada),
                name: None,
            };
            assert!(is_refused(bad, &person), "{bad}");
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
            assert!(is_refused(bad, &person("Ada Lovelace")), "{bad}");
        }
        assert!(is_refused("Ren\u{e9}e 1998 2001", &person("Rene\u{301}e")));
        assert!(is_refused(
            "\u{674e}\u{660e}-\u{674e}\u{660e} 2001",
            &person("\u{674e} \u{660e}")
        ));
        for good in [
            "Ada Lovelace wrote programs",
            "a canal in Panama, adamant",
            "correct horse battery staple",
            "93847 102938 475610",
        ] {
            assert!(!is_refused(good, &person("Ada Lovelace")), "{good}");
        }
        // A name must not affect passwords that do not contain it.
        assert!(!is_refused("q7#fK2!mZp9@wL4", &person("J\u{f6}")));
        assert!(!is_refused("seven quiet rivers", &person("")));
    }

    #[test]
    fn length_without_pattern_is_fine() {
        for good in [
            "correct horse battery staple",
            "correcthorsebattery",
            "tr\u{f6}ten im n\u{e4}chsten Mai",
            "q7#fK2!mZp9@wL4",
            "dz3 kq9 vb7 xw1",
            "my password is a river",
            "\u{1f511}\u{1f40e}\u{1f50b}\u{1f4ce}\u{1f30b}\u{1f9ed}\u{1faa8}\u{1f995}",
            "93847 102938 the 475610",
            // Short, for a policy that allows it.
            "xk4 9!pq",
            "dragon monkey shadow master",
        ] {
            assert!(!is_refused(good, &Person::default()), "{good}");
        }
    }

    #[test]
    fn lengths_are_judged_at_their_boundaries() {
        let passwords = Passwords::new(15, "app.example", AddressLimits::default());
        let accept = |text: &str| passwords.accept(&text.into(), &Person::default()).map(drop);
        assert_eq!(accept("dz3 kq9 vb7 xw"), Err(PasswordProblem::TooShort));
        assert_eq!(accept("dz3 kq9 vb7 xw1"), Ok(()));
        let emoji = ["\u{1f511}", "\u{1f40e}", "\u{1f50b}", "\u{1f4ce}"].concat();
        assert_eq!(accept(&emoji.repeat(3)), Err(PasswordProblem::TooShort));
        let varied: String = (0u32..256)
            .map(|i| char::from(b'!' + (i * 7 % 90) as u8))
            .collect();
        assert_eq!(accept(&varied), Ok(()));
        assert_eq!(accept(&format!("{varied}x")), Err(PasswordProblem::TooLong));
        assert_eq!(accept("dz3 kq9\0vb7 xw1"), Err(PasswordProblem::Control));
        // Counted in the form, not as typed: fourteen characters of fifteen, 256 of 257.
        assert_eq!(accept("dz3 kq9 vb7 xe\u{301}"), Err(PasswordProblem::TooShort));
        assert_eq!(accept(&format!("{}e\u{301}", &varied[..255])), Ok(()));
    }
}
