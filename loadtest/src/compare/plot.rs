//! The comparison as bars: an SVG with a panel for each group of measures.

use std::fmt::Write as _;

use super::{
    contender::Contender,
    figures::Figures,
    floor::FloorFigures,
    rows::{Better, Floor, Row, rows},
    table::number,
};

const WIDTH: f64 = 760.0;
/// Where bars begin, and the longest one's length.
const LEFT: f64 = 170.0;
const LONGEST: f64 = 480.0;
const BAR: f64 = 14.0;
const GAP: f64 = 8.0;
const HEAD: f64 = 30.0;
const LEGEND: f64 = 40.0;

/// The whole picture.
#[must_use]
pub fn svg(floor: &[FloorFigures], all: &[Figures]) -> String {
    let contenders: Vec<Contender> = all.iter().map(|figures| figures.contender).collect();
    draw(&contenders, &rows(all, floor))
}

fn draw(contenders: &[Contender], rows: &[Row]) -> String {
    let mut body = String::new();
    let mut y = 12.0;
    // Writing to a string cannot fail.
    let _ = legend(&mut body, contenders, y);
    y += LEGEND;
    for panel in rows.chunk_by(|one, next| one.group == next.group) {
        y = panel_at(&mut body, contenders, panel, y).unwrap_or(y);
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{y:.0}\" \
         viewBox=\"0 0 {WIDTH} {y:.0}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n{body}</svg>\n"
    )
}

fn legend(body: &mut String, contenders: &[Contender], y: f64) -> std::fmt::Result {
    let mut x = 12.0;
    for contender in contenders {
        writeln!(
            body,
            "<rect x=\"{x}\" y=\"{y}\" width=\"12\" height=\"12\" fill=\"{}\"/>",
            colour(*contender)
        )?;
        writeln!(body, "<text x=\"{}\" y=\"{}\">{}</text>", x + 18.0, y + 11.0, contender.title())?;
        x += 170.0;
    }
    Ok(())
}

/// Draws one panel; returns where the next begins.
fn panel_at(
    body: &mut String,
    contenders: &[Contender],
    panel: &[Row],
    mut y: f64,
) -> Result<f64, std::fmt::Error> {
    let Some(first) = panel.first() else { return Ok(y) };
    let better = match first.better {
        Better::More => "more is better",
        Better::Less => "less is better",
    };
    let floor = first.floor.map_or("", |_| "; dotted: a bare write(2), dashed: the bare path");
    let title = format!("{} ({better}{floor})", first.group);
    writeln!(
        body,
        "<text x=\"12\" y=\"{:.0}\" font-weight=\"bold\">{}</text>",
        y + 16.0,
        escaped(&title)
    )?;
    y += HEAD;
    let cells = panel.iter().flat_map(|row| row.cells.iter().flatten());
    let most = cells.copied().fold(0.0, f64::max);
    for row in panel {
        writeln!(body, "<text x=\"24\" y=\"{:.0}\">{}</text>", y + 11.0, escaped(&row.name))?;
        let top = y;
        for (contender, cell) in contenders.iter().zip(&row.cells) {
            let length = cell.map_or(0.0, |value| bar(value, most));
            writeln!(
                body,
                "<rect x=\"{LEFT}\" y=\"{y:.0}\" width=\"{length:.1}\" height=\"{:.0}\" fill=\"{}\"/>",
                BAR - 2.0,
                colour(*contender)
            )?;
            writeln!(
                body,
                "<text x=\"{:.1}\" y=\"{:.0}\" font-size=\"11\">{}</text>",
                LEFT + length + 6.0,
                y + 10.0,
                number(*cell, row.decimals)
            )?;
            y += BAR;
        }
        let floors = row.floor.map(|Floor { write, path }| [(write, "1 2"), (path, "4 2")]);
        for (floor, dashes) in floors.into_iter().flatten() {
            let x = LEFT + bar(floor, most);
            writeln!(
                body,
                "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{top:.0}\" y2=\"{y:.0}\" stroke=\"black\" \
                 stroke-dasharray=\"{dashes}\"/>"
            )?;
        }
        y += GAP;
    }
    Ok(y + GAP)
}

/// A bar's length on the panel's scale; bars begin at zero.
fn bar(value: f64, most: f64) -> f64 {
    if most > 0.0 { value.max(0.0) / most * LONGEST } else { 0.0 }
}

/// Told apart by those who see no red or green, too.
fn colour(contender: Contender) -> &'static str {
    match contender {
        Contender::Starling => "#0072b2",
        Contender::SocketIo => "#e69f00",
        Contender::SocketIoRedis => "#999999",
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_has_a_bar_in_proportion() {
        let row = |group: &str, cells: [Option<f64>; 2]| Row {
            group: group.to_owned(),
            name: "rooms".to_owned(),
            better: Better::More,
            decimals: 0,
            cells: cells.to_vec(),
            floor: None,
        };
        let floor = Some(Floor { write: 250.0, path: 500.0 });
        let floored = Row { floor, ..row("a < b", [Some(1_000.0), Some(500.0)]) };
        let rows = [floored, row("none", [None, None])];
        let svg = draw(&[Contender::Starling, Contender::SocketIo], &rows);
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"), "{svg}");
        assert!(
            svg.contains(
                "a &lt; b (more is better; dotted: a bare write(2), dashed: the bare path)"
            )
        );
        assert!(svg.contains("<line x1=\"290.0\"") && svg.matches("<line ").count() == 2);
        assert!(svg.contains("width=\"480.0\"") && svg.contains("width=\"240.0\""));
        assert!(svg.contains(">1,000<") && svg.contains(">-<"));
        // Ground, legend and bars.
        assert_eq!(svg.matches("<rect ").count(), 1 + 2 + 4);
    }

    #[test]
    fn a_bar_is_never_longer_than_the_longest() {
        assert!((bar(2.0, 4.0) - LONGEST / 2.0).abs() < 1e-9);
        assert!(bar(0.0, 0.0).abs() < 1e-9);
    }
}
