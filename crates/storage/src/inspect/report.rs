//! What a look at a directory has found.

use std::fmt;

/// Bytes of a segment that are no record and should be one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spoilt {
    /// Where they begin.
    pub offset: u64,
    /// How many, up to the next record.
    pub bytes: u64,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Spoilt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>10} SPOILT     {} bytes: {}", self.offset, self.bytes, self.what)
    }
}

/// A segment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SegmentReport {
    /// Its number.
    pub segment: u32,
    /// What an operator calls it.
    pub file: String,
    /// It was made ahead of its time: nothing is in it.
    pub is_unbegun: bool,
    /// Its header can't be read.
    pub header_is_spoilt: bool,
    /// Behind its last record.
    pub end: u64,
    /// Records of all kinds.
    pub records: u64,
    /// Those that are messages.
    pub messages: u64,
    /// Their pairs.
    pub pairs: u64,
    /// Those that are definitions.
    pub definitions: u64,
    /// Bytes of a write that was never finished, at the end.
    pub torn: u64,
    /// What is spoilt.
    pub spoilt: Vec<Spoilt>,
}

/// What the view says, against the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ViewReport {
    /// There is none.
    None,
    /// A broker has it.
    InUse,
    /// It holds nothing that can be believed, for instance because it is damaged: an opening makes it again.
    NotBelieved,
    /// Both say the same.
    Agrees,
    /// They do not: this is how. It must not be.
    Differs(String),
    /// It was not compared, because the log is spoilt, or could not be copied.
    NotCompared(String),
}

/// What a broker would find.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// Durable messages in queues.
    pub live_pairs: u64,
    /// Definitions.
    pub definitions: u64,
    /// Whether the last broker ended cleanly.
    pub is_clean: bool,
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Report {
    /// All segments.
    pub segments: Vec<SegmentReport>,
    /// What a broker would find, or why it would not open the log. If something is spoilt: what it would find
    /// without that.
    pub contents: Result<Contents, String>,
    /// The view.
    pub view: ViewReport,
}

impl Report {
    /// Whether a broker would open it and find everything: a write that was never finished is no loss, and a view that
    /// is not believed none either.
    pub fn is_sound(&self) -> bool {
        let is_whole = |segment: &SegmentReport| !segment.header_is_spoilt && segment.spoilt.is_empty();
        self.segments.iter().all(is_whole)
            && self.contents.is_ok()
            && !matches!(self.view, ViewReport::Differs(_))
    }
}

impl fmt::Display for SegmentReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_unbegun {
            return write!(f, "{}: prepared, nothing is in it yet", self.file);
        }
        let Self { file, end, records, messages, pairs, definitions, .. } = self;
        write!(
            f,
            "{file}: {end} bytes, {records} records, {messages} messages with {pairs} pairs, {definitions} \
             definitions"
        )?;
        if self.header_is_spoilt {
            write!(f, "\n  SPOILT header")?;
        }
        for spoilt in &self.spoilt {
            write!(f, "\n{spoilt}")?;
        }
        match self.torn {
            0 => Ok(()),
            bytes => write!(
                f,
                "\n{end:>10} torn       {bytes} bytes of a write that was never finished, which is no loss"
            ),
        }
    }
}

impl fmt::Display for ViewReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("there is none; the next start makes it"),
            Self::InUse => f.write_str("a broker is using it, so it was not looked at"),
            Self::NotBelieved => {
                f.write_str("it holds nothing that can be used; the next start makes it again")
            }
            Self::Agrees => f.write_str("it says what the log says"),
            Self::Differs(how) => write!(f, "WRONG: {how}. Delete it; the next start makes it again"),
            Self::NotCompared(why) => write!(f, "it was not compared: {why}"),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for segment in &self.segments {
            writeln!(f, "{segment}")?;
        }
        match &self.contents {
            Ok(Contents { live_pairs, definitions, is_clean }) => {
                let ended = if *is_clean { "ended cleanly" } else { "did not end cleanly, or runs" };
                writeln!(
                    f,
                    "alive: {live_pairs} messages in queues, {definitions} definitions; the broker {ended}"
                )?;
            }
            Err(why) => writeln!(f, "a broker would not start: {why}")?,
        }
        writeln!(f, "view: {}", self.view)?;
        let sound = if self.is_sound() { "sound" } else { "NOT SOUND" };
        write!(f, "the log is {sound}")
    }
}
