//! Which own writes may go to the hub of a region.

use crate::store::Views;
use headland_host::tables::StoreError;
use headland_shared::key::ElementKey;
use headland_shared::name::Region;
use headland_shared::schema::{Declaration, Residency};

/// Whether the schema lets an own write go to the hub of `region`.
///
/// A count says in which region it was made. A value does not, so one that must not leave its region goes nowhere.
/// Notes are about a model, which is everybody's: no attribute declares them, and they go everywhere.
pub(super) fn may_go_to(region: &Region, views: &Views, element: &ElementKey) -> Result<bool, StoreError> {
    let (name, made_in) = match element {
        ElementKey::Count(name, _, made_in) => (name, Some(made_in)),
        ElementKey::Attribute(name) | ElementKey::Member(name, _) => (name, None),
        _ => return Ok(true),
    };
    let declared = views.declaration(name.as_str())?;
    let declared = declared.or_else(|| Declaration::built_in(name.as_str()));
    Ok(match declared.map(|declaration| declaration.residency) {
        // The hub, which has the schema, refuses what nobody declared.
        None | Some(Residency::Anywhere) => true,
        Some(Residency::Region) => made_in == Some(region),
        Some(Residency::Device) => false,
    })
}
