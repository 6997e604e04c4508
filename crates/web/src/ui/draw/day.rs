use std::fmt::Write;

use gancho_model::Counters;

use super::escaped;

/// One hour of the picture: its counts, and what they are in words.
pub(crate) struct Bar {
    pub counters: Counters,
    /// `18:00`
    pub hour: String,
    /// The hour in words, for those who point at it.
    pub title: String,
}

const WIDTH: usize = 720;
const HEIGHT: f64 = 140.0;
const STEP: usize = WIDTH / 24;

/// The last 24 hours as one picture: delivered, tried again, failed.
pub(crate) fn day(bars: &[Bar], title: &str) -> String {
    let most = bars.iter().map(|bar| bar.counters.attempts()).max().unwrap_or(0).max(1) as f64;
    let mut svg = format!(
        r#"<svg class="day" viewBox="0 0 {WIDTH} 170" role="img" aria-label="{}" preserveAspectRatio="xMidYMid meet">"#,
        escaped(title)
    );
    for (place, bar) in bars.iter().enumerate() {
        let x = place * STEP + 2;
        let mut y = HEIGHT;
        let _ = write!(svg, "<g><title>{}</title>", escaped(&bar.title));
        let _ = write!(svg, r#"<rect x="{x}" y="0" width="{}" height="{HEIGHT}" class="back"/>"#, STEP - 4);
        for (count, class) in
            [(bar.counters.delivered, "good"), (bar.counters.retried, "warn"), (bar.counters.failed, "bad")]
        {
            if count == 0 {
                continue;
            }
            let height = (count as f64 / most * (HEIGHT - 4.0)).max(2.0);
            y -= height;
            let _ =
                write!(svg, r#"<rect x="{x}" y="{y:.1}" width="{}" height="{height:.1}" class="{class}"/>"#, STEP - 4);
        }
        svg.push_str("</g>");
        if place % 4 == 3 {
            let _ = write!(
                svg,
                r#"<text x="{}" y="160" text-anchor="middle">{}</text>"#,
                x + STEP / 2 - 2,
                escaped(&bar.hour)
            );
        }
    }
    svg.push_str("</svg>");
    svg
}
