//! Doing a request once, however often it is sent.

use super::{Replica, WriteError};
use crate::store::{Answered, Request, Written};

impl Replica {
    /// Makes a write, unless the same request has made it before: then gives what it made. The answer is kept in the
    /// transaction of the write, so there is never one without the other. What is refused is not kept: nothing was
    /// done, and a retry is a new attempt.
    pub fn once(
        &mut self,
        request: Request,
        write: impl FnOnce(&mut Self) -> Result<Written, WriteError>,
    ) -> Result<Written, WriteError> {
        match self.store.read()?.answered(&request)? {
            Some(Answered::Same(written)) => return Ok(written),
            Some(Answered::Other) => return Err(WriteError::KeyUsed),
            None => {}
        }
        self.request = Some(request);
        let result = write(self);
        self.request = None;
        result
    }
}
