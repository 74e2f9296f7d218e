//! What was opened for reading last, for all who read while nothing is written.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[derive(Debug)]
struct Kept<V> {
    view: Option<Arc<V>>,
    /// Grows whenever what was opened before is no longer the latest.
    outdated: u64,
}

/// The latest view. It is let go of before a write, so that it holds no pages back, and after it.
#[derive(Debug)]
pub(super) struct Latest<V>(Mutex<Kept<V>>);

impl<V> Default for Latest<V> {
    fn default() -> Self {
        Self(Mutex::new(Kept {
            view: None,
            outdated: 0,
        }))
    }
}

impl<V> Latest<V> {
    /// The kept view, or one that is opened now.
    pub(super) fn get<E>(&self, open: impl FnOnce() -> Result<V, E>) -> Result<Arc<V>, E> {
        let begun = {
            let kept = self.kept();
            if let Some(view) = &kept.view {
                return Ok(view.clone());
            }
            kept.outdated
        };
        let view = Arc::new(open()?);
        let mut kept = self.kept();
        // What was opened while somebody wrote may be the state before.
        if kept.outdated == begun {
            kept.view = Some(view.clone());
        }
        Ok(view)
    }

    /// From now on another view is the latest.
    pub(super) fn outdate(&self) {
        let mut kept = self.kept();
        kept.outdated += 1;
        let before = kept.view.take();
        drop(kept);
        drop(before);
    }

    fn kept(&self) -> MutexGuard<'_, Kept<V>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    fn get(latest: &Latest<u32>, open: impl FnOnce() -> u32) -> u32 {
        *latest.get(|| Ok::<_, Infallible>(open())).unwrap()
    }

    #[test]
    fn while_nothing_is_written_all_read_what_was_opened_once() {
        let latest = Latest::default();
        assert_eq!(get(&latest, || 1), 1);
        assert_eq!(get(&latest, || unreachable!()), 1);
        latest.outdate();
        assert_eq!(get(&latest, || 2), 2);
    }

    #[test]
    fn what_was_opened_while_somebody_wrote_is_not_kept() {
        let latest = Latest::default();
        let opened_before_the_commit = get(&latest, || {
            latest.outdate();
            1
        });
        assert_eq!(opened_before_the_commit, 1);
        assert_eq!(get(&latest, || 2), 2);
    }
}
