//! What can be said on the command line.

use clap::{Args, Parser, Subcommand};
use headland_host::completions::Shell;
use std::path::PathBuf;

/// What stands after the long help, before the table of keys.
pub(super) const AFTER_HELP: &str = "\
Examples:
  headland-agent run --config /etc/headland/agent.toml
  headland-agent sync
  headland-agent models --query mobilenet --limit 20
  headland-agent models --filter 'task = chat AND input_cost_per_token < 0.000001'
  headland-agent why timm/mobilenetv3_small_100.lamb_in1k license
  headland-agent show timm/mobilenetv3_small_100.lamb_in1k
  headland-agent resolve image-classification --approval field-use
  headland-agent watch --filter 'task = chat'
  headland-agent annotate timm/mobilenetv3_small_100.lamb_in1k \"misses rust\" --subject crop
  headland-agent count timm/mobilenetv3_small_100.lamb_in1k
  headland-agent report timm/mobilenetv3_small_100.lamb_in1k down
  headland-agent status
  headland-agent doctor

Exit codes: 0 done; 1 failed; 2 wrong arguments, configuration or input; 3 nothing fits (resolve).

Environment:
  HEADLAND_CONFIG  the configuration file, unless --config names one
  HEADLAND_LOG     what is logged to standard error, such as \"info\" or \"headland_agent=debug\"
  HEADLAND_KEY     overrides a key; HEADLAND_LINK__KEEP_ALIVE_S overrides link.keep_alive_s

Configuration, with its defaults:

";

/// Keeps a copy of a model catalogue on this device, and answers from it whether or not the hub can be reached.
///
/// The agent follows a regional hub over MQTT. What it holds stays readable for days without a link, and every
/// answer says how old it is. Notes, counts and reports made here are kept on the device first and go to the hub when the
/// link is back. The commands below ask the running agent, or read its store when it does not run.
#[derive(Debug, Parser)]
#[command(
    name = "headland-agent",
    version,
    arg_required_else_help = true,
    disable_help_subcommand = true
)]
#[command(max_term_width = 100)]
pub(super) struct Arguments {
    /// The configuration file [default: /etc/headland/agent.toml, if there is one]
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Check the configuration, say whether it is valid, and do nothing else
    #[arg(long, global = true)]
    pub(super) check_config: bool,
    /// Print answers as JSON
    #[arg(long, global = true)]
    pub(super) json: bool,
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run the agent until it is told to stop
    ///
    /// It answers on the control socket from the first moment, whether or not a hub can be reached, and exits within
    /// two seconds of SIGTERM or SIGINT.
    #[command(after_help = "Example:\n  headland-agent run --config /etc/headland/agent.toml")]
    Run,
    /// Get in step with the hub once, and exit
    ///
    /// For a device that wakes for seconds. Exits with 0 once everything new is here and everything written here is
    /// there, and with 1 when that does not come about within sync.timeout_s.
    #[command(after_help = "Example:\n  headland-agent sync")]
    Sync,
    /// List the models that are held
    #[command(after_help = "Example:\n  headland-agent models --query mobilenet --limit 20")]
    Models(Box<WantedModels>),
    /// Show all that is known about one model
    #[command(after_help = "Example:\n  headland-agent show timm/mobilenetv3_small_100.lamb_in1k")]
    Show {
        #[command(flatten)]
        model: ModelArgument,
        #[command(flatten)]
        freshness: FreshnessArguments,
    },
    /// Say why attributes of a model have the values that they have
    ///
    /// Tells which write is shown, by which rule, and which others are not, with their authors and times.
    #[command(
        after_help = "Examples:\n  headland-agent why timm/mobilenetv3_small_100.lamb_in1k license\n  headland-agent why timm/mobilenetv3_small_100.lamb_in1k --limit 5"
    )]
    Why(WhyArguments),
    /// Say which version this device should use now, and why none of the others
    ///
    /// Exits with 0 when there is one, and with 3 when nothing fits. docs/resolve.md tells what is read of models.
    #[command(
        after_help = "Examples:\n  headland-agent resolve image-classification --approval field-use\n  headland-agent resolve chat --need languages=de,en --need 'context_length>=8192' --alias champion"
    )]
    Resolve(Asked),
    /// Print what changes, a line for each change, until it is stopped
    ///
    /// Asks the running agent. `changed` is a model that is among those that are wanted, `gone` one that is not, and
    /// after `resync` everything may have changed. With --json each line holds the model as it is now.
    #[command(after_help = "Example:\n  headland-agent watch --filter 'task = chat' --json")]
    Watch(WatchArguments),
    /// Write a note about a model, or take one back
    ///
    /// Prints the note's id. The note is kept on this device before the command ends, and goes to the hub when there
    /// is a link.
    #[command(
        after_help = "Examples:\n  headland-agent annotate timm/resnet50.a1_in1k \"misses rust on leaves\" --subject crop\n  headland-agent annotate timm/resnet50.a1_in1k --remove leaf-7.00c0ffee00c0ffee.3"
    )]
    Annotate(NoteArguments),
    /// Count uses of a model
    #[command(after_help = "Example:\n  headland-agent count timm/resnet50.a1_in1k --by 3")]
    Count {
        #[command(flatten)]
        model: ModelArgument,
        /// How many uses; a negative number takes back
        #[arg(long, value_name = "N", default_value_t = 1, allow_negative_numbers = true)]
        by: i64,
        #[command(flatten)]
        once: OnceArguments,
    },
    /// Say whether a model can be used on this device, or take that back
    ///
    /// It counts on this device alone, at once: `down`, `offline` and `unavailable` keep `resolve` from the model. The
    /// hub is told what each device has said.
    #[command(
        after_help = "Examples:\n  headland-agent report timm/resnet50.a1_in1k down\n  headland-agent report timm/resnet50.a1_in1k --take-back"
    )]
    Report(ReportArguments),
    /// Look this device over, and say what to do about what does not work
    ///
    /// Checks the configuration, the clock, the agent, its store, and the way to each hub: whether its host accepts
    /// connections, a broker answers there, and the hub's heartbeat can be heard. Works whether or not the agent runs.
    /// Exits with 0 when nothing failed, with 1 when something did, and with 2 when the configuration is wrong.
    #[command(after_help = "Examples:\n  headland-agent doctor\n  headland-agent doctor --json --wait 60")]
    Doctor {
        /// How many seconds to wait for a hub's heartbeat, which comes every feed.heartbeat_ms of the hub
        #[arg(long, value_name = "S", default_value_t = 35, value_parser = clap::value_parser!(u64).range(1..=3600))]
        wait: u64,
    },
    /// Print a script that has a shell complete commands and options
    ///
    /// The Debian package installs it for bash, zsh and fish.
    #[command(after_help = "Example:\n  source <(headland-agent completions bash)")]
    Completions {
        /// For which shell
        #[arg(value_name = "SHELL")]
        shell: Shell,
    },
    /// Print what can be read of own writes in a damaged store, for the agent itself
    #[command(name = crate::rescue::COMMAND, hide = true)]
    ReadDamagedStore {
        /// In which way to look at it
        attempt: u8,
        /// The damaged file
        file: PathBuf,
    },
    /// Say how the agent is
    #[command(after_help = "Example:\n  headland-agent status --json")]
    Status,
}

/// Which model.
#[derive(Debug, Clone, Args)]
pub(crate) struct ModelArgument {
    /// The model's name, slashes included, as `headland-agent models` prints it
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// Whose model it is
    #[arg(long, short, value_name = "NAMESPACE", default_value = "default")]
    pub(crate) namespace: String,
}

/// What to explain of which model.
#[derive(Debug, Clone, Args)]
pub(crate) struct WhyArguments {
    #[command(flatten)]
    pub(crate) model: ModelArgument,
    /// The attributes' names, as `headland-agent show` prints them [default: all that the model has]
    #[arg(value_name = "ATTRIBUTE")]
    pub(crate) attributes: Vec<String>,
    /// At most so many attributes, where none is named
    #[arg(long, short, value_name = "N", default_value_t = 20)]
    pub(crate) limit: usize,
    #[command(flatten)]
    pub(crate) freshness: FreshnessArguments,
}

/// Which models to list.
#[derive(Debug, Clone, Args)]
pub(crate) struct WantedModels {
    /// Only the models of this namespace
    #[arg(long, short, value_name = "NAMESPACE")]
    pub(crate) namespace: Option<String>,
    /// Only models in whose name, description or tags all these words are, whatever the case
    #[arg(long, short, value_name = "TEXT")]
    pub(crate) query: Option<String>,
    /// At most so many models
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) limit: Option<u64>,
    /// Only models for which this holds, such as 'task = "chat" AND NOT status = "deprecated"' (AIP-160)
    #[arg(long, short, value_name = "FILTER")]
    pub(crate) filter: Option<String>,
    /// By which fields to order, such as "usage desc, name"
    #[arg(long, value_name = "FIELDS")]
    pub(crate) order_by: Option<String>,
    /// Which fields to show of each model, such as "task,license,versions"
    #[arg(long, value_name = "FIELDS")]
    pub(crate) fields: Option<String>,
    #[command(flatten)]
    pub(crate) freshness: FreshnessArguments,
}

/// What to watch.
#[derive(Debug, Clone, Args)]
pub(crate) struct WatchArguments {
    /// Only the models of this namespace
    #[arg(long, short, value_name = "NAMESPACE")]
    pub(crate) namespace: Option<String>,
    /// Only models in whose name, description or tags all these words are, whatever the case
    #[arg(long, short, value_name = "TEXT")]
    pub(crate) query: Option<String>,
    /// Only models for which this holds, such as 'task = "chat" AND NOT status = "deprecated"' (AIP-160)
    #[arg(long, short, value_name = "FILTER")]
    pub(crate) filter: Option<String>,
    /// Which fields to watch of each model, such as "task,license,versions"
    #[arg(long, value_name = "FIELDS")]
    pub(crate) fields: Option<String>,
    /// Begin after this position, which `headland-agent models --json` and each line of --json tell [default: now]
    #[arg(long, value_name = "POSITION")]
    pub(crate) from: Option<String>,
}

/// How fresh an answer must be.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct FreshnessArguments {
    /// How fresh the answer must be: however old (eventual), not older than --max-staleness (bounded), or the present,
    /// for which the hub is asked (strong)
    #[arg(long, value_name = "HOW", value_parser = ["eventual", "bounded", "strong"])]
    pub(crate) consistency: Option<String>,
    /// Refuse an answer that may be older than this, such as 30s, 10m or 2h
    #[arg(long, value_name = "AGE")]
    pub(crate) max_staleness: Option<String>,
    /// Answer with a warning where one that is not fresh enough would be refused
    #[arg(long)]
    pub(crate) warn: bool,
}

/// What to note about which model.
#[derive(Debug, Clone, Args)]
pub(crate) struct NoteArguments {
    #[command(flatten)]
    pub(crate) model: ModelArgument,
    /// The note
    #[arg(value_name = "TEXT", required_unless_present = "remove", conflicts_with = "remove")]
    pub(crate) text: Option<String>,
    /// What the note is about
    #[arg(long, short, value_name = "SUBJECT", conflicts_with = "remove")]
    pub(crate) subject: Option<String>,
    /// Take back this note, which must be this device's own
    #[arg(long, value_name = "ID")]
    pub(crate) remove: Option<String>,
    #[command(flatten)]
    pub(crate) once: OnceArguments,
}

/// What to report of which model.
#[derive(Debug, Clone, Args)]
pub(crate) struct ReportArguments {
    #[command(flatten)]
    pub(crate) model: ModelArgument,
    /// What it is here, such as up, degraded or down
    #[arg(
        value_name = "AVAILABILITY",
        required_unless_present = "take_back",
        conflicts_with = "take_back"
    )]
    pub(crate) availability: Option<String>,
    /// Take back what this device has said
    #[arg(long)]
    pub(crate) take_back: bool,
    #[command(flatten)]
    pub(crate) once: OnceArguments,
}

/// What makes a write one that is made once.
#[derive(Debug, Clone, Args)]
pub(crate) struct OnceArguments {
    /// A key of this write's own, such as a UUID: said again with the same key, it is not made again [default: a new
    /// one, for this command's own retries]
    #[arg(long, value_name = "KEY")]
    pub(crate) idempotency_key: Option<String>,
}

/// What to find a version for.
#[derive(Debug, Clone, Args)]
pub(crate) struct Asked {
    /// What the model shall do, such as image-classification
    #[arg(value_name = "TASK")]
    pub(crate) task: String,
    /// What an attribute must be: K=V, K=V,W for all of them, K=V|W for one of them, K>=N, K<=N
    #[arg(long, value_name = "K=V")]
    pub(crate) need: Vec<String>,
    /// Only the version that this alias names for this device
    #[arg(long, value_name = "ALIAS")]
    pub(crate) alias: Option<String>,
    /// Only versions that are approved for this
    #[arg(long, value_name = "APPROVAL")]
    pub(crate) approval: Option<String>,
    /// Only models of this namespace
    #[arg(long, short, value_name = "NAMESPACE")]
    pub(crate) namespace: Option<String>,
    #[command(flatten)]
    pub(crate) freshness: FreshnessArguments,
}
