//! Dates in words, with the exact time on hover.

use leptos::prelude::*;
use wire::Timestamp;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];

/// A date, or a date and time. It is in UTC and computed from the value alone: anything that depends on the clock or
/// the time zone of the machine would differ between the server and the browser.
#[component]
pub fn When(
    /// The time.
    at: Timestamp,
    /// Whether hours and minutes are shown too.
    #[prop(optional)]
    clock: bool,
) -> impl IntoView {
    let date = Utc::from(&at);
    let text = if clock {
        format!("{}, {} UTC", date.day(), date.minutes())
    } else {
        date.day()
    };
    view! {
        <time datetime=at.to_string() title=date.exact()>
            {text}
        </time>
    }
}

/// A moment in UTC: months from 0, days of the week from Sunday.
struct Utc {
    year: i32,
    month: usize,
    day: u8,
    weekday: usize,
    hour: u8,
    minute: u8,
    second: u8,
}

impl From<&Timestamp> for Utc {
    #[cfg(feature = "ssr")]
    fn from(at: &Timestamp) -> Self {
        let at = ::time::OffsetDateTime::from(at.clone()).to_offset(::time::UtcOffset::UTC);
        Self {
            year: at.year(),
            month: usize::from(u8::from(at.month())) - 1,
            day: at.day(),
            weekday: at.weekday().number_days_from_sunday().into(),
            hour: at.hour(),
            minute: at.minute(),
            second: at.second(),
        }
    }

    #[cfg(not(feature = "ssr"))]
    fn from(at: &Timestamp) -> Self {
        let at = web_sys::js_sys::Date::new(&at.to_string().into());
        Self {
            year: at.get_utc_full_year() as i32,
            month: at.get_utc_month() as usize,
            day: at.get_utc_date() as u8,
            weekday: at.get_utc_day() as usize,
            hour: at.get_utc_hours() as u8,
            minute: at.get_utc_minutes() as u8,
            second: at.get_utc_seconds() as u8,
        }
    }
}

impl Utc {
    fn day(&self) -> String {
        let month = MONTHS.get(self.month).copied().unwrap_or_default();
        format!("{} {month} {}", self.day, self.year)
    }

    fn minutes(&self) -> String {
        format!("{:02}:{:02}", self.hour, self.minute)
    }

    fn exact(&self) -> String {
        let weekday = DAYS.get(self.weekday).copied().unwrap_or_default();
        format!(
            "{weekday}, {}, {}:{:02} UTC",
            self.day(),
            self.minutes(),
            self.second
        )
    }
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::*;

    #[test]
    fn dates_are_in_words() {
        for (seconds, day, exact) in [
            (0, "1 January 1970", "Thursday, 1 January 1970, 00:00:00 UTC"),
            (
                1_795_270_509,
                "21 November 2026",
                "Saturday, 21 November 2026, 14:15:09 UTC",
            ),
            (
                1_798_761_599,
                "31 December 2026",
                "Thursday, 31 December 2026, 23:59:59 UTC",
            ),
        ] {
            let at = ::time::OffsetDateTime::from_unix_timestamp(seconds).expect("a time");
            let date = Utc::from(&Timestamp::from(at));
            assert_eq!(date.day(), day);
            assert_eq!(date.exact(), exact);
        }
    }
}
