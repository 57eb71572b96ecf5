//! Moves octets between a socket and two buffers, reading and writing at the same time: a peer that
//! does not read while it writes must not stop us from reading.

use std::{
    future,
    io::Result,
    time::{Duration, Instant},
};

use bytes::BytesMut;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf},
    time::{sleep_until, timeout},
};

/// Octets that are read at once on a busy connection.
pub const BUSY: usize = 64 << 10;
/// On one that hardly says anything, of which there are thousands.
pub const IDLE: usize = 256;

/// A socket, plain or TLS.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

#[derive(Debug)]
pub struct Socket<S> {
    reader: ReadHalf<S>,
    writer: WriteHalf<S>,
    input: BytesMut,
    read_octets: usize,
    /// TLS may hold back what was written.
    unflushed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Octets were added to the input.
    Read,
    /// Octets were taken off the output, or flushed.
    Wrote,
    /// The deadline has come.
    Deadline,
    /// The peer closed, or the connection broke.
    Closed,
}

impl<S: Stream> Socket<S> {
    /// `read_octets`: [`BUSY`] or [`IDLE`].
    pub fn new(stream: S, read_octets: usize) -> Self {
        let (reader, writer) = tokio::io::split(stream);
        Self { reader, writer, input: BytesMut::new(), read_octets, unflushed: false }
    }

    /// What was read and not taken yet.
    pub const fn input(&mut self) -> &mut BytesMut {
        &mut self.input
    }

    /// Waits for one thing to happen. Reads only if `reads`. Can be cancelled without loss.
    pub async fn step(
        &mut self,
        output: &mut BytesMut,
        reads: bool,
        deadline: Option<Instant>,
    ) -> Step {
        if reads && self.input.capacity() - self.input.len() < self.read_octets / 4 {
            self.input.reserve(self.read_octets);
        }
        let writes = !output.is_empty() || self.unflushed;
        tokio::select! {
            biased;
            written = write(&mut self.writer, output, &mut self.unflushed), if writes => {
                if written.is_ok() { Step::Wrote } else { Step::Closed }
            }
            read = self.reader.read_buf(&mut self.input), if reads => match read {
                Ok(0) | Err(_) => Step::Closed,
                Ok(_) => Step::Read,
            },
            () = wait(deadline) => Step::Deadline,
        }
    }

    /// Says that nothing more will come, and gives the peer `patience` to close: what was written
    /// reaches it even though it still writes.
    pub async fn close(mut self, patience: Duration) {
        let linger = async {
            self.writer.shutdown().await?;
            while self.reader.read_buf(&mut self.input).await? > 0 {
                self.input.clear();
            }
            Result::Ok(())
        };
        // Broken, or out of patience: closed either way.
        let _either_way = timeout(patience, linger).await;
    }
}

async fn write<S: Stream>(
    writer: &mut WriteHalf<S>,
    output: &mut BytesMut,
    unflushed: &mut bool,
) -> Result<()> {
    if output.is_empty() {
        writer.flush().await?;
        *unflushed = false;
    } else {
        writer.write_buf(output).await?;
        *unflushed = true;
    }
    Ok(())
}

async fn wait(deadline: Option<Instant>) {
    match deadline {
        Some(at) => sleep_until(at.into()).await,
        None => future::pending().await,
    }
}
