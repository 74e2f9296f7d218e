//! What happens in a conversation, one a line of its file.

/// What happens, and who hears of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    /// The device is another one: it takes frames no longer than this, in bytes, and wants such models only.
    Device(usize, String),
    /// So much time has passed since the beginning, in milliseconds: both.
    At(u64),
    /// The registry says something new: the hub.
    Import(i64),
    /// The registry has so many models, and says this of them: the hub.
    Catalogue(usize, i64),
    /// The link comes up, or goes: the agent.
    Link(bool),
    /// A note with this text, and a count: the agent.
    Write(String),
    /// The agent said: the hub hears it.
    Up(Vec<u8>),
    /// The hub said: the agent hears it.
    Down(Vec<u8>),
    /// What the agent shows at the end.
    Models(String),
}

impl Event {
    /// The event as a line of a file.
    pub(crate) fn line(&self) -> String {
        let hex = |frame: &[u8]| frame.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        match self {
            Self::Device(frame_bytes_max, filter) => format!("device {frame_bytes_max} {filter}"),
            Self::At(ms) => format!("at {ms}"),
            Self::Import(mark) => format!("import {mark}"),
            Self::Catalogue(models, mark) => format!("catalogue {models} {mark}"),
            Self::Link(up) => format!("link {}", if *up { "up" } else { "down" }),
            Self::Write(text) => format!("write {text}"),
            Self::Up(frame) => format!("up {}", hex(frame)),
            Self::Down(frame) => format!("down {}", hex(frame)),
            Self::Models(text) => format!("models {text}"),
        }
    }

    /// The event of a line.
    pub(crate) fn read(line: &str) -> Self {
        let (kind, rest) = line.split_once(' ').unwrap();
        let bytes = || {
            let pairs = (0..rest.len()).step_by(2).map(|at| &rest[at..at + 2]);
            pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
        };
        let two = || rest.split_once(' ').unwrap();
        match kind {
            "device" => Self::Device(two().0.parse().unwrap(), two().1.to_owned()),
            "at" => Self::At(rest.parse().unwrap()),
            "import" => Self::Import(rest.parse().unwrap()),
            "catalogue" => Self::Catalogue(two().0.parse().unwrap(), two().1.parse().unwrap()),
            "link" => Self::Link(rest == "up"),
            "write" => Self::Write(rest.to_owned()),
            "up" => Self::Up(bytes()),
            "down" => Self::Down(bytes()),
            "models" => Self::Models(rest.to_owned()),
            _ => panic!("{line}"),
        }
    }
}
