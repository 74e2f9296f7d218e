//! The table of keys, as `--help` prints it.

use super::FILE_VARIABLE;
use headland_host::config::{Key, Source};
use headland_host::log::FILTER_VARIABLE;

/// Where the hub's configuration comes from.
pub(crate) const SOURCE: Source = Source {
    default_path: "/etc/headland/hub.toml",
    keys: KEYS,
    ignored: &[FILE_VARIABLE, FILTER_VARIABLE],
    documented_by: "headland-hub --help",
};

const fn key(name: &'static str, default: &'static str, doc: &'static str) -> Key {
    Key { name, default, doc }
}

const KEYS: &[Key] = &[
    key(
        "region",
        "\"main\"",
        "The region that this hub serves; part of every topic and of the agents' hub addresses.",
    ),
    key(
        "store",
        "\"/var/lib/headland/hub.redb\"",
        "The file that holds the catalogue and what agents wrote.",
    ),
    key(
        "socket",
        "\"/run/headland/hub.sock\"",
        "The socket of the local API. Its owner and group may use it.",
    ),
    key(
        "api.listen",
        "",
        "Where to answer the local API over TCP as well, such as \"127.0.0.1:7410\". Loopback only; every request\nmust carry the token as `Authorization: Bearer TOKEN`.",
    ),
    key(
        "api.token_file",
        "",
        "The file that holds the token, not readable by everybody: `openssl rand -hex 32` makes one.",
    ),
    key(
        "cache_bytes",
        "67108864",
        "How much of the store to hold in memory, in bytes.",
    ),
    key(
        "retention_days",
        "30",
        "An agent that is away longer no longer holds anything back; it will copy everything\nwhen it returns.",
    ),
    key(
        "registry.follow",
        "",
        "The socket of the hub whose registry this one follows, such as \"/run/headland/hub-a.sock\".\nUnset: this hub has a registry of its own, filled by imports.",
    ),
    key("broker.embedded", "true", "Whether the hub brings its own MQTT broker."),
    key(
        "broker.listen",
        "\"127.0.0.1:1883\"",
        "Where the hub's own broker listens. Loopback only, until devices have identities.",
    ),
    key(
        "broker.external",
        "",
        "The broker to use instead, such as \"mqtt://127.0.0.1:1883\", when broker.embedded is false.",
    ),
    key(
        "broker.connections_max",
        "10000",
        "How many clients the hub's own broker takes.",
    ),
    key(
        "feed.p1_ms_max",
        "1000",
        "How long metrics and capabilities wait for company before they are published, in milliseconds.",
    ),
    key(
        "feed.p2_ms_max",
        "10000",
        "How long documentation and notes wait, in milliseconds.",
    ),
    key(
        "feed.heartbeat_ms",
        "10000",
        "How often agents are told that all is well, in milliseconds.",
    ),
    key(
        "feed.live_bytes_max",
        "65536",
        "The longest live message, in bytes; longer changes are fetched by each agent.",
    ),
    key(
        "link.keep_alive_s",
        "30",
        "Seconds of silence after which the broker is asked for a sign of life.",
    ),
    key(
        "link.backoff_ms_base",
        "500",
        "The longest wait before the first new attempt to connect, in milliseconds.",
    ),
    key(
        "link.backoff_ms_max",
        "60000",
        "The longest wait before any new attempt to connect, in milliseconds.",
    ),
];
