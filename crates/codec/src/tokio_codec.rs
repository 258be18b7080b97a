//! Frames as a `tokio_util` codec, for tools and tests. The broker's own path cuts borrowed frames instead.

use std::io;

use bytes::{BufMut as _, Bytes, BytesMut};
use tokio_util::codec::{Decoder, Encoder};

use crate::{
    error::DecodeError,
    frame::{self, FRAME_END, FRAME_HEADER_BYTES, FRAME_OVERHEAD_BYTES, FrameKind},
    limits::Limits,
};

/// A frame that keeps its payload alive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedFrame {
    /// What the payload is.
    pub kind: FrameKind,
    /// Zero is the connection itself.
    pub channel: u16,
    /// What lies between the header and the end byte.
    pub payload: Bytes,
}

/// Why a stream of frames ended.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// The peer sent what is no frame.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The socket failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A frame to be sent exceeds 4 GiB, which its size field cannot say.
    #[error("a payload of {0} bytes does not fit a frame")]
    TooLarge(usize),
}

/// Cuts and joins frames; the protocol header must have been exchanged before.
#[derive(Clone, Copy, Debug, Default)]
pub struct FrameCodec {
    /// What is taken from the peer.
    pub limits: Limits,
}

impl Decoder for FrameCodec {
    type Item = OwnedFrame;
    type Error = CodecError;

    fn decode(&mut self, source: &mut BytesMut) -> Result<Option<OwnedFrame>, CodecError> {
        let Some(frame) = frame::cut(source, &self.limits)? else { return Ok(None) };
        let (kind, channel, size) = (frame.kind, frame.channel, frame.payload.len());
        let mut whole = source.split_to(frame.wire_bytes());
        let payload = whole.split_off(FRAME_HEADER_BYTES).split_to(size).freeze();
        Ok(Some(OwnedFrame { kind, channel, payload }))
    }
}

impl Encoder<OwnedFrame> for FrameCodec {
    type Error = CodecError;

    fn encode(&mut self, frame: OwnedFrame, out: &mut BytesMut) -> Result<(), CodecError> {
        let length = frame.payload.len();
        let size = u32::try_from(length).map_err(|_| CodecError::TooLarge(length))?;
        out.reserve(length + FRAME_OVERHEAD_BYTES as usize);
        frame::put_frame_header(out, frame.kind, frame.channel, size);
        out.put_slice(&frame.payload);
        out.put_u8(FRAME_END);
        Ok(())
    }
}
