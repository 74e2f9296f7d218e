//! The field story: three days without a link, told in half a minute.

use super::catalogue::{Catalogue, Models, Release};
use super::report::{ReleaseReport, Report};
use super::screen::{Row, Screen};
use super::views::Views;
use super::{DemoError, Options, full_cost};
use crate::fleet::shown::shown;
use crate::fleet::{Fleet, Member, is_equal};
use headland_host::text::segment;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What the accelerated clock shows between the cut and the return of the links.
const AWAY_HOURS: u64 = 72;
/// How long a step of convergence may take.
const CONVERGE_S_MAX: u64 = 30;
/// Notes travel as documentation, within ten seconds by default; a demo has no such patience.
const FEED: &str = "[feed]\np2_ms_max = 1000\nheartbeat_ms = 2000\n";
const POLL: Duration = Duration::from_millis(100);
/// What people in the field write.
const NOTES: [&str; 5] = [
    "works on wheat, misses rust on the lower leaves",
    "too slow with the small camera, fine with the new one",
    "mistakes dew for mildew before nine in the morning",
    "good in the orchard, use this one for apples",
    "needs a rescale for the drone pictures",
];

struct Teller<'a> {
    options: &'a Options,
    screen: Screen,
    fleet: Fleet,
    catalogue: Catalogue,
    cut: Vec<bool>,
    /// Bytes at each proxy when the links were cut: down, up.
    before: Vec<(u64, u64)>,
    written: Vec<String>,
    counted: u64,
    begun: Instant,
}

pub(super) async fn tell(options: &Options) -> Result<Report, DemoError> {
    let begun = Instant::now();
    let mut screen = Screen::new(options.json);
    let catalogue = match options.catalogue.as_slice() {
        [] => Catalogue::shipped()?,
        files => Catalogue::from_files(files)?,
    };
    let releases = catalogue.releases.clone();
    let full_cost = tokio::task::spawn_blocking(move || full_cost::of(&releases));
    screen.say(&format!(
        "Headland demo: one hub and {} agents, each a process with files of its own, over MQTT on this machine.",
        options.agents
    ));
    let fleet = Fleet::start(&std::env::current_exe()?, options.broker, FEED).await?;
    let mut teller = Teller {
        cut: (0..options.agents)
            .map(|index| index >= options.agents - (options.agents * 5 / 8).max(1))
            .collect(),
        options,
        screen,
        fleet,
        catalogue,
        before: Vec::new(),
        written: Vec::new(),
        counted: 0,
        begun,
    };
    let base = std::mem::take(&mut teller.catalogue.base);
    for release in &base {
        teller.import(release).await?;
    }
    teller.catalogue.base = base;
    for _ in 0..options.agents {
        teller.fleet.add_agent("")?;
    }
    teller.converge("the first copy to reach every agent", |_| true).await?;
    let report = teller.live_through(full_cost).await?;
    teller.screen.close(&report, &teller.cut);
    teller.screen.commands(&report, options.keep);
    if options.keep {
        // Only the wish to stop ends this; a signal that cannot be awaited is that as well.
        let _ = tokio::signal::ctrl_c().await;
    }
    teller.fleet.end()?;
    Ok(report)
}

impl Teller<'_> {
    async fn live_through(
        &mut self,
        full_cost: tokio::task::JoinHandle<std::io::Result<Vec<usize>>>,
    ) -> Result<Report, DemoError> {
        let models: usize = self.catalogue.base.iter().map(|release| release.models.len()).sum();
        self.screen.say(&format!("All agents hold the same {models} models."));
        let sockets = (0..self.options.agents)
            .map(|index| self.fleet.members[index].program.socket())
            .collect();
        let views = Views::watch(sockets, Arc::new(self.catalogue.states()));
        let away = self.cut.iter().filter(|cut| **cut).count();
        self.screen.say(&format!(
            "\nDay 0, 00:00 (accelerated clock: a second is hours)  {away} of {} agents lose their link.",
            self.options.agents
        ));
        for (member, cut) in self.fleet.members.iter().zip(&self.cut) {
            self.before.push((member.proxy.bytes_down(), member.proxy.bytes_up()));
            if *cut {
                member.proxy.cut();
            }
        }
        let releases = self.catalogue.releases.clone();
        let mut held: BTreeMap<String, Models> = BTreeMap::new();
        for release in &self.catalogue.base {
            held.insert(release.namespace.clone(), release.models.clone());
        }
        let mut reports = Vec::new();
        for (index, release) in releases.iter().enumerate() {
            let hour = AWAY_HOURS * (index as u64 + 1) / (releases.len() as u64 + 1);
            reports.push(self.one_release(release, &held, hour).await?);
            held.insert(release.namespace.clone(), release.models.clone());
        }
        self.offline_answer(&releases, &held).await?;
        self.screen
            .say(&format!("Day {}, 00:00  The links are back.", AWAY_HOURS / 24));
        let returned = Instant::now();
        for member in &self.fleet.members {
            member.proxy.restore();
        }
        self.converge("every agent to be equal again", |_| true).await?;
        let seconds_to_converge = returned.elapsed().as_secs_f64();
        let (models_read, bad_views) = views.end().await;
        let full = full_cost
            .await
            .map_err(|error| DemoError::Catalogue(error.to_string()))??;
        let mut report = self.examine(reports).await?;
        report.seconds_to_converge = seconds_to_converge;
        report.models_read = models_read;
        report.bad_views = bad_views;
        report.bytes_full_json_zstd = full.iter().map(|bytes| *bytes as u64).sum();
        report.seconds = self.begun.elapsed().as_secs_f64();
        report.try_these = self.commands();
        Ok(report)
    }

    async fn import(&mut self, release: &Release) -> Result<Value, DemoError> {
        let file = self.fleet.directory().join("release.jsonl");
        release.write(&file)?;
        let wish = json!({
            "files": [file], "namespace": release.namespace, "allow_removals": true, "register": true, "dry_run": false,
        });
        Ok(self.fleet.hub.post("/v1/import", &wish).await?)
    }

    async fn one_release(
        &mut self,
        release: &Release,
        held: &BTreeMap<String, Models>,
        hour: u64,
    ) -> Result<ReleaseReport, DemoError> {
        let done = self.import(release).await?;
        let count = |name: &str| done[name].as_u64().unwrap_or(0);
        let report = ReleaseReport {
            name: release.name.clone(),
            new: count("new"),
            changed: count("changed"),
            removed: count("gone"),
        };
        let (day, clock) = (hour / 24, hour % 24);
        let (new, changed, removed) = (report.new, report.changed, report.removed);
        self.screen.say(&format!(
            "Day {day}, {clock:02}:00  The registry publishes {}: {new} new, {changed} changed, {removed} withdrawn.",
            release.name
        ));
        let nothing = Models::new();
        for told in release.told(held.get(&release.namespace).unwrap_or(&nothing)) {
            self.screen
                .say(&format!("               {}: {}", told.model, told.what));
        }
        self.field_work().await?;
        let cut = self.cut.clone();
        self.converge("the agents with a link to follow", |index| !cut[index])
            .await?;
        Ok(report)
    }

    /// Each cut-off agent notes something about a model that it holds, and counts uses of it.
    async fn field_work(&mut self) -> Result<(), DemoError> {
        let namespace = self.catalogue.base[0].namespace.clone();
        // Models that stay throughout: what is written about a withdrawn one is kept, and shown nowhere.
        let last = self.catalogue.last();
        let lasting: Vec<&String> = self.catalogue.base[0]
            .models
            .keys()
            .filter(|id| last.contains(&(namespace.clone(), (*id).clone())))
            .collect();
        for (index, member) in self
            .fleet
            .members
            .iter()
            .enumerate()
            .filter(|(index, _)| self.cut[*index])
        {
            let number = self.written.len();
            let model = lasting[(number * 97 + index * 13) % lasting.len()];
            let target = format!("/v1/namespaces/{}/models/{}", segment(&namespace), segment(model));
            let note = json!({ "text": NOTES[number % NOTES.len()], "subject": format!("field {}", index + 1) });
            let done = member.program.post(&format!("{target}/annotations"), &note).await?;
            self.written.push(done["id"].as_str().unwrap_or_default().to_owned());
            let uses = 3 + index as u64;
            member
                .program
                .post(&format!("{target}/usage"), &json!({ "amount": uses }))
                .await?;
            self.counted += uses;
        }
        Ok(())
    }

    /// What a cut-off agent answers about a model that has changed meanwhile, with its age.
    async fn offline_answer(
        &mut self,
        releases: &[Release],
        _held: &BTreeMap<String, Models>,
    ) -> Result<(), DemoError> {
        let Some(index) = self.cut.iter().position(|cut| *cut) else {
            return Ok(());
        };
        let base = self
            .catalogue
            .base
            .last()
            .map(|release| (release.namespace.clone(), release.models.clone()));
        let Some((namespace, models)) = base else {
            return Ok(());
        };
        let told = releases
            .iter()
            .filter(|release| release.namespace == namespace)
            .find_map(|release| {
                release
                    .told(&models)
                    .into_iter()
                    .find(|told| models.contains_key(&told.model))
            });
        let Some(told) = told else {
            return Ok(());
        };
        let member = &self.fleet.members[index];
        let target = format!("/v1/namespaces/{}/models/{}", segment(&namespace), segment(&told.model));
        let answer = member.program.get(&target).await?;
        let attribute = told.what.split(' ').next().unwrap_or_default();
        let shown = match &answer["model"]["attributes"][attribute] {
            Value::Null => "is there".to_owned(),
            value => format!("{attribute} {value}"),
        };
        let age_ms = answer["age_ms"].as_u64().unwrap_or(0);
        self.screen.say(&format!(
            "Day 2, 23:00  {} still answers, offline: {} {shown}, and says how old that is: {:.1} s (\"three days\").",
            member.program.name(),
            told.model,
            age_ms as f64 / 1_000.0
        ));
        Ok(())
    }

    /// Waits until the wanted agents hold what the hub holds.
    async fn converge(&mut self, what: &str, wanted: impl Fn(usize) -> bool) -> Result<(), DemoError> {
        let begun = Instant::now();
        let mut seen_note = self.written.is_empty() || self.links_cut();
        loop {
            let (hub, agents) = self.fleet.states().await?;
            self.screen.table(&self.rows(&hub, &agents));
            if !seen_note {
                seen_note = self.tell_of_a_note().await?;
            }
            let equal = agents
                .iter()
                .enumerate()
                .filter(|(index, _)| wanted(*index))
                .all(|(_, agent)| agent.as_ref().is_some_and(|agent| is_equal(&hub, agent)));
            if equal {
                self.screen.snapshot(&self.rows(&hub, &agents));
                return Ok(());
            }
            if begun.elapsed() > Duration::from_secs(CONVERGE_S_MAX) {
                return Err(self.fleet.too_long(what, CONVERGE_S_MAX).into());
            }
            tokio::time::sleep(POLL).await;
        }
    }

    fn links_cut(&self) -> bool {
        self.fleet.members.iter().any(|member| member.proxy.is_cut())
    }

    async fn tell_of_a_note(&mut self) -> Result<bool, DemoError> {
        let notes = self.fleet.hub.get("/v1/annotations?limit=1").await?;
        let list = notes["annotations"].as_array().or_else(|| notes.as_array());
        let Some(note) = list.and_then(|notes| notes.first()) else {
            return Ok(false);
        };
        let text = |name: &str| note[name].as_str().unwrap_or_default();
        self.screen.say(&format!(
            "  a note arrives at the hub: {} of {}: \"{}\"",
            text("author"),
            text("name"),
            text("text")
        ));
        Ok(true)
    }

    fn rows(&self, hub: &Value, agents: &[Option<Value>]) -> Vec<Row> {
        let head = hub["head"]
            .as_u64()
            .or_else(|| hub["head"]["seq"].as_u64())
            .unwrap_or(0);
        let row = |(index, (member, state)): (usize, (&Member, &Option<Value>))| {
            let (down, up) = self.bytes_since(index, member);
            let held = state.as_ref().map_or(0, |state| {
                state["head"]
                    .as_u64()
                    .or_else(|| state["head"]["seq"].as_u64())
                    .unwrap_or(0)
            });
            let age = state.as_ref().and_then(|state| state["age_ms"].as_u64());
            Row {
                agent: member.program.name().to_owned(),
                link: if member.proxy.is_cut() { "cut" } else { "up" },
                behind: match head.saturating_sub(held) {
                    0 => "-".to_owned(),
                    behind => behind.to_string(),
                },
                age: age.map_or_else(|| "unknown".to_owned(), |ms| format!("{:.1} s", ms as f64 / 1_000.0)),
                down,
                up,
            }
        };
        self.fleet.members.iter().zip(agents).enumerate().map(row).collect()
    }

    fn bytes_since(&self, index: usize, member: &Member) -> (u64, u64) {
        let (down, up) = self.before.get(index).copied().unwrap_or((0, 0));
        (
            member.proxy.bytes_down().saturating_sub(down),
            member.proxy.bytes_up().saturating_sub(up),
        )
    }

    /// Reads everything back, from the hub and from every agent.
    async fn examine(&mut self, releases: Vec<ReleaseReport>) -> Result<Report, DemoError> {
        let bytes: Vec<(u64, u64)> = self
            .fleet
            .members
            .iter()
            .enumerate()
            .map(|(index, member)| self.bytes_since(index, member))
            .collect();
        let (hub, agents) = self.fleet.states().await?;
        let digest = hub["digest"].as_str().unwrap_or_default().to_owned();
        let digests_equal = agents
            .iter()
            .flatten()
            .filter(|agent| agent["digest"] == hub["digest"])
            .count()
            == agents.len();
        let last = self.catalogue.last();
        let written: BTreeSet<String> = self.written.iter().cloned().collect();
        let at_hub = shown(&self.fleet.hub).await?;
        let mut resurrected = 0;
        let mut missing = at_hub.keys() != last;
        let mut shown_everywhere = written.clone();
        for member in &self.fleet.members {
            let held = shown(&member.program).await?;
            resurrected += held.keys().difference(&last).count() as u64;
            missing |= held.keys() != last;
            let notes = held.notes();
            shown_everywhere.retain(|id| notes.contains(id));
        }
        Ok(Report {
            records: at_hub.0.len() as u64,
            agents: self.options.agents,
            agents_cut_off: self.cut.iter().filter(|cut| **cut).count(),
            releases,
            bytes_down_per_agent: bytes.iter().map(|(down, _)| *down).collect(),
            bytes_up_per_agent: bytes.iter().map(|(_, up)| *up).collect(),
            bytes_full_json_zstd: 0,
            seconds_to_converge: 0.0,
            annotations_written: written.len() as u64,
            annotations_at_hub: written.intersection(&at_hub.notes()).count() as u64,
            annotations_at_agents: shown_everywhere.len() as u64,
            usage_counted: self.counted,
            usage_at_hub: at_hub.usage(),
            resurrected,
            models_read: 0,
            bad_views: 0,
            digest,
            digests_equal,
            converged: digests_equal && !missing && agents.iter().flatten().all(|agent| is_equal(&hub, agent)),
            seconds: 0.0,
            try_these: Vec::new(),
        })
    }

    fn commands(&self) -> Vec<String> {
        let program =
            std::env::current_exe().map_or_else(|_| "headland-fleet".into(), |path| path.display().to_string());
        let at = self.fleet.directory().display();
        let base = &self.catalogue.base[0];
        let (namespace, model) = (&base.namespace, base.models.keys().next().map_or("", String::as_str));
        let last = self.options.agents;
        vec![
            format!("{program} agent --config {at}/agent-{last}.toml status"),
            format!(
                "{program} agent --config {at}/agent-{last}.toml annotate --namespace {namespace} '{model}' 'seen from my terminal'"
            ),
            format!("{program} hub --config {at}/hub.toml show --namespace {namespace} '{model}'"),
        ]
    }
}
