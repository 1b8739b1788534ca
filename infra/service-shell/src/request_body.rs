//! A request's body that fails once it comes too slowly.
//!
//! hyper bounds the time of a request's head alone. The time in which nobody asks for the body does not
//! count: then the server is at work, not the client.

use std::{
    error::Error,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

/// How long a client may send nothing, and how long it may take over the whole.
const PART_WITHIN: Duration = Duration::from_secs(10);
const ALL_WITHIN: Duration = Duration::from_mins(1);

/// Wraps `B`.
pub(crate) struct PromptBody<B> {
    body: B,
    /// When all of it must be there; from the first wait on.
    end: Option<Instant>,
    /// Runs while a part is waited for.
    timer: Option<Pin<Box<Sleep>>>,
}

#[derive(Debug, thiserror::Error)]
#[error("the request's body came too slowly: send it within {} s", ALL_WITHIN.as_secs())]
struct TooSlow;

impl<B> PromptBody<B> {
    pub(crate) fn new(body: B) -> Self {
        Self { body, end: None, timer: None }
    }
}

impl<B: Body<Error: Into<Box<dyn Error + Send + Sync>>> + Unpin> Body for PromptBody<B> {
    type Data = B::Data;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, Self::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            self.timer = None;
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let now = Instant::now();
        let end = *self.end.get_or_insert(now + ALL_WITHIN);
        let timer =
            self.timer.get_or_insert_with(|| Box::pin(sleep_until(end.min(now + PART_WITHIN))));
        timer.as_mut().poll(cx).map(|()| Some(Err(TooSlow.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http_body_util::BodyExt as _;
    use tokio::time::sleep;

    use super::*;

    /// A body of which a part comes each `pause`.
    struct Slow {
        parts: usize,
        pause: Duration,
        next: Pin<Box<Sleep>>,
    }

    impl Body for Slow {
        type Data = Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
            if self.parts == 0 {
                return Poll::Ready(None);
            }
            std::task::ready!(self.next.as_mut().poll(cx));
            self.parts -= 1;
            self.next = Box::pin(sleep(self.pause));
            Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"x")))))
        }
    }

    /// How many parts are read, and after how long reading ends.
    async fn read(parts: usize, pause: Duration) -> (usize, Duration) {
        let started = Instant::now();
        let mut body = PromptBody::new(Slow { parts, pause, next: Box::pin(sleep(pause)) });
        let mut read = 0;
        while let Some(Ok(_)) = body.frame().await {
            read += 1;
        }
        (read, started.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn parts_and_the_whole_have_their_time() {
        let seconds = Duration::from_secs;
        for (count, pause, parts, took) in [
            (5, seconds(9), 5, seconds(45)),
            (1, seconds(11), 0, PART_WITHIN),
            (99, seconds(9), 6, ALL_WITHIN),
        ] {
            let (did, after) = read(count, pause).await;
            assert_eq!((did, after.as_secs()), (parts, took.as_secs()), "{count} each {pause:?}");
        }
    }
}
