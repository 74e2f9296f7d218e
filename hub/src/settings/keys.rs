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
        "api.socket_mode",
        "\"0660\"",
        "Who may use the socket, in octal as chmod takes it: \"0600\" its owner alone, \"0660\" its group\nas well, \"0666\" everybody on the machine.",
    ),
    key(
        "api.socket_group",
        "",
        "The group of the socket, by name or number. Unless set, the one that the hub runs as.",
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
    key(
        "registry.postgres.host",
        "",
        "The PostgreSQL server whose tables are the registry: a name, an address, or the directory of its Unix socket.\nUnset: there is none. `headland-hub doctor` says whether it can be followed.",
    ),
    key("registry.postgres.port", "5432", "Its port."),
    key("registry.postgres.database", "\"mlflow\"", "The database."),
    key(
        "registry.postgres.user",
        "\"headland\"",
        "The role to log in as. It needs REPLICATION, and SELECT on the tables.",
    ),
    key(
        "registry.postgres.password_file",
        "",
        "The file that holds its password, or the name of a credential that the service manager hands over.",
    ),
    key(
        "registry.postgres.tls",
        "\"verify-full\"",
        "\"verify-full\": the server proves its name. \"off\": only for a server on this machine.",
    ),
    key(
        "registry.postgres.root_certificates",
        "",
        "The file (PEM) of root certificates that the server's may be signed by. Unset: those of this system.",
    ),
    key(
        "registry.postgres.slot",
        "",
        "The replication slot, which the hub makes and which is its alone. Unset: \"headland_\" and the region.",
    ),
    key(
        "registry.postgres.publication",
        "\"headland\"",
        "The publication of the tables, which people make.",
    ),
    key(
        "registry.postgres.mapping",
        "\"mlflow\"",
        "What the tables say: \"mlflow\", or a file such as \"/etc/headland/mapping.toml\".",
    ),
    key(
        "registry.writeback.mlflow",
        "",
        "The MLflow server that gets as tags what devices wrote, such as \"https://mlflow.farm.example\" or\n\"http://127.0.0.1:5000\". Unset: nothing is written to a registry.",
    ),
    key(
        "registry.writeback.user",
        "",
        "The name to log in with, for a server that wants a password (HTTP Basic). Unset: a token is shown.",
    ),
    key(
        "registry.writeback.token_file",
        "",
        "The file that holds the token to show it, or the user's password, or the name of a credential that the service\nmanager hands over.",
    ),
    key(
        "registry.writeback.root_certificates",
        "",
        "The file (PEM) of root certificates that the server's may be signed by. Unset: those of this system.",
    ),
    key(
        "registry.writeback.postgres",
        "\"off\"",
        "Headland's own tables in the database of registry.postgres, which `headland-hub registry init` makes. \"write\":\nthey get what devices wrote. \"exchange\": what hubs of other regions wrote there is taken, too.",
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
        "15000",
        "How often agents on a local network are told that all is well, in milliseconds. The others listen to\nheartbeats of a minute, ten minutes or an hour.",
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
