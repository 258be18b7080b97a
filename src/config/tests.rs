//! Every option through every source, as tables.

use std::io::Write as _;
use std::time::Duration;

use leveret::{DiskLimit, Listen, Watermark};

use super::*;

/// Names and values.
type Pairs<'a> = &'a [(&'a str, &'a str)];

/// A command line of `--name value`.
fn flags(line: Pairs<'_>) -> Vec<Given> {
    let given = |&(name, value): &(&str, &str)| Given {
        name: name.to_owned(),
        part: String::new(),
        value: value.to_owned(),
        origin: Origin::Flag,
    };
    line.iter().map(given).collect()
}

fn variables(variables: Pairs<'_>) -> Environment {
    Environment::of(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::Builder::new().suffix(".conf").tempfile().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

/// What a file comes to alone; it is called F.
pub fn with_file(text: &str) -> Result<Plan, ConfigError> {
    let file = file(text);
    let path = file.path().display().to_string();
    resolve(&flags(&[("config", &path)]), &variables(&[])).map_err(|ConfigError(problems)| {
        ConfigError(problems.iter().map(|p| p.replace(&path, "F")).collect())
    })
}

fn address(text: &str) -> Listen {
    Listen::Address(text.parse().unwrap())
}

#[test]
fn without_any_source_the_defaults_hold() {
    let plan = resolve(&[], &variables(&[])).unwrap();
    let expected = Settings {
        listen: vec![Listen::AllInterfaces(5672)],
        memory_high_watermark: Some(Watermark::Relative(0.6)),
        ..Settings::default()
    };
    assert_eq!(plan.settings, expected);
    assert!(!plan.ephemeral);
    assert_eq!(plan.log, LogLevel(tracing::level_filters::LevelFilter::INFO));
}

#[test]
fn a_flag_wins_over_the_environment_and_the_environment_over_the_file() {
    let file = file("listeners.tcp.default = 1\nlog.level = debug\n");
    let path = file.path().display().to_string();
    let table: &[(Pairs<'_>, Pairs<'_>, Listen)] = &[
        (&[], &[], Listen::AllInterfaces(1)),
        (&[], &[("RABBITMQ_NODE_PORT", "2")], Listen::AllInterfaces(2)),
        (&[], &[("LEVERET_LISTEN", "127.0.0.1:3"), ("RABBITMQ_NODE_PORT", "2")], address("127.0.0.1:3")),
        (&[], &[("LEVERET_LISTEN", "")], Listen::AllInterfaces(1)),
        (
            &[("listen", "[::1]:4")],
            &[("LEVERET_LISTEN", "3"), ("RABBITMQ_NODE_PORT", "2")],
            address("[::1]:4"),
        ),
    ];
    for (line, environment, expected) in table {
        let mut line = flags(line);
        line.extend(flags(&[("config", &path)]));
        let plan = resolve(&line, &variables(environment)).unwrap();
        assert_eq!(plan.settings.listen, [*expected], "{environment:?}");
        // What nobody above speaks of still comes from the file.
        assert_eq!(plan.log, LogLevel(tracing::level_filters::LevelFilter::DEBUG));
    }
}

#[test]
fn several_listeners_can_be_given_in_each_source() {
    let expected = [address("127.0.0.1:1"), address("127.0.0.2:2")];
    let plans = [
        resolve(&flags(&[("listen", "127.0.0.1:1"), ("listen", "127.0.0.2:2")]), &variables(&[])),
        resolve(&[], &variables(&[("LEVERET_LISTEN", "127.0.0.1:1, 127.0.0.2:2")])),
        with_file("listeners.tcp.1 = 127.0.0.1:1\nlisteners.tcp.other = 127.0.0.2:2"),
    ];
    for plan in plans {
        assert_eq!(plan.unwrap().settings.listen, expected);
    }
}

#[test]
fn the_file_sets_what_it_names() {
    let plan = with_file(
        "default_user = jane
         default_pass = 'se#cret'
         default_vhost = shop
         default_permissions.configure = ^a
         default_permissions.write = ^b
         default_permissions.read = ^c
         default_user_tags.monitoring = true
         default_user_tags.administrator = false
         heartbeat = 7
         frame_max = 8192
         channel_max = 12
         max_message_size = 1MiB
         consumer_timeout = 9000
         loopback_users.guest = false
         loopback_users.jane = true
         vm_memory_high_watermark.absolute = 64MiB
         disk_free_limit.absolute = 2GB
         load_definitions = /somewhere/definitions.json
         log.console = true
         log.console.level = warning",
    )
    .unwrap();
    let Settings { seed, .. } = &plan.settings;
    assert_eq!((&*seed.user, &*seed.password, &*seed.vhost), ("jane", "se#cret", "shop"));
    let permissions = &seed.permissions;
    assert_eq!((&*permissions.configure, &*permissions.write, &*permissions.read), ("^a", "^b", "^c"));
    assert_eq!(seed.tags, ["monitoring"]);
    let expected = Settings {
        listen: vec![Listen::AllInterfaces(5672)],
        heartbeat_secs: 7,
        frame_max_bytes: 8192,
        channel_max: 12,
        message_max_bytes: 1 << 20,
        consumer_timeout: Some(Duration::from_secs(9)),
        seed: seed.clone(),
        loopback_users: vec!["jane".to_owned()],
        memory_high_watermark: Some(Watermark::Absolute(64 << 20)),
        data_dir: None,
        accept_loss: false,
        disk_free_limit: DiskLimit::Absolute(2_000_000_000),
        ..Settings::default()
    };
    assert_eq!(plan.settings, expected);
    assert_eq!(plan.definitions, [PathBuf::from("/somewhere/definitions.json")]);
    assert_eq!(plan.log, LogLevel(tracing::level_filters::LevelFilter::WARN));
}

#[test]
fn the_environment_sets_what_it_names() {
    let plan = resolve(
        &[],
        &variables(&[
            ("RABBITMQ_DEFAULT_USER", "jane"),
            ("RABBITMQ_DEFAULT_PASS", "secret"),
            ("RABBITMQ_DEFAULT_VHOST", "shop"),
            ("LEVERET_EPHEMERAL", "true"),
            ("LEVERET_HTTP", "off"),
            ("LEVERET_LOG", "debug"),
            ("LEVERET_DEFINITIONS", "/d.json"),
            ("LEVERET_MEMORY_HIGH_WATERMARK", "0.4"),
            ("LEVERET_HEARTBEAT", "5"),
            ("LEVERET_DATA_DIR", "/data"),
            ("LEVERET_ACCEPT_LOSS", "true"),
            ("LEVERET_DISK_FREE_LIMIT", "1GiB"),
            ("HOME", "/root"),
            ("RABBITMQ_NODENAME", "rabbit@here"),
            ("RABBITMQ_ERLANG_COOKIE", "secret"),
            ("RABBITMQ_PORT", "tcp://10.0.0.1:5672"),
        ]),
    )
    .unwrap();
    let seed = &plan.settings.seed;
    assert_eq!((&*seed.user, &*seed.password, &*seed.vhost), ("jane", "secret", "shop"));
    assert!(plan.ephemeral);
    assert_eq!(plan.settings.memory_high_watermark, Some(Watermark::Relative(0.4)));
    assert_eq!(plan.settings.heartbeat_secs, 5);
    assert_eq!(plan.settings.data_dir, Some("/data".into()));
    assert!(plan.settings.accept_loss);
    assert_eq!(plan.settings.disk_free_limit, DiskLimit::Absolute(1 << 30));
    assert_eq!(plan.definitions, [PathBuf::from("/d.json")]);
    assert_eq!(plan.settings.node, "rabbit@here");
    let notes = [
        (Weight::Info, "these variables of RabbitMQ change nothing here: RABBITMQ_ERLANG_COOKIE"),
        (Weight::Warning, "these environment variables have no effect: RABBITMQ_PORT"),
    ];
    assert_eq!(plan.notes, notes.map(|(weight, text)| Note { weight, text: text.to_owned() }));
}

#[test]
fn no_loopback_users_can_be_said_in_one_word() {
    assert_eq!(with_file("loopback_users = none").unwrap().settings.loopback_users, [""; 0]);
    assert_eq!(with_file("loopback_users.guest = true").unwrap().settings.loopback_users, ["guest"]);
    let named = |names: &str| {
        let plan = resolve(&[], &variables(&[("LEVERET_LOOPBACK_USERS", names)]));
        plan.map(|plan| plan.settings.loopback_users)
    };
    assert_eq!(named("none").unwrap(), [""; 0]);
    assert_eq!(named("guest, jane").unwrap(), ["guest", "jane"]);
    assert!(named("guest,,jane").is_err());
}

#[test]
fn the_last_line_of_a_key_counts() {
    assert_eq!(with_file("heartbeat = 1\nheartbeat = 2").unwrap().settings.heartbeat_secs, 2);
}

#[test]
fn the_name_of_the_file_may_lack_its_extension() {
    let file = file("heartbeat = 9");
    let path = file.path().with_extension("").display().to_string();
    let plan = resolve(&[], &variables(&[("RABBITMQ_CONFIG_FILE", &path)])).unwrap();
    assert_eq!(plan.settings.heartbeat_secs, 9);
}

#[test]
fn a_refused_line_is_named_by_file_line_and_key() {
    let table = [
        (
            "\nheartbeat = often",
            "F, line 2: heartbeat: expected a whole number from 0 to 65535, found `often`",
        ),
        (
            "heartbeat = 1\nheartbeat = x",
            "F, line 2: heartbeat: expected a whole number from 0 to 65535, found `x`",
        ),
        ("heartbeat", "F, line 1: expected `key = value`, found `heartbeat`"),
        (
            "listeners.tcp = none",
            "F, line 1: listeners.tcp: `none` leaves no listener at all: give one with TLS (`listeners.ssl.default`)",
        ),
        ("frame_max = 1", "F, line 1: frame_max: expected a whole number from 8192 to 16777216, found `1`"),
        ("max_message_size = 1GiB", "F, line 1: max_message_size: expected 1 byte to 512MiB, found `1GiB`"),
        (
            "proxy_protocol = true",
            "F, line 1: proxy_protocol: the PROXY protocol is not spoken: let the proxy send plain TCP",
        ),
        (
            "definitions.import_backend = https",
            "F, line 1: definitions.import_backend: definitions come from files only (`local_filesystem`), found \
             `https`: fetch the file before the start and give its path in `load_definitions`",
        ),
        (
            "default_permissions.read = (",
            "F, line 1: default_permissions.read: expected a regular expression such as `.*`, found `(`: Parsing error \
             at position 1: Opening parenthesis without closing parenthesis",
        ),
        (
            "default_pass = encrypted:c2VjcmV0",
            "F, line 1: default_pass: encrypted values are not decrypted here: let the file say `$(NAME)`, and give the \
             value in that environment variable",
        ),
        (
            "default_queue_type = stream",
            "F, line 1: default_queue_type: expected `classic` or `quorum`, found `stream`",
        ),
    ];
    for (text, expected) in table {
        assert_eq!(with_file(text).unwrap_err().to_string(), expected);
    }
}

#[test]
fn all_problems_are_told_at_once() {
    let problems =
        with_file("heartbeat = x\nwhat\nssl_options.password = 1\nwhere\nchannel_max = -1").unwrap_err();
    assert_eq!(problems.0.len(), 5, "{problems}");
}

#[test]
fn a_refused_flag_or_variable_is_named() {
    let table: &[(Pairs<'_>, Pairs<'_>, &str)] = &[
        (&[("listen", "here")], &[], "--listen: expected a port or an IP address and a port"),
        (&[("http", "here")], &[], "--http: expected a port or an IP address and a port"),
        (&[("node-name", "a@b@c")], &[], "--node-name: expected a name such as `leveret@localhost`"),
        (
            &[],
            &[("RABBITMQ_DEFAULT_PASS_FILE", "/no/such/file")],
            "environment variable RABBITMQ_DEFAULT_PASS_FILE: cannot read /no/such/file: No such file",
        ),
        (&[("log", "loud")], &[], "--log: expected `trace`, `debug`"),
        (
            &[("config", "/no/such/file")],
            &[],
            "cannot read the configuration file /no/such/file: No such file",
        ),
        (
            &[],
            &[("LEVERET_DISK_FREE_LIMIT", "some")],
            "environment variable LEVERET_DISK_FREE_LIMIT: expected bytes such as",
        ),
        (
            &[],
            &[("LEVERET_EPHEMERAL", "maybe")],
            "environment variable LEVERET_EPHEMERAL: expected `true` or",
        ),
        (&[], &[("RABBITMQ_NODE_PORT", "-1")], "environment variable RABBITMQ_NODE_PORT: expected a port or"),
        (
            &[],
            &[("LEVERET_MEMORY_HIGH_WATERMARK", "lots")],
            "environment variable LEVERET_MEMORY_HIGH_WATERMARK: expected a part of the memory such as `0.6`, or bytes",
        ),
    ];
    for (line, environment, expected) in table {
        let refusal = resolve(&flags(line), &variables(environment)).unwrap_err().to_string();
        assert!(refusal.starts_with(expected), "{refusal}");
    }
}

#[test]
fn a_key_that_changes_nothing_or_that_nobody_knows_is_noted_and_does_not_stop_the_start() {
    let notes = |text: &str| {
        let file = file(text);
        let path = file.path().display().to_string();
        let plan = resolve(&flags(&[("config", &path)]), &variables(&[])).unwrap();
        let notes = plan.notes.into_iter().map(|note| (note.weight, note.text.replace(&path, "F")));
        notes.collect::<Vec<_>>()
    };
    let table = [
        (
            "hartbeat = 1",
            Weight::Warning,
            "hartbeat: there is no setting with this name; did you mean `heartbeat`?",
        ),
        ("nonsense = 1", Weight::Warning, "nonsense: there is no setting with this name"),
        ("mqtt.vhost = /", Weight::Warning, "mqtt.vhost: has no effect, MQTT is not spoken"),
        (
            "num_acceptors.tcp = 10",
            Weight::Info,
            "num_acceptors.tcp: changes nothing, sockets are set up by the broker itself",
        ),
        (
            "log.file = rabbit.log",
            Weight::Warning,
            "log.file: the log goes to standard output and nowhere else",
        ),
        (
            "auth_backends.1 = ldap",
            Weight::Warning,
            "auth_backends.1: only `internal` is served: users of `ldap` cannot log in",
        ),
    ];
    for (text, weight, expected) in table {
        assert_eq!(notes(text), [(weight, format!("F, line 1: {expected}"))]);
    }
    assert_eq!(notes("auth_backends.1 = internal\nlog.console = true\nproxy_protocol = false"), []);
}

/// As the files say that people have: no line of them stops the start.
#[test]
fn the_settings_of_a_whole_rabbitmq_are_taken() {
    let text = include_str!("../../tests/fixtures/rabbitmq.conf");
    let plan = with_file(text).unwrap();
    let unknown = plan.notes.iter().filter(|note| note.text.contains("there is no setting with this name"));
    assert_eq!(unknown.collect::<Vec<_>>(), [] as [&Note; 0]);
    assert_eq!(plan.settings.cluster_name.as_deref(), Some("shop"));
    assert_eq!(plan.settings.cluster_tags, [("env".to_owned(), "dev".to_owned())].into());
    assert_eq!(plan.settings.default_queue_type, leveret::DefaultQueueType::Quorum);
    assert_eq!(plan.definitions, [PathBuf::from("/etc/rabbitmq/definitions.json")]);
    assert!(plan.settings.skip_unchanged_definitions);
    assert_eq!((plan.settings.channel_max, plan.settings.frame_max_bytes), (0, 16 << 20));
}

#[test]
fn the_variables_of_rabbitmqs_images_set_what_they_name() {
    let directory = tempfile::tempdir().unwrap();
    let secret = directory.path().join("secret");
    std::fs::write(&secret, "from a file\n").unwrap();
    let secret = secret.display().to_string();
    let settings = |pairs: Pairs<'_>| resolve(&[], &variables(pairs)).unwrap().settings;
    let address_and_port = [("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1"), ("RABBITMQ_NODE_PORT", "1")];
    assert_eq!(settings(&address_and_port).listen, [address("127.0.0.1:1")]);
    assert_eq!(settings(&[("RABBITMQ_NODE_IP_ADDRESS", "::1")]).listen, [address("[::1]:5672")]);
    let named = settings(&[("RABBITMQ_DEFAULT_USER_FILE", &secret), ("RABBITMQ_DEFAULT_PASS_FILE", &secret)]);
    assert_eq!((&*named.seed.user, &*named.seed.password), ("from a file", "from a file"));
    assert_eq!(settings(&[("RABBITMQ_MNESIA_BASE", "/data")]).data_dir, Some("/data/leveret".into()));
    let both = [("RABBITMQ_MNESIA_BASE", "/data"), ("RABBITMQ_MNESIA_DIR", "/data/own")];
    assert_eq!(settings(&both).data_dir, Some("/data/own".into()));
    let watermark = settings(&[("RABBITMQ_VM_MEMORY_HIGH_WATERMARK", "40%")]).memory_high_watermark;
    assert_eq!(watermark, Some(Watermark::Relative(0.4)));
    let tls = [("RABBITMQ_SSL_CERTFILE", "/c"), ("RABBITMQ_SSL_KEYFILE", "/k")];
    assert_eq!(settings(&tls).listen_tls, [Listen::AllInterfaces(5671)]);
    assert_eq!(settings(&[("RABBITMQ_NODENAME", "rabbit")]).node, "rabbit@localhost");
}

#[test]
fn traced_virtual_hosts_are_named_line_by_line_or_with_commas() {
    let plan = with_file("trace_vhosts.1 = /\ntrace_vhosts.2 = a,b\n").unwrap();
    assert_eq!(plan.settings.traced_vhosts, ["/", "a,b"]);
    let plan = resolve(&[], &variables(&[("LEVERET_TRACE_VHOSTS", "/, a")])).unwrap();
    assert_eq!(plan.settings.traced_vhosts, ["/", "a"]);
    let flags = flags(&[("trace", "a"), ("trace", "b")]);
    let plan = resolve(&flags, &variables(&[("LEVERET_TRACE_VHOSTS", "/")])).unwrap();
    assert_eq!(plan.settings.traced_vhosts, ["a", "b"]);
}

#[test]
fn events_are_off_unless_they_are_asked_for() {
    let plan = with_file("event_exchange.vhost = v\nevent_exchange.protocol = amqp_0_9_1\n").unwrap();
    assert_eq!((plan.settings.event_exchange, plan.settings.event_vhost.as_deref()), (false, Some("v")));
    let plan = with_file("event_exchange = true\n").unwrap();
    assert_eq!((plan.settings.event_exchange, plan.settings.event_vhost), (true, None));
    assert!(with_file("event_exchange.protocol = amqp_1_0\n").is_err());
}
