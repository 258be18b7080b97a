//! What is said of files, and with which exit code.

use super::*;

fn checked(text: &str) -> Checked {
    check_text(text, &Environment::default())
}

fn printed(text: &str) -> (String, u8) {
    let all = [(Path::new("F"), checked(text))];
    (finding::table(&all), code(&all))
}

#[test]
fn settings_are_told_line_by_line() {
    let (text, code) = printed("# mine\nheartbeat = 30\nnum_acceptors.tcp = 10\n");
    let expected = "F\n  served     line 2  heartbeat\n  \
                    no effect  line 3  num_acceptors.tcp: sockets are set up by the broker itself\n";
    assert_eq!((text.as_str(), code), (expected, 0));
    let (text, code) = printed("hartbeat = 30\nmqtt.vhost = /\nframe_max = small\n");
    let expected = "F\n  unknown    line 1  hartbeat: there is no setting with this name; did you mean `heartbeat`?\n  \
                    differs    line 2  mqtt.vhost: MQTT is not spoken\n  \
                    refused    line 3  frame_max: expected a whole number from 8192 to 16777216, found `small`\n";
    assert_eq!((text.as_str(), code), (expected, 1));
}

#[test]
fn definitions_are_told_by_list_and_what_is_not_served_one_by_one() {
    let served = include_str!("../../../tests/fixtures/rabbitmq-4.3-definitions.json");
    let (text, code) = printed(served);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("  served     queues  4\n") && text.contains("  served     users  4\n"), "{text}");
    let single = include_str!("../../../tests/fixtures/rabbitmq-4.3-definitions-of-a-vhost.json");
    assert_eq!(printed(single).1, 0);
    let (text, code) = printed(
        r#"{"queues": [{"name": "q", "vhost": "/"}, {"name": "s", "vhost": "/", "type": "stream"}],
            "policies": [{"name": "ha", "vhost": "/", "pattern": "", "definition": {"ha-mode": "all"}}],
            "exchanges": [{"name": "amq.rabbitmq.log", "vhost": "/", "type": "topic"}],
            "parameters": [{"component": "shovel", "vhost": "/", "name": "m", "value": {}}],
            "bogus": 1}"#,
    );
    for line in [
        "  served     queues  1\n",
        "  refused    queues[1]  ",
        "  differs    left out of the policy 'ha', as there is no cluster: ha-mode\n",
        "  no effect  skipped the exchange 'amq.rabbitmq.log': its name is reserved\n",
        "  differs    the shovel 'm' in vhost '/' is kept and listed, but nothing here acts on it\n",
        "  unknown    bogus  is no part of definitions\n",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    assert!(!text.contains("served     exchanges"), "{text}");
    assert_eq!(code, 1);
}

#[test]
fn what_cannot_be_read_is_told_apart_from_what_differs() {
    for (text, expected) in [
        ("{\"queues\": 7}", "queues: invalid type"),
        ("{", "EOF while parsing"),
        ("[{rabbit, []}].", "terms of Erlang"),
    ] {
        let error = checked(text).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
    let all = [(Path::new("F"), checked("heartbeat = 1")), (Path::new("G"), checked("{"))];
    assert_eq!(code(&all), 2);
    let (text, code) = printed("what\nheartbeat = 1");
    let expected =
        "F\n  refused    line 1  expected `key = value`, found `what`\n  served     line 2  heartbeat\n";
    assert_eq!((text.as_str(), code), (expected, 1));
}

#[test]
fn json_has_every_finding() {
    let all = [(Path::new("F"), checked("hartbeat = 1")), (Path::new("G"), Err("no".to_owned()))];
    let value: serde_json::Value = serde_json::from_str(&finding::json(&all)).unwrap();
    assert_eq!(value[0]["findings"][0]["standing"], "unknown");
    assert_eq!((&value[0]["findings"][0]["place"], &value[1]["error"]), (&"line 1".into(), &"no".into()));
}
