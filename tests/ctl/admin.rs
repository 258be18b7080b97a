//! `rabbitmqadmin` in both of its grammars, and `rabbitmq-plugins` on its file.

use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::run;
use crate::scripted::Scripted;

fn port(broker: &Scripted) -> String {
    broker.url().rsplit(':').next().unwrap().to_owned()
}

#[test]
fn the_scripts_table_and_its_requests_are_those_of_the_script() {
    let api = &[
        (
            "GET /api/queues/v?columns=name,messages",
            200,
            r#"[{"name":"q1","messages":10},{"name":"qq","messages":0}]"#,
        ),
        ("PUT /api/queues/v/q", 201, ""),
        ("POST /api/exchanges/v/amq.default/publish", 200, r#"{"routed":true}"#),
    ];
    let broker = Scripted::on_port(api);
    let place = ["-H", "127.0.0.1", "-P", &port(&broker), "-V", "v"];
    let listed = run(&["rabbitmqadmin", "list", "queues"], &place).stdout;
    let drawn = "+------+----------+\n| name | messages |\n+------+----------+\n| q1   | 10       |\n| qq   | 0        |\n+------+----------+\n";
    assert_eq!(listed, drawn);
    let declared = run(&["rabbitmqadmin", "declare", "queue", "name=q", "durable=false"], &place);
    assert_eq!((declared.stdout.as_str(), declared.code), ("queue declared\n", 0));
    let published = run(&["rabbitmqadmin", "publish", "routing_key=q", "payload=hi"], &place);
    assert_eq!((published.stdout.as_str(), published.code), ("Message published\n", 0));
    let missing = run(&["rabbitmqadmin", "delete", "queue", "name=none"], &place);
    assert_eq!((missing.stderr.as_str(), missing.code), ("*** Not found: /api/queues/v/none\n\n", 1));
    let put = broker.asked().into_iter().find(|asked| asked.starts_with("PUT")).unwrap();
    assert!(put.contains(r#""durable":"false""#) && put.contains(r#""auto_delete":"false""#), "{put}");
}

#[test]
fn its_successors_table_and_its_requests_are_its_own() {
    let api = &[
        (
            "GET /api/vhosts",
            200,
            r#"[{"name":"/","description":"Default virtual host","tags":[],"default_queue_type":"classic"}]"#,
        ),
        ("PUT /api/queues/v/q", 201, ""),
        ("DELETE /api/queues/v/q", 204, ""),
    ];
    let broker = Scripted::on_port(api);
    let place = ["--host", "127.0.0.1", "--port", &port(&broker), "--vhost", "v"];
    let listed = run(&["rabbitmqadmin", "vhosts", "list"], &place).stdout;
    let drawn = "╭──────┬──────┬──────────────────────┬────────────────────╮\n\
                 │ name │ tags │ description          │ default_queue_type │\n\
                 ├──────┼──────┼──────────────────────┼────────────────────┤\n\
                 │ /    │      │ Default virtual host │ classic            │\n\
                 ╰──────┴──────┴──────────────────────┴────────────────────╯\n";
    assert_eq!(listed, drawn);
    assert_eq!(
        run(&["rabbitmqadmin", "declare", "queue", "--name", "q", "--type", "quorum"], &place).code,
        0
    );
    assert_eq!(run(&["rabbitmqadmin", "queues", "delete", "--name", "q"], &place).code, 0);
    assert_eq!(run(&["rabbitmqadmin", "queues", "delete", "--name", "none"], &place).code, 65);
    assert_eq!(
        run(&["rabbitmqadmin", "queues", "delete", "--name", "none", "--idempotently"], &place).code,
        0
    );
    let put = broker.asked().into_iter().find(|asked| asked.starts_with("PUT")).unwrap();
    assert!(put.contains(r#""x-queue-type":"quorum""#) && put.contains(r#""durable":true"#), "{put}");
}

#[test]
fn what_stands_in_front_of_the_command_is_the_programs() {
    let api = &[
        ("POST /api/exchanges/v/amq.default/publish", 200, r#"{"routed":true}"#),
        ("POST /api/queues/v/q/get", 200, "[]"),
    ];
    let broker = Scripted::on_port(api);
    let (port, none) = (port(&broker), &[][..]);
    let publish = [
        "rabbitmqadmin",
        "-P",
        &port,
        "-u",
        "shop",
        "-p",
        "secret",
        "-V",
        "v",
        "messages",
        "publish",
        "-k",
        "r",
    ];
    let said = run(&publish, none);
    assert_eq!((said.code, said.stderr.as_str()), (0, ""));
    let said = run(&publish, &["-p", r#"{"priority":3}"#]);
    assert_eq!((said.code, said.stderr.as_str()), (0, ""));
    let published: Vec<bool> = broker.asked().iter().map(|asked| asked.contains(r#""priority":3"#)).collect();
    assert_eq!(published, [false, true]);
    let said = run(&["rabbitmqadmin", "-P", &port, "-V", "v", "-q", "get", "messages", "-q", "q"], none);
    assert_eq!((said.code, said.stderr.as_str()), (0, ""));
}

#[test]
fn definitions_go_to_standard_output_and_to_one_virtual_host() {
    let api = &[
        ("GET /api/definitions", 200, r#"{"all":1}"#),
        ("GET /api/definitions/v", 200, r#"{"vhost":1}"#),
        ("POST /api/definitions/v", 204, ""),
    ];
    let broker = Scripted::on_port(api);
    let port = port(&broker);
    let said = run(&["rabbitmqadmin", "export", "-"], &["-P", &port]);
    assert_eq!((said.stdout.as_str(), said.code), ("{\"all\":1}\n", 0));
    let place = ["--port", &port, "--vhost", "v"];
    let said = run(&["rabbitmqadmin", "definitions", "export_from_vhost", "--stdout"], &place);
    assert_eq!((said.stdout.as_str(), said.code), ("{\"vhost\":1}\n", 0));
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "{}").unwrap();
    let path = file.path().to_str().unwrap();
    let said = run(&["rabbitmqadmin", "definitions", "import_into_vhost", "--file", path], &place);
    assert_eq!((said.code, said.stderr.as_str()), (0, ""));
    assert_eq!(broker.asked().last().map(String::as_str), Some("POST /api/definitions/v {}"));
}

#[test]
fn plugins_are_named_in_the_file() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("etc/enabled_plugins");
    let plugins = |words: &[&str]| {
        let program = directory.path().join("rabbitmq-plugins");
        let _ = std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_leveret"), &program);
        let mut command = Command::new(program);
        command.args(words).env_clear().env("RABBITMQ_ENABLED_PLUGINS_FILE", &file).stdin(Stdio::null());
        let output = command.output().unwrap();
        (String::from_utf8(output.stdout).unwrap(), output.status.code())
    };
    let (said, code) = plugins(&["enable", "--offline", "rabbitmq_shovel", "rabbitmq_management"]);
    assert_eq!(code, Some(0));
    assert!(said.contains("WARNING - plugins currently enabled but missing: rabbitmq_shovel"), "{said}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "[rabbitmq_management,rabbitmq_shovel].\n");
    let (said, _) = plugins(&["enable", "--offline", "rabbitmq_shovel"]);
    assert!(said.ends_with("Plugin configuration unchanged.\n"), "{said}");
    let (said, code) = plugins(&["enable", "rabbitmq_federation", "rabbitmq_prometheus"]);
    assert!(said.contains("have been enabled:\n  rabbitmq_prometheus\n\nstarted 1 plugins."), "{said}");
    assert!(said.contains("enabled but missing: rabbitmq_federation, rabbitmq_shovel"), "{said}");
    assert_eq!(code, Some(0));
    plugins(&["disable", "--offline", "rabbitmq_shovel", "rabbitmq_federation", "rabbitmq_prometheus"]);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "[rabbitmq_management].\n");
    assert_eq!(plugins(&["-q", "is_enabled", "rabbitmq_prometheus", "rabbitmq_management"]).1, Some(0));
    assert_eq!(plugins(&["-q", "is_enabled", "rabbitmq_mqtt"]).1, Some(69));
}
