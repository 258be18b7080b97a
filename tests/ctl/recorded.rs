//! Commands as RabbitMQ 4.3 ran them: what the API said, what the tool printed, its exit code.

use crate::run_at;
use crate::scripted::{Line, Scripted};

/// One command.
struct Case {
    line: &'static [&'static str],
    api: &'static [Line],
    stdout: &'static str,
    stderr: &'static str,
    code: i32,
}

const NODE: Line = ("GET /api/overview?columns=node", 200, r#"{"node":"peer@localhost"}"#);
const QUEUES: Line = (
    "GET /api/queues/h3?columns=arguments,durable,messages,name",
    200,
    r#"[{"name":"qq","messages":0,"durable":true,"arguments":{"x-queue-type":"quorum"}},
        {"name":"q1","messages":1,"durable":true,"arguments":{"x-max-length":10,"x-message-ttl":5000000000,"x-queue-type":"classic"}}]"#,
);
const USER: Line =
    ("GET /api/users/u", 200, r#"{"name":"u","tags":["management"],"password_hash":"aGFzaA=="}"#);

const CASES: &[Case] = &[
    Case {
        line: &["rabbitmqctl", "list_queues", "-p", "h3"],
        api: &[(
            "GET /api/queues/h3?columns=messages,name",
            200,
            r#"[{"messages":0,"name":"qq"},{"messages":1,"name":"q1"}]"#,
        )],
        stdout: "Timeout: 60.0 seconds ...\nListing queues for vhost h3 ...\nname\tmessages\nqq\t0\nq1\t1\n",
        stderr: "",
        code: 0,
    },
    Case {
        line: &["rabbitmqctl", "-q", "list_queues", "-p", "h3", "name", "messages", "arguments", "durable"],
        api: &[QUEUES],
        stdout: "name\tmessages\targuments\tdurable\nqq\t0\t[{\"x-queue-type\",\"quorum\"}]\ttrue\n\
                 q1\t1\t[{\"x-max-length\",10},{\"x-message-ttl\",5000000000},{\"x-queue-type\",\"classic\"}]\ttrue\n",
        stderr: "",
        code: 0,
    },
    Case {
        line: &[
            "rabbitmqctl",
            "list_queues",
            "-p",
            "h3",
            "name",
            "messages",
            "arguments",
            "durable",
            "--formatter",
            "json",
        ],
        api: &[QUEUES],
        stdout: "[\n{\"name\":\"qq\",\"messages\":0,\"arguments\":[[\"x-queue-type\",\"longstr\",\"quorum\"]],\"durable\":true}\n\
                 ,{\"name\":\"q1\",\"messages\":1,\"arguments\":[[\"x-max-length\",\"signedint\",10],\
                 [\"x-message-ttl\",\"long\",5000000000],[\"x-queue-type\",\"longstr\",\"classic\"]],\"durable\":true}\n]\n",
        stderr: "",
        code: 0,
    },
    Case {
        line: &["rabbitmqctl", "-s", "list_queues", "-p", "h3"],
        api: &[("GET /api/queues/h3?columns=messages,name", 200, r#"[{"messages":1,"name":"q1"}]"#)],
        stdout: "q1\t1\n",
        stderr: "",
        code: 0,
    },
    Case {
        line: &["rabbitmqctl", "list_queues", "-p", "h3", "--formatter", "pretty_table", "-q"],
        api: &[("GET /api/queues/h3?columns=messages,name", 200, r#"[{"messages":1,"name":"q1"}]"#)],
        stdout: "\x1b(0lqqqqqqwqqqqqqqqqqk\x1b(B\n\
                 \x1b(0x\x1b(B \x1b[1mname\x1b[0m \x1b(0x\x1b(B \x1b[1mmessages\x1b[0m \x1b(0x\x1b(B\n\
                 \x1b(0tqqqqqqnqqqqqqqqqqu\x1b(B\n\
                 \x1b(0x\x1b(B q1   \x1b(0x\x1b(B 1        \x1b(0x\x1b(B\n\
                 \x1b(0mqqqqqqvqqqqqqqqqqj\x1b(B\n",
        stderr: "",
        code: 0,
    },
    Case {
        line: &["rabbitmqctl", "list_queues", "-p", "nosuch"],
        api: &[],
        stdout: "Timeout: 60.0 seconds ...\nListing queues for vhost nosuch ...\n",
        stderr: "",
        code: 0,
    },
    Case {
        line: &["rabbitmqctl", "list_queues", "name", "nosuch"],
        api: &[],
        stdout: "",
        stderr: "Error (argument validation): Info key(s) nosuch are not supported\nArguments given:\n\tlist_queues name nosuch",
        code: 64,
    },
    Case {
        line: &["rabbitmqctl", "list_queue"],
        api: &[],
        stdout: "",
        stderr: "\nCommand 'list_queue' not found. \nDid you mean 'list_queues'? \n",
        code: 64,
    },
    Case {
        line: &["rabbitmqctl", "list_bindings", "-p", "h3", "-q"],
        api: &[(
            "GET /api/bindings/h3?columns=arguments,destination,destination_type,routing_key,source,source_kind",
            200,
            r#"[{"source":"x1","destination":"q1","destination_type":"queue","routing_key":"a.#","arguments":{"b":true,"k":"v","n":3}}]"#,
        )],
        stdout: "source_name\tsource_kind\tdestination_name\tdestination_kind\trouting_key\targuments\n\
                 x1\texchange\tq1\tqueue\ta.#\t[{\"b\",true},{\"k\",\"v\"},{\"n\",3}]\n",
        stderr: "",
        code: 0,
    },
    Case {
        line: &["rabbitmqctl", "list_connections"],
        api: &[(
            "GET /api/connections?columns=peer_host,peer_port,state,user",
            200,
            r#"[{"user":"guest","peer_host":"127.0.0.1","peer_port":41932,"state":"running"}]"#,
        )],
        stdout: "Listing connections ...\nuser\tpeer_host\tpeer_port\tstate\nguest\t127.0.0.1\t41932\trunning\n",
        stderr: "",
        code: 0,
    },
    Case {
        line: &["rabbitmqctl", "list_policies"],
        api: &[("GET /api/policies/%2F", 200, "[]")],
        stdout: "Listing policies for vhost \"/\" ...\n\n",
        stderr: "",
        code: 0,
    },
    Case {
        line: &["rabbitmqctl", "list_users"],
        api: &[(
            "GET /api/users?columns=name,tags",
            200,
            r#"[{"name":"guest","tags":["administrator","monitoring"]}]"#,
        )],
        stdout: "Listing users ...\nuser\ttags\nguest\t[administrator, monitoring]\n",
        stderr: "",
        code: 0,
    },
    Case {
        line: &["rabbitmqctl", "add_user", "u", "pw"],
        api: &[USER],
        stdout: "Adding user \"u\" ...\n",
        stderr: "Error:\nUser \"u\" already exists\n",
        code: 70,
    },
    Case {
        line: &["rabbitmqctl", "add_user", "new", "pw"],
        api: &[("PUT /api/users/new", 201, "")],
        stdout: "Adding user \"new\" ...\nDone. Don't forget to grant the user permissions to some virtual hosts! \
                 See 'rabbitmqctl help set_permissions' to learn more.\n",
        stderr: "",
        code: 0,
    },
    Case {
        line: &["rabbitmqctl", "authenticate_user", "u", "bad"],
        api: &[("POST /api/login", 401, r#"{"error":"not_authorized","reason":"Not_Authorized"}"#)],
        stdout: "Authenticating user \"u\" ...\n",
        stderr: "Error:\nError: failed to authenticate user \"u\"\nuser 'u' - invalid credentials\n",
        code: 65,
    },
    Case {
        line: &["rabbitmqctl", "change_password", "nosuch", "pw"],
        api: &[],
        stdout: "Changing password for user \"nosuch\" ...\n",
        stderr: "Error:\nUser \"nosuch\" does not exist\n",
        code: 67,
    },
    Case {
        line: &["rabbitmqctl", "delete_user", "nosuch"],
        api: &[],
        stdout: "Deleting user \"nosuch\" ...\n",
        stderr: "",
        code: 0,
    },
    Case {
        line: &["rabbitmqctl", "delete_vhost", "nosuch"],
        api: &[],
        stdout: "Deleting vhost \"nosuch\" ...\n",
        stderr: "Virtual host 'nosuch' does not exist\n",
        code: 65,
    },
    Case {
        line: &["rabbitmqctl", "set_permissions", "-p", "nosuch", "u", ".*", ".*", ".*"],
        api: &[
            USER,
            (
                "PUT /api/permissions/nosuch/u",
                400,
                r#"{"error":"bad_request","reason":"vhost_or_user_not_found"}"#,
            ),
        ],
        stdout: "Setting permissions for user \"u\" in vhost \"nosuch\" ...\n",
        stderr: "Error:\nVirtual host nosuch does not exist\n",
        code: 69,
    },
    Case {
        line: &["rabbitmqctl", "set_policy", "p", "^a", "{max-length:10}"],
        api: &[],
        stdout: "Setting policy \"p\" for pattern \"^a\" to \"{max-length:10}\" with priority \"0\" for vhost \"/\" ...\n",
        stderr: "Error:\nCould not parse JSON document: {error,{failed_to_decode_json,<<\"{max-length:10}\">>}}\n",
        code: 69,
    },
    Case {
        line: &["rabbitmqctl", "clear_policy", "nosuch"],
        api: &[],
        stdout: "Clearing policy \"nosuch\" on vhost \"/\" ...\n",
        stderr: "Error:\nParameter does not exist\n",
        code: 69,
    },
    Case {
        line: &["rabbitmqctl", "list_vhost_limits", "--global"],
        api: &[(
            "GET /api/vhost-limits",
            200,
            r#"[{"vhost":"v","value":{"max-connections":10,"max-queues":5}}]"#,
        )],
        stdout: "Listing limits for all vhosts ...\nvhost\tlimits\nv\t{\"max-connections\":10,\"max-queues\":5}\n",
        stderr: "",
        code: 0,
    },
    Case {
        line: &["rabbitmqctl", "purge_queue", "nosuch"],
        api: &[],
        stdout: "Purging queue 'nosuch' in vhost '/' ...\n",
        stderr: "Object (queue, stream, exchange, etc) was not found\n",
        code: 65,
    },
    Case {
        line: &["rabbitmqctl", "delete_queue", "nosuch"],
        api: &[],
        stdout: "Deleting queue 'nosuch' on vhost '/' ...\n",
        stderr: "Error:\nNo such queue was found\n",
        code: 64,
    },
    Case {
        line: &["rabbitmq-diagnostics", "-q", "check_running"],
        api: &[NODE, ("GET /api/health/checks/is-in-service", 200, r#"{"status":"ok"}"#)],
        stdout: "RabbitMQ on node peer@localhost is fully booted and running\n",
        stderr: "",
        code: 0,
    },
    Case {
        line: &["rabbitmq-diagnostics", "check_alarms", "-q"],
        api: &[
            NODE,
            (
                "GET /api/health/checks/alarms",
                503,
                r#"{"status":"failed","reason":"resource alarm(s) in effect","alarms":[{"node":"peer@localhost","resource":"memory"}]}"#,
            ),
        ],
        stdout: "",
        stderr: "Error:\nMemory alarm on node ",
        code: 69,
    },
    Case {
        line: &["rabbitmq-diagnostics", "check_port_listener", "1234"],
        api: &[
            NODE,
            (
                "GET /api/health/checks/port-listener/1234",
                503,
                r#"{"ports":[15683,5692],"reason":"No active listener","status":"failed","missing":1234}"#,
            ),
        ],
        stdout: "Asking node peer@localhost if there's an active listener on port 1234 ...\n",
        stderr: "No listener for port 1234 is active on node peer@localhost. Found listeners that use the following ports: 5692, 15683\n",
        code: 69,
    },
    Case {
        line: &["rabbitmq-diagnostics", "-n", "other@localhost", "check_running", "-q"],
        api: &[NODE],
        stdout: "",
        stderr: "Error: unable to perform an operation on node 'other@localhost'.",
        code: 69,
    },
    Case {
        line: &["rabbitmq-plugins", "-q", "is_enabled", "rabbitmq_shovel", "-n", "n@h"],
        api: &[],
        stdout: "",
        stderr: "Error:\nPlugin rabbitmq_shovel is not enabled on node n@h.",
        code: 69,
    },
    Case {
        line: &["rabbitmqctl", "eval", "1+1."],
        api: &[],
        stdout: "",
        stderr: "Error:\nno Erlang is evaluated here",
        code: 69,
    },
];

#[test]
fn commands_print_and_end_as_they_were_recorded() {
    for case in CASES {
        let broker = Scripted::on_port(case.api);
        let ran = run_at(&broker, case.line);
        assert_eq!(ran.stdout, case.stdout, "{:?}: {}", case.line, ran.stderr);
        assert!(ran.stderr.starts_with(case.stderr), "{:?}: {}", case.line, ran.stderr);
        assert!(!case.stderr.is_empty() || ran.stderr.is_empty(), "{:?}: {}", case.line, ran.stderr);
        assert_eq!(ran.code, case.code, "{:?}", case.line);
    }
}

#[test]
fn what_is_kept_is_sent_along_where_the_api_would_forget_it() {
    let broker = Scripted::on_port(&[USER, ("PUT /api/users/u", 204, "")]);
    assert_eq!(run_at(&broker, &["rabbitmqctl", "set_user_tags", "u", "monitoring"]).code, 0);
    let put = broker.asked().into_iter().find(|asked| asked.starts_with("PUT")).unwrap();
    assert!(
        put.contains(r#""tags":["monitoring"]"#) && put.contains(r#""password_hash":"aGFzaA==""#),
        "{put}"
    );
}

#[test]
fn a_connection_is_closed_by_the_pid_that_a_listing_said() {
    let name = "127.0.0.1:1 -> 127.0.0.1:2";
    let api = &[
        ("GET /api/connections?columns=name", 200, r#"[{"name":"127.0.0.1:1 -> 127.0.0.1:2"}]"#),
        ("GET /api/connections?columns=name,vhost", 200, r#"[{"name":"127.0.0.1:1 -> 127.0.0.1:2"}]"#),
        ("DELETE /api/connections/127.0.0.1%3A1%20-%3E%20127.0.0.1%3A2", 204, ""),
    ];
    let broker = Scripted::on_port(api);
    let listed = run_at(&broker, &["rabbitmqctl", "-s", "list_connections", "pid", "name"]).stdout;
    let (pid, listed_name) = listed.trim_end().split_once('\t').unwrap();
    assert_eq!(listed_name, name);
    assert_eq!(run_at(&broker, &["rabbitmqctl", "close_connection", pid, "bye"]).code, 0);
    assert!(broker.asked().iter().any(|asked| asked.starts_with("DELETE")));
}
