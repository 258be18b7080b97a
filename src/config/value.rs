//! The values that options are written as: RabbitMQ's spelling of numbers, sizes, booleans and addresses.
//!
//! Every parser answers with a sentence that says what was expected; the caller adds where.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use leveret::{Listen, Watermark};

/// A whole number within bounds that are part of the message.
pub fn integer<T>(text: &str, lowest: T, highest: T) -> Result<T, String>
where
    T: FromStr + Copy + PartialOrd + std::fmt::Display,
{
    match text.parse::<T>() {
        Ok(number) if lowest <= number && number <= highest => Ok(number),
        _ => Err(format!("expected a whole number from {lowest} to {highest}, found `{text}`")),
    }
}

/// `true` or `false`; RabbitMQ's flags also say `on` and `off`, environments `1` and `0`.
pub fn boolean(text: &str) -> Result<bool, String> {
    match text {
        "true" | "on" | "1" | "yes" => Ok(true),
        "false" | "off" | "0" | "no" => Ok(false),
        _ => Err(format!("expected `true` or `false`, found `{text}`")),
    }
}

/// Bytes with an optional unit: `k`, `M`, `G`, `KiB`, `MiB`, `GiB` are powers of 1024 and `kB`, `MB`,
/// `GB` powers of 1000, as in rabbitmq.conf, in any case.
pub fn bytes(text: &str) -> Result<u64, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor = match unit.trim_start().to_ascii_lowercase().as_str() {
        "" | "b" => Some(1),
        "k" | "kib" => Some(1 << 10),
        "m" | "mib" => Some(1 << 20),
        "g" | "gib" => Some(1 << 30),
        "t" | "tib" => Some(1 << 40),
        "kb" => Some(1_000),
        "mb" => Some(1_000_000),
        "gb" => Some(1_000_000_000),
        "tb" => Some(1_000_000_000_000),
        _ => None,
    };
    factor
        .zip(number.parse::<u64>().ok())
        .and_then(|(factor, number)| number.checked_mul(factor))
        .ok_or_else(|| format!("expected bytes such as `134217728`, `128MiB` or `1GB`, found `{text}`"))
}

/// A part of the whole, above 0 and at most 1.
pub fn fraction(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(part) if 0.0 < part && part <= 1.0 => Ok(part),
        _ => {
            Err(format!("expected a part of the memory such as `0.6`, above 0 and at most 1, found `{text}`"))
        }
    }
}

/// A multiple of the whole, above 0.
pub fn multiple(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(part) if 0.0 < part && part.is_finite() => Ok(part),
        _ => Err(format!("expected a multiple of the memory such as `1.5`, above 0, found `{text}`")),
    }
}

/// A regular expression, as permissions are.
pub fn pattern(text: &str) -> Result<String, String> {
    match fancy_regex::Regex::new(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(format!("expected a regular expression such as `.*`, found `{text}`: {error}")),
    }
}

/// A watermark in one word: a fraction, or bytes.
pub fn watermark(text: &str) -> Result<Watermark, String> {
    let words =
        format!("expected a part of the memory such as `0.6`, or bytes such as `512MiB`, found `{text}`");
    let percent = text.strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
    let parsed = if let Some(percent) = percent {
        fraction(&(percent / 100.0).to_string()).map(Watermark::Relative)
    } else if text.contains('.') || text == "1" {
        fraction(text).map(Watermark::Relative)
    } else {
        bytes(text).map(Watermark::Absolute)
    };
    parsed.map_err(|_| words)
}

/// `ADDRESS:PORT`, `[ADDRESS]:PORT`, or a port alone for every interface.
pub fn listen(text: &str) -> Result<Listen, String> {
    if let Ok(port) = text.parse::<u16>() {
        return Ok(Listen::AllInterfaces(port));
    }
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Ok(Listen::Address(address));
    }
    // rabbitmq.conf writes IPv6 without brackets too: `:::5672` and `::1:5672`.
    let bare = text
        .rsplit_once(':')
        .and_then(|(ip, port)| Some((ip.parse::<IpAddr>().ok()?, port.parse::<u16>().ok()?)));
    bare.map(|(ip, port)| Listen::Address(SocketAddr::new(ip, port))).ok_or_else(|| {
        format!(
            "expected a port or an IP address and a port, such as `5672`, `127.0.0.1:5672` or `[::1]:5672`, found `{text}`"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_take_binary_and_decimal_units() {
        let table: &[(&str, Option<u64>)] = &[
            ("134217728", Some(134_217_728)),
            ("128MiB", Some(134_217_728)),
            ("128m", Some(134_217_728)),
            ("50mb", Some(50_000_000)),
            ("1 GiB", Some(1 << 30)),
            ("2kB", Some(2000)),
            ("", None),
            ("MiB", None),
            ("-1", None),
            ("1.5GB", None),
            ("12 parsec", None),
            ("18446744073709551615GB", None),
        ];
        for (text, expected) in table {
            assert_eq!(bytes(text).ok(), *expected, "{text:?}");
        }
    }

    #[test]
    fn listeners_are_ports_or_addresses() {
        let address = |text: &str| Some(Listen::Address(text.parse().unwrap()));
        let table: &[(&str, Option<Listen>)] = &[
            ("5672", Some(Listen::AllInterfaces(5672))),
            ("127.0.0.1:0", address("127.0.0.1:0")),
            ("[::1]:5672", address("[::1]:5672")),
            ("::1:5672", address("[::1]:5672")),
            (":::5673", address("[::]:5673")),
            ("65536", None),
            ("127.0.0.1", None),
            ("localhost:5672", None),
            ("unix:/tmp/socket:0", None),
            ("", None),
        ];
        for (text, expected) in table {
            assert_eq!(listen(text).ok(), *expected, "{text:?}");
        }
    }

    #[test]
    fn watermarks_are_fractions_or_bytes() {
        assert_eq!(watermark("0.4"), Ok(Watermark::Relative(0.4)));
        assert_eq!(watermark("40%"), Ok(Watermark::Relative(0.4)));
        assert_eq!(watermark("1.0"), Ok(Watermark::Relative(1.0)));
        assert_eq!(watermark("512MiB"), Ok(Watermark::Absolute(512 << 20)));
        assert_eq!(watermark("1000000"), Ok(Watermark::Absolute(1_000_000)));
        for wrong in ["0%", "101%", "0.0", "1.1", "-0.1", "NaN", "inf", "much", ""] {
            assert!(watermark(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn numbers_say_their_bounds() {
        assert_eq!(integer::<u16>("60", 0, u16::MAX), Ok(60));
        let refusal = integer::<u16>("65536", 0, u16::MAX).unwrap_err();
        assert_eq!(refusal, "expected a whole number from 0 to 65535, found `65536`");
    }
}
