//! What a peer may ask of the decoder. Every limit has its unit in its name.

/// Bounds on what is decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The largest payload of a frame. RabbitMQ takes payloads of up to frame-max although the frame
    /// around them then has eight bytes more than was negotiated; so do we.
    pub frame_max_bytes: u32,
    /// How deep tables and arrays may nest; the outermost table is the first level.
    pub table_depth: u8,
}

impl Default for Limits {
    /// RabbitMQ's frame-max, and a depth that no client reaches.
    fn default() -> Self {
        Self { frame_max_bytes: 131_072, table_depth: 64 }
    }
}
