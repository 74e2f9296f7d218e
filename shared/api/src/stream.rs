//! A body that is written as it goes, piece by piece.

use axum::body::{Bytes, HttpBody};
use http_body::Frame;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Where pieces come out. An error breaks the connection off, so that a body that is cut short is known for one.
#[derive(Debug)]
pub struct Pieces<E>(Receiver<Result<Bytes, E>>);

/// Both ends of a body of which at most `pieces_max` pieces wait for its reader.
#[must_use]
pub fn pieces<E>(pieces_max: usize) -> (Sender<Result<Bytes, E>>, Pieces<E>) {
    let (sender, taken) = channel(pieces_max);
    (sender, Pieces(taken))
}

impl<E> HttpBody for Pieces<E> {
    type Data = Bytes;
    type Error = E;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, E>>> {
        self.0
            .poll_recv(context)
            .map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }
}
