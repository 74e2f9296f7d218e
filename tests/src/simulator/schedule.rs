//! Schedules: what happens when, drawn from the seed.

use headland_shared::session::{Jitter, Ms};

/// Faults injected of each kind.
#[derive(Debug, Clone, Copy, Default)]
pub struct Faults {
    /// Frames lost.
    pub lost: u64,
    /// Frames repeated.
    pub repeated: u64,
    /// Frames corrupted, cut or replaced by noise.
    pub corrupted: u64,
    /// Links cut.
    pub cuts: u64,
    /// Agents that lost power.
    pub agent_crashes: u64,
    /// Hubs that lost power.
    pub hub_crashes: u64,
    /// Hubs that lost everything.
    pub hub_wipes: u64,
    /// Clocks that jumped.
    pub clock_jumps: u64,
    /// Frames that speak for somebody else.
    pub forgeries: u64,
    /// Disks that were full for a while.
    pub full_disks: u64,
    /// Hubs that were restored from a copy of their disk.
    pub hub_restores: u64,
    /// Agents whose flash was restored from a copy.
    pub agent_restores: u64,
    /// Agents whose flash was copied to another device, both of which lived.
    pub clones: u64,
    /// Moves of agents to another hub.
    pub moves: u64,
    /// Times the way from the leading hub to the following one was slow.
    pub lags: u64,
    /// Answers of the leading hub that the brake held until a person released them.
    pub held: u64,
    /// Times the leading hub had to learn from the following one what it had lost.
    pub adoptions: u64,
}

impl Faults {
    /// Adds another run's.
    pub fn add(&mut self, other: &Self) {
        self.lost += other.lost;
        self.repeated += other.repeated;
        self.corrupted += other.corrupted;
        self.cuts += other.cuts;
        self.agent_crashes += other.agent_crashes;
        self.hub_crashes += other.hub_crashes;
        self.hub_wipes += other.hub_wipes;
        self.clock_jumps += other.clock_jumps;
        self.forgeries += other.forgeries;
        self.full_disks += other.full_disks;
        self.hub_restores += other.hub_restores;
        self.agent_restores += other.agent_restores;
        self.clones += other.clones;
        self.moves += other.moves;
        self.lags += other.lags;
        self.held += other.held;
        self.adoptions += other.adoptions;
    }

    /// Each kind with its name, for printing.
    #[must_use]
    pub fn named(&self) -> [(&'static str, u64); 17] {
        [
            ("frames lost", self.lost),
            ("frames repeated", self.repeated),
            ("frames corrupted", self.corrupted),
            ("links cut", self.cuts),
            ("agent crashes", self.agent_crashes),
            ("hub crashes", self.hub_crashes),
            ("hub wipes", self.hub_wipes),
            ("clock jumps", self.clock_jumps),
            ("forged frames", self.forgeries),
            ("full disks", self.full_disks),
            ("hubs restored", self.hub_restores),
            ("agents restored", self.agent_restores),
            ("agents cloned", self.clones),
            ("moves to another hub", self.moves),
            ("lags between the hubs", self.lags),
            ("answers held by the brake", self.held),
            ("registries learnt back from the follower", self.adoptions),
        ]
    }
}

/// One thing that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    /// The registry commits a change of several models.
    Change,
    /// The registry withdraws a model.
    Withdraw,
    /// A withdrawn model comes back.
    Recreate,
    /// A model moves to another scope.
    Move,
    /// A new version is released and becomes current.
    Release,
    /// The version that someone saw is approved, and the model's status changes.
    Approve,
    /// An agent writes a note.
    Annotate(usize),
    /// An agent takes a note back.
    RemoveNote(usize),
    /// An agent counts.
    Count(usize),
    /// An agent counts what stays in the region.
    CountHere(usize),
    /// An agent goes to another hub, and comes back later.
    Roam(usize, Ms),
    /// For a while nothing that the leading hub says reaches the following one.
    Lag(Ms),
    /// An agent's link is cut for a while.
    Cut(usize, Ms),
    /// An agent loses power for a while.
    CrashAgent(usize, Ms),
    /// A hub loses power for a while.
    CrashHub(usize, Ms),
    /// A hub loses everything. If it leads, its registry is filled again later.
    WipeHub(usize, Ms),
    /// An agent's wall clock jumps.
    Jump(usize, u64),
    /// An agent's disk is full for a while.
    FillDisk(usize, Ms),
    /// Somebody sends frames in an agent's name.
    Forge(usize),
    /// An agent's flash is copied.
    Copy(usize),
    /// An agent's flash is put back to its last copy, and it starts after a while.
    RestoreAgent(usize, Ms),
    /// Another device is given a copy of an agent's flash, and lives for a while.
    Clone(usize, Ms),
    /// A hub's disk is copied.
    CopyHub(usize),
    /// A hub's disk is put back to its last copy. If it leads, somebody says later what the registry shall hold.
    RestoreHub(usize, Ms),
}

/// Draws the events of a schedule, in the order of time.
pub(super) fn draw(agents: usize, jitter: &mut Jitter) -> Vec<(Ms, Event)> {
    let count = 30 + jitter.up_to(30);
    let mut at = 2_000;
    let mut events = Vec::new();
    for _ in 0..count {
        at += jitter.up_to(8_000);
        let agent = jitter.up_to(agents as u64 - 1) as usize;
        let hub = jitter.up_to(1) as usize;
        let event = match jitter.up_to(139) {
            0..=23 => Event::Change,
            24..=31 => Event::Withdraw,
            32..=35 => Event::Recreate,
            36..=40 => Event::Move,
            41..=46 => Event::Release,
            47..=52 => Event::Approve,
            53..=64 => Event::Annotate(agent),
            65..=67 => Event::RemoveNote(agent),
            68..=75 => Event::Count(agent),
            76..=82 => Event::Cut(agent, away(jitter)),
            83..=88 => Event::CrashAgent(agent, jitter.up_to(30_000)),
            89..=92 => Event::CrashHub(hub, jitter.up_to(20_000)),
            93 => Event::WipeHub(hub, jitter.up_to(40_000)),
            94..=95 => Event::Jump(agent, jitter.up_to(4_000_000_000_000)),
            96..=97 => Event::FillDisk(agent, jitter.up_to(20_000)),
            98..=99 => Event::Forge(agent),
            100..=103 => Event::Copy(agent),
            104..=105 => Event::RestoreAgent(agent, jitter.up_to(20_000)),
            106 => Event::Clone(agent, 20_000 + jitter.up_to(60_000)),
            107..=109 => Event::CopyHub(hub),
            110..=111 => Event::RestoreHub(hub, jitter.up_to(30_000)),
            112..=125 => Event::Roam(agent, 5_000 + away(jitter)),
            126..=130 => Event::Lag(away(jitter)),
            _ => Event::CountHere(agent),
        };
        events.push((at, event));
    }
    // Whatever was drawn, each schedule has a crash, a cut and a move.
    let moves = jitter.up_to(agents as u64 - 1) as usize;
    events.push((3_000 + jitter.up_to(60_000), Event::Roam(moves, 5_000 + away(jitter))));
    events.push((3_000 + jitter.up_to(20_000), Event::CrashAgent(0, 5_000)));
    events.push((3_000 + jitter.up_to(20_000), Event::Cut(agents - 1, away(jitter))));
    events.sort_by_key(|(at, _)| *at);
    events
}

/// How long a link is cut: often for seconds, sometimes past the floor.
fn away(jitter: &mut Jitter) -> Ms {
    if jitter.up_to(3) == 0 {
        100_000 + jitter.up_to(200_000)
    } else {
        jitter.up_to(20_000)
    }
}
