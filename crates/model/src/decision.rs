use crate::{MonoTime, Reply, RetryPolicy, Timestamp, limits::RETRY_AFTER_MS_MAX};

/// The result of an attempt for its delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It succeeded.
    Delivered,
    /// Try again, at this time or later.
    Retry {
        /// The time.
        at: MonoTime,
    },
    /// It was the last attempt.
    Failed,
}

impl Decision {
    /// Whether the attempt succeeded.
    pub fn is_success(self) -> bool {
        matches!(self, Self::Delivered)
    }
}

impl Reply {
    /// 2xx, read to its end or to the limit.
    pub fn is_success(self) -> bool {
        matches!(self, Self::Status { code: 200..=299, .. })
    }

    /// `410 Gone`: the receiver wants no more deliveries.
    pub fn is_gone(self) -> bool {
        matches!(self, Self::Status { code: 410, .. })
    }
}

/// Decides after an attempt: `left` attempts remain, `now` is its end, `jitter` is in `0.0..1.0`. `Retry-After` counts
/// only for 429 and 503, and only postpones, by an hour at most.
pub fn decide(reply: Reply, left: u32, plan: &RetryPolicy, now: MonoTime, jitter: f64) -> Decision {
    if reply.is_success() {
        return Decision::Delivered;
    }
    let Some(planned_ms) = plan.delay_ms(left, jitter) else { return Decision::Failed };
    let asked_ms = match reply {
        Reply::Status { code: 429 | 503, retry_after_ms: Some(ms) } => ms.clamp(0, RETRY_AFTER_MS_MAX),
        _ => 0,
    };
    Decision::Retry { at: now.plus_ms(planned_ms.max(asked_ms)) }
}

/// Parses a `Retry-After` header (RFC 9110 §10.2.3) to milliseconds from now: seconds, or a date in any of the three
/// forms of §5.6.7.
pub fn retry_after_ms(text: &str, now: Timestamp) -> Option<i64> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(text.parse::<i64>().unwrap_or(i64::MAX).saturating_mul(1000));
    }
    let date = httpdate::parse_http_date(text).ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    let at = Timestamp::from_ms(i64::try_from(date.as_millis()).unwrap_or(i64::MAX));
    Some(at.since_ms(now).max(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn status(code: u16) -> Reply {
        Reply::Status { code, retry_after_ms: None }
    }

    #[test]
    fn only_2xx_is_success() {
        let now = MonoTime::from_ms(100_000);
        for code in 100..600 {
            let verdict = decide(status(code), 0, &RetryPolicy::default(), now, 0.0);
            assert_eq!(verdict == Decision::Delivered, (200..300).contains(&code), "{code}");
            assert_eq!(verdict == Decision::Failed, !(200..300).contains(&code), "{code}");
        }
        assert_eq!(
            decide(Reply::Nothing, 5, &RetryPolicy::default(), now, 0.0),
            Decision::Retry { at: MonoTime::from_ms(105_000) }
        );
        assert_eq!(decide(Reply::Nothing, 0, &RetryPolicy::default(), now, 0.0), Decision::Failed);
    }

    #[test]
    fn retry_after_in_every_form() {
        let now = Timestamp::parse("2015-10-21T07:28:00Z").expect("a time");
        assert_eq!(retry_after_ms("120", now), Some(120_000));
        assert_eq!(retry_after_ms("99999999999999999999", now), Some(i64::MAX));
        assert_eq!(retry_after_ms("Wed, 21 Oct 2015 07:29:00 GMT", now), Some(60_000));
        assert_eq!(retry_after_ms("Wed, 21 Oct 2015 07:27:00 GMT", now), Some(0));
        assert_eq!(retry_after_ms("Wednesday, 21-Oct-15 07:29:00 GMT", now), Some(60_000));
        assert_eq!(retry_after_ms("Wed Oct 21 07:29:00 2015", now), Some(60_000));
        assert_eq!(retry_after_ms("Sun Nov  1 07:28:00 2015", now), Some(11 * 24 * 3_600_000));
        assert_eq!(retry_after_ms("Sunday, 06-Nov-94 08:49:37 GMT", now), Some(0));
        for bad in ["", "-5", "soon", "1.5"] {
            assert_eq!(retry_after_ms(bad, now), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn retry_after_postpones_within_an_hour(code in prop::sample::select(vec![429u16, 503, 500, 404]), asked in prop::option::of(-10_000..10_000_000i64), left in 1..6u32, jitter in 0.0..1.0f64) {
            let (now, plan) = (MonoTime::from_ms(1_000_000), RetryPolicy::default());
            let Decision::Retry { at: plain } = decide(status(code), left, &plan, now, jitter) else { panic!("retries") };
            let reply = Reply::Status { code, retry_after_ms: asked };
            let Decision::Retry { at } = decide(reply, left, &plan, now, jitter) else { panic!("retries") };
            let listens = matches!(code, 429 | 503);
            let wanted = now.plus_ms(asked.unwrap_or(0).clamp(0, RETRY_AFTER_MS_MAX));
            prop_assert_eq!(at, if listens { plain.max(wanted) } else { plain });
        }
    }
}
