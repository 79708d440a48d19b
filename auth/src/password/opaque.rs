//! The one form in which passwords are counted and compared: OpaqueString (RFC 8265 §4.2).
//!
//! A keyboard decides whether `é` is one character or two, and which of Unicode's spaces a space bar types; the
//! person sees no difference. So every space becomes the ordinary one, and the rest is composed (NFC). Case and
//! width stay.
//!
//! The rules come from ICU's tables, which `idna` depends on anyway. `precis-profiles` knows Unicode as of version
//! 6.3 and treats every newer emoji as unassigned. One part of the FreeformClass (RFC 8264 §4.3) is left out on
//! purpose: the rules about context protect identifiers from look-alikes, and would refuse a middle dot outside
//! Catalan and the joiners that emoji and several scripts need. A password is never displayed.

use icu_normalizer::ComposingNormalizerBorrowed;
use icu_properties::{
    CodePointSetData,
    props::{DefaultIgnorableCodePoint, EnumeratedProperty, GeneralCategory},
};
use secrecy::{ExposeSecret, SecretString};

use crate::error::PasswordProblem;

/// The longest password, in bytes.
pub(crate) const MAX_BYTES: usize = 1024;

/// A password in that form. Its Debug shows nothing.
#[derive(Clone, Debug)]
pub struct Password(SecretString);

impl Password {
    /// Converts what was typed to the form.
    ///
    /// # Errors
    /// [`PasswordProblem::TooLong`]; [`PasswordProblem::Control`] for characters that cannot be typed again
    /// reliably.
    pub fn new(typed: &SecretString) -> Result<Self, PasswordProblem> {
        let typed = typed.expose_secret();
        // Bytes first: the check is cheap and bounds everything after it.
        if typed.len() > MAX_BYTES {
            return Err(PasswordProblem::TooLong);
        }
        let text = normal(typed);
        if text.chars().all(is_allowed) {
            Ok(Self(text.into()))
        } else {
            Err(PasswordProblem::Control)
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        self.0.expose_secret()
    }

    pub(crate) fn into_secret(self) -> SecretString {
        self.0
    }
}

/// A text in the form, whatever it contains.
pub(crate) fn normal(text: &str) -> String {
    let is_space = |c| GeneralCategory::for_char(c) == GeneralCategory::SpaceSeparator;
    let spaced = text.chars().map(|c| if is_space(c) { ' ' } else { c });
    let mut normal = String::with_capacity(text.len());
    normal.extend(ComposingNormalizerBorrowed::new_nfc().normalize_iter(spaced));
    normal
}

/// Whether a character is invisible according to Unicode.
pub(crate) fn is_invisible(c: char) -> bool {
    CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
}

/// Whether a character may be in a text that people type and others read: it has a meaning, and it is visible or
/// affects how another one is displayed.
pub(crate) fn is_allowed(c: char) -> bool {
    use GeneralCategory as G;
    match GeneralCategory::for_char(c) {
        // A character that is not assigned yet may compose differently once it is.
        G::Control | G::Unassigned | G::PrivateUse | G::Surrogate => false,
        G::LineSeparator | G::ParagraphSeparator => false,
        // ZWNJ, ZWJ, and the tags that flags are made of.
        G::Format => matches!(c, '\u{200c}' | '\u{200d}' | '\u{e0020}'..='\u{e007f}'),
        // The variation selectors, which mark an emoji as one.
        _ => !is_invisible(c) || matches!(c, '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(text: &str) -> Option<String> {
        let password = Password::new(&text.into()).ok()?;
        Some(password.as_str().to_owned())
    }

    #[test]
    fn composed_and_decomposed_are_one_and_so_are_all_spaces() {
        let composed = "cr\u{e8}me br\u{fb}l\u{e9}e \u{d55c}\u{ae00}";
        let decomposed = "cre\u{300}me bru\u{302}le\u{301}e \u{1112}\u{1161}\u{11ab}\u{1100}\u{1173}\u{11af}";
        assert_eq!(form(composed).as_deref(), Some(composed));
        assert_eq!(form(decomposed).as_deref(), Some(composed));
        // Composition exclusions and singletons.
        assert_eq!(form("\u{958}").as_deref(), Some("\u{915}\u{93c}"));
        assert_eq!(form("\u{212b}").as_deref(), Some("\u{c5}"));
        for space in [
            '\u{a0}', '\u{1680}', '\u{2003}', '\u{202f}', '\u{205f}', '\u{3000}',
        ] {
            assert_eq!(
                form(&format!(" a{space}b ")).as_deref(),
                Some(" a b "),
                "{space:?}"
            );
        }
    }

    #[test]
    fn case_width_and_compatibility_stay() {
        for kept in [
            "\u{ff41}\u{ff42}",
            "Aa\u{df}\u{130}\u{131}",
            "\u{fb01}\u{2460}\u{b2}",
            "  a  ",
        ] {
            assert_eq!(form(kept).as_deref(), Some(kept));
        }
    }

    #[test]
    fn emoji_and_every_script_are_welcome() {
        for fine in [
            "\u{1f469}\u{200d}\u{1f469}\u{200d}\u{1f467} \u{2764}\u{fe0f} #\u{fe0f}\u{20e3}",
            "\u{1f3f4}\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
            // Newer than Unicode 6.3.
            "\u{1fae0}\u{1f9ff}\u{20bf}",
            "\u{645}\u{6cc}\u{200c}\u{62e}\u{648}\u{627}\u{647}\u{645}",
            "\u{915}\u{94d}\u{200d}\u{937}",
            "foo\u{b7}bar \u{30fb} \u{660}\u{6f0}",
        ] {
            assert_eq!(form(fine).as_deref(), Some(fine));
        }
    }

    #[test]
    fn what_cannot_be_typed_again_is_refused() {
        for bad in [
            "a\0b",
            "a\nb",
            "a\tb",
            "a\u{7f}b",
            "a\u{85}b",
            "a\u{200b}b",
            "a\u{feff}b",
            "a\u{ad}b",
            "a\u{2060}b",
            "a\u{202e}b",
            "a\u{2028}b",
            "a\u{2029}b",
            "a\u{e000}b",
            "a\u{fdd0}b",
            "a\u{ffff}b",
            "a\u{378}b",
            "a\u{3164}b",
            "a\u{34f}b",
            "a\u{e0001}b",
        ] {
            assert_eq!(
                Password::new(&bad.into()).unwrap_err(),
                PasswordProblem::Control,
                "{bad:?}"
            );
        }
    }

    #[test]
    fn bytes_are_counted_before_anything_is_composed() {
        let long = "e\u{301}".repeat(342);
        assert_eq!(long.len(), MAX_BYTES + 2);
        assert_eq!(Password::new(&long.into()).unwrap_err(), PasswordProblem::TooLong);
    }
}
