//! Pages of models: found by task or by words where the query says enough, and read one by one.

use super::Moment;
use headland_host::tables::StoreError;
use headland_shared::key::RecordKey;
use headland_shared::name::{Namespace, Task};
use headland_shared::query::{Filter, Order, SortKey, Words};
use headland_shared::view::Model;
use std::cmp::Ordering;
use std::ops::ControlFlow;

/// Which models are wanted, and how many.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Of one namespace, or of all.
    pub namespace: Option<Namespace>,
    /// Those for which this holds.
    pub filter: Filter,
    /// Those in whose texts these are.
    pub words: Words,
    /// In this order, and by key where that does not decide.
    pub order: Order,
    /// Those after this place.
    pub after: Option<Place>,
    /// At most so many.
    pub count: usize,
}

impl Wanted {
    /// All models, of one namespace or of all.
    #[must_use]
    pub fn all(namespace: Option<Namespace>) -> Self {
        Self {
            namespace,
            filter: Filter::ALL,
            words: Words::default(),
            order: Order::default(),
            after: None,
            count: usize::MAX,
        }
    }
}

/// A place in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The model that is there.
    pub key: RecordKey,
    /// What it is ordered by.
    pub sort: SortKey,
}

/// A page of models.
#[derive(Debug, Clone)]
pub struct Page {
    /// The models.
    pub models: Vec<Model>,
    /// The place after which the next page begins, if there is one.
    pub next: Option<Place>,
}

type Row = (Place, Model);

/// Reads a page.
pub(super) fn read(moment: &Moment, wanted: &Wanted) -> Result<Page, StoreError> {
    let mut rows = if wanted.order.is_empty() {
        in_order_of_keys(moment, wanted)?
    } else {
        in_order(moment, wanted)?
    };
    let more = rows.len() > wanted.count;
    rows.truncate(wanted.count);
    let next = rows.last().filter(|_| more).map(|(place, _)| place.clone());
    Ok(Page {
        models: rows.into_iter().map(|(_, model)| model).collect(),
        next,
    })
}

/// Keys come in their order, so the first that match are the page; one more says that there is another.
fn in_order_of_keys(moment: &Moment, wanted: &Wanted) -> Result<Vec<Row>, StoreError> {
    let mut rows = Vec::new();
    let after = wanted.after.as_ref().map(|place| &place.key);
    each_match(moment, wanted, after, |key, model| {
        let sort = wanted.order.key_of(&model);
        rows.push((Place { key, sort }, model));
        match rows.len() > wanted.count {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    })?;
    Ok(rows)
}

/// All matches are looked at, and the first of the order kept: never more than two pages at a time.
fn in_order(moment: &Moment, wanted: &Wanted) -> Result<Vec<Row>, StoreError> {
    let by_order = |a: &Place, b: &Place| -> Ordering {
        let by_fields = wanted.order.compare(&a.sort, &b.sort);
        by_fields.then_with(|| a.key.cmp(&b.key))
    };
    let kept = wanted.count.saturating_add(1);
    let mut rows: Vec<Row> = Vec::new();
    each_match(moment, wanted, None, |key, model| {
        let place = Place {
            sort: wanted.order.key_of(&model),
            key,
        };
        if wanted
            .after
            .as_ref()
            .is_none_or(|after| by_order(&place, after).is_gt())
        {
            rows.push((place, model));
        }
        if rows.len() >= kept.saturating_mul(2) {
            rows.sort_by(|a, b| by_order(&a.0, &b.0));
            rows.truncate(kept);
        }
        ControlFlow::Continue(())
    })?;
    rows.sort_by(|a, b| by_order(&a.0, &b.0));
    Ok(rows)
}

/// Visits all models that match, in the order of their keys.
fn each_match(
    moment: &Moment,
    wanted: &Wanted,
    after: Option<&RecordKey>,
    mut visit: impl FnMut(RecordKey, Model) -> ControlFlow<()>,
) -> Result<(), StoreError> {
    let named = || {
        wanted
            .filter
            .requires("namespace")
            .and_then(|name| Namespace::new(name).ok())
    };
    let namespace = wanted.namespace.clone().or_else(named);
    let prefix = namespace.as_ref().map_or_else(Vec::new, RecordKey::prefix);
    let after = after.map(RecordKey::encoded);
    let mut look = |record: &[u8], blob: &[u8]| -> Result<ControlFlow<()>, StoreError> {
        let key = RecordKey::decode(record).map_err(|error| StoreError::corrupt("records-1", error))?;
        let model = moment.read(&key, &moment.lay_together(record, blob)?);
        if wanted.filter.matches(&model) && wanted.words.match_model(&model) {
            return Ok(visit(key, model));
        }
        Ok(ControlFlow::Continue(()))
    };
    let mut look_up = |record: &[u8]| match moment.views.record(record)? {
        Some((_, blob)) => look(record, &blob),
        None => Err(StoreError::corrupt("finding-1", "a key without its record")),
    };
    let (views, after) = (&moment.views, after.as_deref());
    match wanted.filter.requires("task").map(Task::new) {
        Some(Ok(task)) => views.each_of_task(&task, &prefix, after, look_up),
        // What cannot be the name of a scope may still be a task.
        Some(Err(_)) | None if wanted.words.is_empty() => views.each_record(&prefix, after, look),
        Some(Err(_)) | None => views.each_text(&prefix, after, |hit| {
            match wanted.words.are_in(&[hit.name, hit.texts]) {
                true => look_up(hit.key),
                false => Ok(ControlFlow::Continue(())),
            }
        }),
    }
}
