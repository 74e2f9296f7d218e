//! What can be said on the command line.

use crate::cli::Wish;
use clap::{Args, Parser, Subcommand};
use headland_host::completions::Shell;
use std::path::PathBuf;

/// What stands after the long help, before the table of keys.
pub(super) const AFTER_HELP: &str = "\
Examples:
  headland-hub serve --config /etc/headland/hub.toml
  headland-hub import models.jsonl --register --dry-run
  headland-hub import models.jsonl --register
  headland-hub history
  headland-hub revert 12
  headland-hub models --query mobilenet --limit 20
  headland-hub show timm/mobilenetv3_small_100.lamb_in1k
  headland-hub status
  headland-hub agents
  headland-hub doctor
  headland-hub registry init --print
  headland-hub set-alias farm/crop champion 1.6
  headland-hub backup /var/backups

Exit codes: 0 done; 1 failed; 2 wrong arguments, configuration or input, and nothing changed; 4 not known whether it
was done.

Environment:
  HEADLAND_CONFIG  the configuration file, unless --config names one
  HEADLAND_LOG     what is logged to standard error, such as \"info\" or \"headland_hub=debug\"
  HEADLAND_KEY     overrides a key; HEADLAND_BROKER__LISTEN overrides broker.listen

Configuration, with its defaults:

";

/// One region's hub: follows the registry, serves the region's agents, keeps what they write.
///
/// It brings its own MQTT broker and its own registry, so that this one program is a whole system. The commands below
/// work on the running hub through its control socket, or on its store when it does not run.
#[derive(Debug, Parser)]
#[command(name = "headland-hub", version)]
pub(super) struct Arguments {
    /// The configuration file
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Check the configuration, say whether it is valid, and exit
    #[arg(long, global = true)]
    pub(super) check_config: bool,
    /// Print the answer as JSON
    #[arg(long, global = true)]
    pub(super) json: bool,
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run the hub until it is told to stop
    #[command(after_help = "Example:\n  headland-hub serve --config /etc/headland/hub.toml")]
    Serve,
    /// Make namespaces hold what files state
    ///
    /// Files are JSON Lines of records, or LiteLLM price files. All files together state what their namespaces hold:
    /// models that they do not name are withdrawn. The difference becomes one commit.
    #[command(after_help = "Example:\n  headland-hub import timm-1.0.20.jsonl --namespace vision --register")]
    Import(ImportArguments),
    /// List the models that the registry holds
    #[command(after_help = "Example:\n  headland-hub models --namespace vision --query resnet --limit 20")]
    Models(WantedModels),
    /// Show all that is known about one model
    #[command(after_help = "Example:\n  headland-hub show timm/resnet50.a1_in1k --namespace vision")]
    Show {
        #[command(flatten)]
        model: ModelArgument,
    },
    /// List the registry's commits, the latest first
    #[command(after_help = "Example:\n  headland-hub history --limit 5")]
    History {
        /// At most so many commits
        #[arg(long, value_name = "N", default_value_t = 20)]
        limit: usize,
    },
    /// Take a commit back by a new commit
    ///
    /// What was changed again since is left alone, and counted.
    #[command(after_help = "Example:\n  headland-hub revert 12")]
    Revert {
        /// The commit, as `headland-hub history` numbers it
        #[arg(value_name = "SEQ")]
        seq: u64,
    },
    /// Say which version of a model is current
    ///
    /// It is set where the registry is: here, or in the database that the hub follows, if the mapping allows that.
    #[command(after_help = "Example:\n  headland-hub set-current farm/crop 1.6")]
    SetCurrent {
        #[command(flatten)]
        model: ModelArgument,
        /// A version that the model has
        #[arg(value_name = "VERSION")]
        version: String,
        #[command(flatten)]
        how: SetArguments,
    },
    /// Have an alias name another version
    #[command(after_help = "Example:\n  headland-hub set-alias farm/crop champion 1.6 --if-match 6a8600000001a0f1-2a")]
    SetAlias {
        #[command(flatten)]
        model: ModelArgument,
        /// The alias
        #[arg(value_name = "ALIAS")]
        alias: String,
        /// A version that the model has
        #[arg(value_name = "VERSION")]
        version: String,
        #[command(flatten)]
        how: SetArguments,
    },
    /// Approve a version
    #[command(after_help = "Example:\n  headland-hub approve farm/crop 1.6 field-use")]
    Approve {
        #[command(flatten)]
        approved: ApprovedArguments,
        /// The outcome
        #[arg(long, value_name = "STATUS", default_value = "approved")]
        status: String,
        #[command(flatten)]
        how: SetArguments,
    },
    /// Revoke an approval of a version, for ever
    #[command(after_help = "Example:\n  headland-hub revoke farm/crop 1.5 field-use")]
    Revoke {
        #[command(flatten)]
        approved: ApprovedArguments,
        #[command(flatten)]
        how: SetArguments,
    },
    /// Say what became of a request to set something in the database
    #[command(after_help = "Example:\n  headland-hub request 5e1f0c9a7b3d4e628f0a1b2c3d4e5f60")]
    Request {
        /// What it is called, as the answer said
        #[arg(value_name = "ID")]
        id: String,
    },
    /// Take writes again from a name under which two stores spoke
    ///
    /// A device's store was copied, and both copies spoke. Give one of them another name and a new store first.
    #[command(after_help = "Example:\n  headland-hub unfence leaf-7")]
    Unfence {
        /// The agent's name, as `headland-hub status` lists it
        #[arg(value_name = "NAME")]
        agent: String,
    },
    /// Confirm that a hub that was restored holds what the registry shall hold
    ///
    /// Until then, or until the next import, no agent drops more than a tenth of its models.
    #[command(after_help = "Example:\n  headland-hub confirm-restored")]
    ConfirmRestored,
    /// Let happen what the leading hub's registry says, though it withdraws much
    ///
    /// A hub that follows another holds an answer that would withdraw more than 5 % of a namespace, until somebody has
    /// looked at it and says this.
    #[command(after_help = "Example:\n  headland-hub release")]
    Release,
    /// Say whether the database of `registry.postgres` can be followed, and what would mend it
    ///
    /// Looks at rights, publication, tables, replication slot and limits. It prints SQL and changes nothing.
    #[command(after_help = "Example:\n  headland-hub doctor --config /etc/headland/hub.toml")]
    Doctor,
    /// Make what a hub needs in the user's registry
    Registry {
        #[command(subcommand)]
        command: RegistryCommand,
    },
    /// Print a script that has a shell complete commands and options
    ///
    /// The Debian package installs it for bash, zsh and fish.
    #[command(after_help = "Example:\n  source <(headland-hub completions bash)")]
    Completions {
        /// For which shell
        #[arg(value_name = "SHELL")]
        shell: Shell,
    },
    /// Copy everything that the hub holds into one file, while it runs or not
    ///
    /// The file holds the store as it is at one moment, with checksums, and is read again before it gets its name. In a
    /// directory it is named after the region and the moment.
    #[command(after_help = "Example:\n  headland-hub backup /var/backups")]
    Backup {
        /// The file to make, or the directory to make it in
        #[arg(value_name = "FILE|DIR")]
        to: PathBuf,
    },
    /// Make the store out of a backup, while the hub does not run
    ///
    /// The hub then begins a new epoch, by which its agents know that it went back in time: they say again what they
    /// wrote since the backup. What the registry said since is imported again.
    #[command(
        after_help = "Example:\n  headland-hub restore /var/backups/headland-hub-main-2026-11-27T180000.000Z.backup"
    )]
    Restore {
        /// The backup
        #[arg(value_name = "FILE")]
        from: PathBuf,
        /// Have it take the place of a store that holds something
        #[arg(long)]
        replace: bool,
    },
    /// Say how the hub and its agents are
    #[command(after_help = "Example:\n  headland-hub status --json")]
    Status,
    /// List the agents, with their labels and facts
    #[command(after_help = "Example:\n  headland-hub agents --json")]
    Agents,
}

/// What to do in the user's registry.
#[derive(Debug, Clone, Subcommand)]
pub(super) enum RegistryCommand {
    /// Print or run the SQL that makes Headland's own tables in the database of `registry.postgres`
    ///
    /// They are in a schema of their own, `headland`, and get what devices wrote (`registry.writeback.postgres`). Nothing
    /// else is touched, running it again changes nothing, and the hub's role gets no more rights than it needs.
    #[command(
        after_help = "Examples:\n  headland-hub registry init --print | psql mlflow\n  headland-hub registry init --apply --user admin --password-file /root/admin.password"
    )]
    Init(InitArguments),
}

/// How to make the tables.
#[derive(Debug, Clone, Args)]
pub(super) struct InitArguments {
    /// Print the SQL, and do nothing
    #[arg(long, required_unless_present = "apply", conflicts_with = "apply")]
    pub(super) print: bool,
    /// Run it, in one transaction, and say what it did
    #[arg(long)]
    pub(super) apply: bool,
    /// The role to log in as for that; unset: registry.postgres.user, which the rights are for
    #[arg(long, value_name = "ROLE", requires = "apply")]
    pub(super) user: Option<String>,
    /// The file that holds that role's password
    #[arg(long, value_name = "FILE", requires = "user")]
    pub(super) password_file: Option<PathBuf>,
}

/// What to import, and how.
#[derive(Debug, Clone, Args)]
pub(super) struct ImportArguments {
    /// The files
    #[arg(value_name = "FILE", required = true)]
    pub(super) files: Vec<PathBuf>,
    /// The namespace of records that name none
    #[arg(long, short, value_name = "NAMESPACE", default_value = "default")]
    pub(super) namespace: String,
    /// Say what would happen, and change nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Declare attributes that are new; their names are for ever
    #[arg(long)]
    pub(super) register: bool,
    /// Allow the removal of more than 5 % of a namespace
    #[arg(long)]
    pub(super) allow_removals: bool,
}

/// Which model.
#[derive(Debug, Clone, Args)]
pub(crate) struct ModelArgument {
    /// The model's name, slashes included, as `headland-hub models` prints it
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// Whose model it is
    #[arg(long, short, value_name = "NAMESPACE", default_value = "default")]
    pub(crate) namespace: String,
}

/// Which approval of which version.
#[derive(Debug, Clone, Args)]
pub(super) struct ApprovedArguments {
    #[command(flatten)]
    model: ModelArgument,
    /// A version that the model has
    #[arg(value_name = "VERSION")]
    version: String,
    /// What for
    #[arg(value_name = "APPROVAL")]
    approval: String,
}

impl ApprovedArguments {
    /// That it has this outcome.
    pub(super) fn wish(self, status: &str) -> Wish {
        Wish::approval(self.model, &self.version, &self.approval, status)
    }
}

/// Under which condition to set something.
#[derive(Debug, Clone, Args)]
pub(crate) struct SetArguments {
    /// Only if what is there still has this tag; unless said, if it is still what it is when the command begins
    #[arg(long, value_name = "TAG")]
    pub(crate) if_match: Option<String>,
    /// Only if nothing is there yet
    #[arg(long, conflicts_with = "if_match")]
    pub(crate) if_absent: bool,
    /// What to call the request, for who may send it again; unless said, the hub calls it something
    #[arg(long, value_name = "ID")]
    pub(crate) request_id: Option<String>,
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
    /// Only models for which this holds, such as 'task = "chat" AND license = "mit"'
    #[arg(long, short, value_name = "FILTER")]
    pub(crate) filter: Option<String>,
    /// At most so many models
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) limit: Option<u64>,
}
