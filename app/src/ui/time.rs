//! Dates in words, the exact time on hover.

use ::time::{OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339};
use leptos::prelude::*;

/// A date, or a date and time. In UTC and from the value alone: what depended on the clock or the time
/// zone of the machine would differ between the server and the browser.
#[component]
pub fn When(
    /// The time.
    at: OffsetDateTime,
    /// Whether hours and minutes are shown as well.
    #[prop(optional)]
    clock: bool,
) -> impl IntoView {
    let at = at.to_offset(UtcOffset::UTC);
    let text = if clock {
        format!("{}, {} UTC", day(at), minutes(at))
    } else {
        day(at)
    };
    view! {
        <time datetime=at.format(&Rfc3339).unwrap_or_default() title=exact(at)>
            {text}
        </time>
    }
}

fn day(at: OffsetDateTime) -> String {
    format!("{} {} {}", at.day(), at.month(), at.year())
}

fn minutes(at: OffsetDateTime) -> String {
    format!("{:02}:{:02}", at.hour(), at.minute())
}

fn exact(at: OffsetDateTime) -> String {
    format!(
        "{}, {}, {}:{:02} UTC",
        at.weekday(),
        day(at),
        minutes(at),
        at.second()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_in_words() {
        let at = OffsetDateTime::from_unix_timestamp(1_795_270_509).expect("a time");
        assert_eq!(day(at), "21 November 2026");
        assert_eq!(exact(at), "Saturday, 21 November 2026, 14:15:09 UTC");
    }
}
