//! Keeps the first bytes of a response beside the parser: if parsing fails, the log can still show the status.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use http::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes kept: a status line and some interim responses before it.
const KEPT: usize = 256;

/// The first bytes since the last request.
#[derive(Clone, Default)]
pub(super) struct Seen(Arc<Mutex<Vec<u8>>>);

impl Seen {
    /// Clears it at the start of a request.
    pub fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn push(&self, bytes: &[u8]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = KEPT.saturating_sub(kept.len());
        kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// The status of the first final response.
    pub fn status(&self) -> Option<StatusCode> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        status_of(&kept)
    }
}

fn status_of(bytes: &[u8]) -> Option<StatusCode> {
    let text = String::from_utf8_lossy(bytes);
    let code = |line: &str| line.strip_prefix("HTTP/1.")?.get(2..5)?.parse::<u16>().ok();
    text.lines().filter_map(code).find(|code| *code >= 200).and_then(|code| StatusCode::from_u16(code).ok())
}

/// A stream whose first bytes are recorded.
pub(super) struct Watched<S> {
    stream: S,
    seen: Seen,
}

impl<S> Watched<S> {
    pub fn new(stream: S, seen: Seen) -> Self {
        Self { stream, seen }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        let new = &buffer.filled()[before..];
        if !new.is_empty() {
            self.seen.push(new);
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_of_what_came() {
        for (bytes, status) in [
            (&b"HTTP/1.1 200 OK\r\nx"[..], Some(200)),
            (b"HTTP/1.0 503 \r\n", Some(503)),
            (b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 410 Gone\r\n", Some(410)),
            (b"SSH-2.0-OpenSSH_9.9\r\n", None),
            (b"HTTP/1.1 xyz\r\n", None),
            (b"", None),
        ] {
            assert_eq!(status_of(bytes).map(|status| status.as_u16()), status);
        }
    }

    #[test]
    fn only_the_beginning_is_kept() {
        let seen = Seen::default();
        seen.push(&[b'x'; 1000]);
        seen.push(b"HTTP/1.1 200 OK");
        assert_eq!(seen.status(), None);
        seen.clear();
        seen.push(b"HTTP/1.1 20");
        seen.push(b"1 Created\r\n");
        assert_eq!(seen.status(), Some(StatusCode::CREATED));
    }
}
