//! What ends a run.

/// Something that could not be done, and why. Nothing was written to the document.
#[derive(Debug, thiserror::Error)]
#[error("{doing}: {reason}")]
pub(crate) struct Failure {
    doing: String,
    reason: String,
}

impl Failure {
    pub(crate) fn new(doing: impl Into<String>, reason: impl std::fmt::Display) -> Self {
        let (doing, reason) = (doing.into(), reason.to_string());
        Self { doing, reason }
    }
}

/// Says of an error what was being done.
pub(crate) trait While<T> {
    fn during(self, doing: &str) -> Result<T, Failure>;
}

impl<T, E: std::fmt::Display> While<T> for Result<T, E> {
    fn during(self, doing: &str) -> Result<T, Failure> {
        self.map_err(|error| Failure::new(doing, error))
    }
}
