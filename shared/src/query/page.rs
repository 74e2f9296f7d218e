//! Pages of models, read one by one from what a catalogue finds.

use super::catalogue::{Catalogue, Narrowed};
use super::{Filter, Order, SortKey, Words};
use crate::key::RecordKey;
use crate::name::{Namespace, Task};
use crate::view::Model;
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::ops::ControlFlow;

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
pub(super) fn read<C: Catalogue + ?Sized>(catalogue: &C, wanted: &Wanted) -> Result<Page, C::Error> {
    let mut rows = if wanted.order.is_empty() {
        in_order_of_keys(catalogue, wanted)?
    } else {
        in_order(catalogue, wanted)?
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
fn in_order_of_keys<C: Catalogue + ?Sized>(catalogue: &C, wanted: &Wanted) -> Result<Vec<Row>, C::Error> {
    let mut rows = Vec::new();
    let after = wanted.after.as_ref().map(|place| &place.key);
    each_match(catalogue, wanted, after, |key, model| {
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
fn in_order<C: Catalogue + ?Sized>(catalogue: &C, wanted: &Wanted) -> Result<Vec<Row>, C::Error> {
    let by_order = |a: &Place, b: &Place| -> Ordering {
        let by_fields = wanted.order.compare(&a.sort, &b.sort);
        by_fields.then_with(|| a.key.cmp(&b.key))
    };
    let kept = wanted.count.saturating_add(1);
    let mut rows: Vec<Row> = Vec::new();
    each_match(catalogue, wanted, None, |key, model| {
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
fn each_match<C: Catalogue + ?Sized>(
    catalogue: &C,
    wanted: &Wanted,
    after: Option<&RecordKey>,
    mut visit: impl FnMut(RecordKey, Model) -> ControlFlow<()>,
) -> Result<(), C::Error> {
    let named = || {
        wanted
            .filter
            .requires("namespace")
            .and_then(|name| Namespace::new(name).ok())
    };
    let namespace = wanted.namespace.clone().or_else(named);
    let narrowed = Narrowed {
        prefix: namespace.as_ref().map_or_else(Vec::new, RecordKey::prefix),
        after: after.map(RecordKey::encoded),
        // What cannot be the name of a scope may still be a task.
        task: wanted.filter.requires("task").and_then(|task| Task::new(task).ok()),
        words: &wanted.words,
    };
    catalogue.each_candidate(&narrowed, &mut |key, model| match wanted.filter.matches(&model)
        && wanted.words.match_model(&model)
    {
        true => visit(key, model),
        false => ControlFlow::Continue(()),
    })
}
