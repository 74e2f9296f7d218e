//! What a crowd of agents says, as the frames of real messages.

use super::super::BenchError;
use super::subject::{Subject, refused};
use crate::demo::catalogue::Release;
use headland_shared::actor::{ActorId, Incarnation};
use headland_shared::element::Note;
use headland_shared::epoch::Position;
use headland_shared::frame::{FRAME_BYTES_DEFAULT, encode_up};
use headland_shared::key::RecordKey;
use headland_shared::message::{Applied, Hello, Place, Up, Upload};
use headland_shared::name::{ModelName, Namespace, ReplicaName};
use headland_shared::scope::Follow;
use headland_shared::stamp::Stamp;
use headland_shared::upload::{Entry, RecordRef, UploadWriter, Written};

/// A frame, and who says it.
pub(super) type Said = (ReplicaName, Vec<u8>);

const NOTE: &str = "works on wheat, misses rust on the lower leaves";

/// The name of the `nth` agent.
pub(super) fn name(nth: usize) -> Result<ReplicaName, BenchError> {
    ReplicaName::parse(&format!("agent-{nth:06}")).map_err(refused("naming an agent"))
}

fn incarnation(nth: usize) -> Incarnation {
    Incarnation(nth as u64 + 1)
}

/// A hello from one that stands at `place`, or is fresh.
pub(super) fn hello(subject: &mut Subject, nth: usize, place: Option<Place>) -> Result<Said, BenchError> {
    let name = name(nth)?;
    let hello = Hello {
        nonce: subject.jitter.next_u64(),
        actor: ActorId {
            name: name.clone(),
            incarnation: incarnation(nth),
        },
        frame_bytes_max: FRAME_BYTES_DEFAULT as u32,
        follow: vec![Follow::ALL],
        place,
        staged: None,
        registry: Position::default(),
        upload: None,
        more: Vec::new(),
    };
    Ok((name, encode_up(&Up::Hello(hello))))
}

/// An acknowledgement of everything.
pub(super) fn applied(subject: &Subject, nth: usize) -> Result<Said, BenchError> {
    let place = subject.place()?;
    let applied = Applied {
        epoch: place.epoch.tag(),
        base: place.base,
        ahead: Vec::new(),
        digest: subject.digest()?,
        more: Vec::new(),
    };
    Ok((name(nth)?, encode_up(&Up::Applied(applied))))
}

/// The next write of an agent: a note about one of a release's models.
pub(super) fn upload(subject: &mut Subject, nth: usize, dot: u64, release: &Release) -> Result<Said, BenchError> {
    let models = release.models.len() as u64;
    let model = release.models.keys().nth(subject.jitter.up_to(models - 1) as usize);
    let model = model.map_or("", String::as_str);
    let entry = Entry {
        dot,
        record: RecordRef::Key(RecordKey {
            namespace: Namespace::new(release.namespace.clone()).map_err(refused("naming a namespace"))?,
            name: ModelName::new(model).map_err(refused("naming a model"))?,
        }),
        written: Written::Note(Note {
            at: Stamp::at_ms(subject.now().wall_ms),
            subject: Some("field 7".to_owned()),
            text: NOTE.to_owned(),
            extra: Vec::new(),
        }),
    };
    let mut body = UploadWriter::new(dot - 1);
    body.put(&entry);
    let upload = Upload {
        incarnation: incarnation(nth),
        epoch: subject.replica.epoch().tag(),
        prev: dot - 1,
        to: dot,
        body: body.finish(),
    };
    Ok((name(nth)?, encode_up(&Up::Upload(upload))))
}
