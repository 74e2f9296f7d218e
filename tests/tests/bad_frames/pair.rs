//! A hub and an agent that talk, and a device that says whatever a test wants.

pub(crate) use super::ends::{attribute, model, name, region};
use super::ends::{import_into, open_agent, open_hub};
use headland_agent::replica::Replica as Agent;
use headland_hub::replica::{Output as HubOutput, Replica as Hub};
use headland_shared::actor::{ActorId, Incarnation};
use headland_shared::bytes::put_varint;
use headland_shared::digest::{Digest, hash_128};
use headland_shared::element::Note;
use headland_shared::epoch::{Epoch, Head, Position, Seq};
use headland_shared::frame::{WIRE_VERSION, decode_down, encode_down, encode_up};
use headland_shared::message::{Batch, Down, Hello, Place, Refusal, Refused, Up, Upload};
use headland_shared::session::Now;
use headland_shared::stamp::Stamp;
use headland_shared::topic;
use headland_shared::upload::{Entry, RecordRef, UploadWriter, Written};

/// Longer than any wait of the session that these tests lead to, in seconds.
const QUIET_S_MAX: u64 = 120;

/// A hub, an agent, and all frames that went between them.
pub(crate) struct Pair {
    pub(crate) hub: Hub,
    pub(crate) agent: Agent,
    pub(crate) up: Vec<Vec<u8>>,
    pub(crate) down: Vec<Vec<u8>>,
    ms: u64,
    mark: i64,
}

/// All that must not change.
#[derive(Debug, PartialEq)]
pub(crate) struct Picture {
    pub(crate) digests: (Digest, Vec<Digest>),
    pub(crate) models: (String, String),
    pub(crate) seen: Vec<u64>,
    pub(crate) stored: u64,
    pub(crate) head: Head,
    pub(crate) epoch: Epoch,
}

/// The device of which only the frames are real.
pub(crate) fn device() -> ActorId {
    ActorId {
        name: name("device-b"),
        incarnation: Incarnation(22),
    }
}

pub(crate) fn note(text: &str, at_ms: u64) -> Written {
    Written::Note(Note {
        at: Stamp::at_ms(at_ms),
        subject: None,
        text: text.into(),
        extra: Vec::new(),
    })
}

/// A frame that is sealed as it should be, whatever is in it.
pub(crate) fn sealed(tag: u8, length: u64, body: &[u8]) -> Vec<u8> {
    let mut frame = vec![WIRE_VERSION, tag, 0];
    put_varint(&mut frame, length);
    frame.extend_from_slice(body);
    let check = hash_128(&[&frame]) as u32;
    frame.extend_from_slice(&check.to_be_bytes());
    frame
}

impl Pair {
    /// Both, in step, with models, a note and a count.
    pub(crate) fn new() -> Self {
        let now = Now {
            mono: 1_000,
            wall_ms: 1_760_000_000_000,
        };
        let (hub, agent) = (open_hub(now), open_agent(now));
        let mut pair = Self {
            hub,
            agent,
            up: Vec::new(),
            down: Vec::new(),
            ms: 0,
            mark: 0,
        };
        pair.agent.link_up(region(), pair.now()).unwrap();
        pair.still_works();
        pair
    }

    pub(crate) fn now(&self) -> Now {
        Now {
            mono: 1_000 + self.ms,
            wall_ms: 1_760_000_000_000 + self.ms,
        }
    }

    /// The registry says something new, the agent writes, and both come to hold the same.
    pub(crate) fn still_works(&mut self) {
        self.import();
        self.until_quiet();
        let written = self
            .agent
            .annotate(&model("a"), None, format!("note {}", self.mark), self.now())
            .unwrap();
        self.agent
            .count(&model("b"), &attribute("usage"), 1, self.now())
            .unwrap();
        self.agent.flush(self.now()).unwrap();
        self.until_quiet();
        let picture = self.picture();
        let sum = picture
            .digests
            .1
            .iter()
            .fold(0_u128, |sum, one| sum.wrapping_add(one.0));
        assert_eq!(picture.digests.0, Digest(sum));
        assert_eq!(picture.seen[0], written.counter + 1);
        assert_eq!(picture.models.0, picture.models.1);
        for said in [
            format!("\"mark\": Number(Whole({}))", self.mark),
            format!("note {}", self.mark),
        ] {
            assert!(
                picture.models.1.contains(&said),
                "{said} is not in {}",
                picture.models.1
            );
        }
    }

    fn import(&mut self) {
        self.mark += 1;
        let now = self.now();
        import_into(&mut self.hub, self.mark, now);
    }

    /// Carries frames until there are no more, and the agent is in step.
    pub(crate) fn until_quiet(&mut self) {
        for _ in 0..QUIET_S_MAX {
            self.ms += 1_000;
            self.agent.handle_timeout(self.now()).unwrap();
            self.hub.handle_timeout(self.now()).unwrap();
            self.carry();
            let place = self.agent.store().read().unwrap().placed().unwrap();
            let head = self.hub.store().read().unwrap().numbers().unwrap().head;
            if self.agent.is_settled() && place.is_some_and(|place| place.head == head) {
                return;
            }
        }
        panic!("they do not come into step: {:?}", self.agent.phase());
    }

    fn carry(&mut self) {
        loop {
            let up: Vec<_> = std::iter::from_fn(|| self.agent.poll()).collect();
            for frame in up {
                self.up.push(frame.clone());
                self.hub.frame(name("device-a"), frame).unwrap();
            }
            self.hub.flush(self.now()).unwrap();
            let down = self.answers("device-a");
            if down.is_empty() {
                return;
            }
            for frame in down {
                self.down.push(frame.clone());
                self.agent.frame(frame, self.now()).unwrap();
            }
        }
    }

    /// What the hub has for one device and for everybody.
    pub(crate) fn answers(&mut self, to: &str) -> Vec<Vec<u8>> {
        let outputs = std::iter::from_fn(|| self.hub.poll());
        let frames = outputs.filter_map(|output| match output {
            HubOutput::Publish { frame, .. } => Some(frame),
            HubOutput::Send { topic, frame } => (topic == topic::down(&region(), &name(to))).then_some(frame),
        });
        frames.collect()
    }

    pub(crate) fn picture(&self) -> Picture {
        let (here, there) = (self.agent.store().read().unwrap(), self.hub.store().read().unwrap());
        let models = headland_agent::read::Reader::new(self.agent.store().clone());
        let models = models.models(&headland_agent::read::Wanted::all(None)).unwrap().models;
        let theirs = headland_hub::read::Reader::new(self.hub.store().clone());
        let theirs = theirs.models(&headland_hub::read::Wanted::all(None)).unwrap().models;
        let digests = there.scopes().unwrap().values().map(|row| row.digest).collect();
        Picture {
            digests: (self.agent.digest().unwrap(), digests),
            models: (format!("{models:?}"), format!("{theirs:?}")),
            seen: vec![there.seen(self.agent.actor()).unwrap(), there.seen(&device()).unwrap()],
            stored: here.stored().unwrap(),
            head: there.numbers().unwrap().head,
            epoch: there.epoch().unwrap().unwrap(),
        }
    }

    fn frames_refused(&self) -> (u64, u64) {
        (self.agent.counts().frames_refused, self.hub.counts().frames_refused)
    }

    /// Both refuse the frame, count it, and stay as they are.
    pub(crate) fn both_refuse(&mut self, frame: &[u8]) {
        let (before, counts) = (self.picture(), self.frames_refused());
        assert!(
            self.agent.frame(frame.to_vec(), self.now()).is_err(),
            "the agent takes {frame:?}"
        );
        assert!(
            self.hub.frame(name("device-a"), frame.to_vec()).is_err(),
            "the hub takes {frame:?}"
        );
        self.hub.flush(self.now()).unwrap();
        assert_eq!(self.frames_refused(), (counts.0 + 1, counts.1 + 1));
        assert_eq!(self.picture(), before);
    }

    /// The device says something; gives what the hub answers to it.
    pub(crate) fn device_says(&mut self, message: &Up) -> Vec<Down> {
        self.hub.frame(device().name, encode_up(message)).unwrap();
        self.hub.flush(self.now()).unwrap();
        let answers = self.answers("device-b");
        answers.iter().map(|frame| decode_down(frame).unwrap()).collect()
    }

    /// The device's writes after `prev`, one dot each.
    pub(crate) fn upload(&self, prev: u64, writes: Vec<(RecordRef, Written)>) -> Upload {
        let (mut body, mut to) = (UploadWriter::new(prev), prev);
        for (record, written) in writes {
            to += 1;
            let entry = Entry {
                dot: to,
                record,
                written,
            };
            body.put(&entry);
        }
        let epoch = self.hub.epoch().tag();
        Upload {
            incarnation: device().incarnation,
            epoch,
            prev,
            to,
            body: body.finish(),
        }
    }

    /// The hub takes none of these writes, says which they were, counts them, and stays as it is.
    pub(crate) fn hub_refuses_writes(&mut self, writes: Vec<Written>) {
        let (mut before, counted) = (self.picture(), self.hub.counts().writes_refused);
        let (prev, count) = (before.seen[1], writes.len() as u64);
        let writes = writes
            .into_iter()
            .map(|written| (RecordRef::Key(model("a")), written))
            .collect();
        let answers = self.device_says(&Up::Upload(self.upload(prev, writes)));
        let refused: Vec<u64> = (prev + 1..=prev + count).collect();
        assert!(
            matches!(&answers[..], [Down::Stored(stored)] if stored.refused == refused),
            "{answers:?}"
        );
        assert_eq!(self.hub.counts().writes_refused, counted + count);
        let after = self.picture();
        // That they are dealt with is itself kept, so that they are not sent again.
        (before.seen[1], before.head) = (prev + count, after.head);
        assert_eq!(after, before);
    }

    /// The hub asks for the device's writes from where it has them, and stays as it is.
    pub(crate) fn hub_sees_a_gap(&mut self, upload: Upload) {
        let before = self.picture();
        let answers = self.device_says(&Up::Upload(upload));
        let refused = Refused {
            refusal: Refusal::UploadGap,
            through: before.seen[1],
        };
        assert_eq!(answers, [Down::Refused(refused)]);
        assert_eq!(self.picture(), before);
    }

    /// The device's hello.
    pub(crate) fn hello(&self, place: Option<Place>) -> Hello {
        Hello {
            nonce: 1,
            actor: device(),
            frame_bytes_max: 65_536,
            follow: vec!["*/*".parse().unwrap()],
            place,
            staged: None,
            registry: Position::default(),
            upload: None,
            more: Vec::new(),
        }
    }

    /// A live batch that follows on what the agent has.
    pub(crate) fn batch(&self, delta: Vec<u8>) -> Vec<u8> {
        let head = self.picture().head;
        encode_down(&Down::Batch(Batch {
            epoch: self.hub.epoch().tag(),
            scope: 0,
            prev: Seq::START,
            to: Head {
                seq: head.seq.next(),
                ..head
            },
            touched: Vec::new(),
            after: Vec::new(),
            delta: Some(delta),
        }))
    }
}
