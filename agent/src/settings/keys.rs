//! The table of keys, as `--help` prints it.

use super::FILE_VARIABLE;
use headland_host::config::{Key, Source};
use headland_host::log::FILTER_VARIABLE;

/// Where the agent's configuration comes from.
pub(crate) const SOURCE: Source = Source {
    default_path: "/etc/headland/agent.toml",
    keys: KEYS,
    ignored: &[FILE_VARIABLE, FILTER_VARIABLE],
    documented_by: "headland-agent --help",
};

const KEYS: &[Key] = &[
    Key {
        name: "name",
        default: "",
        doc: "The device's name, which no other device of the hub may have: letters, digits, \"-\", \"_\"\nand \".\". Unless set, the host name.",
    },
    Key {
        name: "hubs",
        default: "[\"mqtt://127.0.0.1:1883/main\"]",
        doc: "The hubs' brokers and regions, in order of preference.\nIf one cannot be reached, or is behind for a minute, the next is tried.",
    },
    Key {
        name: "follow",
        default: "[\"*/*\"]",
        doc: "What to keep of the catalogue: patterns \"namespace/task\", either of which may be \"*\".",
    },
    Key {
        name: "filter",
        default: "\"\"",
        doc: "Which models of that to hold whole, such as \"size_bytes < 50000000 AND tags:wheat\"; of the others\nonly a checksum is kept. Changes are then fetched every timing.catch_up_ms, urgent ones come at once.",
    },
    Key {
        name: "store",
        default: "\"/var/lib/headland/agent.redb\"",
        doc: "The file that holds the cache and what was written here.",
    },
    Key {
        name: "socket",
        default: "\"/run/headland/agent.sock\"",
        doc: "The socket of the local API. Its owner and group may use it.",
    },
    Key {
        name: "api.socket_mode",
        default: "\"0660\"",
        doc: "Who may use the socket, in octal as chmod takes it: \"0600\" its owner alone, \"0660\" its group\nas well, \"0666\" everybody on the device.",
    },
    Key {
        name: "api.socket_group",
        default: "",
        doc: "The group of the socket, by name or number. Unless set, the one that the agent runs as.",
    },
    Key {
        name: "api.listen",
        default: "",
        doc: "Where to answer the local API over TCP as well, such as \"127.0.0.1:7411\". Loopback only; every request\nmust carry the token as `Authorization: Bearer TOKEN`.",
    },
    Key {
        name: "api.token_file",
        default: "",
        doc: "The file that holds the token, not readable by everybody: `openssl rand -hex 32` makes one.",
    },
    Key {
        name: "on_change.exec",
        default: "[]",
        doc: "A program, by its whole path, and its arguments: run when models have changed, with a line of\nJSON for each on its standard input. Empty: nothing is run.",
    },
    Key {
        name: "on_change.filter",
        default: "\"\"",
        doc: "For which models it is run, as `headland-agent watch --filter` takes it. Empty: for all.",
    },
    Key {
        name: "on_change.timeout_s",
        default: "60",
        doc: "How long it may run, in seconds, before it is ended.",
    },
    Key {
        name: "cache_bytes",
        default: "1048576",
        doc: "How much of the store to hold in memory, in bytes.",
    },
    Key {
        name: "frame_bytes_max",
        default: "65536",
        doc: "The longest message to take, in bytes, from 256 to 262144. Below 65536 changes are fetched\nafter the hub's heartbeat instead of live, for links that cannot carry long messages.",
    },
    Key {
        name: "device.labels",
        default: "{}",
        doc: "What the device is labelled by, for access and aliases: texts, such as { site = \"north\" }.\nThe hub is told.",
    },
    Key {
        name: "device.facts",
        default: "{}",
        doc: "What the device has, for what models require, such as\n{ runtimes = [\"onnxruntime\"], memory_bytes = 536870912, accelerators = [] }. The hub is told.",
    },
    Key {
        name: "link.profile",
        default: "\"lan\"",
        doc: "The kind of link: \"lan\", \"lte-m\" (always on, paid by the byte) or \"satellite\" (asleep between\ncontacts). What is unset below follows from it.",
    },
    Key {
        name: "link.heartbeat",
        default: "",
        doc: "Which heartbeat of the hub to listen to: \"feed\", \"minute\", \"ten-minutes\", \"hour\" or \"none\".\nThe age of answers goes by it. By profile: feed, ten-minutes, none.",
    },
    Key {
        name: "link.keep_alive_s",
        default: "",
        doc: "Seconds of silence after which the broker is asked for a sign of life; after twice as long\nit counts as lost. By profile: 60, 3600, 60.",
    },
    Key {
        name: "link.answer_s",
        default: "",
        doc: "Seconds for which the broker may say nothing while it owes an answer; then the link counts as lost.\nBy profile: 60, 120, 60.",
    },
    Key {
        name: "link.upload_ms",
        default: "",
        doc: "Over which time own writes are gathered before they are sent, in milliseconds.\nBy profile: 0, 60000, 0.",
    },
    Key {
        name: "link.prove_s",
        default: "",
        doc: "How often the hub is asked whether it holds the same, in seconds. Without a heartbeat the age\nof answers goes by it. By profile: 600, 21600, 600.",
    },
    Key {
        name: "link.group_commits",
        default: "",
        doc: "Whether live changes are written to the disk together, with their acknowledgement, which spares\na flash. By profile: false, true, false.",
    },
    Key {
        name: "link.wake_s",
        default: "",
        doc: "The seconds from one contact to the next, between which there is no link. 0: the link stays up.\nBy profile: 0, 0, 21600.",
    },
    Key {
        name: "link.awake_s_max",
        default: "",
        doc: "How long a contact lasts at most, in seconds, when it cannot get done. 120 in all profiles.",
    },
    Key {
        name: "link.wake_on_note",
        default: "",
        doc: "Whether an own write makes for a contact, link.upload_ms later. false in all profiles.",
    },
    Key {
        name: "link.budget_bytes_per_day",
        default: "",
        doc: "How many bytes any 24 hours may carry, both ways, headers of TCP and IP included; from 32768.\nWhat is urgent passes always. Unless set, there is no budget.",
    },
    Key {
        name: "link.backoff_ms_base",
        default: "500",
        doc: "The longest wait before the first new attempt to connect, in milliseconds. It doubles with\neach failure.",
    },
    Key {
        name: "link.backoff_ms_max",
        default: "60000",
        doc: "The longest wait before any new attempt to connect, in milliseconds.",
    },
    Key {
        name: "timing.acknowledge_ms",
        default: "",
        doc: "Over which time acknowledgements are gathered, in milliseconds. By profile: 2000, 10000, 0.",
    },
    Key {
        name: "timing.spread_ms",
        default: "",
        doc: "Over which time devices spread what they all would do at once, in milliseconds.\nBy profile: 1000, 5000, 0.",
    },
    Key {
        name: "timing.catch_up_ms",
        default: "60000",
        doc: "How long a device with a filter may be behind its hub before it asks for what has changed, in\nmilliseconds.",
    },
    Key {
        name: "sync.timeout_s",
        default: "60",
        doc: "How long `headland-agent sync` may take, in seconds.",
    },
];
