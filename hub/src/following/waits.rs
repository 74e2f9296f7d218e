//! How often the registry's present state was wanted, and how long that took.

use crate::answer::PresentWaits;
use crate::opening::now;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// For what the present is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WantedFor {
    /// A strong read at this hub.
    Read,
    /// Setting an element in a database.
    Put,
    /// A hub that follows this one.
    Hub,
}

impl WantedFor {
    const ALL: [Self; 3] = [Self::Read, Self::Put, Self::Hub];

    const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Put => "put",
            Self::Hub => "hub",
        }
    }
}

/// Counts the waits for the present. Shared by all who wait.
#[derive(Debug, Clone, Default)]
pub(crate) struct Waits(Arc<[Counted; WantedFor::ALL.len()]>);

#[derive(Debug, Default)]
struct Counted {
    had: AtomicU64,
    refused: AtomicU64,
    had_ms: AtomicU64,
}

impl Waits {
    /// Waits, and counts what came of it.
    pub(crate) async fn counted<T, E>(
        &self,
        wanted_for: WantedFor,
        wait: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let since = now().mono;
        let result = wait.await;
        let counted = &self.0[wanted_for as usize];
        match &result {
            Ok(_) => {
                counted.had.fetch_add(1, Ordering::Relaxed);
                let took_ms = now().mono.saturating_sub(since);
                counted.had_ms.fetch_add(took_ms, Ordering::Relaxed);
            }
            Err(_) => {
                counted.refused.fetch_add(1, Ordering::Relaxed);
            }
        }
        result
    }

    /// All that was counted.
    pub(crate) fn told(&self) -> Vec<PresentWaits> {
        let told = WantedFor::ALL.into_iter().zip(self.0.iter());
        told.map(|(wanted_for, counted)| PresentWaits {
            wanted_for: wanted_for.name().to_owned(),
            had: counted.had.load(Ordering::Relaxed),
            refused: counted.refused.load(Ordering::Relaxed),
            had_ms: counted.had_ms.load(Ordering::Relaxed),
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_wait_is_counted_where_it_belongs() {
        let waits = Waits::default();
        for result in [Ok(()), Ok(()), Err(())] {
            let _ = waits.counted(WantedFor::Put, std::future::ready(result)).await;
        }
        let counted: Vec<_> = waits
            .told()
            .into_iter()
            .map(|one| (one.wanted_for, one.had, one.refused))
            .collect();
        let none = |name: &str| (name.to_owned(), 0, 0);
        assert_eq!(counted, [none("read"), ("put".to_owned(), 2, 1), none("hub")]);
    }
}
