//! Which permission each method needs, and that it is asked for before anything else is told.

use crate::check;

/// Bob has these permissions in `v`, where guest has made a queue `q` and an exchange `x`.
#[track_caller]
fn with_bob(permissions: &str, rest: &str) {
    check(&format!(
        "
        vhost v
        grant guest v .* .* .*
        user bob secret administrator
        grant bob v {permissions}
        g connects vhost=v
        g.1 > queue.declare q
        g.1 < queue.declare-ok q messages=0 consumers=0
        g.1 > exchange.declare x topic
        g.1 < exchange.declare-ok
        b connects user=bob password=secret vhost=v
        {rest}
        "
    ));
}

/// The command needs just this permission on this resource.
#[track_caller]
fn needs(command: &str, id: &str, access: &str, resource: &str, granted: &str, answer: &str) {
    with_bob(
        "'' '' ''",
        &format!(
            "
            b.1 > {command}
            b.1 < channel.close 403 {id} ACCESS_REFUSED - {access} access to {resource} in vhost 'v' refused for user 'bob'
            "
        ),
    );
    let answer = if answer.is_empty() { String::new() } else { format!("b.1 < {answer}") };
    with_bob(granted, &format!("b.1 > {command}\n{answer}\nb.1 > qos 1\nb.1 < qos-ok"));
}

#[test]
fn declaring_an_exchange_needs_configure() {
    needs(
        "exchange.declare y direct",
        "40.10",
        "configure",
        "exchange 'y'",
        "y '' ''",
        "exchange.declare-ok",
    );
    needs("exchange.declare x topic", "40.10", "configure", "exchange 'x'", "x '' ''", "exchange.declare-ok");
}

#[test]
fn a_passive_declare_needs_any_permission() {
    for granted in ["x '' ''", "'' x ''", "'' '' x"] {
        needs(
            "exchange.declare x topic passive",
            "40.10",
            "configure",
            "exchange 'x'",
            granted,
            "exchange.declare-ok",
        );
    }
    for granted in ["q '' ''", "'' q ''", "'' '' q"] {
        let answer = "queue.declare-ok q messages=0 consumers=0";
        needs("queue.declare q passive", "50.10", "configure", "queue 'q'", granted, answer);
    }
}

#[test]
fn deleting_an_exchange_needs_configure() {
    needs("exchange.delete x", "40.20", "configure", "exchange 'x'", "x '' ''", "exchange.delete-ok");
}

#[test]
fn binding_an_exchange_needs_write_on_the_destination_and_read_on_the_source() {
    needs("exchange.bind x amq.fanout k", "40.30", "write", "exchange 'x'", "'' x amq", "exchange.bind-ok");
    needs(
        "exchange.unbind x amq.fanout k",
        "40.40",
        "write",
        "exchange 'x'",
        "'' x amq",
        "exchange.unbind-ok",
    );
    with_bob(
        "'' x ''",
        "
        b.1 > exchange.bind x amq.fanout k
        b.1 < channel.close 403 40.30 ACCESS_REFUSED - read access to exchange 'amq.fanout' in vhost 'v' refused for user 'bob'
        ",
    );
}

#[test]
fn declaring_a_queue_needs_configure_also_on_a_made_up_name() {
    let answer = "queue.declare-ok r messages=0 consumers=0";
    needs("queue.declare r", "50.10", "configure", "queue 'r'", "r '' ''", answer);
    with_bob(
        "^q$ '' ''",
        "
        b.1 > queue.declare ''
        b.1 < channel.close 403 50.10 ACCESS_REFUSED - configure access to queue 'amq.gen-1' in vhost 'v' refused for user 'bob'
        ",
    );
    with_bob(
        r"amq\.gen.* '' ''",
        "
        b.1 > queue.declare ''
        b.1 < queue.declare-ok amq.gen-1 messages=0 consumers=0
        ",
    );
}

#[test]
fn deleting_a_queue_needs_configure() {
    needs("queue.delete q", "50.40", "configure", "queue 'q'", "q '' ''", "queue.delete-ok 0");
}

#[test]
fn binding_a_queue_needs_write_on_it_and_read_on_the_exchange() {
    needs("queue.bind q x k", "50.20", "write", "queue 'q'", "'' q x", "queue.bind-ok");
    needs("queue.unbind q x k", "50.50", "write", "queue 'q'", "'' q x", "queue.unbind-ok");
    with_bob(
        "'' q ''",
        "
        b.1 > queue.unbind q x k
        b.1 < channel.close 403 50.50 ACCESS_REFUSED - read access to exchange 'x' in vhost 'v' refused for user 'bob'
        ",
    );
}

#[test]
fn taking_messages_needs_read() {
    needs("queue.purge q", "50.30", "read", "queue 'q'", "'' '' q", "queue.purge-ok 0");
    needs("get q", "60.70", "read", "queue 'q'", "'' '' q", "get-empty");
    needs("consume q c", "60.20", "read", "queue 'q'", "'' '' q", "consume-ok c");
}

#[test]
fn publishing_needs_write_on_the_exchange() {
    needs("publish x k hello", "60.40", "write", "exchange 'x'", "'' x ''", "");
    needs("publish '' q hello", "60.40", "write", "exchange 'amq.default'", "'' ^amq.default$ ''", "");
}

#[test]
fn a_missing_thing_is_refused_before_it_is_missed() {
    for (command, id, access, resource) in [
        ("queue.declare nope passive", "50.10", "configure", "queue 'nope'"),
        ("queue.delete nope", "50.40", "configure", "queue 'nope'"),
        ("get nope", "60.70", "read", "queue 'nope'"),
        ("publish nope k x", "60.40", "write", "exchange 'nope'"),
        ("exchange.delete nope", "40.20", "configure", "exchange 'nope'"),
        ("queue.bind nope nope k", "50.20", "write", "queue 'nope'"),
    ] {
        with_bob(
            "'' '' ''",
            &format!(
                "
                b.1 > {command}
                b.1 < channel.close 403 {id} ACCESS_REFUSED - {access} access to {resource} in vhost 'v' refused for user 'bob'
                "
            ),
        );
    }
}

#[test]
fn an_alternate_exchange_needs_read_on_the_new_exchange_and_write_on_the_alternate() {
    with_bob(
        "y '' ''",
        "
        b.1 > exchange.declare y direct alternate-exchange=ae
        b.1 < channel.close 403 40.10 ACCESS_REFUSED - read access to exchange 'y' in vhost 'v' refused for user 'bob'
        ",
    );
    with_bob(
        "y '' y",
        "
        b.1 > exchange.declare y direct alternate-exchange=ae
        b.1 < channel.close 403 40.10 ACCESS_REFUSED - write access to exchange 'ae' in vhost 'v' refused for user 'bob'
        ",
    );
    with_bob(
        "y ae y",
        "
        b.1 > exchange.declare y direct alternate-exchange=ae
        b.1 < exchange.declare-ok
        ",
    );
}

#[test]
fn reserved_names_and_types_are_looked_at_before_permissions() {
    with_bob(
        "'' '' ''",
        "
        b.1 > exchange.declare '' direct
        b.1 < channel.close 403 40.10 ACCESS_REFUSED - operation not permitted on the default exchange
        b.2 > exchange.declare y nonsense
        b.2 < channel.close 406 40.10 PRECONDITION_FAILED - unknown exchange type 'nonsense'
        ",
    );
}

#[test]
fn patterns_are_searched_for_anywhere() {
    with_bob(
        "foo '' ''",
        "
        b.1 > queue.declare xfooy
        b.1 < queue.declare-ok xfooy messages=0 consumers=0
        b.1 > queue.declare FOO
        b.1 < channel.close 403 50.10 ACCESS_REFUSED - configure access to queue 'FOO' in vhost 'v' refused for user 'bob'
        ",
    );
}

#[test]
fn acknowledgements_and_the_like_need_nothing() {
    with_bob(
        "'' '' ''",
        "
        b.1 > qos 5
        b.1 < qos-ok
        b.1 > ack 0 multiple
        b.1 > recover requeue
        b.1 < recover-ok
        b.1 > tx.select
        b.1 < tx.select-ok
        b.1 > tx.commit
        b.1 < tx.commit-ok
        b.2 > confirm.select
        b.2 < confirm.select-ok
        ",
    );
}

/// RabbitMQ remembers permissions for a while.
#[test]
fn changed_permissions_hold_for_the_next_method() {
    with_bob(
        "'' x ''",
        "
        b.1 > publish x k one
        grant bob v '' '' ''
        b.1 > publish x k two
        b.1 < channel.close 403 60.40 ACCESS_REFUSED - write access to exchange 'x' in vhost 'v' refused for user 'bob'
        grant bob v '' x ''
        b.2 > publish x k three
        b.2 > qos 1
        b.2 < qos-ok
        ",
    );
}

#[test]
fn whoever_names_a_dead_letter_exchange_may_read_the_queue_and_write_there() {
    let declares = |exchange: &str, permissions: &str, answer: &str| {
        with_bob(
            permissions,
            &format!(
                "
                b.1 > queue.declare p x-dead-letter-exchange={exchange}
                b.1 < {answer}
                "
            ),
        );
    };
    let refused = |what: &str| {
        format!("channel.close 403 50.10 ACCESS_REFUSED - {what} in vhost 'v' refused for user 'bob'")
    };
    declares("x", "'' .* .*", &refused("configure access to queue 'p'"));
    declares("x", "^p$ '' ''", &refused("read access to queue 'p'"));
    declares("x", "^p$ '' ^p$", &refused("write access to exchange 'x'"));
    declares("missing", "^p$ '' ^p$", &refused("write access to exchange 'missing'"));
    declares("''", "^p$ '' ^p$", &refused("write access to exchange 'amq.default'"));
    declares("x", "^p$ ^x$ ^p$", "queue.declare-ok p messages=0 consumers=0");
}

#[test]
fn a_queue_that_is_there_already_is_not_asked_about_its_dead_letters() {
    with_bob(
        "^p$ '' ''",
        "
        g.1 > queue.declare p x-dead-letter-exchange=x
        g.1 < queue.declare-ok p messages=0 consumers=0
        b.1 > queue.declare p x-dead-letter-exchange=x
        b.1 < queue.declare-ok p messages=0 consumers=0
        ",
    );
}
