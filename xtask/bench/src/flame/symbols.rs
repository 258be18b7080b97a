//! The functions at an address of a running program, with those that were inlined there.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs;
use std::ops::Range;
use std::path::PathBuf;

use addr2line::Loader;

use crate::Outcome;

/// What only passes a call on: threads being started, tasks being polled, panics that would be caught. A stack through
/// an executor has forty of them, and none of them takes time.
const PLUMBING: &[&str] = &[
    "alloc::boxed::Box",
    "core::ops::function",
    "core::panic",
    "std::panic",
    "std::sys::backtrace",
    "std::sys::thread",
    "std::thread",
    "tokio::loom",
    "tokio::runtime::blocking",
    "tokio::runtime::context",
    "tokio::runtime::scheduler::multi_thread::worker::Launch",
    "tokio::runtime::scheduler::multi_thread::worker::run",
    "tokio::runtime::task",
    "tokio::task::coop",
    "tokio_util::task",
    "tracing::instrument",
];

/// One program's debug information, and where the program was loaded to.
pub struct Symbols {
    program: PathBuf,
    loader: Option<Loader>,
    mappings: Vec<Mapping>,
    seen: RefCell<HashMap<u64, Vec<String>>>,
}

/// A part of the program's file in memory.
#[derive(Debug, PartialEq, Eq)]
struct Mapping {
    memory: Range<u64>,
    /// Where in the file it begins.
    offset: u64,
}

impl Symbols {
    /// Those of a running process.
    pub fn of(pid: u32) -> Outcome<Self> {
        let program = fs::read_link(format!("/proc/{pid}/exe"))?;
        let maps = fs::read_to_string(format!("/proc/{pid}/maps"))?;
        let mappings = mappings(&maps, program.to_str().ok_or("a program whose path is no text")?);
        let loader = Loader::new(&program).map_err(|error| error.to_string())?;
        Ok(Self { loader: Some(loader), mappings, program, seen: RefCell::default() })
    }

    /// Those of no program at all.
    #[cfg(test)]
    pub fn none() -> Self {
        Self { program: PathBuf::new(), loader: None, mappings: Vec::new(), seen: RefCell::default() }
    }

    pub fn is_of(&self, object: &str) -> bool {
        self.program.as_os_str() == object
    }

    /// From the innermost out.
    pub fn names(&self, address: u64) -> Vec<String> {
        self.seen.borrow_mut().entry(address).or_insert_with(|| self.look_up(address)).clone()
    }

    /// The line at an address, and the line it was inlined into.
    pub fn place(&self, address: u64) -> Option<String> {
        let loader = self.loader.as_ref()?;
        let at = own_address(&self.mappings, address)?;
        let mut frames = loader.find_frames(at).ok()?;
        let mut places = Vec::new();
        while let (Ok(Some(frame)), true) = (frames.next(), places.len() < 2) {
            let location = frame.location?;
            let file = location.file?.rsplit('/').next()?;
            let function = frame.function.as_ref().and_then(|function| function.demangle().ok());
            let function = function.unwrap_or_else(|| loader.find_symbol(at).unwrap_or_default().into());
            places.push(format!(
                "{file}:{} {}",
                location.line.unwrap_or_default(),
                short(&spoken(&function))
            ));
        }
        (!places.is_empty()).then(|| places.join(" in "))
    }

    fn look_up(&self, address: u64) -> Vec<String> {
        let Some(loader) = &self.loader else { return Vec::new() };
        let Some(at) = own_address(&self.mappings, address) else { return Vec::new() };
        let mut names = Vec::new();
        if let Ok(mut frames) = loader.find_frames(at) {
            while let Ok(Some(frame)) = frames.next() {
                let name = frame.function.as_ref().and_then(|function| function.demangle().ok());
                names.extend(name.map(|name| spoken(&name)));
            }
        }
        if names.is_empty() {
            let symbol = loader.find_symbol(at);
            names.extend(symbol.map(|name| spoken(&addr2line::demangle_auto(name.into(), None))));
        }
        names.retain(|name| !PLUMBING.iter().any(|plumbing| name.starts_with(plumbing)));
        names.iter().map(|name| short(name)).collect()
    }
}

/// Every part of the program that is in memory, the beginning of its file first.
fn mappings(maps: &str, program: &str) -> Vec<Mapping> {
    let hexadecimal = |text: &str| u64::from_str_radix(text, 16).ok();
    let mapping = |line: &str| {
        let mut fields = line.split_whitespace();
        let (from, to) = fields.next()?.split_once('-')?;
        Some(Mapping { memory: hexadecimal(from)?..hexadecimal(to)?, offset: hexadecimal(fields.nth(1)?)? })
    };
    maps.lines().filter(|line| line.ends_with(program)).filter_map(mapping).collect()
}

/// The address that the program's own tables use, which count from its first page. A profile tells either the
/// place in memory or, with the name of the file, the place in that; a linker need not keep the two in step.
fn own_address(mappings: &[Mapping], address: u64) -> Option<u64> {
    let base = mappings.first()?.memory.start;
    let part = |mapping: &&Mapping| {
        let length = mapping.memory.end - mapping.memory.start;
        mapping.memory.contains(&address) || (mapping.offset..mapping.offset + length).contains(&address)
    };
    // Parts that follow each other may share a page of the file: what runs is in the later one.
    let mapping = mappings.iter().rfind(part)?;
    let in_memory = if mapping.memory.contains(&address) {
        address
    } else {
        mapping.memory.start + address - mapping.offset
    };
    Some(in_memory - base)
}

/// A path without what generic types stand for; `<a::Type as b::Trait>::function` is `a::Type::function`.
fn spoken(name: &str) -> String {
    let implemented = name.strip_prefix('<').and_then(|rest| {
        let (implemented, function) = rest.split_once(">::")?;
        let (of, _) = implemented.split_once(" as ").unwrap_or((implemented, ""));
        Some(format!("{of}::{function}"))
    });
    without_generics(implemented.as_deref().unwrap_or(name)).replace("{closure#0}", "{closure}")
}

/// Of a path the last three parts, and not the hash at its end.
fn short(spoken: &str) -> String {
    let parts: Vec<&str> = spoken.split("::").filter(|part| !part.is_empty() && !is_hash(part)).collect();
    parts.get(parts.len().saturating_sub(3)..).unwrap_or_default().join("::")
}

fn without_generics(name: &str) -> String {
    let (mut text, mut depth, mut before) = (String::new(), 0_usize, ' ');
    for letter in name.chars() {
        match letter {
            '<' => depth += 1,
            // An arrow is no bracket.
            '>' if before != '-' => depth = depth.saturating_sub(1),
            _ if depth == 0 => text.push(letter),
            _ => {}
        }
        before = letter;
    }
    text
}

fn is_hash(part: &str) -> bool {
    part.len() == 17 && part.starts_with('h') && part.chars().skip(1).all(|letter| letter.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_counts_from_its_first_page() {
        let maps = "5500-5600 r--p 00000000 fe:01 7 /a/leveret\n5700-5800 r-xp 00000100 fe:01 7 /a/leveret\n7f00-7f01 r--p 00000000 fe:01 8 /lib/libc.so.6\n";
        let mappings = mappings(maps, "/a/leveret");
        assert_eq!(own_address(&mappings, 0x5710), Some(0x210), "in memory");
        assert_eq!(own_address(&mappings, 0x110), Some(0x210), "in the file");
        assert_eq!(own_address(&mappings, 0x5690), None);
    }

    #[test]
    fn names_are_short() {
        let name = |name| short(&spoken(name));
        let hashed = "leveret_core::amqp::channel::Channel::publish::h0123456789abcdef";
        assert_eq!(name(hashed), "channel::Channel::publish");
        assert_eq!(name("core::iter::Map<I, fn() -> u8>::fold"), "iter::Map::fold");
        assert_eq!(name("<bytes::BytesMut as bytes::BufMut>::put_slice"), "bytes::BytesMut::put_slice");
        assert_eq!(name("memcpy"), "memcpy");
    }

    #[test]
    fn this_process_knows_its_own_functions() {
        let symbols = Symbols::of(std::process::id()).unwrap();
        let names = symbols.names(is_hash as fn(&str) -> bool as usize as u64);
        assert!(names.iter().any(|name| name.ends_with("is_hash")), "{names:?}");
        let place = symbols.place(is_hash as fn(&str) -> bool as usize as u64).unwrap();
        assert!(place.starts_with("symbols.rs:"), "{place}");
    }
}
