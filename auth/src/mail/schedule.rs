//! When a mail is tried again.

use time::{Duration, OffsetDateTime};

/// The wait after each failed try. The last one repeats.
const WAITS: [Duration; 6] = [
    Duration::seconds(10),
    Duration::minutes(1),
    Duration::minutes(5),
    Duration::minutes(30),
    Duration::hours(2),
    Duration::hours(6),
];

/// When to try again after this many failed tries; `None` if what the mail says is no longer true by then.
pub(super) fn next(tries: i32, now: OffsetDateTime, give_up_at: OffsetDateTime) -> Option<OffsetDateTime> {
    let failed = usize::try_from(tries).unwrap_or(0).clamp(1, WAITS.len());
    let next = now + WAITS[failed - 1];
    (next < give_up_at).then_some(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All tries of a mail whose content is true for this long, in seconds since it was written.
    fn tries(life: Duration) -> Vec<i64> {
        let start = OffsetDateTime::UNIX_EPOCH;
        let mut tries = vec![0];
        let mut now = start;
        while let Some(next) = next(tries.len() as i32, now, start + life) {
            now = next;
            tries.push((now - start).whole_seconds());
        }
        tries
    }

    #[test]
    fn the_waits_grow_and_end_with_the_content() {
        assert_eq!(tries(Duration::minutes(10)), [0, 10, 70, 370]);
        assert_eq!(
            tries(Duration::hours(24)),
            [0, 10, 70, 370, 2170, 9370, 30_970, 52_570, 74_170]
        );
        assert_eq!(tries(Duration::hours(48)).last(), Some(&160_570));
        assert_eq!(tries(Duration::seconds(10)), [0]);
    }
}
