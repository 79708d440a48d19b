//! What a provider sends a browser back with, read strictly: anything ambiguous is an error.

use url::form_urlencoded;

/// The longest value of a parameter.
const MAX_VALUE: usize = 8 * 1024;
/// The longest query we send a form's callback on with.
const MAX_QUERY: usize = 7 * 1024;
/// How many states are looked at, where there should be one, and how long: ours have 43 characters.
const MAX_STATES: usize = 4;
const MAX_STATE: usize = 256;

/// The parameters of a callback (RFC 6749 §4.1.2, RFC 9207).
#[cfg_attr(test, derive(Debug))]
#[derive(PartialEq, Eq)]
pub(crate) struct Callback {
    /// The state; more than one if the callback is malformed. All of them are used up.
    pub(crate) states: Vec<String>,
    pub(crate) outcome: Result<Outcome, &'static str>,
}

/// A well-formed callback.
#[cfg_attr(test, derive(Debug))]
#[derive(PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) answer: Answer,
    /// The issuer that responds.
    pub(crate) iss: Option<String>,
    /// A form field with the name.
    pub(crate) user: Option<String>,
}

/// Yes or no.
#[cfg_attr(test, derive(Debug))]
#[derive(PartialEq, Eq)]
pub(crate) enum Answer {
    Code(String),
    /// An error's code, in the provider's words.
    Error(String),
}

impl Callback {
    /// Reads a query, or a form's body.
    pub(crate) fn parse(query: &str) -> Self {
        let mut names: Vec<String> = Vec::new();
        let mut states = Vec::new();
        let (mut code, mut error, mut iss, mut user) = (None, None, None, None);
        let mut wrong = None;
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (Some(name), Some(value)) = (decode(name), decode(value)) else {
                wrong = Some("a parameter cannot be decoded");
                continue;
            };
            if value.len() > MAX_VALUE {
                wrong = Some("a parameter is too long");
                continue;
            }
            // A parameter without a value counts as left out (RFC 6749 §3.1).
            if value.is_empty() {
                continue;
            }
            if names.contains(&name) {
                wrong = Some("a parameter occurs twice");
            }
            match name.as_str() {
                "state" if states.len() < MAX_STATES && value.len() <= MAX_STATE => states.push(value),
                "code" => code = Some(value),
                "error" => error = Some(value),
                "iss" => iss = Some(value),
                "user" => user = Some(value),
                _ => {}
            }
            names.push(name);
        }
        let answer = match (code, error) {
            (Some(code), None) => Ok(Answer::Code(code)),
            (None, Some(error)) => Ok(Answer::Error(error)),
            (Some(_), Some(_)) => Err("it has both a code and an error"),
            (None, None) => Err("it has neither a code nor an error"),
        };
        let outcome = match (wrong, states.is_empty()) {
            (Some(wrong), _) => Err(wrong),
            (None, true) => Err("it has no state"),
            (None, false) => answer.map(|answer| Outcome { answer, iss, user }),
        };
        Self { states, outcome }
    }

    /// The query that means the same in a GET. What was malformed stays malformed, so that its flow is
    /// used up all the same.
    pub(crate) fn to_query(&self) -> String {
        let mut pairs: Vec<(&str, &str)> = self
            .states
            .iter()
            .map(|state| ("state", state.as_str()))
            .collect();
        match &self.outcome {
            Ok(Outcome { answer, iss, user }) => {
                pairs.push(match answer {
                    Answer::Code(code) => ("code", code),
                    Answer::Error(error) => ("error", error),
                });
                pairs.extend(iss.as_deref().map(|iss| ("iss", iss)));
                pairs.extend(user.as_deref().map(|user| ("user", user)));
            }
            Err(_) => pairs.push(("error", "invalid_request")),
        }
        let query = encode(&pairs);
        if query.len() <= MAX_QUERY {
            return query;
        }
        // The name is the only long part a genuine callback may have, and sign-in works without it.
        pairs.retain(|(name, _)| *name != "user");
        let query = encode(&pairs);
        if query.len() <= MAX_QUERY {
            return query;
        }
        pairs.retain(|(name, _)| *name == "state");
        pairs.push(("error", "invalid_request"));
        encode(&pairs)
    }
}

fn encode(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
}

/// Decodes one part of a form-encoded text. `url` would put replacement characters where this gives up.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                let (high, low) = (digit(rest.next())?, digit(rest.next())?);
                u8::try_from(high * 16 + low).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(query: &str) -> Option<String> {
        match Callback::parse(query).outcome {
            Ok(Outcome {
                answer: Answer::Code(code),
                ..
            }) => Some(code),
            _ => None,
        }
    }

    #[test]
    fn a_plain_callback_is_read() {
        let callback = Callback::parse(
            "code=a%2Fb+c&state=s&iss=https%3A%2F%2Fidp.example&session_state=x&scope=&scope=",
        );
        assert_eq!(callback.states, ["s"]);
        let answer = Answer::Code("a/b c".to_owned());
        assert_eq!(
            callback.outcome,
            Ok(Outcome {
                answer,
                iss: Some("https://idp.example".to_owned()),
                user: None
            })
        );
        let denied = Callback::parse("error=access_denied&error_description=%3Cscript%3E&state=s&code=");
        let answer = Answer::Error("access_denied".to_owned());
        assert_eq!(
            denied.outcome,
            Ok(Outcome {
                answer,
                iss: None,
                user: None
            })
        );
    }

    #[test]
    fn anything_ambiguous_is_an_error_but_its_states_are_known() {
        let long = format!("code={}&state=s", "a".repeat(65_536));
        for (query, states) in [
            ("", &[][..]),
            ("code=a", &[]),
            ("state=s", &["s"]),
            ("code=&state=s", &["s"]),
            ("code=a&state=", &[]),
            ("code=a&code=a&state=s", &["s"]),
            ("code=a&state=s&state=t", &["s", "t"]),
            ("code=a&state=s&state=s", &["s", "s"]),
            ("code=a&error=x&state=s", &["s"]),
            ("error=a&error=b&state=s", &["s"]),
            ("code=a&state=s&iss=x&iss=x", &["s"]),
            ("code=a&state=s&x=1&x=2", &["s"]),
            ("code[]=a&state=s", &["s"]),
            ("code=%ff&state=s", &["s"]),
            ("code=%zz&state=s", &["s"]),
            ("code=a%2&state=s", &["s"]),
            ("code=a&%ff=x&state=s", &["s"]),
            ("co%64e=a&code=a&state=s", &["s"]),
            (&long, &["s"]),
            ("state=a&state=b&state=c&state=d&state=e", &["a", "b", "c", "d"]),
        ] {
            let callback = Callback::parse(query);
            assert!(callback.outcome.is_err(), "{query:.80}");
            assert_eq!(callback.states, states, "{query:.80}");
        }
        assert_eq!(
            code(&format!("code={}&state=s", "a".repeat(8192))).map(|code| code.len()),
            Some(8192)
        );
        assert_eq!(code(&format!("code={}&state=s", "a".repeat(8193))), None);
    }

    #[test]
    fn a_form_is_sent_on_as_a_query_that_reads_the_same() {
        for form in [
            "code=a%2Bb&state=s&user=%7B%22name%22%3A%7B%7D%7D",
            "error=user_cancelled_authorize&state=s",
            "code=%26state%3Dx%0d%0a&state=s",
        ] {
            let callback = Callback::parse(form);
            let query = callback.to_query();
            assert!(query.bytes().all(|byte| byte.is_ascii_graphic()), "{query}");
            assert_eq!(Callback::parse(&query), callback);
        }
        let doubled = Callback::parse(&Callback::parse("code=a&code=b&state=s").to_query());
        assert_eq!(
            (doubled.states, doubled.outcome.is_ok()),
            (vec!["s".to_owned()], true)
        );
        assert!(
            matches!(Callback::parse("code=a&state=s&state=t"), Callback { states, .. } if states.len() == 2)
        );
        let long = Callback::parse(&format!("code=a&state=s&user={}", "%22".repeat(8000)));
        assert_eq!(Callback::parse(&long.to_query()).outcome.unwrap().user, None);
        let longer = Callback::parse(&format!("code={}&state=s", "%22".repeat(8000)));
        assert_eq!(longer.to_query(), "state=s&error=invalid_request");
    }
}
