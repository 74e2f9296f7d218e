//! Numbers in the text format of Prometheus, version 0.0.4.

use headland_host::link::LinkCounts;
use std::fmt::Write as _;

/// The media type of the format.
pub const FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What a number does: goes up and down, or only up until the program starts anew.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// Up and down.
    Gauge,
    /// Up.
    Counter,
}

/// Lines of the format.
#[derive(Debug)]
pub struct Lines {
    prefix: &'static str,
    text: String,
}

impl Lines {
    /// No lines yet. `prefix` stands before each name, with a line below it: `headland_agent`.
    #[must_use]
    pub fn new(prefix: &'static str) -> Self {
        Self {
            prefix,
            text: String::new(),
        }
    }

    /// All lines.
    #[must_use]
    pub fn into_text(self) -> String {
        self.text
    }

    /// What a number is, before its samples.
    pub fn head(&mut self, name: &str, kind: Kind, help: &str) {
        let kind = match kind {
            Kind::Gauge => "gauge",
            Kind::Counter => "counter",
        };
        let prefix = self.prefix;
        self.put(format_args!(
            "# HELP {prefix}_{name} {help}\n# TYPE {prefix}_{name} {kind}\n"
        ));
    }

    /// One of several numbers under one name, told apart by labels.
    pub fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        let labels: Vec<_> = labels
            .iter()
            .map(|(label, text)| format!("{label}=\"{}\"", escaped(text)))
            .collect();
        let labels = match labels.is_empty() {
            true => String::new(),
            false => format!("{{{}}}", labels.join(",")),
        };
        let prefix = self.prefix;
        self.put(format_args!("{prefix}_{name}{labels} {value}\n"));
    }

    /// One of several states: 1 at the one that is, 0 at the others.
    pub fn states(&mut self, name: &str, label: &str, help: &str, all: &[&str], present: &str) {
        self.head(name, Kind::Gauge, help);
        for state in all {
            self.sample(name, &[(label, state)], f64::from(u8::from(*state == present)));
        }
    }

    /// A number that goes up and down.
    pub fn gauge(&mut self, name: &str, help: &str, value: f64) {
        self.head(name, Kind::Gauge, help);
        self.sample(name, &[], value);
    }

    /// A number that goes up.
    pub fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.head(name, Kind::Counter, help);
        let prefix = self.prefix;
        self.put(format_args!("{prefix}_{name} {value}\n"));
    }

    /// What the program's link has carried.
    pub fn link(&mut self, counts: &LinkCounts) {
        for (name, help, value) in [
            ("link_sessions_total", "Times the link came up.", counts.sessions),
            ("received_frames_total", "Frames that arrived.", counts.frames_in),
            (
                "received_bytes_total",
                "Bytes in the frames that arrived.",
                counts.bytes_in,
            ),
            ("sent_frames_total", "Frames that were sent.", counts.frames_out),
            (
                "sent_bytes_total",
                "Bytes in the frames that were sent.",
                counts.bytes_out,
            ),
        ] {
            self.counter(name, help, value);
        }
    }

    fn put(&mut self, text: std::fmt::Arguments<'_>) {
        self.text
            .write_fmt(text)
            .expect("a text takes whatever is written to it");
    }
}

/// A label's text as the format wants it.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_cannot_end_its_line() {
        let mut lines = Lines::new("headland");
        lines.sample("x", &[("a", "b\"\\\nc")], 0.25);
        assert_eq!(lines.into_text(), "headland_x{a=\"b\\\"\\\\\\nc\"} 0.25\n");
    }
}
