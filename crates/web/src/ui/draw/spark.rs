use std::fmt::Write;

use gancho_model::Counters;

use super::escaped;

/// A day of one endpoint as a sparkline: one bar per hour, failures highlighted. `title` is its description.
pub(crate) fn spark(day: &[Counters; 24], title: &str) -> String {
    let most = day.iter().map(Counters::attempts).max().unwrap_or(0).max(1) as f64;
    let mut svg = format!(
        r#"<svg class="spark" width="96" height="20" viewBox="0 0 96 20" role="img" aria-label="{}">"#,
        escaped(title)
    );
    for (place, hour) in day.iter().enumerate() {
        let x = place * 4;
        let height = |count: u64| (count as f64 / most * 18.0).ceil();
        let all = height(hour.attempts());
        let bad = height(hour.failed + hour.retried).min(all);
        // Writing to a string can't fail.
        let _ = match hour.attempts() {
            0 => write!(svg, r#"<rect x="{x}" y="19" width="3" height="1" class="none"/>"#),
            _ => write!(
                svg,
                r#"<rect x="{x}" y="{}" width="3" height="{}" class="good"/><rect x="{x}" y="{}" width="3" height="{bad}" class="bad"/>"#,
                20.0 - all,
                all - bad,
                20.0 - bad
            ),
        };
    }
    svg.push_str("</svg>");
    svg
}
