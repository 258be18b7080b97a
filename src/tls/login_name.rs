//! Which user a client's certificate names: RabbitMQ's three ways, and its way of writing a subject.
//!
//! Only certificates that were verified come here. A name has no meaning beyond equality with a user's name, so
//! it is written byte for byte as RabbitMQ writes it, with one exception: values of `UID` and of attributes without
//! a name are written as what they say, as by earlier versions; 4.3.6 writes them as terms of Erlang
//! (`UID={asn1_OPENTYPE\,...}`), which nobody can want in a user's name.

use std::net::{Ipv4Addr, Ipv6Addr};

use x509_parser::asn1_rs::{Any, Class, FromDer as _, Tag};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

use super::settings::{CertificateLogin, LoginFrom, SanType};

/// Attributes that have a name; any other is written as its numbers, in RabbitMQ `STREET` too.
const ATTRIBUTES: &[(&str, &str)] = &[
    ("2.5.4.3", "CN"),
    ("2.5.4.4", "SN"),
    ("2.5.4.5", "SERIALNUMBER"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("2.5.4.12", "TITLE"),
    ("2.5.4.42", "GIVENNAME"),
    ("2.5.4.43", "INITIALS"),
    ("2.5.4.44", "GENERATIONQUALIFIER"),
    ("2.5.4.65", "PSEUDONYM"),
    ("0.9.2342.19200300.100.1.1", "UID"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("1.2.840.113549.1.9.1", "EMAILADDRESS"),
];
const COMMON_NAME: &str = "2.5.4.3";

/// The user, if the certificate has what is asked for.
pub fn login_name(certificate: &[u8], login: CertificateLogin) -> Option<String> {
    let (_, certificate) = x509_parser::parse_x509_certificate(certificate).ok()?;
    match login.from {
        LoginFrom::DistinguishedName => Some(distinguished_name(certificate.subject())),
        LoginFrom::CommonName => common_name(certificate.subject()),
        LoginFrom::SubjectAlternativeName => alternative_name(&certificate, login.san_type, login.san_index),
    }
}

/// RFC 4514: the last part comes first.
fn distinguished_name(name: &X509Name<'_>) -> String {
    let mut parts: Vec<String> =
        name.iter_rdn().map(|part| part.iter().map(attribute).collect::<Vec<_>>().join("+")).collect();
    parts.reverse();
    parts.join(",")
}

fn attribute(attribute: &AttributeTypeAndValue<'_>) -> String {
    let id = attribute.attr_type().to_id_string();
    let name = ATTRIBUTES.iter().find(|(of, _)| *of == id).map_or(&*id, |(_, name)| name);
    format!("{name}={}", escaped(&text(attribute.attr_value())))
}

/// Everything but printable ASCII becomes the hexadecimal digits of its UTF-8. So does `~`, in RabbitMQ too.
fn escaped(text: &[u8]) -> String {
    let last = text.len().saturating_sub(1);
    let mut escaped = String::new();
    for (at, byte) in text.iter().copied().enumerate() {
        match byte {
            b'#' if at == 0 => escaped.push_str("\\#"),
            b' ' if at == 0 || at == last => escaped.push_str("\\ "),
            b'"' | b'+' | b',' | b';' | b'<' | b'>' | b'\\' => escaped.extend(['\\', char::from(byte)]),
            b' '..=b'}' => escaped.push(char::from(byte)),
            _ => escaped.extend(std::iter::once('\\').chain(digits(byte))),
        }
    }
    escaped
}

/// A byte in hexadecimal digits.
fn digits(byte: u8) -> [char; 2] {
    [byte >> 4, byte & 15]
        .map(|digit| char::from_digit(u32::from(digit), 16).unwrap_or_default().to_ascii_uppercase())
}

/// Several common names are one name with commas, unescaped.
fn common_name(name: &X509Name<'_>) -> Option<String> {
    let names: Vec<Vec<u8>> = name
        .iter_attributes()
        .filter(|attribute| attribute.attr_type().to_id_string() == COMMON_NAME)
        .map(|attribute| text(attribute.attr_value()))
        .collect();
    String::from_utf8(names.join(&b","[..])).ok().filter(|_| !names.is_empty())
}

fn alternative_name(certificate: &X509Certificate<'_>, kind: SanType, index: usize) -> Option<String> {
    let names = certificate.subject_alternative_name().ok()??;
    let mut of_kind = names.value.general_names.iter().filter_map(|name| match (kind, name) {
        (SanType::Dns, GeneralName::DNSName(name))
        | (SanType::Email, GeneralName::RFC822Name(name))
        | (SanType::Uri, GeneralName::URI(name)) => Some((*name).to_owned()),
        (SanType::Ip, GeneralName::IPAddress(bytes)) => address(bytes),
        (SanType::OtherName, GeneralName::OtherName(_, value)) => other_name(value),
        _ => None,
    });
    of_kind.nth(index)
}

/// RabbitMQ takes the four or sixteen bytes themselves, which no user can be named.
fn address(bytes: &[u8]) -> Option<String> {
    let v4 = <[u8; 4]>::try_from(bytes).map(|bytes| Ipv4Addr::from(bytes).to_string());
    let v6 = <[u8; 16]>::try_from(bytes).map(|bytes| Ipv6Addr::from(bytes).to_string());
    v4.or(v6).ok()
}

/// A string, in the explicit tag that the standard asks for or without it.
fn other_name(value: &[u8]) -> Option<String> {
    let (_, outer) = Any::from_der(value).ok()?;
    let text = match outer.header.class() {
        Class::ContextSpecific => text(&Any::from_der(outer.data).ok()?.1),
        _ => text(&outer),
    };
    String::from_utf8(text).ok()
}

/// The UTF-8 of any of ASN.1's strings; of another value its bytes as hexadecimal digits. What claims to be
/// UTF-8 and is not stays as it is, so that no two names become the same.
fn text(value: &Any<'_>) -> Vec<u8> {
    let wide = |unit: usize| {
        let units = value.data.chunks(unit);
        let codes = units.map(|bytes| bytes.iter().fold(0_u32, |code, byte| code << 8 | u32::from(*byte)));
        let text: String =
            codes.map(|code| char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
        text.into_bytes()
    };
    match value.tag() {
        Tag::BmpString => wide(2),
        Tag::UniversalString => wide(4),
        // Latin 1, as everybody has always understood it.
        Tag::TeletexString => wide(1),
        Tag::Utf8String | Tag::PrintableString | Tag::Ia5String | Tag::NumericString | Tag::VisibleString => {
            value.data.to_vec()
        }
        _ => value.data.iter().copied().flat_map(digits).collect::<String>().into_bytes(),
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DistinguishedName, DnType, DnValue, KeyPair, SanType as Name};

    use super::*;

    const SURNAME: &[u64] = &[2, 5, 4, 4];
    const STREET: &[u64] = &[2, 5, 4, 9];
    const DOMAIN: &[u64] = &[0, 9, 2342, 19_200_300, 100, 1, 25];

    /// The subject of a certificate with these parts, in their order.
    fn subject(parts: Vec<(DnType, DnValue)>) -> Vec<u8> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        for (kind, value) in parts {
            params.distinguished_name.push(kind, value);
        }
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    fn with_names(names: Vec<Name>) -> Vec<u8> {
        let mut params = CertificateParams::default();
        params.subject_alt_names = names;
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    fn named(certificate: &[u8], from: LoginFrom) -> Option<String> {
        login_name(certificate, CertificateLogin { from, ..CertificateLogin::default() })
    }

    fn utf8(text: &str) -> DnValue {
        DnValue::Utf8String(text.to_owned())
    }

    fn common(text: &str) -> Vec<(DnType, DnValue)> {
        vec![(DnType::CommonName, utf8(text))]
    }

    #[test]
    fn a_distinguished_name_is_written_from_its_end() {
        let parts = vec![
            (DnType::CountryName, DnValue::PrintableString("DE".try_into().unwrap())),
            (DnType::StateOrProvinceName, utf8("Berlin")),
            (DnType::LocalityName, utf8("Mitte")),
            (DnType::OrganizationName, utf8("Hares, Inc.")),
            (DnType::OrganizationalUnitName, utf8("burrow")),
            (DnType::from_oid(DOMAIN), DnValue::Ia5String("example".try_into().unwrap())),
            (DnType::from_oid(SURNAME), utf8("Doe")),
            (DnType::from_oid(STREET), utf8("Elm 1")),
            (DnType::CommonName, utf8("jane")),
        ];
        let expected =
            "CN=jane,2.5.4.9=Elm 1,SN=Doe,DC=example,OU=burrow,O=Hares\\, Inc.,L=Mitte,ST=Berlin,C=DE";
        assert_eq!(named(&subject(parts), LoginFrom::DistinguishedName).as_deref(), Some(expected));
    }

    #[test]
    fn what_has_a_meaning_in_a_distinguished_name_is_escaped() {
        let table = [
            ("a+b,c;d<e>f\"g\\h", "CN=a\\+b\\,c\\;d\\<e\\>f\\\"g\\\\h"),
            ("#1#", "CN=\\#1#"),
            (" a b ", "CN=\\ a b\\ "),
            ("a=b/c@d", "CN=a=b/c@d"),
            ("zażółć~", "CN=za\\C5\\BC\\C3\\B3\\C5\\82\\C4\\87\\7E"),
            ("a\nb", "CN=a\\0Ab"),
        ];
        for (name, expected) in table {
            let certificate = subject(common(name));
            assert_eq!(named(&certificate, LoginFrom::DistinguishedName).as_deref(), Some(expected));
            assert_eq!(named(&certificate, LoginFrom::CommonName).as_deref(), Some(name));
        }
    }

    #[test]
    fn strings_of_every_kind_become_utf8() {
        let values = [
            DnValue::BmpString("łąka".try_into().unwrap()),
            DnValue::UniversalString("łąka".try_into().unwrap()),
            utf8("łąka"),
        ];
        for value in values {
            let certificate = subject(vec![(DnType::CommonName, value)]);
            assert_eq!(named(&certificate, LoginFrom::CommonName).as_deref(), Some("łąka"));
        }
    }

    #[test]
    fn a_certificate_without_a_common_name_names_nobody() {
        let certificate = subject(vec![(DnType::OrganizationName, utf8("hares"))]);
        assert_eq!(named(&certificate, LoginFrom::CommonName), None);
        assert_eq!(named(b"no certificate", LoginFrom::DistinguishedName), None);
    }

    #[test]
    fn an_alternative_name_is_taken_by_its_kind_and_place() {
        let certificate = with_names(vec![
            Name::Rfc822Name("jane@example.org".try_into().unwrap()),
            Name::DnsName("one.example.org".try_into().unwrap()),
            Name::DnsName("two.example.org".try_into().unwrap()),
            Name::URI("urn:jane".try_into().unwrap()),
            Name::IpAddress([10, 0, 0, 7].into()),
            Name::OtherName((vec![1, 3, 6, 1, 4], "jane@burrow".into())),
        ]);
        let table = [
            (SanType::Dns, 0, Some("one.example.org")),
            (SanType::Dns, 1, Some("two.example.org")),
            (SanType::Dns, 2, None),
            (SanType::Email, 0, Some("jane@example.org")),
            (SanType::Uri, 0, Some("urn:jane")),
            (SanType::Ip, 0, Some("10.0.0.7")),
            (SanType::OtherName, 0, Some("jane@burrow")),
        ];
        for (kind, index, expected) in table {
            let login = CertificateLogin {
                from: LoginFrom::SubjectAlternativeName,
                san_type: kind,
                san_index: index,
            };
            assert_eq!(login_name(&certificate, login).as_deref(), expected, "{kind:?} {index}");
        }
        let without = subject(common("jane"));
        assert_eq!(named(&without, LoginFrom::SubjectAlternativeName), None);
    }
}
