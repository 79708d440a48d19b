//! The marks of wings: comments that state which lines belong to which wing.
//!
//! They are the same in every language that has comments, `NAME` being a wing's:
//! - a line that ends with a comment `wing:NAME` goes;
//! - of a comment `wing:NAME` on a line of its own, everything goes up to the comment `end wing:NAME`.
//!
//! `NAME+OTHER` marks what needs both wings, and is removed with the first of them. `NAME,OTHER` marks what serves
//! either, and is removed with the last.

const MARK: &str = "wing:";
/// What begins a comment in the languages of this repository; what ends with another opener comes before it.
const OPENERS: [&str; 5] = ["<!--", "//", "#", "--", "/*"];

/// A text without some wings.
#[derive(Debug, PartialEq)]
pub(super) struct Without {
    pub(super) text: String,
    /// The number of removed lines, without those that only held marks.
    pub(super) lines: usize,
}

/// Removes the lines of the wings `gone` from a text. `None` if nothing in it mentions them.
///
/// # Errors
/// The line of a mark that is invalid.
pub(super) fn without(text: &str, gone: &[&str]) -> Result<Option<Without>, String> {
    let mut kept = Kept::default();
    // The blocks around the line, and whether each is removed.
    let mut blocks: Vec<(&str, bool)> = Vec::new();
    let mut changed = false;
    for (number, line) in text.lines().enumerate() {
        let wrong = |why: &str| Err(format!("line {}: {why}", number + 1));
        let Some(mark) = mark(line) else {
            if blocks.iter().any(|(_, goes)| *goes) {
                kept.leave_out(1);
            } else {
                kept.push(line);
            }
            continue;
        };
        if mark.names.split(['+', ',']).any(str::is_empty) {
            return wrong("this mark has no name");
        }
        if !["", "-->", "*/"].contains(&mark.after) {
            return wrong("nothing may follow a mark on its line");
        }
        if mark.kind == Kind::Line && !is_whole(line) {
            return wrong("this mark follows only part of a statement: use a block instead");
        }
        let goes = mark.goes(gone);
        changed |= mark.mentions(gone);
        match mark.kind {
            Kind::Opens => blocks.push((mark.names, goes)),
            Kind::Closes => match blocks.pop() {
                Some((names, _)) if names == mark.names => {}
                _ => return wrong("this ends a block that is not the last one that was opened"),
            },
            Kind::Line => {}
        }
        if goes || blocks.iter().any(|(_, goes)| *goes) {
            // A marked line of documentation is only a part of it: the rest, and what it is about, stay.
            if mark.kind == Kind::Line && !is_documentation(line) {
                kept.leave_out_documentation();
            }
            kept.leave_out(usize::from(mark.kind == Kind::Line));
        } else {
            kept.push(&mark.rewritten(line, gone));
        }
    }
    if let Some((names, _)) = blocks.pop() {
        return Err(format!("the block of {names} has no end"));
    }
    Ok(changed.then(|| kept.into_text(text.ends_with('\n'))))
}

/// The wings that the marks of a text name, once for each mark.
pub(super) fn mentions(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .filter_map(mark)
        .filter(|mark| mark.kind != Kind::Closes)
        .flat_map(|mark| mark.names.split(['+', ',']))
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    /// Begins a block.
    Opens,
    /// Ends a block.
    Closes,
    /// Follows what it marks, on the same line.
    Line,
}

struct Mark<'a> {
    kind: Kind,
    /// The names as written in the mark.
    names: &'a str,
    /// The rest of the line.
    after: &'a str,
}

fn mark(line: &str) -> Option<Mark<'_>> {
    let at = line.find(MARK)?;
    let before = line[..at].trim_end();
    let (before, closes) = match before.strip_suffix(" end") {
        Some(before) => (before.trim_end(), true),
        None => (before, false),
    };
    let before = OPENERS.iter().find_map(|opener| before.strip_suffix(opener))?;
    let rest = &line[at + MARK.len()..];
    let end = rest
        .find(|char: char| !matches!(char, 'a'..='z' | '0'..='9' | '-' | '+' | ','))
        .unwrap_or(rest.len());
    // The word `NAME` in the description of marks is not a mark.
    let names = rest[..end].trim_end_matches(',');
    let kind = match (before.trim().is_empty(), closes) {
        (true, true) => Kind::Closes,
        (true, false) => Kind::Opens,
        (false, _) => Kind::Line,
    };
    (!names.is_empty()).then_some(Mark {
        kind,
        names,
        after: rest[end..].trim(),
    })
}

/// Whether all brackets of a line are closed in it. If not, formatting may have split the code that the mark follows.
fn is_whole(line: &str) -> bool {
    let count = |brackets: [char; 3]| line.matches(brackets).count();
    count(['(', '[', '{']) == count([')', ']', '}'])
}

fn is_documentation(line: &str) -> bool {
    line.trim_start().starts_with("///")
}

impl Mark<'_> {
    fn mentions(&self, gone: &[&str]) -> bool {
        self.names.split(['+', ',']).any(|name| gone.contains(&name))
    }

    fn goes(&self, gone: &[&str]) -> bool {
        self.names
            .split(',')
            .all(|either| either.split('+').any(|name| gone.contains(&name)))
    }

    /// The line, with only the remaining wings in its mark.
    fn rewritten(&self, line: &str, gone: &[&str]) -> String {
        let left: Vec<&str> = self
            .names
            .split(',')
            .filter(|either| !either.split('+').any(|name| gone.contains(&name)))
            .collect();
        line.replace(
            &format!("{MARK}{}", self.names),
            &format!("{MARK}{}", left.join(",")),
        )
    }
}

#[derive(Default)]
struct Kept<'a> {
    text: Vec<std::borrow::Cow<'a, str>>,
    lines: usize,
    /// Whether the last line was left out.
    gap: bool,
}

impl Kept<'_> {
    fn push(&mut self, line: &str) {
        let is_blank = |line: &str| line.trim().is_empty();
        let after_blank = self.text.last().is_none_or(|last| is_blank(last));
        // The empty lines before and after the removed lines would now be two in a row.
        if !(self.gap && is_blank(line) && after_blank) {
            self.text.push(line.to_owned().into());
            self.gap = false;
        }
    }

    /// What documents the next line goes with it: it would document the line after it.
    fn leave_out_documentation(&mut self) {
        while self.text.pop_if(|line| is_documentation(line)).is_some() {
            self.lines += 1;
        }
    }

    fn leave_out(&mut self, lines: usize) {
        self.lines += lines;
        self.gap = true;
    }

    fn into_text(self, ends_with_newline: bool) -> Without {
        let mut text = self.text.join("\n");
        while text.ends_with("\n\n") || (self.gap && text.ends_with('\n')) {
            text.pop();
        }
        if ends_with_newline && !text.is_empty() {
            text.push('\n');
        }
        Without {
            text,
            lines: self.lines,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{mentions, without};

    /// Marks are written with a § here, because this file is searched for marks like every other.
    fn rest(text: &str, gone: &[&str]) -> Option<String> {
        let text = text.replace('§', super::MARK);
        let without = without(&text, gone).expect("every mark is understood")?;
        Some(without.text.replace(super::MARK, "§"))
    }

    #[test]
    fn lines_and_blocks_go_with_their_wing_in_every_language() {
        let text = "a\nb // §x\nc # §y\n\n# §x\nd\n# end §x\n\n-- §y\ne\n-- end §y\n| f | <!-- §x -->\n/* §x */\ng\n/* end §x */\n<!-- §x -->\nh\n<!-- end §x -->\n";
        assert_eq!(
            rest(text, &["x"]).as_deref(),
            Some("a\nc # §y\n\n-- §y\ne\n-- end §y\n")
        );
        assert_eq!(rest(text, &["x", "y"]).as_deref(), Some("a\n"));
        assert_eq!(rest(text, &["z"]), None);
    }

    #[test]
    fn what_needs_both_goes_with_the_first_and_what_serves_either_with_the_last() {
        let text = "a // §x+y\nb // §x,y\n// §x,y\nc\n// end §x,y\n";
        assert_eq!(
            rest(text, &["x"]).as_deref(),
            Some("b // §y\n// §y\nc\n// end §y\n")
        );
        assert_eq!(rest(text, &["x", "y"]).as_deref(), Some(""));
    }

    #[test]
    fn what_documents_a_line_goes_with_it() {
        let text = "/// Of a.\na,\n/// Of b,\n/// at length.\nb, // §x\n/// Of c.\nc,\n";
        assert_eq!(
            rest(text, &["x"]).as_deref(),
            Some("/// Of a.\na,\n/// Of c.\nc,\n")
        );
        let part = "/// Of a.\n///\n/// With x. <!-- §x -->\na,\n";
        assert_eq!(rest(part, &["x"]).as_deref(), Some("/// Of a.\n///\na,\n"));
    }

    #[test]
    fn blocks_may_stand_within_blocks() {
        let text = "// §x\na\n// §y\nb\n// end §y\n// end §x\n";
        assert_eq!(rest(text, &["y"]).as_deref(), Some("// §x\na\n// end §x\n"));
        assert_eq!(rest(text, &["x"]).as_deref(), Some(""));
    }

    #[test]
    fn only_comments_are_marks_and_only_lines_without_marks_are_counted() {
        let text =
            "let text = \"§x\";\n// Described as §NAME.\n// §x\na\n\n// end §x\n".replace('§', super::MARK);
        let without = without(&text, &["x"])
            .expect("it is understood")
            .expect("it goes");
        assert_eq!(without.lines, 2);
        assert_eq!(mentions(&text).collect::<Vec<_>>(), ["x"]);
    }

    #[test]
    fn a_mark_that_is_not_understood_is_an_error_with_its_line() {
        for (text, problem) in [
            ("// §x\na\n", "no end"),
            ("a\n// end §x\n", "line 2"),
            ("// §x\n// §y\n// end §x\n// end §y\n", "line 3"),
            ("a // §x++y\n", "line 1"),
            ("<!-- §x -->\na\n<!-- end §x --> b\n", "line 3"),
            ("a // §x, and why\n", "line 1"),
            ("f(\n    a,\n); // §x\n", "line 3"),
        ] {
            let text = text.replace('§', super::MARK);
            let error = without(&text, &["x"]).expect_err("it is found");
            assert!(error.contains(problem), "{error}");
        }
    }
}
