//! The one walk over a peer's table, before anybody reads it.
//!
//! Invariant: each byte is visited at most once, nothing is allocated, and the recursion is as deep as
//! `Limits::table_depth` at most.

use crate::{cursor::Cursor, error::DecodeError, limits::Limits};

/// Checks a table (without its length) that starts at offset `at` of what is being decoded.
pub fn check_table(bytes: &[u8], at: usize, limits: &Limits) -> Result<(), DecodeError> {
    walk(bytes, at, limits.table_depth, &mut Anything)
}

/// Checks a table and that all of its keys are text, nested ones too: those of a method's arguments become strings.
pub fn check_table_of_text_keys(bytes: &[u8], at: usize, limits: &Limits) -> Result<(), DecodeError> {
    walk(bytes, at, limits.table_depth, &mut TextKeys)
}

/// Where a checked table says `L`. RabbitMQ reads `L` as a signed 64-bit integer and says `l` when it
/// passes it on, since the Java, Go and Node clients cannot read `L`.
pub fn unsigned_long_tags(bytes: &[u8]) -> Vec<usize> {
    let mut tags = UnsignedLongs(Vec::new());
    // Most tables have no such byte at all, and looking for one is much quicker than the walk.
    if bytes.contains(&b'L') {
        let _ = walk(bytes, 0, u8::MAX, &mut tags); // checked before, so it goes to the end
    }
    tags.0
}

fn walk(bytes: &[u8], at: usize, levels: u8, visit: &mut impl Visit) -> Result<(), DecodeError> {
    let mut walk = Walk { cursor: Cursor::starting_at(bytes, at), visit };
    walk.table(levels)
}

/// What a walk is for, beside the check itself.
trait Visit {
    fn key(&mut self, _at: usize, _key: &[u8]) -> Result<(), DecodeError> {
        Ok(())
    }

    fn tag(&mut self, _at: usize, _tag: u8) {}
}

struct Anything;

impl Visit for Anything {}

struct TextKeys;

impl Visit for TextKeys {
    fn key(&mut self, at: usize, key: &[u8]) -> Result<(), DecodeError> {
        match std::str::from_utf8(key) {
            Ok(_) => Ok(()),
            Err(_) => Err(DecodeError::syntax(at, "a key of a field table is not UTF-8")),
        }
    }
}

struct UnsignedLongs(Vec<usize>);

impl Visit for UnsignedLongs {
    fn tag(&mut self, at: usize, tag: u8) {
        if tag == b'L' {
            self.0.push(at);
        }
    }
}

struct Walk<'a, 'v, V> {
    cursor: Cursor<'a>,
    visit: &'v mut V,
}

impl<V: Visit> Walk<'_, '_, V> {
    /// `levels` counts down to what may still be opened.
    fn table(&mut self, levels: u8) -> Result<(), DecodeError> {
        let levels = self.descend(levels)?;
        while !self.cursor.is_at_end() {
            let at = self.cursor.at();
            let Some(key) = self.cursor.short_string() else { return Err(self.ends_early()) };
            self.visit.key(at, key)?;
            self.value(levels)?;
        }
        Ok(())
    }

    fn array(&mut self, levels: u8) -> Result<(), DecodeError> {
        let levels = self.descend(levels)?;
        while !self.cursor.is_at_end() {
            self.value(levels)?;
        }
        Ok(())
    }

    fn descend(&self, levels: u8) -> Result<u8, DecodeError> {
        levels
            .checked_sub(1)
            .ok_or_else(|| DecodeError::syntax(self.cursor.at(), "field tables are nested too deep"))
    }

    fn value(&mut self, levels: u8) -> Result<(), DecodeError> {
        let place = self.cursor.at();
        let Some(tag) = self.cursor.u8() else { return Err(self.ends_early()) };
        self.visit.tag(place, tag);
        let length = match tag {
            b'V' => 0,
            b't' | b'b' | b'B' => 1,
            b's' | b'u' => 2,
            b'I' | b'i' | b'f' => 4,
            b'D' => 5,
            b'l' | b'L' | b'd' | b'T' => 8,
            b'S' | b'x' | b'F' | b'A' => return self.long(tag, levels),
            unknown => return Err(unknown_tag(place, unknown)),
        };
        if self.cursor.slice(length).is_none() {
            return Err(self.ends_early());
        }
        Ok(())
    }

    /// A value with a length in front: a string, or a table or array that is walked within that length.
    fn long(&mut self, tag: u8, levels: u8) -> Result<(), DecodeError> {
        let at = self.cursor.at() + 4;
        let Some(inner) = self.cursor.long_string() else { return Err(self.ends_early()) };
        let mut nested = Walk { cursor: Cursor::starting_at(inner, at), visit: &mut *self.visit };
        match tag {
            b'F' => nested.table(levels),
            b'A' => nested.array(levels),
            _ => Ok(()),
        }
    }

    #[cold]
    fn ends_early(&self) -> DecodeError {
        DecodeError::syntax(self.cursor.at(), "field table ends within an entry")
    }
}

#[cold]
fn unknown_tag(at: usize, tag: u8) -> DecodeError {
    let shown = tag.escape_ascii();
    DecodeError::syntax(at, format!("unknown field type '{shown}'"))
}
