//! The fourteen basic properties, §4.2.6.1: flags, then the present ones in flag order.
//!
//! Invariant: [`Properties`] are the peer's bytes, checked from the flags to the end, so a getter needs no error; what is
//! absent differs from what is empty or zero; nothing is decoded before somebody asks, and then only skipped to.

mod builder;

pub use builder::PropertiesBuilder;

use crate::{
    cursor::Cursor,
    error::DecodeError,
    field::{TableBuilder, TableRef, check_table, unsigned_long_tags},
    limits::Limits,
};

/// How a property is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    ShortString,
    Table,
    Octet,
    Seconds,
}

/// Number, name and kind of each property; the number is its flag's bit.
macro_rules! properties {
    ($($bit:literal $constant:ident $getter:ident $kind:ident $doc:literal;)*) => {
        $(const $constant: u32 = $bit;)*

        /// The kind of the property whose flag is this bit; the two lowest have none.
        const fn kind_of(bit: u32) -> Option<Kind> {
            match bit { $($bit => Some(Kind::$kind),)* _ => None }
        }

        impl<'a> Properties<'a> {
            $(properties!(@getter $constant $getter $kind $doc);)*
        }

        impl<'a> PropertiesBuilder<'a> {
            $(properties!(@setter $constant $getter $kind $doc);)*
        }
    };
    (@getter $constant:ident $getter:ident ShortString $doc:literal) => {
        #[doc = $doc]
        pub fn $getter(&self) -> Option<&'a [u8]> {
            self.find($constant)?.short_string()
        }
    };
    (@getter $constant:ident $getter:ident Table $doc:literal) => {
        #[doc = $doc]
        pub fn $getter(&self) -> Option<TableRef<'a>> {
            self.find($constant)?.long_string().map(TableRef::from_checked)
        }
    };
    (@getter $constant:ident $getter:ident Octet $doc:literal) => {
        #[doc = $doc]
        pub fn $getter(&self) -> Option<u8> {
            self.find($constant)?.u8()
        }
    };
    (@getter $constant:ident $getter:ident Seconds $doc:literal) => {
        #[doc = $doc]
        pub fn $getter(&self) -> Option<u64> {
            self.find($constant)?.u64()
        }
    };
    (@setter $constant:ident $setter:ident ShortString $doc:literal) => {
        #[doc = $doc]
        #[must_use]
        pub fn $setter(self, value: impl AsRef<[u8]>) -> Self {
            self.with_short_string($constant, value.as_ref())
        }
    };
    (@setter $constant:ident $setter:ident Table $doc:literal) => {
        #[doc = $doc]
        #[must_use]
        pub fn $setter(self, value: TableRef<'_>) -> Self {
            self.with_table($constant, value)
        }
    };
    (@setter $constant:ident $setter:ident Octet $doc:literal) => {
        #[doc = $doc]
        #[must_use]
        pub fn $setter(self, value: u8) -> Self {
            self.with_bytes($constant, &[value])
        }
    };
    (@setter $constant:ident $setter:ident Seconds $doc:literal) => {
        #[doc = $doc]
        #[must_use]
        pub fn $setter(self, value: u64) -> Self {
            self.with_bytes($constant, &value.to_be_bytes())
        }
    };
}

properties! {
    15 CONTENT_TYPE     content_type     ShortString "MIME type of the body.";
    14 CONTENT_ENCODING content_encoding ShortString "MIME encoding of the body.";
    13 HEADERS          headers          Table       "The application's own headers.";
    12 DELIVERY_MODE    delivery_mode    Octet       "2 is persistent, anything else is not.";
    11 PRIORITY         priority         Octet       "The larger the earlier, in a queue with priorities.";
    10 CORRELATION_ID   correlation_id   ShortString "Which request this answers.";
     9 REPLY_TO         reply_to         ShortString "Where answers are to go.";
     8 EXPIRATION       expiration       ShortString "Milliseconds to live, as text.";
     7 MESSAGE_ID       message_id       ShortString "The application's name for this message.";
     6 TIMESTAMP        timestamp        Seconds     "Seconds since 1970, of the application.";
     5 TYPE             type_            ShortString "The application's name for this kind of message.";
     4 USER_ID          user_id          ShortString "Who published; must be who has logged in.";
     3 APP_ID           app_id           ShortString "Which application published.";
     2 CLUSTER_ID       cluster_id       ShortString "Deprecated by the specification, delivered all the same.";
}

/// Where the first property starts.
const FLAGS_BYTES: usize = 2;

/// Bit 0 announces a second word of flags, bit 1 is reserved; nobody sends either.
const UNSUPPORTED_FLAGS: u16 = 0b11;

/// Content properties as they came, flags first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Properties<'a>(&'a [u8]);

impl<'a> Properties<'a> {
    /// No property at all.
    pub const EMPTY: Self = Properties(&[0, 0]);

    /// Checks flags and properties, to the last byte.
    pub fn decode(bytes: &'a [u8], limits: &Limits) -> Result<Self, DecodeError> {
        Self::decode_at(bytes, 0, limits)
    }

    /// As [`Self::decode`], for properties at offset `at` of their frame's payload.
    pub fn decode_at(bytes: &'a [u8], at: usize, limits: &Limits) -> Result<Self, DecodeError> {
        let mut cursor = Cursor::starting_at(bytes, at);
        let Some(flags) = cursor.u16() else {
            return Err(DecodeError::syntax(at, "content properties have no flags"));
        };
        if flags & UNSUPPORTED_FLAGS != 0 {
            return Err(DecodeError::syntax(at, "content properties have unknown flags"));
        }
        for bit in present(flags) {
            check(&mut cursor, bit, *limits)?;
        }
        if !cursor.is_at_end() {
            return Err(DecodeError::syntax(
                cursor.at(),
                "content properties are longer than their flags say",
            ));
        }
        Ok(Self(bytes))
    }

    /// Bytes that a decoder of this crate accepted. Others would read as fewer properties.
    pub const fn from_checked(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The bytes as they came, flags first.
    pub const fn raw(&self) -> &'a [u8] {
        self.0
    }

    /// Which properties are present.
    #[inline]
    pub fn flags(&self) -> u16 {
        self.0.first_chunk().map_or(0, |flags| u16::from_be_bytes(*flags))
    }

    /// These properties as a builder that keeps every present one byte for byte.
    pub fn to_builder(self) -> PropertiesBuilder<'a> {
        PropertiesBuilder::from(self)
    }

    /// Rewritten with another reply-to (direct reply-to, CC).
    pub fn with_reply_to(&self, new: &[u8]) -> Vec<u8> {
        self.to_builder().reply_to(new).build()
    }

    /// The headers whose names do not go, for others to be added.
    pub fn headers_without(&self, goes: impl Fn(&[u8]) -> bool) -> TableBuilder {
        let mut kept = TableBuilder::new();
        for entry in self.headers().into_iter().flat_map(TableRef::entries).filter(|entry| !goes(entry.key)) {
            kept.insert_raw(entry);
        }
        kept
    }

    /// Rewritten without the headers whose names go (BCC must not reach a consumer); an empty table stays.
    pub fn without_headers(&self, goes: impl Fn(&[u8]) -> bool) -> Vec<u8> {
        match self.headers() {
            None => self.raw().to_vec(),
            Some(_) => self.to_builder().headers(self.headers_without(goes).build().as_ref()).build(),
        }
    }

    /// Rewritten with `l` for every `L` in the headers, or `None` if there is none: RabbitMQ reads both as the same
    /// and passes on what the Java, Go and Node clients can read.
    pub fn without_unsigned_long_tags(&self) -> Option<Vec<u8>> {
        let headers = self.headers()?.raw();
        let tags = unsigned_long_tags(headers);
        if tags.is_empty() {
            return None;
        }
        let mut rewritten = headers.to_vec();
        for place in tags {
            if let Some(tag) = rewritten.get_mut(place) {
                *tag = b'l';
            }
        }
        Some(self.to_builder().headers(TableRef::from_checked(&rewritten)).build())
    }

    /// The place of a property, if it is present. What stands before is skipped by its length.
    #[inline]
    fn find(&self, bit: u32) -> Option<Cursor<'a>> {
        let flags = self.flags();
        if flags & (1 << bit) == 0 {
            return None;
        }
        let mut cursor = Cursor::new(self.0.get(FLAGS_BYTES..)?);
        let this_and_later = 1_u16 << bit | ((1 << bit) - 1);
        for before in present(flags & !this_and_later) {
            skip(&mut cursor, before)?;
        }
        Some(cursor)
    }
}

impl Default for Properties<'_> {
    fn default() -> Self {
        Self::EMPTY
    }
}

/// The bits of the present properties, in the order of the properties.
#[inline]
fn present(mut flags: u16) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let bit = flags.checked_ilog2()?;
        flags ^= 1 << bit;
        Some(bit)
    })
}

/// Takes the property of this flag, whatever is in it.
#[inline]
fn skip<'a>(cursor: &mut Cursor<'a>, bit: u32) -> Option<&'a [u8]> {
    match kind_of(bit)? {
        Kind::ShortString => cursor.short_string(),
        Kind::Table => cursor.long_string(),
        Kind::Octet => cursor.slice(1),
        Kind::Seconds => cursor.slice(8),
    }
}

/// Takes the property of this flag and looks into tables.
fn check(cursor: &mut Cursor<'_>, bit: u32, limits: Limits) -> Result<(), DecodeError> {
    let at = cursor.at();
    let Some(value) = skip(cursor, bit) else {
        return Err(DecodeError::syntax(at, "content properties end within a property"));
    };
    match kind_of(bit) {
        Some(Kind::Table) => check_table(value, at + 4, &limits),
        _ => Ok(()),
    }
}
