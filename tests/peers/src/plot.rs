//! Bar charts as SVG.

use svg::Document;
use svg::node::element::{Line, Rectangle, Text};

const WIDTH: f64 = 900.0;
const LABELS: f64 = 290.0;
/// Room at the right for the numbers at the ends of bars.
const NUMBERS: f64 = 80.0;
const BAR: f64 = 15.0;
const GAP: f64 = 9.0;
const TOP: f64 = 62.0;
/// Colours that people with any colour sight can tell apart (Okabe and Ito).
const COLOURS: [&str; 8] = [
    "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#8c8c8c", "#44403a",
];

/// A group of bars with one label: one value for each series, where there is one.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(crate) label: String,
    pub(crate) values: Vec<Option<u64>>,
}

/// A chart of horizontal bars.
#[derive(Debug, Clone)]
pub(crate) struct Chart<'a> {
    pub(crate) title: &'a str,
    pub(crate) series: Vec<&'a str>,
    pub(crate) groups: Vec<Group>,
    /// Whether each step to the right is ten times as much.
    pub(crate) logarithmic: bool,
}

fn text(content: impl Into<String>, x: f64, y: f64, size: f64, anchor: &str) -> Text {
    Text::new(content.into())
        .set("x", x)
        .set("y", y)
        .set("font-size", size)
        .set("font-family", "sans-serif")
        .set("text-anchor", anchor)
        .set("fill", "#222")
}

impl Chart<'_> {
    fn most(&self) -> u64 {
        self.groups
            .iter()
            .flat_map(|group| group.values.iter().flatten())
            .copied()
            .max()
            .unwrap_or(1)
            .max(1)
    }

    /// How long the bar of a value is.
    fn length(&self, value: u64) -> f64 {
        let (value, most) = (value as f64, self.most() as f64);
        let part = if self.logarithmic {
            value.max(1.0).log10() / most.log10().max(1.0)
        } else {
            value / most
        };
        part * (WIDTH - LABELS - NUMBERS)
    }

    fn height(&self) -> f64 {
        let bars: usize = self
            .groups
            .iter()
            .map(|group| group.values.iter().flatten().count())
            .sum();
        TOP + bars as f64 * BAR + self.groups.len() as f64 * GAP + 10.0
    }

    /// Draws it.
    pub(crate) fn drawn(&self) -> Document {
        let height = self.height();
        let paper = Rectangle::new()
            .set("width", WIDTH)
            .set("height", height)
            .set("fill", "white");
        let scale = if self.logarithmic {
            "bytes, logarithmic"
        } else {
            "bytes"
        };
        let mut document = Document::new()
            .set("viewBox", (0.0, 0.0, WIDTH, height))
            .set("width", WIDTH)
            .set("height", height)
            .add(paper)
            .add(text(
                format!("{} ({scale}; less is better)", self.title),
                12.0,
                22.0,
                15.0,
                "start",
            ));
        let mut x = 12.0;
        for (index, name) in self.series.iter().enumerate() {
            let mark = Rectangle::new()
                .set("x", x)
                .set("y", 34)
                .set("width", 11)
                .set("height", 11);
            document = document.add(mark.set("fill", COLOURS[index % COLOURS.len()]));
            document = document.add(text(*name, x + 15.0, 44.0, 11.0, "start"));
            x += 28.0 + name.chars().count() as f64 * 5.8;
        }
        let mut y = TOP;
        for group in &self.groups {
            let begun = y;
            for (index, value) in group.values.iter().enumerate() {
                if let Some(value) = value {
                    let length = self.length(*value).max(1.0);
                    let bar = Rectangle::new()
                        .set("x", LABELS)
                        .set("y", y)
                        .set("width", length)
                        .set("height", BAR - 2.0);
                    document = document.add(bar.set("fill", COLOURS[index % COLOURS.len()]));
                    let number = crate::table::number(*value);
                    document = document.add(text(number, LABELS + length + 5.0, y + 10.5, 11.0, "start"));
                    y += BAR;
                }
            }
            let middle = (begun + y) / 2.0 + 3.0;
            document = document.add(text(group.label.as_str(), LABELS - 8.0, middle, 12.0, "end"));
            y += GAP;
        }
        let axis = Line::new()
            .set("x1", LABELS)
            .set("x2", LABELS)
            .set("y1", TOP - 4.0)
            .set("y2", height - 8.0);
        document.add(axis.set("stroke", "#222").set("stroke-width", 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_long_as_their_values_say() {
        let group = |values: [u64; 2]| Group {
            label: "x".to_owned(),
            values: values.map(Some).to_vec(),
        };
        let groups = vec![group([10, 1_000]), group([100, 1])];
        let mut chart = Chart {
            title: "t",
            series: vec!["a", "b"],
            groups,
            logarithmic: false,
        };
        assert!((chart.length(1_000) / chart.length(10) - 100.0).abs() < 1e-9);
        chart.logarithmic = true;
        assert!((chart.length(1_000) / chart.length(10) - 3.0).abs() < 1e-9);
        let drawn = chart.drawn().to_string();
        assert_eq!(drawn.matches("<rect").count(), 1 + 2 + 4);
        assert!(drawn.contains("1,000"));
    }
}
