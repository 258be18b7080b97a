//! The options of TLS: RabbitMQ's names, and what of them a server on rustls can keep.
//!
//! A setting that would change nothing here is taken for what it says; one that would have to be ignored is
//! refused with the reason.

use std::time::Duration;

use leveret::{Listen, PeerVerification, TlsCipher, TlsSettings, TlsVersion};

use super::known::{Effect, is_meant};
use super::options::{Flag, Refused, Setting, each, named, one, put};
use super::{Given, Plan, value};

/// Keys that can't be kept, or families that end in a dot, and why: the broker would be less safe than its operator
/// believes, or not speak TLS at all.
const REFUSED: &[(&str, &str)] = &[
    ("ssl_options.password", NO_PASSWORD),
    ("management.ssl.password", NO_PASSWORD),
    ("prometheus.ssl.password", NO_PASSWORD),
    ("ssl_options.crl_check", NO_CRL),
    ("ssl_options.crl_cache.", NO_CRL),
    ("ssl_options.psk_identity", "keys that are shared beforehand are not supported: take the line out"),
    ("ssl_options.cert", NO_VALUES),
    ("ssl_options.key", NO_VALUES),
    ("ssl_options.key.", NO_VALUES),
];
/// Keys whose value rustls has settled.
const FIXED: &[&str] = &[
    "ssl_options.secure_renegotiate",
    "ssl_options.client_renegotiation",
    "ssl_options.honor_ecc_order",
    "ssl_options.bypass_pem_cache",
];
const NO_PASSWORD: &str = "keys that are protected by a password are not supported: write the key without one \
                           (`openssl pkey -in KEY -out PLAIN`), readable for the broker's user alone";
const NO_CRL: &str = "revocation lists are not looked at: take the line out, and the certificate's authority \
                      out of `ssl_options.cacertfile` if it cannot be trusted";
const NO_VALUES: &str =
    "certificates and keys are read from files: give `ssl_options.certfile` and `ssl_options.keyfile`";
/// See [`super::known`].
pub const NO_DH: Effect = Effect::None("keys are exchanged over elliptic curves only, without parameters");

/// Why a key of RabbitMQ's TLS is not served, if it is one of these.
pub fn reason(key: &str) -> Option<&'static str> {
    REFUSED.iter().find(|(name, _)| is_meant(name, key)).map(|(_, reason)| *reason)
}

/// Whether connections with TLS are accepted, and with what; in the order of `--help`.
pub const TLS_SETTINGS: &[Setting] = &[
    Setting {
        flag: Some(Flag::Values { name: "listen-tls", value: "ADDR:PORT" }),
        environment: &["LEVERET_LISTEN_TLS"],
        keys: &["listeners.ssl.*", "listeners.ssl"],
        default: "none; 5671 is the usual port",
        help: "Where to accept AMQP connections with TLS",
        set: set_listen,
    },
    Setting {
        flag: Some(Flag::Value { name: "tls-cert", value: "FILE" }),
        environment: &["RABBITMQ_SSL_CERTFILE", "LEVERET_TLS_CERT"],
        keys: &["ssl_options.certfile"],
        default: "none",
        help: "The broker's certificate in PEM, with the intermediate ones behind it; read again when it changes and on SIGHUP, as the other two",
        set: |plan, given| {
            one(given, |text| named(text).map(|path| plan.settings.tls.certfile = Some(path.into())))
        },
    },
    Setting {
        flag: Some(Flag::Value { name: "tls-key", value: "FILE" }),
        environment: &["RABBITMQ_SSL_KEYFILE", "LEVERET_TLS_KEY"],
        keys: &["ssl_options.keyfile"],
        default: "none",
        help: "The certificate's private key in PEM, without a password",
        set: |plan, given| {
            one(given, |text| named(text).map(|path| plan.settings.tls.keyfile = Some(path.into())))
        },
    },
    Setting {
        flag: Some(Flag::Value { name: "tls-ca", value: "FILE" }),
        environment: &["RABBITMQ_SSL_CACERTFILE", "LEVERET_TLS_CA"],
        keys: &["ssl_options.cacertfile"],
        default: "none",
        help: "The authorities in PEM that clients' certificates are verified against",
        set: |plan, given| {
            one(given, |text| named(text).map(|path| plan.settings.tls.cacertfile = Some(path.into())))
        },
    },
    Setting {
        flag: None,
        environment: &["RABBITMQ_SSL_VERIFY", "LEVERET_TLS_VERIFY"],
        keys: &["ssl_options.verify"],
        default: "verify_none",
        help: "Whether clients are asked for a certificate: `verify_peer` or `verify_none`",
        set: |plan, given| one(given, |text| put(&mut plan.settings.tls.verify, verification(text))),
    },
    Setting {
        flag: None,
        environment: &["RABBITMQ_SSL_FAIL_IF_NO_PEER_CERT", "LEVERET_TLS_FAIL_IF_NO_PEER_CERT"],
        keys: &["ssl_options.fail_if_no_peer_cert"],
        default: "false",
        help: "Whether a client that is asked for a certificate and shows none is refused",
        set: |plan, given| {
            one(given, |text| put(&mut plan.settings.tls.fail_if_no_peer_cert, value::boolean(text)))
        },
    },
    Setting {
        flag: None,
        environment: &[],
        keys: &["ssl_options.versions.*"],
        default: "tlsv1.3 and tlsv1.2",
        help: "The versions of TLS that are spoken",
        set: |plan, given| {
            plan.settings.tls.versions.clear();
            each(given, |given| {
                plan.settings.tls.versions.push(version(&given.value)?);
                Ok(())
            })
        },
    },
    Setting {
        flag: None,
        environment: &["RABBITMQ_SSL_DEPTH", "LEVERET_TLS_DEPTH"],
        keys: &["ssl_options.depth"],
        default: "6",
        help: "How many certificates may stand between a client's and an authority's; never more than 6",
        set: |plan, given| {
            one(given, |text| put(&mut plan.settings.tls.depth, value::integer(text, 0, u8::MAX).map(Some)))
        },
    },
    Setting {
        flag: None,
        environment: &[],
        keys: &["ssl_options.ciphers.*"],
        default: "all that rustls has",
        help: "The cipher suites that are spoken, by the names of OpenSSL or of the standard",
        set: |plan, given| {
            plan.settings.tls.ciphers.clear();
            each(given, |given| {
                plan.settings.tls.ciphers.push(cipher(&given.value)?);
                Ok(())
            })
        },
    },
    Setting {
        flag: None,
        environment: &[],
        keys: &["ssl_options.honor_cipher_order"],
        default: "false",
        help: "Whether the broker's order of cipher suites decides, instead of the client's",
        set: |plan, given| {
            one(given, |text| put(&mut plan.settings.tls.honor_cipher_order, value::boolean(text)))
        },
    },
    Setting {
        flag: None,
        environment: &[],
        keys: &["ssl_options.reuse_sessions"],
        default: "true",
        help: "Whether a client that comes again may leave out the longer part of the handshake",
        set: |plan, given| {
            one(given, |text| put(&mut plan.settings.tls.reuse_sessions, value::boolean(text)))
        },
    },
    Setting {
        flag: None,
        environment: &[],
        keys: FIXED,
        default: "as rustls has it",
        help: "What is always `true` (`secure_renegotiate`), always `false` (`client_renegotiation`, `honor_ecc_order`), or makes no difference (`bypass_pem_cache`), whatever they say",
        set: set_fixed,
    },
    Setting {
        flag: None,
        environment: &["LEVERET_TLS_HANDSHAKE_TIMEOUT"],
        keys: &["ssl_handshake_timeout"],
        default: "10000",
        help: "How long a client may take for the handshake of TLS, in milliseconds",
        set: |plan, given| {
            one(given, |text| {
                let millis = value::integer(text, 1, 3_600_000)?;
                put(&mut plan.settings.tls.handshake_timeout, Ok(Duration::from_millis(millis)))
            })
        },
    },
];

fn set_listen(plan: &mut Plan, given: &[Given]) -> Result<(), Refused> {
    let listen = &mut plan.settings.listen_tls;
    each(given, |given| {
        if given.value == "none" {
            return Ok(());
        }
        for part in given.value.split(',').map(str::trim) {
            listen.push(value::listen(part)?);
        }
        Ok(())
    })
}

fn verification(text: &str) -> Result<PeerVerification, String> {
    match text {
        "verify_none" => Ok(PeerVerification::None),
        "verify_peer" => Ok(PeerVerification::Peer),
        _ => Err(format!("expected `verify_peer` or `verify_none`, found `{text}`")),
    }
}

fn version(text: &str) -> Result<TlsVersion, String> {
    match text {
        "tlsv1.2" => Ok(TlsVersion::V1_2),
        "tlsv1.3" => Ok(TlsVersion::V1_3),
        "tlsv1.1" | "tlsv1" | "sslv3" => {
            Err(format!("`{text}` is insecure and not spoken here: `tlsv1.2` and `tlsv1.3` are"))
        }
        _ => Err(format!("expected `tlsv1.2` or `tlsv1.3`, found `{text}`")),
    }
}

fn cipher(text: &str) -> Result<TlsCipher, String> {
    TlsCipher::named(text).ok_or_else(|| {
        let names = TlsCipher::names().collect::<Vec<_>>().join(", ");
        format!("there is no cipher suite `{text}` here; there are {names}")
    })
}

/// What rustls has settled: the other word is no reason not to start, as it asks for less than there is.
fn set_fixed(plan: &mut Plan, given: &[Given]) -> Result<(), Refused> {
    each(given, |given| {
        let why = match (given.last_part(), value::boolean(&given.value)?) {
            ("secure_renegotiate", false) => "insecure renegotiation is not spoken",
            ("client_renegotiation", true) => "clients cannot renegotiate",
            ("honor_ecc_order", true) => "of the curves that both sides know the client's first is taken",
            _ => return Ok(()),
        };
        plan.inform(format!("{given}: {why}"));
        Ok(())
    })
}

/// What keys and variables say that have the same last parts as those of `ssl_options`, for another listener.
pub fn set_all(tls: &mut TlsSettings, given: &[Given]) -> Result<(), Refused> {
    if given.iter().any(|given| part(given) == "versions") {
        tls.versions.clear();
    }
    each(given, |given| {
        let text = given.value.as_str();
        match part(given).as_str() {
            "certfile" => tls.certfile = Some(named(text)?.into()),
            "keyfile" => tls.keyfile = Some(named(text)?.into()),
            "cacertfile" => tls.cacertfile = Some(named(text)?.into()),
            "verify" => tls.verify = verification(text)?,
            "fail_if_no_peer_cert" => tls.fail_if_no_peer_cert = value::boolean(text)?,
            "depth" => tls.depth = Some(value::integer(text, 0, u8::MAX)?),
            "versions" => tls.versions.push(version(text)?),
            "ciphers" => tls.ciphers.push(cipher(text)?),
            "honor_cipher_order" => tls.honor_cipher_order = value::boolean(text)?,
            "password" => return Err(NO_PASSWORD.to_owned()),
            // Of the rest nothing can be set in rustls.
            _ => {}
        }
        Ok(())
    })
}

/// `certfile` of `management.ssl.certfile` and of `RABBITMQ_MANAGEMENT_SSL_CERTFILE`; of a list, its name.
fn part(given: &Given) -> String {
    match given.name.strip_prefix("RABBITMQ_MANAGEMENT_SSL_") {
        Some(name) => name.to_ascii_lowercase(),
        None if given.name.contains(".versions.") => "versions".to_owned(),
        None if given.name.contains(".ciphers.") => "ciphers".to_owned(),
        None => given.last_part().to_owned(),
    }
}

/// RabbitMQ's images opened the port of TLS when they were given a certificate in the environment.
pub fn fill_in(plan: &mut Plan, given: &[Given]) {
    let by_variable = given.iter().any(|given| given.name == "RABBITMQ_SSL_CERTFILE");
    if by_variable && plan.settings.listen_tls.is_empty() && plan.settings.tls.certfile.is_some() {
        plan.settings.listen_tls.push(Listen::AllInterfaces(leveret::AMQPS_PORT));
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::with_file;
    use super::super::{Environment, resolve};
    use super::*;

    #[test]
    fn the_file_sets_what_it_names() {
        let plan = with_file(
            "listeners.tcp = none
             listeners.ssl.default = 5671
             listeners.ssl.local = 127.0.0.1:5670
             ssl_options.cacertfile = /tls/ca.pem
             ssl_options.certfile = /tls/cert.pem
             ssl_options.keyfile = /tls/key.pem
             ssl_options.verify = verify_peer
             ssl_options.fail_if_no_peer_cert = true
             ssl_options.versions.1 = tlsv1.2
             ssl_options.depth = 2
             ssl_options.ciphers.1 = ECDHE-RSA-AES256-GCM-SHA384
             ssl_options.ciphers.2 = TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
             ssl_options.honor_cipher_order = true
             ssl_options.honor_ecc_order = false
             ssl_options.reuse_sessions = false
             ssl_options.secure_renegotiate = true
             ssl_options.client_renegotiation = false
             ssl_options.bypass_pem_cache = true
             ssl_handshake_timeout = 5000",
        )
        .unwrap();
        assert_eq!(plan.settings.listen, []);
        let listen_tls = [Listen::AllInterfaces(5671), Listen::Address(([127, 0, 0, 1], 5670).into())];
        assert_eq!(plan.settings.listen_tls, listen_tls);
        let ciphers = ["ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-AES128-GCM-SHA256"];
        let expected = TlsSettings {
            fail_if_no_peer_cert: true,
            versions: vec![TlsVersion::V1_2],
            depth: Some(2),
            ciphers: ciphers.into_iter().map(|name| TlsCipher::named(name).unwrap()).collect(),
            honor_cipher_order: true,
            reuse_sessions: false,
            handshake_timeout: Duration::from_secs(5),
            ..TlsSettings::new("/tls/cert.pem", "/tls/key.pem").verify_peer("/tls/ca.pem")
        };
        assert_eq!(plan.settings.tls, expected);
    }

    #[test]
    fn the_environment_sets_what_it_names() {
        let variables = [
            ("LEVERET_LISTEN_TLS", "5671"),
            ("RABBITMQ_SSL_CERTFILE", "/other/cert.pem"),
            ("LEVERET_TLS_CERT", "/tls/cert.pem"),
            ("RABBITMQ_SSL_KEYFILE", "/tls/key.pem"),
            ("RABBITMQ_SSL_CACERTFILE", "/tls/ca.pem"),
            ("RABBITMQ_SSL_VERIFY", "verify_peer"),
            ("RABBITMQ_SSL_FAIL_IF_NO_PEER_CERT", "true"),
            ("RABBITMQ_SSL_DEPTH", "1"),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let plan = resolve(&[], &Environment::of(variables)).unwrap();
        assert_eq!(plan.settings.listen_tls, [Listen::AllInterfaces(5671)]);
        let expected = TlsSettings {
            fail_if_no_peer_cert: true,
            depth: Some(1),
            ..TlsSettings::new("/tls/cert.pem", "/tls/key.pem").verify_peer("/tls/ca.pem")
        };
        assert_eq!(plan.settings.tls, expected);
        assert_eq!(plan.notes, []);
    }

    #[test]
    fn a_listener_with_tls_does_not_replace_the_one_without() {
        let settings = with_file("listeners.ssl.default = 5671").unwrap().settings;
        assert_eq!(settings.listen, [Listen::AllInterfaces(5672)]);
        let settings = with_file("listeners.ssl = none").unwrap().settings;
        assert_eq!((settings.listen, settings.listen_tls), (vec![Listen::AllInterfaces(5672)], vec![]));
    }

    #[test]
    fn what_rustls_has_settled_is_taken_for_what_it_is() {
        let text = "ssl_options.honor_ecc_order = true\nssl_options.client_renegotiation = true\n\
                    ssl_options.secure_renegotiate = false\nssl_options.dhfile = dh.pem\nssl_options.hibernate_after = 1";
        let plan = with_file(text).unwrap();
        let words = [
            "curves only",
            "Erlang",
            "honor_ecc_order: of the curves",
            "renegotiation: clients cannot",
            "insecure",
        ];
        assert_eq!(plan.notes.len(), words.len());
        for word in words {
            assert!(plan.notes.iter().any(|note| note.text.contains(word)), "{word}");
        }
    }

    #[test]
    fn what_rustls_cannot_keep_is_refused_with_the_reason() {
        let table = [
            ("ssl_options.versions.1 = tlsv1.1", "ssl_options.versions.1: `tlsv1.1` is insecure"),
            ("ssl_options.versions.1 = tlsv2", "ssl_options.versions.1: expected `tlsv1.2` or `tlsv1.3`"),
            ("ssl_options.password = secret", "ssl_options.password: keys that are protected by a password"),
            ("ssl_options.ciphers.1 = RC4-MD5", "ssl_options.ciphers.1: there is no cipher suite `RC4-MD5`"),
            ("ssl_options.crl_check = true", "ssl_options.crl_check: revocation lists are not looked at"),
            ("ssl_options.key.RSAPrivateKey = x", "ssl_options.key.RSAPrivateKey: certificates and keys are"),
            ("ssl_options.verify = maybe", "ssl_options.verify: expected `verify_peer` or `verify_none`"),
            ("ssl_options.depth = deep", "ssl_options.depth: expected a whole number"),
        ];
        for (line, expected) in table {
            let refusal = with_file(line).unwrap_err().to_string();
            assert!(refusal.starts_with(&format!("F, line 1: {expected}")), "{refusal}");
        }
    }
}
