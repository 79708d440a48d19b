//! `.env`: variables in a file, one per line.
//!
//! Values are taken literally, as people who paste secrets expect: no escapes, no substitution, no shell.
//! Unreadable lines are reported without repeating any of their content.

use std::{io, path::Path};

use super::problem::Problem;

/// The variables of a file, in its order. A missing file has none. Unreadable lines are added to `problems`.
pub(super) fn read(file: &Path, problems: &mut Vec<Problem>) -> Vec<(String, String)> {
    match std::fs::read(file) {
        Ok(bytes) => parse(&bytes, problems),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => {
            problems.push(Problem {
                variable: ".env".to_owned(),
                message: format!("cannot be read: {error}"),
            });
            Vec::new()
        }
    }
}

fn parse(bytes: &[u8], problems: &mut Vec<Problem>) -> Vec<(String, String)> {
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    let lines = bytes.split(|byte| *byte == b'\n').enumerate();
    let read = lines.filter_map(|(index, line)| match parse_line(line.trim_ascii()) {
        Ok(pair) => pair,
        Err(Unreadable { name, why }) => {
            let place = format!("line {} of .env", index + 1);
            problems.push(match name {
                Some(name) => Problem {
                    variable: name.to_owned(),
                    message: format!("in {place} {why}"),
                },
                None => Problem {
                    variable: place,
                    message: why.to_owned(),
                },
            });
            None
        }
    });
    read.collect()
}

struct Unreadable<'a> {
    /// The variable, if the line has one. Anything else might be part of a secret.
    name: Option<&'a str>,
    why: &'static str,
}

/// Parses one line: nothing, or a variable and its value.
fn parse_line(line: &[u8]) -> Result<Option<(String, String)>, Unreadable<'_>> {
    if line.is_empty() || line.starts_with(b"#") {
        return Ok(None);
    }
    let unreadable = |name, why| Unreadable { name, why };
    let line = match line.strip_prefix(b"export") {
        Some(rest) if rest.starts_with(b" ") => rest.trim_ascii_start(),
        _ => line,
    };
    let equals = line.iter().position(|byte| *byte == b'=');
    let (name, value) = equals
        .map(|at| (line[..at].trim_ascii_end(), line[at + 1..].trim_ascii()))
        .ok_or(unreadable(None, "is neither NAME=value nor a comment"))?;
    let name = variable_name(name).ok_or(unreadable(None, "does not begin with a variable's name"))?;
    let value = std::str::from_utf8(value).map_err(|_| unreadable(Some(name), "is not UTF-8"))?;
    let value = match value.chars().next() {
        Some(quote @ ('"' | '\'')) => without_quotes(value, quote)
            .ok_or(unreadable(Some(name), "begins with a quote that does not end"))?,
        _ => without_comment(value),
    };
    Ok(Some((name.to_owned(), value.to_owned())))
}

fn variable_name(text: &[u8]) -> Option<&str> {
    let (first, rest) = text.split_first()?;
    let fits = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let is_name = fits(first) && !first.is_ascii_digit() && rest.iter().all(fits);
    std::str::from_utf8(text).ok().filter(|_| is_name)
}

/// Removes a comment. A `#` begins one only after white space.
fn without_comment(value: &str) -> &str {
    let comment = value
        .match_indices('#')
        .find(|(at, _)| value[..*at].ends_with([' ', '\t']) || *at == 0);
    comment.map_or(value, |(at, _)| value[..at].trim_end())
}

/// The text between the quotes. The closing quote is the first one that ends the line, except for a comment. All
/// others are literal.
fn without_quotes(value: &str, quote: char) -> Option<&str> {
    let inside = &value[1..];
    inside.match_indices(quote).find_map(|(at, _)| {
        let after = &inside[at + 1..];
        let is_end =
            after.is_empty() || (after.starts_with([' ', '\t']) && after.trim_start().starts_with('#'));
        is_end.then_some(&inside[..at])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(line: &str) -> String {
        let mut problems = Vec::new();
        let pairs = parse(line.as_bytes(), &mut problems);
        assert_eq!(problems, [], "{line}");
        assert_eq!(pairs.len(), 1, "{line}");
        assert_eq!(pairs[0].0, "X", "{line}");
        pairs[0].1.clone()
    }

    fn said(text: &[u8]) -> Vec<String> {
        let mut problems = Vec::new();
        parse(text, &mut problems);
        problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn values_mean_themselves() {
        for (line, expected) in [
            ("X=openid email profile", "openid email profile"),
            ("X=ab$cd9", "ab$cd9"),
            ("X=${HOME}/$$x", "${HOME}/$$x"),
            ("X=a#b", "a#b"),
            ("X=a # b", "a"),
            ("X=a\t# b", "a"),
            ("X=#b", ""),
            ("X= # b", ""),
            ("X=", ""),
            ("X=it's", "it's"),
            ("X=say \"hi\" to", "say \"hi\" to"),
            ("X=a\\nb\\", "a\\nb\\"),
            ("X=a=b==", "a=b=="),
            ("  X  =  a b  ", "a b"),
            ("export X=a", "a"),
            ("\u{feff}X=a\r", "a"),
            ("X=p\u{e4}ss", "p\u{e4}ss"),
        ] {
            assert_eq!(value(line), expected, "{line}");
        }
    }

    #[test]
    fn quotes_around_a_value_are_taken_off() {
        for (line, expected) in [
            ("X=\"a b\"", "a b"),
            ("X='a b'", "a b"),
            ("X=' a # b '", " a # b "),
            ("X=\"a\" # \"b\"", "a"),
            ("X=\"ab$cd9\"", "ab$cd9"),
            ("X=\"say \"hi\" to\"", "say \"hi\" to"),
            ("X='it's'", "it's"),
            ("X=\"it's\"", "it's"),
            ("X=\"\"", ""),
            ("X=\"\\n\"", "\\n"),
        ] {
            assert_eq!(value(line), expected, "{line}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_named_and_not_repeated() {
        let text = b"# comment\n\nA=fine\nSECRET=\"canary\nhunter canary\n=canary\nCA-NARY=canary\nB='canary' canary\n\
                     C=\xffcanary\n1A=canary\nexport\n";
        assert_eq!(
            said(text),
            [
                "SECRET in line 4 of .env begins with a quote that does not end",
                "line 5 of .env is neither NAME=value nor a comment",
                "line 6 of .env does not begin with a variable's name",
                "line 7 of .env does not begin with a variable's name",
                "B in line 8 of .env begins with a quote that does not end",
                "C in line 9 of .env is not UTF-8",
                "line 10 of .env does not begin with a variable's name",
                "line 11 of .env is neither NAME=value nor a comment",
            ]
        );
    }

    #[test]
    fn every_line_of_the_example_is_read_when_uncommented() {
        let example = include_str!("../../../.env.example");
        let mut read = 0;
        for line in example.lines().filter_map(|line| line.strip_prefix('#')) {
            let Some((name, text)) = line.split_once('=') else {
                continue;
            };
            if variable_name(name.as_bytes()).is_none() {
                continue;
            }
            let mut problems = Vec::new();
            let pairs = parse(line.as_bytes(), &mut problems);
            assert_eq!(problems, [], "{name}");
            assert_eq!(pairs, [(name.to_owned(), text.trim_matches('"').to_owned())]);
            read += 1;
        }
        let is_capital = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
        let listed = example.lines().filter(|line| {
            let name = line.strip_prefix('#').and_then(|line| line.split_once('='));
            name.is_some_and(|(name, _)| name.bytes().all(is_capital))
        });
        assert_eq!(read, listed.count());
        assert_ne!(read, 0);
        assert_eq!(said(example.as_bytes()), [""; 0]);
    }
}
