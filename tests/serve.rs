//! The real binary: what it prints, when it is ready, how it ends.
#![cfg(test)]

#[path = "support/served.rs"]
mod served;
mod support;

use std::io::{Read as _, Write as _};

use leveret_codec::method::{Method, connection, queue};
use served::{Served, command, refused};
use support::Peer;

const HERE: [&str; 3] = ["--ephemeral", "--listen", "127.0.0.1:0"];

#[tokio::test]
async fn the_ready_line_is_printed_once_after_the_listeners_accept() {
    let mut served = Served::start(&HERE, &[]);
    let address = served.address();
    served.until("Server startup complete");
    assert!(!served.printed.iter().any(|line| line.contains("[warning]")), "{:#?}", served.printed);
    Peer::open(address).await;
    let (printed, code) = served.end_by("TERM");
    assert_eq!(code, Some(0));
    let ready = printed.iter().filter(|line| line.contains("Server startup complete"));
    assert_eq!(ready.count(), 1, "{printed:#?}");
}

#[tokio::test]
async fn either_signal_ends_it_cleanly_and_tells_the_clients() {
    for signal in ["TERM", "INT"] {
        let mut served = Served::start(&HERE, &[]);
        let mut peer = Peer::open(served.address()).await;
        served.until("Server startup complete");
        let ended = tokio::task::spawn_blocking(move || served.end_by(signal));
        assert_eq!(peer.closed_with().await.0, 320);
        peer.send_close_ok().await;
        peer.end().await;
        let (printed, code) = ended.await.unwrap();
        assert_eq!(code, Some(0));
        assert!(printed.iter().any(|line| line.contains(&format!("SIG{signal} received"))), "{printed:#?}");
    }
}

#[test]
fn the_ready_line_does_not_depend_on_the_level_of_the_log() {
    for format in ["text", "json"] {
        let arguments = [&HERE[..], &["--log", "none", "--log-format", format]].concat();
        let mut served = Served::start(&arguments, &[]);
        served.until("Server startup complete");
        let (printed, _) = served.end_by("TERM");
        assert_eq!(printed.len(), 1, "{printed:#?}");
        assert_eq!(printed[0].starts_with('{'), format == "json", "{printed:#?}");
    }
}

#[test]
fn the_service_manager_hears_that_it_is_ready_and_that_it_ends() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("notify");
    let socket = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
    let heard = || {
        let mut buffer = [0; 64];
        let length = socket.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    };
    let mut served = Served::start(&HERE, &[("NOTIFY_SOCKET", path.to_str().unwrap())]);
    assert_eq!(heard(), "READY=1");
    // Whoever hears it can connect.
    std::net::TcpStream::connect(served.address()).unwrap();
    served.end_by("TERM");
    assert_eq!(heard(), "STOPPING=1");
}

#[test]
fn without_a_word_the_data_is_kept_where_the_data_of_programs_is() {
    if rustix::process::geteuid().is_root() {
        // For root it is a directory of the machine, which a test leaves alone.
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--http", "off"];
    let mut served = Served::start(&arguments, &[("HOME", home.path().to_str().unwrap())]);
    served.until("Server startup complete");
    served.end_by("TERM");
    assert!(home.path().join(".local/share/leveret/log").is_dir());
    assert!(refused(&arguments, &[]).contains("give `--data-dir DIR`"));
}

#[tokio::test]
async fn it_is_set_by_file_environment_and_flag() {
    let mut file = tempfile::Builder::new().suffix(".conf").tempfile().unwrap();
    writeln!(file, "default_user = jane\ndefault_pass = other\nheartbeat = 17\nlisteners.tcp.1 = 1").unwrap();
    let environment = [
        ("RABBITMQ_CONFIG_FILE", file.path().to_str().unwrap()),
        ("RABBITMQ_DEFAULT_PASS", "secret"),
        ("RABBITMQ_PORT", "tcp://10.0.0.1:5672"),
    ];
    let mut served = Served::start(&HERE, &environment);
    let mut peer = Peer::connect(served.address()).await;
    assert_eq!(peer.tune("jane", "secret").await.heartbeat, 17);
    let (printed, _) = served.end_by("TERM");
    assert!(printed.iter().any(|line| line.contains("have no effect: RABBITMQ_PORT")), "{printed:#?}");
}

#[tokio::test]
async fn http_is_served_where_it_is_asked_for() {
    let mut served = Served::start(&HERE, &[("LEVERET_HTTP", "127.0.0.1:0")]);
    let line = served.until("Management plugin: HTTP (non-TLS) listener started on port ");
    let port: u16 = line.rsplit_once(' ').unwrap().1.parse().unwrap();
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("{\"status\":\"ok\"}"), "{answer}");
    let taken = format!("127.0.0.1:{port}");
    let arguments = ["--ephemeral", "--log", "none", "--listen", "127.0.0.1:0", "--http", &taken];
    let refused = refused(&arguments, &[]);
    assert!(
        refused.contains(&format!("cannot listen on {taken}")) && refused.contains("with --http"),
        "{refused}"
    );
    assert_eq!(served.end_by("TERM").1, Some(0));
}

/// Sends a request without a body to the end, and says the first line of the answer.
fn first_line(address: std::net::SocketAddr, request: &str) -> String {
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    write!(stream, "{request}").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.lines().next().unwrap_or_default().to_owned()
}

#[test]
fn what_comes_over_http_and_has_no_effect_or_is_refused_is_in_the_log() {
    let mut served = Served::start(&HERE, &[("LEVERET_HTTP", "0.0.0.0:0")]);
    let line = served.until("Management plugin: HTTP (non-TLS) listener started on port ");
    let port: u16 = line.rsplit_once(' ').unwrap().1.parse().unwrap();
    let head = "host: x\r\nauthorization: Basic Z3Vlc3Q6Z3Vlc3Q=\r\nconnection: close\r\n";
    let put = format!(
        "PUT /api/parameters/shovel/%2F/s HTTP/1.1\r\n{head}content-length: 12\r\n\r\n{{\"value\":{{}}}}"
    );
    assert_eq!(first_line(([127, 0, 0, 1], port).into(), &put), "HTTP/1.1 201 Created");
    served.until(
        "[warning] <0.0.0> the shovel 's' in vhost '/' is kept and listed, but nothing here acts on it",
    );
    // An address of this machine that is no loopback, if it has one.
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
    if socket.connect("192.0.2.1:9").is_ok() {
        let address = (socket.local_addr().unwrap().ip(), port).into();
        let get = format!("GET /api/whoami HTTP/1.1\r\n{head}\r\n");
        assert_eq!(first_line(address, &get), "HTTP/1.1 401 Unauthorized");
        served.until("HTTP access denied: user 'guest' can only log in via localhost");
    }
    served.end_by("TERM");
}

#[test]
fn a_client_that_speaks_something_else_is_accepted_before_it_is_closed() {
    let mut served = Served::start(&HERE, &[]);
    let mut stream = std::net::TcpStream::connect(served.address()).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let (printed, _) = served.end_by("TERM");
    let at = |text: &str| printed.iter().position(|line| line.contains(text)).unwrap();
    assert!(at("accepting AMQP connection") < at("closing AMQP connection"), "{printed:#?}");
}

#[test]
fn a_directory_that_is_not_used_or_not_read_is_told() {
    let root = tempfile::tempdir().unwrap();
    let directory = root.path().join("data");
    let named = [&HERE[..], &["--data-dir", directory.to_str().unwrap()]].concat();
    let mut served = Served::start(&named, &[]);
    served.until("nothing is kept, since `--ephemeral` was asked for");
    served.until("Server startup complete");
    served.end_by("TERM");
    assert!(!directory.exists());
    std::fs::create_dir_all(root.path().join("mnesia/rabbit@host/msg_stores")).unwrap();
    let mut served =
        Served::start(&["--listen", "127.0.0.1:0", "--data-dir", root.path().to_str().unwrap()], &[]);
    served.until("mnesia/rabbit@host has the data of a RabbitMQ node, which is not read");
    served.until("Server startup complete");
    served.end_by("TERM");
}

#[test]
fn what_makes_no_sense_is_refused_with_what_was_expected() {
    let http = refused(&["--ephemeral"], &[("LEVERET_HTTP", "everywhere")]);
    let expected = "environment variable LEVERET_HTTP: expected a port or an IP address and a port";
    assert!(http.contains(expected), "{http}");
    let file = refused(&["--config", "/no/such/rabbitmq.conf"], &[]);
    assert!(file.contains("cannot read the configuration file /no/such/rabbitmq.conf"), "{file}");
}

#[test]
fn what_changes_nothing_in_a_file_is_told_once_and_does_not_stop_the_start() {
    let mut file = tempfile::Builder::new().suffix(".conf").tempfile().unwrap();
    writeln!(file, "mqtt.vhost = /\nnum_acceptors.tcp = 10\nhartbeat = 17").unwrap();
    let mut served = Served::start(&HERE, &[("RABBITMQ_CONFIG_FILE", file.path().to_str().unwrap())]);
    served.address();
    let (printed, _) = served.end_by("TERM");
    for expected in [
        "[warning]",
        "line 1: mqtt.vhost: has no effect, MQTT is not spoken",
        "[info]",
        "line 2: num_acceptors.tcp: changes nothing",
        "[warning]",
        "line 3: hartbeat: there is no setting with this name; did you mean `heartbeat`?",
    ]
    .chunks(2)
    {
        let count = printed.iter().filter(|line| expected.iter().all(|word| line.contains(word))).count();
        assert_eq!(count, 1, "{expected:?} in {printed:#?}");
    }
}

#[test]
fn a_start_that_fails_says_why_and_ends_with_1() {
    let mut served = Served::start(&HERE, &[]);
    let address = served.address().to_string();
    let table = [
        (["--listen", &address], "choose another port with --listen"),
        (["--definitions", "/no/such.json"], "cannot read the definitions /no/such.json"),
    ];
    for (arguments, expected) in table {
        let error = refused(&[&["--ephemeral", "--log", "none"], &arguments[..]].concat(), &[]);
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn help_lists_every_way_to_set_something() {
    let output = command(&["--help"], &[]).output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    for word in ["--listen", "LEVERET_LISTEN", "RABBITMQ_NODE_PORT", "listeners.tcp.*", "heartbeat", "perf"] {
        assert!(help.contains(word), "{word} in {help}");
    }
}

#[test]
fn a_listener_with_tls_is_told_and_reads_its_files_again_on_a_signal() {
    let directory = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (cert, key) = (directory.path().join("cert.pem"), directory.path().join("key.pem"));
    std::fs::write(&cert, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let [cert, key] = [&cert, &key].map(|path| path.to_str().unwrap());
    let arguments = [
        "--ephemeral",
        "--listen-tls",
        "127.0.0.1:0",
        "--listen",
        "none",
        "--tls-cert",
        cert,
        "--tls-key",
        key,
    ];
    let mut served = Served::start(&arguments, &[]);
    let line = served.until("started TLS (SSL) listener on 127.0.0.1:");
    let (_, address) = line.rsplit_once(' ').unwrap();
    served.until("Server startup complete");
    assert!(
        !served.printed.iter().any(|line| line.contains("started TCP listener")),
        "{:#?}",
        served.printed
    );
    // A client that has forgotten the `s` of amqps, and a health check before it.
    drop(std::net::TcpStream::connect(address).unwrap());
    std::net::TcpStream::connect(address).unwrap().write_all(b"AMQP\0\0\x09\x01").unwrap();
    served.until("does the client connect with amqps://?");
    assert!(!served.printed.iter().any(|line| line.contains("said nothing")), "{:#?}", served.printed);
    served.signal("HUP");
    served.until("read the TLS certificate and key again");
    std::fs::write(cert, "no certificate").unwrap();
    served.signal("HUP");
    served.until("TLS goes on with the certificate that it has");
    let (_, code) = served.end_by("TERM");
    assert_eq!(code, Some(0));
    let error = refused(&[&arguments[..], &["--log", "none"]].concat(), &[]);
    assert!(error.contains("holds no certificate in PEM format"), "{error}");
    let error = refused(&["--ephemeral", "--listen", "none"], &[]);
    assert!(error.contains("--listen: `none` leaves no listener at all"), "{error}");
}

/// As modules that start a broker in a container do it: they wait for a line, and then log in as they said.
#[tokio::test]
async fn the_first_user_and_virtual_host_are_those_of_the_environment() {
    let first = [
        ("RABBITMQ_DEFAULT_USER", "app"),
        ("RABBITMQ_DEFAULT_PASS", "secret"),
        ("RABBITMQ_DEFAULT_VHOST", "apps"),
    ];
    let mut served = Served::start(&HERE, &first);
    let address = served.address();
    served.until("Server startup complete");
    let mut peer = Peer::connect(address).await;
    peer.log_in("app", "secret").await;
    peer.send(0, support::tune_ok(0)).await;
    let opened = peer.ask(0, support::open_vhost("apps")).await;
    assert!(matches!(opened, Method::Connection(connection::AMQPMethod::OpenOk(_))), "{opened:?}");
    let mut stranger = Peer::connect(address).await;
    stranger.send_bytes(b"AMQP\0\0\x09\x01").await;
    stranger.method(0).await;
    stranger.send(0, support::start_ok("guest", "guest")).await;
    assert_eq!(stranger.closed_with().await.0, 403);
    drop((peer, stranger));
    assert_eq!(served.end_by("TERM").1, Some(0));
}

/// Some modules mount a file and wait for the words that RabbitMQ has for a listener on all interfaces.
#[test]
fn a_mounted_file_with_tls_alone_is_told_as_a_listener_on_all_interfaces() {
    let directory = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let file = |name: &str, text: String| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let cert = file("cert.pem", made.cert.pem());
    let key = file("key.pem", made.signing_key.serialize_pem());
    let port = std::net::TcpListener::bind("[::]:0").unwrap().local_addr().unwrap().port();
    let conf = format!(
        "default_user = app\ndefault_pass = secret\nlisteners.tcp = none\nlisteners.ssl.default = {port}\n\
         ssl_options.cacertfile = {cert}\nssl_options.certfile = {cert}\nssl_options.keyfile = {key}\n\
         ssl_options.depth = 1\nssl_options.verify = verify_none\nssl_options.fail_if_no_peer_cert = false\n"
    );
    let conf = file("rabbitmq-custom.conf", conf);
    let mut served = Served::start(&["--ephemeral"], &[("RABBITMQ_CONFIG_FILE", &conf)]);
    served.until(&format!("started TLS (SSL) listener on [::]:{port}"));
    served.until("Server startup complete");
    let (printed, code) = served.end_by("TERM");
    assert_eq!(code, Some(0));
    let ready = printed.iter().filter(|line| line.contains("Server startup complete"));
    assert_eq!(ready.count(), 1, "{printed:#?}");
}

#[tokio::test]
async fn memory_that_was_drained_lets_publishers_go_on() {
    let environment = [("LEVERET_MEMORY_HIGH_WATERMARK", "64MiB")];
    let mut served = Served::start(&HERE, &environment);
    let address = served.address();
    let mut producer = Peer::open_channel(address).await;
    let mut other = Peer::open_channel(address).await;
    producer.declare(1, "q").await;
    let message = support::publish(1, "q", &vec![7; 100_000]);
    // A publisher that goes on until it is told to stop, which is between two looks at the memory.
    let mut sent = 0;
    let told = tokio::time::timeout(support::PATIENCE, async {
        loop {
            sent = (sent + producer.send_what_fits(&message[sent..])) % message.len();
            tokio::select! {
                biased;
                frame = producer.frame() => break frame,
                () = tokio::task::yield_now() => {}
            }
        }
    });
    let blocked = told.await.unwrap();
    assert!(format!("{blocked:?}").contains("low on memory"), "{blocked:?}");
    let purge = queue::Purge { queue: "q".into(), ..Default::default() };
    other.send(1, Method::Queue(queue::AMQPMethod::Purge(purge))).await;
    other.method(1).await;
    let unblocked = producer.frame().await;
    assert!(format!("{unblocked:?}").contains("Unblocked"), "{unblocked:?}");
    drop((producer, other));
    let (printed, _) = served.end_by("TERM");
    let alarms = printed.iter().filter(|line| line.contains("vm_memory_high_watermark"));
    assert_eq!(alarms.count(), 2, "{printed:#?}");
}

#[tokio::test]
async fn the_log_tells_who_came_and_how_it_ended_and_nothing_of_a_health_check() {
    let mut served = Served::start(&HERE, &[]);
    let address = served.address();
    served.until("Server startup complete");
    drop(Peer::connect(address).await);
    let lost = Peer::open(address).await;
    drop(lost);
    served.until("client unexpectedly closed TCP connection");
    let mut refused = Peer::connect(address).await;
    refused.send_bytes(b"AMQP\0\0\x09\x01").await;
    refused.method(0).await;
    refused.send(0, support::start_ok("guest", "wrong")).await;
    assert_eq!(refused.closed_with().await.0, 403);
    let mut polite = Peer::open(address).await;
    polite.send(0, Method::Connection(connection::AMQPMethod::Close(connection::Close::default()))).await;
    polite.method(0).await;
    drop(polite);
    served.until("closing AMQP connection");
    let (printed, _) = served.end_by("TERM");
    let count = |text: &str| printed.iter().filter(|line| line.contains(text)).count();
    assert_eq!(count("accepting AMQP connection"), 3, "{printed:#?}");
    assert_eq!(count("user 'guest' authenticated and granted access to vhost '/'"), 2, "{printed:#?}");
    assert_eq!(count("closing AMQP connection"), 2, "{printed:#?}");
    assert_eq!(count("client unexpectedly closed TCP connection"), 1, "{printed:#?}");
    assert_eq!(count("Error on AMQP connection"), 1, "{printed:#?}");
    let why = "[error] <0.3.0> PLAIN login refused: user 'guest' - invalid credentials (wrong password)";
    assert_eq!(count(why), 1, "{printed:#?}");
}

#[tokio::test]
async fn a_log_of_objects_tells_of_a_connection_who_it_was_and_of_what_it_speaks() {
    let arguments = [&HERE[..], &["--log-format", "json", "--log", "info,connection=warning"]].concat();
    let mut served = Served::start(&arguments, &[]);
    let line = served.until("started TCP listener on ");
    let object = |line: &str| line.parse::<serde_json::Value>().unwrap();
    let address = object(&line)["msg"].as_str().unwrap().rsplit_once(' ').unwrap().1.parse().unwrap();
    let mut peer = Peer::open_channel(address).await;
    let passive = queue::Declare { queue: "none".into(), passive: true, ..queue::Declare::default() };
    peer.send(1, Method::Queue(queue::AMQPMethod::Declare(passive))).await;
    let told = object(&served.until("Channel error"));
    drop(peer);
    let lost = object(&served.until("client unexpectedly closed TCP connection"));
    let (printed, _) = served.end_by("TERM");
    assert_eq!((&told["level"], &told["domain"]), (&"error".into(), &"rabbitmq.channel".into()));
    assert_eq!((&told["user"], &told["vhost"]), (&"guest".into(), &"/".into()));
    assert_eq!((&lost["domain"], &lost["pid"]), (&"rabbitmq.connection".into(), &told["pid"]));
    assert!(printed.iter().all(|line| object(line)["time"].is_string()), "{printed:#?}");
    assert!(!printed.iter().any(|line| line.contains("accepting AMQP connection")), "{printed:#?}");
}

#[tokio::test]
async fn a_log_that_nobody_reads_does_not_hold_the_broker_up() {
    let mut served = Served::start(&HERE, &[]);
    let address = served.address();
    // Each connection is a few hundred bytes of log; a pipe holds 64 KiB.
    for _ in 0..500 {
        Peer::open(address).await;
    }
    let mut peer = Peer::open_channel(address).await;
    peer.declare(1, "q").await;
}

#[test]
fn a_standard_output_that_is_gone_does_not_change_how_it_ends() {
    let mut served = Served::start(&HERE, &[]);
    served.until("Server startup complete");
    served.stop_reading();
    let (_, code) = served.end_by("TERM");
    assert_eq!(code, Some(0));
}
