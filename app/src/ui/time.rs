//! Times in words, with the exact time on hover.
//!
//! The server writes words, and dates in UTC. In the browser, a script of the document does both, in the person's own time
//! zone (`document/times.js`). The program that hydrates the page has no text for them: it keeps what it finds.

use leptos::prelude::*;
use wire::Timestamp;

/// How long ago something was, or how far it lies ahead: "3 minutes ago", "in 2 days".
#[component]
pub fn When(
    /// The time.
    at: Timestamp,
) -> impl IntoView {
    view! {
        <time datetime=at.to_string() title=exact(&at)>
            {words(&at)}
        </time>
    }
}

/// A date: "21 November 2026".
#[component]
pub fn Day(
    /// The time.
    at: Timestamp,
) -> impl IntoView {
    view! {
        <time datetime=at.to_string() title=exact(&at) data-day="">
            {day(&at)}
        </time>
    }
}

#[cfg(feature = "ssr")]
pub(crate) use on_server::now;
#[cfg(feature = "ssr")]
use on_server::{day, exact, words};

#[cfg(not(feature = "ssr"))]
pub(crate) fn now() -> String {
    String::new()
}

#[cfg(not(feature = "ssr"))]
fn words(_: &Timestamp) -> String {
    String::new()
}

#[cfg(not(feature = "ssr"))]
fn day(_: &Timestamp) -> String {
    String::new()
}

#[cfg(not(feature = "ssr"))]
fn exact(_: &Timestamp) -> Option<String> {
    None
}

#[cfg(feature = "ssr")]
mod on_server {
    use auth::Auth;
    use leptos::prelude::*;
    use time::{OffsetDateTime, UtcOffset};
    use wire::Timestamp;

    /// Units of time in seconds, as `document/times.js` has them.
    const UNITS: [(i64, &str); 5] = [
        (31_536_000, "year"),
        (2_592_000, "month"),
        (86_400, "day"),
        (3_600, "hour"),
        (60, "minute"),
    ];

    /// The server's time, as browsers read it.
    pub(crate) fn now() -> String {
        let now = clock();
        Timestamp::from(now.replace_nanosecond(0).unwrap_or(now)).to_string()
    }

    fn clock() -> OffsetDateTime {
        expect_context::<Auth>().clock.now()
    }

    pub(super) fn words(at: &Timestamp) -> String {
        ago((clock() - OffsetDateTime::from(at.clone())).whole_seconds())
    }

    pub(super) fn day(at: &Timestamp) -> String {
        date(in_utc(at))
    }

    pub(super) fn exact(at: &Timestamp) -> Option<String> {
        Some(date_and_time(in_utc(at)))
    }

    fn in_utc(at: &Timestamp) -> OffsetDateTime {
        OffsetDateTime::from(at.clone()).to_offset(UtcOffset::UTC)
    }

    fn ago(seconds: i64) -> String {
        let unit = UNITS.into_iter().find(|(size, _)| seconds.abs() >= *size);
        let Some((size, unit)) = unit else {
            return if seconds < 0 { "in a moment" } else { "just now" }.to_owned();
        };
        let count = seconds.abs() / size;
        let plural = if count == 1 { "" } else { "s" };
        if seconds < 0 {
            format!("in {count} {unit}{plural}")
        } else {
            format!("{count} {unit}{plural} ago")
        }
    }

    fn date(at: OffsetDateTime) -> String {
        format!("{} {} {}", at.day(), at.month(), at.year())
    }

    fn date_and_time(at: OffsetDateTime) -> String {
        let (hour, minute, second) = at.to_hms();
        format!(
            "{}, {}, {hour:02}:{minute:02}:{second:02} UTC",
            at.weekday(),
            date(at)
        )
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn times_are_in_words() {
            for (seconds, expected) in [
                (0, "just now"),
                (59, "just now"),
                (60, "1 minute ago"),
                (3_599, "59 minutes ago"),
                (3_600, "1 hour ago"),
                (172_799, "1 day ago"),
                (3_456_000, "1 month ago"),
                (31_536_000, "1 year ago"),
                (-59, "in a moment"),
                (-7_200, "in 2 hours"),
            ] {
                assert_eq!(ago(seconds), expected, "{seconds}");
            }
        }

        #[test]
        fn dates_are_in_words() {
            for (seconds, text, hover) in [
                (0, "1 January 1970", "Thursday, 1 January 1970, 00:00:00 UTC"),
                (
                    1_795_270_509,
                    "21 November 2026",
                    "Saturday, 21 November 2026, 14:15:09 UTC",
                ),
            ] {
                let at = OffsetDateTime::from_unix_timestamp(seconds).expect("a time");
                assert_eq!(date(at), text);
                assert_eq!(date_and_time(at), hover);
            }
        }
    }
}
