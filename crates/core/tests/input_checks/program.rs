//! Bytes as requests: any bytes are a program, and a byte more or less changes a step or two.

use super::kinds::{DEAD, KINDS};

/// Clients that talk, each on channels 1 and 2.
pub const CLIENTS: usize = 3;
pub const CHANNELS: usize = 2;

/// Longer programs say nothing that shorter ones do not.
const STEPS: usize = 150;

/// What a message is published with.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    pub persistent: bool,
    pub priority: u8,
    pub expiration_millis: Option<u64>,
}

/// What a client does next. Queues are indexes of [`KINDS`].
#[derive(Clone, Copy, Debug)]
pub enum Step {
    Publish { queue: usize, count: u64, style: Style },
    Fanout { style: Style },
    Nowhere,
    Consume { queue: usize, no_ack: bool },
    Cancel { nth: usize },
    Get { queue: usize, no_ack: bool },
    Settle { nth: usize, how: How },
    Recover,
    Qos { count: u16, global: bool },
    Confirms,
    Transaction,
    EndTransaction { commits: bool },
    CloseChannel,
    CloseConnection,
    Wrong { kind: u8 },
    Lose,
    Stall,
    Resume,
    Purge { queue: usize },
    Delete { queue: usize },
    Declare { queue: usize },
    Bind { queue: usize, is_bound: bool },
    Wait { millis: u64 },
    Log { holds: bool },
}

#[derive(Clone, Copy, Debug)]
pub struct How {
    pub verb: &'static str,
    pub multiple: bool,
    pub requeue: bool,
}

const HOWS: &[How] = &[
    How { verb: "ack", multiple: false, requeue: false },
    How { verb: "ack", multiple: true, requeue: false },
    How { verb: "nack", multiple: false, requeue: false },
    How { verb: "nack", multiple: false, requeue: true },
    How { verb: "nack", multiple: true, requeue: true },
    How { verb: "nack", multiple: true, requeue: false },
    How { verb: "reject", multiple: false, requeue: true },
    How { verb: "reject", multiple: false, requeue: false },
];

pub struct Program<'a> {
    bytes: &'a [u8],
    left: usize,
}

impl<'a> Program<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, left: STEPS }
    }

    /// What queues may hold in memory: some programs page.
    pub fn budget_bytes(&mut self) -> usize {
        match self.byte().unwrap_or_default() % 4 {
            0 => 2000,
            _ => usize::MAX,
        }
    }

    /// Who does what on which channel.
    pub fn next_step(&mut self) -> Option<(usize, usize, Step)> {
        self.left = self.left.checked_sub(1)?;
        let who = usize::from(self.byte()?);
        let step = self.step()?;
        Some((who % CLIENTS, who / CLIENTS % CHANNELS, step))
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        Some(*first)
    }

    fn queue(&mut self) -> Option<usize> {
        Some(usize::from(self.byte()?) % KINDS.len())
    }

    /// A queue that messages are published to.
    fn target(&mut self) -> Option<usize> {
        Some(usize::from(self.byte()?) % DEAD)
    }

    fn nth(&mut self) -> Option<usize> {
        self.byte().map(usize::from)
    }

    fn style(&mut self) -> Option<Style> {
        let byte = self.byte()?;
        let expiration_millis = (byte >> 5 == 7).then_some(30);
        Some(Style { persistent: byte & 1 == 1, priority: byte >> 1 & 7, expiration_millis })
    }

    fn step(&mut self) -> Option<Step> {
        Some(match self.byte()? % 64 {
            0..=11 => {
                let queue = self.target()?;
                Step::Publish { queue, count: u64::from(self.byte()? % 3) + 1, style: self.style()? }
            }
            12..=14 => Step::Fanout { style: self.style()? },
            15 => Step::Nowhere,
            16..=22 => Step::Consume { queue: self.queue()?, no_ack: self.byte()? % 4 == 0 },
            23 | 24 => Step::Cancel { nth: self.nth()? },
            25..=28 => Step::Get { queue: self.queue()?, no_ack: self.byte()? % 4 == 0 },
            29..=41 => {
                let how = *HOWS.get(usize::from(self.byte()?) % HOWS.len())?;
                Step::Settle { nth: self.nth()?, how }
            }
            42 => Step::Recover,
            43..=46 => {
                let byte = self.byte()?;
                Step::Qos { count: u16::from(byte % 4), global: byte >> 6 == 3 }
            }
            47 => Step::Confirms,
            48 => Step::Transaction,
            49 | 50 => Step::EndTransaction { commits: self.byte()? % 4 != 0 },
            51 => Step::CloseChannel,
            52 => Step::Lose,
            53 => Step::Stall,
            54 | 55 => Step::Resume,
            56 => Step::Purge { queue: self.queue()? },
            57 => Step::Delete { queue: self.queue()? },
            58 => Step::Declare { queue: self.queue()? },
            59 | 60 => Step::Bind { queue: self.target()?, is_bound: self.byte()? % 4 != 0 },
            61 => Step::Wait { millis: u64::from(self.byte()? % 60) },
            62 => Step::Log { holds: self.byte()? % 2 == 0 },
            _ => match self.byte()? {
                0..=31 => Step::CloseConnection,
                kind => Step::Wrong { kind },
            },
        })
    }
}
