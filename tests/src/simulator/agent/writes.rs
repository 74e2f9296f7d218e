//! What a device writes.

use super::Agent;
use crate::simulator::reference::{HERE, key};
use headland_agent::replica::WriteError;
use headland_shared::element::{Remark, State};
use headland_shared::key::ElementKey;
use headland_shared::name::AttributeName;
use headland_shared::session::{Jitter, Ms};

impl Agent {
    /// Writes a note about some model that it shows; gives the model.
    pub(in crate::simulator) fn annotate(
        &mut self,
        text: &str,
        now: Ms,
        jitter: &mut Jitter,
    ) -> Result<Option<String>, String> {
        let Some(model) = self.some_model(jitter)? else {
            return Ok(None);
        };
        let at = self.now(now);
        let Some(replica) = &mut self.replica else {
            return Ok(None);
        };
        let written = replica.annotate(&key(&model), None, text.to_owned(), at);
        written.map_err(|error| error.to_string())?;
        Ok(Some(model))
    }

    /// Takes the note with this text back, if the device still has one: a store that began a new life has given its
    /// notes other names, and a name of the life before may be another note's.
    pub(in crate::simulator) fn remove_note(&mut self, text: &str, model: &str, now: Ms) -> Result<bool, String> {
        let at = self.now(now);
        let Some(replica) = &mut self.replica else {
            return Ok(false);
        };
        let key = key(model);
        let own = replica.store().read().and_then(|views| views.own_of(&key.encoded()));
        let mut own = own.map_err(|error| error.to_string())?.into_iter();
        let dot = own.find_map(|write| match (write.element, write.state) {
            (ElementKey::Annotation(dot), State::Remark(Remark::Written(note))) => (note.text == text).then_some(dot),
            _ => None,
        });
        let Some(dot) = dot else {
            return Ok(false);
        };
        let removed = replica.remove_note(&key, &dot, at);
        removed.map_err(|error| error.to_string())?;
        Ok(true)
    }

    /// Sends what was written.
    pub(in crate::simulator) fn flush(&mut self, now: Ms) -> Result<(), String> {
        let at = self.now(now);
        match &mut self.replica {
            Some(replica) => replica.flush(at).map_err(|error| error.to_string()),
            None => Ok(()),
        }
    }

    /// Counts something about some model that it shows; gives the model, and the region to which the count belongs.
    pub(in crate::simulator) fn count(
        &mut self,
        attribute: &str,
        amount: i64,
        now: Ms,
        jitter: &mut Jitter,
    ) -> Result<Option<(String, String)>, String> {
        let Some(model) = self.some_model(jitter)? else {
            return Ok(None);
        };
        let at = self.now(now);
        let Some(replica) = &mut self.replica else {
            return Ok(None);
        };
        let name = AttributeName::new(attribute).expect("a plain word is a valid name");
        let key = key(&model);
        match replica.count(&key, &name, amount, at) {
            // It has not heard of the attribute yet.
            Err(WriteError::NotAllowed(_)) if attribute == HERE => return Ok(None),
            counted => counted.map_err(|error| error.to_string())?,
        };
        let own = replica.store().read().and_then(|views| views.own_of(&key.encoded()));
        let last = own
            .map_err(|error| error.to_string())?
            .into_iter()
            .max_by_key(|write| write.dot);
        match last.map(|write| write.element) {
            Some(ElementKey::Count(_, _, made_in)) => Ok(Some((model, made_in.to_string()))),
            other => Err(format!("{}: a count was written as {other:?}", self.name)),
        }
    }

    fn some_model(&self, jitter: &mut Jitter) -> Result<Option<String>, String> {
        let models = self.models()?;
        if models.is_empty() {
            return Ok(None);
        }
        let index = jitter.up_to(models.len() as u64 - 1) as usize;
        Ok(Some(models[index].name.clone()))
    }
}
