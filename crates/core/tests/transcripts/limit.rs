//! How many connections, channels and queues there may be.

use crate::check;

const BOB: &str = "
    vhost v
    user bob secret
    grant bob v .* .* .*
";

#[test]
fn a_virtual_host_that_is_full_lets_nobody_in() {
    check(&format!(
        "
        {BOB}
        grant guest v .* .* .*
        limit vhost v max-connections=1
        a connects vhost=v
        b connects user=bob password=secret vhost=v
        b < connection.close 530 10.40 NOT_ALLOWED - access to vhost 'v' refused for user 'bob': connection limit (1) is reached
        a.0 > connection.close
        a < connection.close-ok
        c connects user=bob password=secret vhost=v
        c.1 > queue.declare q
        c.1 < queue.declare-ok q messages=0 consumers=0
        "
    ));
}

#[test]
fn a_limit_of_zero_refuses_everybody_before_permissions_are_looked_at() {
    check(
        "
        vhost v
        user bob secret
        limit vhost v max-connections=0
        b connects user=bob password=secret vhost=v
        b < connection.close 530 10.40 NOT_ALLOWED - access to vhost 'v' refused for user 'bob': connection limit (0) is reached
        limit vhost v max-connections=-1
        c connects user=bob password=secret vhost=v
        c < connection.close 530 10.40 NOT_ALLOWED - access to vhost 'v' refused for user 'bob'
        ",
    );
}

#[test]
fn connections_of_a_user_count_in_all_virtual_hosts() {
    check(&format!(
        "
        {BOB}
        grant bob / .* .* .*
        limit user bob max-connections=1
        b connects user=bob password=secret vhost=v
        c connects user=bob password=secret
        c < connection.close 530 10.40 NOT_ALLOWED - connection refused for user 'bob': user connection limit (1) is reached
        b is lost
        d connects user=bob password=secret
        d.1 > queue.declare q
        d.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        "
    ));
}

#[test]
fn channels_of_a_user_count_on_all_its_connections() {
    check(&format!(
        "
        {BOB}
        limit user bob max-channels=2
        b connects user=bob password=secret vhost=v
        c connects user=bob password=secret vhost=v
        b.1 >> channel.open
        b.1 < channel.open-ok
        c.1 >> channel.open
        c.1 < channel.open-ok
        b.1 >> channel.close
        b.1 < channel.close-ok
        b.2 >> channel.open
        b.2 < channel.open-ok
        b.3 >> channel.open
        b < connection.close 530 0.0 NOT_ALLOWED - number of channels opened for user 'bob' has reached the maximum allowed user limit of 2
        c.2 >> channel.open
        c.2 < channel.open-ok
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        "
    ));
}

#[test]
fn a_channel_that_the_broker_has_closed_does_not_count() {
    check(&format!(
        "
        {BOB}
        limit user bob max-channels=1
        b connects user=bob password=secret vhost=v
        b.1 >> channel.open
        b.1 < channel.open-ok
        b.1 >> queue.declare missing passive
        b.1 < channel.close 404 50.10 NOT_FOUND - no queue 'missing' in vhost 'v'
        b.2 >> channel.open
        b.2 < channel.open-ok
        "
    ));
}

#[test]
fn no_more_queues_are_declared_than_there_may_be() {
    check(
        "
        limit vhost / max-queues=1
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.declare r
        a.1 < channel.close 406 50.10 PRECONDITION_FAILED - cannot declare queue 'r': queue limit in vhost '/' (1) is reached
        a.2 > queue.declare '' exclusive
        a.2 < channel.close 406 50.10 PRECONDITION_FAILED - cannot declare queue 'amq.gen-1': queue limit in vhost '/' (1) is reached
        a.3 > queue.declare r x-max-length='five'
        a.3 < channel.close 406 50.10 PRECONDITION_FAILED - invalid arg 'x-max-length' for queue 'r' in vhost '/': \"expected integer, got longstr\"
        a.4 > queue.delete q
        a.4 < queue.delete-ok 0
        a.4 > queue.declare r
        a.4 < queue.declare-ok r messages=0 consumers=0
        ",
    );
}

#[test]
fn the_log_is_told_of_limits() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        definitions shown
        limit vhost / max-queues=1
        log < vhost /
        limit user guest max-channels=9
        log < user guest vhosts=/
        ",
    );
}
