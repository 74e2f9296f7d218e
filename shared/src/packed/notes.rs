//! Notes: when, about what, and the text.

use super::columns::{Columns, Place};
use super::{Coder, Number, Sources, signed};
use crate::bytes::{DecodeError, Reader};
use crate::element::{NOTE_BYTES_MAX, Note, SUBJECT_BYTES_MAX};
use crate::stamp::Stamp;
use crate::value::Parts;
use alloc::string::String;
use alloc::vec::Vec;

/// Columns of notes' texts: beside those of attributes.
const TEXTS: u32 = 3;
const SUBJECTS: u32 = 4;

/// Models of notes, and when the one before was written.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    at_ms: u64,
    later: Number,
    count: Number,
}

impl Notes {
    /// Writes a note without fields of newer versions, or reads one.
    pub(crate) fn code<C: Coder>(
        &mut self,
        coder: &mut C,
        columns: &mut Columns,
        note: &Note,
        sources: &mut Sources<'_>,
    ) -> Result<Note, DecodeError> {
        let later = signed(&mut self.later, coder, note.at.ms().wrapping_sub(self.at_ms) as i64)?;
        self.at_ms = self.at_ms.wrapping_add(later as u64) & 0xffff_ffff_ffff;
        let count = self.count.code(coder, note.at.0 & 0xffff)?;
        let at = Stamp(Stamp::at_ms(self.at_ms).0 | count & 0xffff);
        let subject = note.subject.as_deref().unwrap_or("");
        let subject = text(coder, columns, SUBJECTS, subject, sources)?;
        let text = text(coder, columns, TEXTS, &note.text, sources)?;
        if subject.len() > SUBJECT_BYTES_MAX || text.len() > NOTE_BYTES_MAX {
            return Err(DecodeError::TooLong);
        }
        let subject = (!subject.is_empty()).then_some(subject);
        Ok(Note {
            at,
            subject,
            text,
            extra: Vec::new(),
        })
    }
}

/// A text that may have come before in its column. A writer gets nothing back.
pub(crate) fn text<C: Coder>(
    coder: &mut C,
    columns: &mut Columns,
    column: u32,
    text: &str,
    sources: &mut Sources<'_>,
) -> Result<String, DecodeError> {
    let (mut value, mut read) = (Vec::new(), Vec::new());
    if !C::READS {
        Parts::Text(text).put(&mut value)?;
    }
    let mut place = Place {
        column,
        at_ms: 0,
        before: 0,
        sources,
    };
    columns.value(coder, &mut place, &value, &mut read)?;
    if !C::READS {
        return Ok(String::new());
    }
    match crate::value::Value::decode(&mut Reader::new(&read))? {
        crate::value::Value::Text(text) => Ok(text),
        _ => Err(DecodeError::Invalid("text")),
    }
}
