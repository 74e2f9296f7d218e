//! The numbers that a packed delta introduces.

use super::records::column;
use super::{AttributeIntroduction, ScopeIntroduction};
use crate::bytes::{DecodeError, Reader};
use crate::name::AttributeName;
use crate::packed::{Bit, Coder, Columns, Number};
use crate::schema::{ATTRIBUTES_MAX, Declaration};
use crate::scope::{SCOPES_MAX, Scope};
use alloc::vec::Vec;

/// The longest declaration, in bytes: what newer versions add must fit.
const DECLARATION_BYTES_MAX: usize = 1_024;

/// Writes introductions, or reads them.
pub(super) fn introductions<C: Coder>(
    columns: &mut Columns,
    coder: &mut C,
    scopes: &[ScopeIntroduction],
    attributes: &[AttributeIntroduction],
) -> Result<(Vec<ScopeIntroduction>, Vec<AttributeIntroduction>), DecodeError> {
    let (mut counts, mut number) = (Number::default(), Number::default());
    let mut read = (Vec::new(), Vec::new());
    if !coder.bit(&mut Bit::default(), !scopes.is_empty() || !attributes.is_empty())? {
        return Ok(read);
    }
    let mut before = 0_u32;
    for at in 0..count(&mut counts, coder, scopes.len(), SCOPES_MAX)? {
        let written = scopes.get(at);
        before = alias(&mut number, coder, before, written.map_or(0, |scope| scope.alias))?;
        let namespace = columns.name(
            coder,
            column::INTRODUCED,
            written.map_or("", |one| one.scope.namespace.as_str()),
        )?;
        let task = columns.name(
            coder,
            column::INTRODUCED,
            written.map_or("", |one| one.scope.task.as_str()),
        )?;
        if C::READS {
            let scope = Scope::decode(alloc::format!("{namespace}\0{task}").as_bytes())?;
            read.0.push(ScopeIntroduction { alias: before, scope });
        }
    }
    before = 0;
    for at in 0..count(&mut counts, coder, attributes.len(), ATTRIBUTES_MAX)? {
        let written = attributes.get(at);
        before = alias(
            &mut number,
            coder,
            before,
            written.map_or(0, |attribute| attribute.alias),
        )?;
        let name = columns.name(
            coder,
            column::INTRODUCED,
            written.map_or("", |attribute| attribute.name.as_str()),
        )?;
        let mut declared = Vec::new();
        if let Some(attribute) = written {
            attribute.declaration.encode(&mut declared);
        }
        let declared = columns.bytes(coder, &declared, DECLARATION_BYTES_MAX)?;
        if C::READS {
            read.1.push(AttributeIntroduction {
                alias: before,
                name: AttributeName::new(name).map_err(|_| DecodeError::Invalid("attribute name"))?,
                declaration: Declaration::decode(&mut Reader::new(&declared))?,
            });
        }
    }
    Ok(read)
}

fn count<C: Coder>(counts: &mut Number, coder: &mut C, count: usize, max: usize) -> Result<usize, DecodeError> {
    let count = counts.code(coder, count as u64)?;
    if count > max as u64 {
        return Err(DecodeError::TooLong);
    }
    Ok(count as usize)
}

/// A number as the difference from the one before.
fn alias<C: Coder>(number: &mut Number, coder: &mut C, before: u32, alias: u32) -> Result<u32, DecodeError> {
    let more = number.code(coder, u64::from(alias.wrapping_sub(before)))?;
    let more = u32::try_from(more).map_err(|_| DecodeError::NumberTooLong)?;
    Ok(before.wrapping_add(more))
}
