//! What the agent says: hello, uploads and acknowledgements, each made from the store.

use super::Replica;
use super::residency::may_go_to;
use crate::store::{OwnWrite, Standing, Views};
use headland_host::tables::StoreError;
use headland_shared::actor::{ActorId, Dot};
use headland_shared::defect::{Defect, planted};
use headland_shared::delta::ScopeAlias;
use headland_shared::digest::Digest;
use headland_shared::element::{Remark, State, Tally};
use headland_shared::epoch::{EpochTag, Position, Seq};
use headland_shared::key::ElementKey;
use headland_shared::message::more::{Field, OnlyWhere, StagedUnder, UrgentAlone, WantsPresent, WantsProof};
use headland_shared::message::{Applied, Chained, Hello, Place, Staged, Up, Upload};
use headland_shared::register::Writer;
use headland_shared::session::Now;
use headland_shared::upload::{Entry, RecordRef, UPLOAD_BYTES_MAX, UPLOAD_ENTRIES_MAX, UploadWriter, Written};

impl Replica {
    /// Sends a hello: who, where, and what is new.
    pub(super) fn greet(&mut self, nonce: u64, now: Now) -> Result<(), StoreError> {
        self.sync()?;
        let views = self.store.read()?;
        let staged = views.staged()?.map(|staged| Staged {
            epoch: staged.epoch.tag(),
            snapshot: staged.snapshot,
            started: staged.started,
            to: staged.to,
        });
        let upload = match self.may_upload(&views, now)? {
            true => self.next_upload(&views)?,
            false => None,
        };
        let uploads = upload.is_some();
        let mut more = self.holds(views.record_count()? + views.stub_count()?);
        more.extend(self.config.filter.clone().map(|filter| OnlyWhere(filter).to_more()));
        more.extend(
            views
                .staged_under()?
                .filter(|_| staged.is_some())
                .map(|boot| StagedUnder(boot).to_more()),
        );
        more.extend(self.credentials(&views, upload.as_ref().map(|upload| (upload.prev, upload.to)))?);
        more.extend(self.described.say(nonce));
        more.extend(self.wants_present.then(|| WantsPresent.to_more()));
        let hello = Hello {
            nonce,
            actor: self.actor.clone(),
            frame_bytes_max: self.frame_bytes_max() as u32,
            follow: self.config.follow.clone(),
            place: self.place(),
            staged,
            registry: self.registry(),
            upload,
            more,
        };
        self.send(&Up::Hello(hello));
        if uploads {
            self.session.uploading(now.mono);
        }
        Ok(())
    }

    /// Asks for what is urgent of all that was missed, and for nothing else. No answer is waited for.
    pub(super) fn ask_for_urgent_alone(&mut self) -> Result<(), StoreError> {
        self.sync()?;
        let hello = Hello {
            nonce: 0,
            actor: self.actor.clone(),
            frame_bytes_max: self.frame_bytes_max() as u32,
            follow: self.config.follow.clone(),
            place: self.place(),
            staged: None,
            registry: self.registry(),
            upload: None,
            more: vec![UrgentAlone.to_more()],
        };
        self.send(&Up::Hello(hello));
        Ok(())
    }

    fn place(&self) -> Option<Place> {
        self.placed.as_ref().map(|placed| Place {
            epoch: placed.epoch,
            head: placed.head,
            base: placed.base,
            ahead: self.ahead(),
        })
    }

    fn registry(&self) -> Position {
        let placed = self.placed.as_ref();
        placed.map_or_else(Position::default, |placed| placed.registry)
    }

    fn ahead(&self) -> Vec<(ScopeAlias, Seq)> {
        self.cursors.iter().map(|(alias, seq)| (*alias, *seq)).collect()
    }

    /// Sends the next upload.
    pub(super) fn upload(&mut self, now: Now) -> Result<(), StoreError> {
        let views = self.store.read()?;
        if let Some(upload) = self.next_upload(&views)? {
            let links = self
                .links(&views, upload.prev, upload.to)?
                .filter(|_| self.token.or(self.offered).is_some());
            self.send(&match links {
                Some(links) => Up::Chained(Chained {
                    upload,
                    more: vec![links.to_more()],
                }),
                None => Up::Upload(upload),
            });
            self.session.uploading(now.mono);
        }
        Ok(())
    }

    /// What follows on what the hub has stored, as much as fits one upload. Writes that stay out of this region are
    /// passed over, and so count as seen there. The last upload covers all dots given out, so that overtaken writes do
    /// not linger.
    fn next_upload(&mut self, views: &Views) -> Result<Option<Upload>, StoreError> {
        let (prev, last) = (views.stored()?, views.last_dot()?);
        let Some(region) = self.region.clone().filter(|_| last > prev && !self.fenced) else {
            return Ok(None);
        };
        let epoch = self
            .placed
            .as_ref()
            .map_or_else(EpochTag::default, |placed| placed.epoch.tag());
        let writes = views.own_after(prev, UPLOAD_ENTRIES_MAX)?;
        let complete = writes.len() < UPLOAD_ENTRIES_MAX;
        self.sent.clear();
        let mut body = UploadWriter::new(prev);
        let mut to = prev;
        let mut cut = false;
        for write in &writes {
            if body.len() > UPLOAD_BYTES_MAX / 2 {
                cut = true;
                break;
            }
            if write.standing == Standing::Taken
                && may_go_to(&region, views, &write.element)?
                && let Some(entry) = entry_of(views, &self.actor, write)?
            {
                body.put(&entry);
                self.sent.extend(SentCount::of(write));
            }
            to = write.dot;
        }
        if complete && !cut {
            to = last;
        }
        Ok(Some(Upload {
            incarnation: self.actor.incarnation,
            epoch,
            prev,
            to,
            body: body.finish(),
        }))
    }

    /// Sends an acknowledgement of what is applied and durable.
    pub(super) fn acknowledge(&mut self, wants_proof: bool) -> Result<(), StoreError> {
        self.sync()?;
        let Some(placed) = &self.placed else {
            return Ok(());
        };
        let mut more = Vec::new();
        if wants_proof {
            more.push(WantsProof.to_more());
            more.extend(self.token.map(|token| token.to_more()));
        }
        let applied = Applied {
            epoch: placed.epoch.tag(),
            base: placed.base,
            ahead: self.ahead(),
            digest: self.digest()?,
            more,
        };
        self.send(&Up::Applied(applied));
        Ok(())
    }

    /// The sum of the digests of all followed scopes.
    pub fn digest(&self) -> Result<Digest, StoreError> {
        let mut digest = Digest::default();
        let views = self.store.read()?;
        for row in views.scopes()?.values().filter(|row| row.followed) {
            digest.add(row.digest);
        }
        if planted(Defect::DigestWithPendingWrites) {
            for write in views.own_after(views.stored()?, UPLOAD_ENTRIES_MAX)? {
                let (record, element) = (write.record.encoded(), write.element.encoded());
                digest.add(Digest::of_element(&record, &element, &write.state.encoded()));
            }
        }
        Ok(digest)
    }
}

/// A count as it was sent.
#[derive(Debug, Clone)]
pub(super) struct SentCount {
    pub(super) record: Vec<u8>,
    pub(super) element: Vec<u8>,
    pub(super) dot: u64,
    pub(super) tally: Tally,
}

impl SentCount {
    fn of(write: &OwnWrite) -> Option<Self> {
        let State::Tally(tally) = write.state else {
            return None;
        };
        Some(Self {
            record: write.record.encoded(),
            element: write.element.encoded(),
            dot: write.dot,
            tally,
        })
    }
}

impl Replica {
    /// The counts that the hub has now: those that were sent, also where they were overtaken since, and those that
    /// an earlier run had sent.
    pub(super) fn confirmed_counts(
        &mut self,
        views: &Views,
        before: u64,
        through: u64,
    ) -> Result<Vec<SentCount>, StoreError> {
        let (confirmed, sent): (Vec<_>, Vec<_>) = self.sent.drain(..).partition(|count| count.dot <= through);
        self.sent = sent;
        let mut counts = confirmed;
        for write in views.own_after(before, UPLOAD_ENTRIES_MAX)? {
            if write.dot <= through {
                counts.extend(SentCount::of(&write));
            }
        }
        Ok(counts)
    }
}

/// An own write as an entry of an upload.
fn entry_of(views: &Views, actor: &ActorId, write: &OwnWrite) -> Result<Option<Entry>, StoreError> {
    let record = match views.record(&write.record.encoded())? {
        Some((handle, _)) => RecordRef::Handle(handle),
        None => RecordRef::Key(write.record.clone()),
    };
    let written = match (&write.element, &write.state) {
        (ElementKey::Annotation(Dot { actor: writer, .. }) | ElementKey::Count(_, writer, _), state)
            if writer != actor =>
        {
            Written::Earlier(write.element.clone(), state.clone())
        }
        (ElementKey::Annotation(_), State::Remark(Remark::Written(note))) => Written::Note(note.clone()),
        (ElementKey::Annotation(dot), State::Remark(Remark::Removed)) => Written::Removal(dot.counter),
        (ElementKey::Count(name, _, region), State::Tally(tally)) => {
            Written::Count(name.clone(), region.clone(), *tally)
        }
        (key, State::Register(register)) => {
            let own = register.writes().find_map(|(writer, held)| match writer {
                Writer::Edge(rank, _) => Some((*rank, held.clone())),
                Writer::Central => None,
            });
            let Some((rank, held)) = own else {
                return Ok(None);
            };
            Written::Value(key.clone(), rank, held)
        }
        _ => return Ok(None),
    };
    Ok(Some(Entry {
        dot: write.dot,
        record,
        written,
    }))
}
