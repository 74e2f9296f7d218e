//! Connections that are dead without a word: the machine is gone at the other end, or what lies between has forgotten
//! them.

use super::streaming::STATUS_MS;
use crate::postgres::{PgError, Process, Server};
use std::time::Duration;

/// The bounds of how long a stream may be silent, in milliseconds. The server is asked each second, and answers also
/// when nothing happens; while it syncs its own files on a slow disk it was seen to take a second or two.
const SILENCE_MS_MIN: u64 = 5_000;
const SILENCE_MS_MAX: u64 = 60_000;

/// How often it is looked whether an answer for which it is waited was lost, in milliseconds.
const LOOK_MS: u64 = 10_000;
/// How long an answer that was given may be under way, in milliseconds.
const UNDER_WAY_MS_MAX: u64 = 2_000;

/// How long the server has been silent, counted in times that it was asked: a hub that was stopped meanwhile, or had
/// much to apply, has not asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Silence {
    asked: u64,
    asked_max: u64,
}

impl Silence {
    /// The server is given as long as it gives others, if it does.
    pub(super) fn of(given: Option<Duration>) -> Self {
        let given = given.map_or(SILENCE_MS_MAX, |given| given.as_millis() as u64);
        let asked_max = given.clamp(SILENCE_MS_MIN, SILENCE_MS_MAX) / STATUS_MS;
        Self { asked: 0, asked_max }
    }

    /// Something came.
    pub(super) fn is_broken(&mut self) {
        self.asked = 0;
    }

    /// Nothing came since the last time that the server was asked. It is asked again, unless that was too often.
    pub(super) fn lasts(&mut self) -> Result<(), PgError> {
        if self.asked == self.asked_max {
            return Err(PgError::StreamSilent(self.asked_max * STATUS_MS / 1_000));
        }
        self.asked += 1;
        Ok(())
    }
}

/// Ends when a process of the server does not wait any more and its answer has not come, or when the server cannot be
/// asked about it. An answer that comes is to be taken before this ends.
pub(super) async fn lost_answer(server: &Server, process: Process) -> PgError {
    loop {
        tokio::time::sleep(Duration::from_millis(LOOK_MS)).await;
        let error = match process.is_busy(server).await {
            Ok(true) => continue,
            Ok(false) => PgError::AnswerLost,
            Err(error) => error,
        };
        tokio::time::sleep(Duration::from_millis(UNDER_WAY_MS_MAX)).await;
        return error;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_dead_when_it_was_asked_in_vain_for_as_long_as_the_server_would_wait() {
        for (given_ms, seconds) in [(Some(10_000), 10), (Some(200), 5), (Some(3_600_000), 60), (None, 60)] {
            let mut silence = Silence::of(given_ms.map(Duration::from_millis));
            for _ in 0..2 {
                for _ in 0..seconds {
                    silence.lasts().unwrap();
                }
                silence.is_broken();
            }
            for _ in 0..seconds {
                silence.lasts().unwrap();
            }
            let ended = silence.lasts().unwrap_err();
            assert!(ended.to_string().contains(&format!("for {seconds} s")), "{ended}");
        }
    }
}
