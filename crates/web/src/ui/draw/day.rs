use std::fmt::Write;

use gancho_model::Counters;

use super::escaped;

/// One hour of the chart: its counts, and their description.
pub(crate) struct Bar {
    pub counters: Counters,
    /// `18:00`
    pub hour: String,
    /// The description of the hour, for its tooltip.
    pub title: String,
}

const WIDTH: usize = 720;
const HEIGHT: f64 = 140.0;
const STEP: usize = WIDTH / 24;

/// The attempts of the last 24 hours as a chart of variable width: successful, retried, and failed last ones. Hours are
/// text below, so that they are not stretched.
pub(crate) fn day(bars: &[Bar], title: &str) -> String {
    let most = bars.iter().map(|bar| bar.counters.attempts()).max().unwrap_or(0).max(1);
    let mut svg = format!(
        r#"<div class="chart"><span class="most">{most}</span><svg class="day" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{}" preserveAspectRatio="none">"#,
        escaped(title)
    );
    for (place, bar) in bars.iter().enumerate() {
        write_bar(&mut svg, place, bar, most as f64);
    }
    svg.push_str("</svg><ol class=\"hours\" aria-hidden=\"true\">");
    for bar in bars.iter().skip(3).step_by(4) {
        // Writing to a string can't fail.
        let _ = write!(svg, "<li>{}</li>", escaped(&bar.hour));
    }
    svg.push_str("</ol></div>");
    svg
}

fn write_bar(svg: &mut String, place: usize, bar: &Bar, most: f64) {
    let (x, width) = (place * STEP + 2, STEP - 4);
    let _ = write!(svg, "<g><title>{}</title>", escaped(&bar.title));
    let _ = write!(svg, r#"<rect x="{x}" y="0" width="{width}" height="{HEIGHT}" class="back"/>"#);
    let counters = &bar.counters;
    let mut y = HEIGHT;
    for (count, class) in [(counters.delivered, "good"), (counters.retried, "warn"), (counters.failed, "bad")] {
        if count == 0 {
            continue;
        }
        let height = (count as f64 / most * (HEIGHT - 4.0)).max(3.0);
        y -= height;
        let _ = write!(svg, r#"<rect x="{x}" y="{y:.1}" width="{width}" height="{height:.1}" class="{class}"/>"#);
    }
    svg.push_str("</g>");
}
