//! Events on `amq.rabbitmq.event`: keys and headers as RabbitMQ 4.3.6 sends them, with the differences that
//! `model/event` names.

use crate::check;

#[test]
fn connections_and_channels_come_and_go() {
    check(
        "
        events on
        w.1 > queue.declare w
        w.1 < queue.declare-ok w messages=0 consumers=0
        w.1 > queue.bind w amq.rabbitmq.event connection.*
        w.1 < queue.bind-ok
        w.1 > queue.bind w amq.rabbitmq.event channel.*
        w.1 < queue.bind-ok
        w.1 > consume w w no-ack
        w.1 < consume-ok w
        a connects heartbeat=10
        w.1 < deliver w #1 amq.rabbitmq.event connection.created '' headers={auth_mechanism=PLAIN, channel_max=2047:l, client_properties={capabilities={authentication_failure_close=true, connection.blocked=true, consumer_cancel_notify=true}}, connected_at=1000000:l, frame_max=131072:l, name=a, node=leveret@localhost, pid=<leveret@localhost.1>, protocol='{0,9,1}', ssl=false, timeout=10:l, timestamp_in_ms=1000000:l, type=network, user=guest, user_who_performed_action=guest, vhost=/} persistent timestamp=1000
        a.3 > queue.declare q passive
        w.1 < deliver w #2 amq.rabbitmq.event channel.created '' headers={connection=<leveret@localhost.1>, name='a (3)', number=3:l, pid=<leveret@localhost.1.3>, timestamp_in_ms=1000000:l, user=guest, user_who_performed_action=guest, vhost=/} persistent timestamp=1000
        a.3 < channel.close 404 50.10 NOT_FOUND - no queue 'q' in vhost '/'
        w.1 < deliver w #3 amq.rabbitmq.event channel.closed '' headers={consumer_count=0:l, pid=<leveret@localhost.1.3>, timestamp_in_ms=1000000:l, user_who_performed_action=guest} persistent timestamp=1000
        a.4 > channel.close
        w.1 < deliver w #4 amq.rabbitmq.event channel.created '' headers={connection=<leveret@localhost.1>, name='a (4)', number=4:l, pid=<leveret@localhost.1.4>, timestamp_in_ms=1000000:l, user=guest, user_who_performed_action=guest, vhost=/} persistent timestamp=1000
        a.4 < channel.close-ok
        w.1 < deliver w #5 amq.rabbitmq.event channel.closed '' headers={consumer_count=0:l, pid=<leveret@localhost.1.4>, timestamp_in_ms=1000000:l, user_who_performed_action=guest} persistent timestamp=1000
        a > connection.close
        a < connection.close-ok
        w.1 < deliver w #6 amq.rabbitmq.event connection.closed '' headers={client_properties={capabilities={authentication_failure_close=true, connection.blocked=true, consumer_cancel_notify=true}}, name=a, node=leveret@localhost, pid=<leveret@localhost.1>, timestamp_in_ms=1000000:l} persistent timestamp=1000
        b.1 > channel.close
        w.1 < deliver w #7 amq.rabbitmq.event connection.created '' headers={auth_mechanism=PLAIN, channel_max=2047:l, client_properties={capabilities={authentication_failure_close=true, connection.blocked=true, consumer_cancel_notify=true}}, connected_at=1000000:l, frame_max=131072:l, name=b, node=leveret@localhost, pid=<leveret@localhost.2>, protocol='{0,9,1}', ssl=false, timeout=0:l, timestamp_in_ms=1000000:l, type=network, user=guest, user_who_performed_action=guest, vhost=/} persistent timestamp=1000
        w.1 < deliver w #8 amq.rabbitmq.event channel.created '' headers={connection=<leveret@localhost.2>, name='b (1)', number=1:l, pid=<leveret@localhost.2.1>, timestamp_in_ms=1000000:l, user=guest, user_who_performed_action=guest, vhost=/} persistent timestamp=1000
        b.1 < channel.close-ok
        w.1 < deliver w #9 amq.rabbitmq.event channel.closed '' headers={consumer_count=0:l, pid=<leveret@localhost.2.1>, timestamp_in_ms=1000000:l, user_who_performed_action=guest} persistent timestamp=1000
        b is lost
        w.1 < deliver w #10 amq.rabbitmq.event connection.closed '' headers={client_properties={capabilities={authentication_failure_close=true, connection.blocked=true, consumer_cancel_notify=true}}, name=b, node=leveret@localhost, pid=<leveret@localhost.2>, timestamp_in_ms=1000000:l} persistent timestamp=1000
        ",
    );
}

#[test]
fn queues_come_and_go() {
    check(
        "
        events on
        w.1 > queue.declare w
        w.1 < queue.declare-ok w messages=0 consumers=0
        w.1 > queue.bind w amq.rabbitmq.event queue.*
        w.1 < queue.bind-ok
        w.1 > consume w w no-ack
        w.1 < consume-ok w
        a.1 > queue.declare q durable x-max-length=3
        a.1 < queue.declare-ok q messages=0 consumers=0
        w.1 < deliver w #1 amq.rabbitmq.event queue.created '' headers={arguments={x-max-length=3}, auto_delete=false, durable=true, exclusive=false, leader=leveret@localhost, members=[leveret@localhost], name=q, owner_pid='', timestamp_in_ms=1000000:l, type=rabbit_classic_queue, vhost=/} persistent timestamp=1000
        a.1 > queue.declare q durable x-max-length=3
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.declare mine exclusive
        a.1 < queue.declare-ok mine messages=0 consumers=0
        w.1 < deliver w #2 amq.rabbitmq.event queue.created '' headers={arguments={}, auto_delete=false, durable=false, exclusive=true, leader=leveret@localhost, members=[leveret@localhost], name=mine, owner_pid=<leveret@localhost.1>, timestamp_in_ms=1000000:l, type=rabbit_classic_queue, vhost=/} persistent timestamp=1000
        a.1 > queue.declare '' auto-delete
        a.1 < queue.declare-ok amq.gen-1 messages=0 consumers=0
        w.1 < deliver w #3 amq.rabbitmq.event queue.created '' headers={arguments={}, auto_delete=true, durable=false, exclusive=false, leader=leveret@localhost, members=[leveret@localhost], name=amq.gen-1, owner_pid='', timestamp_in_ms=1000000:l, type=rabbit_classic_queue, vhost=/} persistent timestamp=1000
        a.1 > queue.declare quorum durable x-queue-type=quorum
        a.1 < queue.declare-ok quorum messages=0 consumers=0
        w.1 < deliver w #4 amq.rabbitmq.event queue.created '' headers={arguments={x-queue-type=quorum}, auto_delete=false, durable=true, exclusive=false, leader=leveret@localhost, members=[leveret@localhost], name=quorum, owner_pid='', timestamp_in_ms=1000000:l, type=rabbit_quorum_queue, vhost=/} persistent timestamp=1000
        a.1 > queue.delete q
        a.1 < queue.delete-ok 0
        w.1 < deliver w #5 amq.rabbitmq.event queue.deleted '' headers={name=q, timestamp_in_ms=1000000:l, type=rabbit_classic_queue, vhost=/} persistent timestamp=1000
        a > connection.close
        a < connection.close-ok
        w.1 < deliver w #6 amq.rabbitmq.event queue.deleted '' headers={name=mine, timestamp_in_ms=1000000:l, type=rabbit_classic_queue, vhost=/} persistent timestamp=1000
        ",
    );
}

#[test]
fn exchanges_and_bindings_come_and_go() {
    check(
        "
        events on
        w.1 > queue.declare w
        w.1 < queue.declare-ok w messages=0 consumers=0
        w.1 > queue.bind w amq.rabbitmq.event exchange.*
        w.1 < queue.bind-ok
        w.1 > queue.bind w amq.rabbitmq.event binding.*
        w.1 < queue.bind-ok
        w.1 > consume w w no-ack
        w.1 < consume-ok w
        w.1 < deliver w #1 amq.rabbitmq.event binding.created '' headers={arguments={}, destination_kind=queue, destination_name=w, routing_key=binding.*, source_kind=exchange, source_name=amq.rabbitmq.event, timestamp_in_ms=1000000:l, vhost=/} persistent timestamp=1000
        a.1 > exchange.declare x topic k=v
        a.1 < exchange.declare-ok
        w.1 < deliver w #2 amq.rabbitmq.event exchange.created '' headers={arguments={k=v}, auto_delete=false, durable=false, internal=false, name=x, policy='', timestamp_in_ms=1000000:l, type=topic, vhost=/} persistent timestamp=1000
        a.1 > exchange.declare y fanout auto-delete
        a.1 < exchange.declare-ok
        w.1 < deliver w #3 amq.rabbitmq.event exchange.created '' headers={arguments={}, auto_delete=true, durable=false, internal=false, name=y, policy='', timestamp_in_ms=1000000:l, type=fanout, vhost=/} persistent timestamp=1000
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.bind q x a.# z=1
        a.1 < queue.bind-ok
        w.1 < deliver w #4 amq.rabbitmq.event binding.created '' headers={arguments={z=1}, destination_kind=queue, destination_name=q, routing_key=a.#, source_kind=exchange, source_name=x, timestamp_in_ms=1000000:l, vhost=/} persistent timestamp=1000
        a.1 > queue.bind q x a.# z=1
        a.1 < queue.bind-ok
        a.1 > exchange.bind x y kk
        a.1 < exchange.bind-ok
        w.1 < deliver w #5 amq.rabbitmq.event binding.created '' headers={arguments={}, destination_kind=exchange, destination_name=x, routing_key=kk, source_kind=exchange, source_name=y, timestamp_in_ms=1000000:l, vhost=/} persistent timestamp=1000
        a.1 > queue.unbind q x a.# z=1
        a.1 < queue.unbind-ok
        w.1 < deliver w #6 amq.rabbitmq.event binding.deleted '' headers={arguments={z=1}, destination_kind=queue, destination_name=q, routing_key=a.#, source_kind=exchange, source_name=x, timestamp_in_ms=1000000:l, vhost=/} persistent timestamp=1000
        a.1 > exchange.unbind x y kk
        a.1 < exchange.unbind-ok
        w.1 < deliver w #7 amq.rabbitmq.event binding.deleted '' headers={arguments={}, destination_kind=exchange, destination_name=x, routing_key=kk, source_kind=exchange, source_name=y, timestamp_in_ms=1000000:l, vhost=/} persistent timestamp=1000
        w.1 < deliver w #8 amq.rabbitmq.event exchange.deleted '' headers={name=y, timestamp_in_ms=1000000:l, vhost=/} persistent timestamp=1000
        a.1 > queue.bind q x b
        a.1 < queue.bind-ok
        w.1 < deliver w #9 amq.rabbitmq.event binding.created '' headers={arguments={}, destination_kind=queue, destination_name=q, routing_key=b, source_kind=exchange, source_name=x, timestamp_in_ms=1000000:l, vhost=/} persistent timestamp=1000
        a.1 > exchange.delete x
        a.1 < exchange.delete-ok
        w.1 < deliver w #10 amq.rabbitmq.event binding.deleted '' headers={arguments={}, destination_kind=queue, destination_name=q, routing_key=b, source_kind=exchange, source_name=x, timestamp_in_ms=1000000:l, vhost=/} persistent timestamp=1000
        w.1 < deliver w #11 amq.rabbitmq.event exchange.deleted '' headers={name=x, timestamp_in_ms=1000000:l, vhost=/} persistent timestamp=1000
        ",
    );
}

#[test]
fn consumers_come_and_go_however_they_go() {
    check(
        "
        events on
        w.1 > queue.declare w
        w.1 < queue.declare-ok w messages=0 consumers=0
        w.1 > queue.bind w amq.rabbitmq.event consumer.*
        w.1 < queue.bind-ok
        w.1 > consume w w no-ack
        w.1 < consume-ok w
        w.1 < deliver w #1 amq.rabbitmq.event consumer.created '' headers={ack_required=false, arguments={}, channel=<leveret@localhost.0.1>, consumer_tag=w, exclusive=false, prefetch_count=0:l, queue=w, timestamp_in_ms=1000000:l, user_who_performed_action=guest, vhost=/} persistent timestamp=1000
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > qos 7
        a.1 < qos-ok
        a.1 > consume q c x-priority=2
        a.1 < consume-ok c
        w.1 < deliver w #2 amq.rabbitmq.event consumer.created '' headers={ack_required=true, arguments={x-priority=2}, channel=<leveret@localhost.1.1>, consumer_tag=c, exclusive=false, prefetch_count=7:l, queue=q, timestamp_in_ms=1000000:l, user_who_performed_action=guest, vhost=/} persistent timestamp=1000
        a.1 > cancel c
        a.1 < cancel-ok c
        w.1 < deliver w #3 amq.rabbitmq.event consumer.deleted '' headers={channel=<leveret@localhost.1.1>, consumer_tag=c, queue=q, timestamp_in_ms=1000000:l, user_who_performed_action=guest, vhost=/} persistent timestamp=1000
        a.1 > consume q d no-ack exclusive
        a.1 < consume-ok d
        w.1 < deliver w #4 amq.rabbitmq.event consumer.created '' headers={ack_required=false, arguments={}, channel=<leveret@localhost.1.1>, consumer_tag=d, exclusive=true, prefetch_count=7:l, queue=q, timestamp_in_ms=1000000:l, user_who_performed_action=guest, vhost=/} persistent timestamp=1000
        a.1 > queue.delete q
        a.1 < queue.delete-ok 0
        a.1 < cancel d nowait
        w.1 < deliver w #5 amq.rabbitmq.event consumer.deleted '' headers={channel=<leveret@localhost.1.1>, consumer_tag=d, queue=q, timestamp_in_ms=1000000:l, user_who_performed_action=guest, vhost=/} persistent timestamp=1000
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > consume q e
        a.1 < consume-ok e
        w.1 < deliver w #6 amq.rabbitmq.event consumer.created '' headers={ack_required=true, arguments={}, channel=<leveret@localhost.1.1>, consumer_tag=e, exclusive=false, prefetch_count=7:l, queue=q, timestamp_in_ms=1000000:l, user_who_performed_action=guest, vhost=/} persistent timestamp=1000
        a.1 > channel.close
        a.1 < channel.close-ok
        w.1 < deliver w #7 amq.rabbitmq.event consumer.deleted '' headers={channel=<leveret@localhost.1.1>, consumer_tag=e, queue=q, timestamp_in_ms=1000000:l, user_who_performed_action=guest, vhost=/} persistent timestamp=1000
        a.2 > consume q f
        a.2 < consume-ok f
        w.1 < deliver w #8 amq.rabbitmq.event consumer.created '' headers={ack_required=true, arguments={}, channel=<leveret@localhost.1.2>, consumer_tag=f, exclusive=false, prefetch_count=0:l, queue=q, timestamp_in_ms=1000000:l, user_who_performed_action=guest, vhost=/} persistent timestamp=1000
        a is lost
        w.1 < deliver w #9 amq.rabbitmq.event consumer.deleted '' headers={channel=<leveret@localhost.1.2>, consumer_tag=f, queue=q, timestamp_in_ms=1000000:l, user_who_performed_action=guest, vhost=/} persistent timestamp=1000
        b.1 > consume amq.rabbitmq.reply-to r no-ack
        b.1 < consume-ok r
        ",
    );
}

#[test]
fn logins_succeed_and_fail() {
    check(
        "
        events on
        w.1 > queue.declare w
        w.1 < queue.declare-ok w messages=0 consumers=0
        w.1 > queue.bind w amq.rabbitmq.event user.authentication.*
        w.1 < queue.bind-ok
        w.1 > consume w w no-ack
        w.1 < consume-ok w
        a connects
        w.1 < deliver w #1 amq.rabbitmq.event user.authentication.success '' headers={auth_mechanism=PLAIN, connection_name=a, connection_type=network, name=guest, protocol='{0,9,1}', ssl=false, timestamp_in_ms=1000000:l} persistent timestamp=1000
        b connects password=wrong
        b < connection.close 403 0.0 ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details see the broker logfile.
        w.1 < deliver w #2 amq.rabbitmq.event user.authentication.failure '' headers={auth_mechanism=PLAIN, connection_name=b, connection_type=network, error='user \\'guest\\' - invalid credentials', name=guest, protocol='{0,9,1}', ssl=false, timestamp_in_ms=1000000:l} persistent timestamp=1000
        c connects user=nobody password=x
        c < connection.close 403 0.0 ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details see the broker logfile.
        w.1 < deliver w #3 amq.rabbitmq.event user.authentication.failure '' headers={auth_mechanism=PLAIN, connection_name=c, connection_type=network, error='user \\'nobody\\' - invalid credentials', name=nobody, protocol='{0,9,1}', ssl=false, timestamp_in_ms=1000000:l} persistent timestamp=1000
        guest.1 > channel.close
        w.1 < deliver w #4 amq.rabbitmq.event user.authentication.success '' headers={auth_mechanism=PLAIN, connection_name=guest, connection_type=network, name=guest, protocol='{0,9,1}', ssl=false, timestamp_in_ms=1000000:l} persistent timestamp=1000
        guest.1 < channel.close-ok
        ",
    );
}

#[test]
fn users_change() {
    check(
        "
        events on
        w.1 > queue.declare w
        w.1 < queue.declare-ok w messages=0 consumers=0
        w.1 > queue.bind w amq.rabbitmq.event user.#
        w.1 < queue.bind-ok
        w.1 > queue.bind w amq.rabbitmq.event permission.#
        w.1 < queue.bind-ok
        w.1 > queue.bind w amq.rabbitmq.event topic.permission.#
        w.1 < queue.bind-ok
        w.1 > consume w w no-ack
        w.1 < consume-ok w
        user bob secret monitoring
        w.1 < deliver w #1 amq.rabbitmq.event user.created '' headers={name=bob, timestamp_in_ms=1000000:l} persistent timestamp=1000
        w.1 < deliver w #2 amq.rabbitmq.event user.tags.set '' headers={name=bob, tags=[monitoring], timestamp_in_ms=1000000:l} persistent timestamp=1000
        user bob other management
        w.1 < deliver w #3 amq.rabbitmq.event user.password.changed '' headers={name=bob, timestamp_in_ms=1000000:l} persistent timestamp=1000
        w.1 < deliver w #4 amq.rabbitmq.event user.tags.set '' headers={name=bob, tags=[management], timestamp_in_ms=1000000:l} persistent timestamp=1000
        grant bob / a b c
        w.1 < deliver w #5 amq.rabbitmq.event permission.created '' headers={configure=a, read=c, timestamp_in_ms=1000000:l, user=bob, vhost=/, write=b} persistent timestamp=1000
        grant bob / a b c
        topics bob / amq.topic w r
        w.1 < deliver w #6 amq.rabbitmq.event topic.permission.created '' headers={exchange=amq.topic, read=r, timestamp_in_ms=1000000:l, user=bob, vhost=/, write=w} persistent timestamp=1000
        no topics bob /
        w.1 < deliver w #7 amq.rabbitmq.event topic.permission.deleted '' headers={exchange=amq.topic, timestamp_in_ms=1000000:l, user=bob, vhost=/} persistent timestamp=1000
        limit user bob max-channels=5
        w.1 < deliver w #8 amq.rabbitmq.event user.limits.set '' headers={max-channels=5:l, name=limits, timestamp_in_ms=1000000:l, username=bob} persistent timestamp=1000
        delete user bob
        w.1 < deliver w #9 amq.rabbitmq.event user.deleted '' headers={name=bob, timestamp_in_ms=1000000:l} persistent timestamp=1000
        ",
    );
}

#[test]
fn virtual_hosts_change() {
    check(
        "
        events on
        w.1 > queue.declare w
        w.1 < queue.declare-ok w messages=0 consumers=0
        w.1 > queue.bind w amq.rabbitmq.event vhost.#
        w.1 < queue.bind-ok
        w.1 > queue.bind w amq.rabbitmq.event permission.deleted
        w.1 < queue.bind-ok
        w.1 > queue.bind w amq.rabbitmq.event policy.#
        w.1 < queue.bind-ok
        w.1 > queue.bind w amq.rabbitmq.event operator.policy.#
        w.1 < queue.bind-ok
        w.1 > queue.bind w amq.rabbitmq.event queue.deleted
        w.1 < queue.bind-ok
        w.1 > consume w w no-ack
        w.1 < consume-ok w
        vhost v
        w.1 < deliver w #1 amq.rabbitmq.event vhost.created '' headers={cluster_state={leveret@localhost=running}, default_queue_type=classic, description='', name=v, protected_from_deletion=false, tags=[], timestamp_in_ms=1000000:l, tracing=false} persistent timestamp=1000
        grant guest v .* .* .*
        b connects vhost=v
        b.1 > queue.declare q durable
        b.1 < queue.declare-ok q messages=0 consumers=0
        limit vhost v max-queues=5
        w.1 < deliver w #2 amq.rabbitmq.event vhost.limits.set '' headers={max-queues=5:l, name=limits, timestamp_in_ms=1000000:l, vhost=v} persistent timestamp=1000
        policy p vhost=v pattern=^q apply-to=queues priority=2 max-length=5
        w.1 < deliver w #3 amq.rabbitmq.event policy.set '' headers={apply-to=queues, definition={max-length=5:l}, name=p, pattern=^q, priority=2:l, timestamp_in_ms=1000000:l, vhost=v} persistent timestamp=1000
        policy p pattern=^q max-length=5
        w.1 < deliver w #4 amq.rabbitmq.event policy.set '' headers={apply-to=all, definition={max-length=5:l}, name=p, pattern=^q, priority=0:l, timestamp_in_ms=1000000:l, vhost=/} persistent timestamp=1000
        policy p pattern=^q max-length=5
        operator-policy o pattern=^q max-length=5
        w.1 < deliver w #5 amq.rabbitmq.event policy.set '' headers={apply-to=all, definition={max-length=5:l}, name=o, pattern=^q, priority=0:l, timestamp_in_ms=1000000:l, vhost=/} persistent timestamp=1000
        no policy p
        w.1 < deliver w #6 amq.rabbitmq.event policy.cleared '' headers={name=p, timestamp_in_ms=1000000:l, vhost=/} persistent timestamp=1000
        no operator-policy o
        w.1 < deliver w #7 amq.rabbitmq.event operator.policy.cleared '' headers={name=o, timestamp_in_ms=1000000:l, vhost=/} persistent timestamp=1000
        delete vhost v
        b < connection.close 320 0.0 CONNECTION_FORCED - vhost 'v' is deleted
        w.1 < deliver w #8 amq.rabbitmq.event queue.deleted '' headers={name=q, timestamp_in_ms=1000000:l, type=rabbit_classic_queue, vhost=v} persistent timestamp=1000
        w.1 < deliver w #9 amq.rabbitmq.event permission.deleted '' headers={timestamp_in_ms=1000000:l, user=guest, vhost=v} persistent timestamp=1000
        w.1 < deliver w #10 amq.rabbitmq.event vhost.deleted '' headers={name=v, timestamp_in_ms=1000000:l} persistent timestamp=1000
        ",
    );
}

#[test]
fn alarms_are_set_and_cleared() {
    check(
        "
        events on
        w.1 > queue.declare w
        w.1 < queue.declare-ok w messages=0 consumers=0
        w.1 > queue.bind w amq.rabbitmq.event alarm.*
        w.1 < queue.bind-ok
        w.1 > consume w w no-ack
        w.1 < consume-ok w
        alarm memory on
        w.1 < deliver w #1 amq.rabbitmq.event alarm.set '' headers={node=leveret@localhost, source=memory, timestamp_in_ms=1000000:l} persistent timestamp=1000
        alarm memory on
        alarm disk on
        w.1 < deliver w #2 amq.rabbitmq.event alarm.set '' headers={node=leveret@localhost, source=disk, timestamp_in_ms=1000000:l} persistent timestamp=1000
        alarm memory off
        w.1 < deliver w #3 amq.rabbitmq.event alarm.cleared '' headers={node=leveret@localhost, source=memory, timestamp_in_ms=1000000:l} persistent timestamp=1000
        alarm disk off
        w.1 < deliver w #4 amq.rabbitmq.event alarm.cleared '' headers={node=leveret@localhost, source=disk, timestamp_in_ms=1000000:l} persistent timestamp=1000
        ",
    );
}

#[test]
fn exchanges_of_a_new_virtual_host_are_told_before_itself() {
    check(
        "
        events on
        w.1 > queue.declare w
        w.1 < queue.declare-ok w messages=0 consumers=0
        w.1 > queue.bind w amq.rabbitmq.event exchange.created
        w.1 < queue.bind-ok
        w.1 > queue.bind w amq.rabbitmq.event vhost.created
        w.1 < queue.bind-ok
        w.1 > consume w w no-ack
        w.1 < consume-ok w
        vhost v
        w.1 < deliver w #1 amq.rabbitmq.event exchange.created '' headers={arguments={}, auto_delete=false, durable=true, internal=false, name=amq.direct, policy='', timestamp_in_ms=1000000:l, type=direct, vhost=v} persistent timestamp=1000
        w.1 < deliver w #2 amq.rabbitmq.event exchange.created '' headers={arguments={}, auto_delete=false, durable=true, internal=false, name=amq.fanout, policy='', timestamp_in_ms=1000000:l, type=fanout, vhost=v} persistent timestamp=1000
        w.1 < deliver w #3 amq.rabbitmq.event exchange.created '' headers={arguments={}, auto_delete=false, durable=true, internal=false, name=amq.topic, policy='', timestamp_in_ms=1000000:l, type=topic, vhost=v} persistent timestamp=1000
        w.1 < deliver w #4 amq.rabbitmq.event exchange.created '' headers={arguments={}, auto_delete=false, durable=true, internal=false, name=amq.headers, policy='', timestamp_in_ms=1000000:l, type=headers, vhost=v} persistent timestamp=1000
        w.1 < deliver w #5 amq.rabbitmq.event exchange.created '' headers={arguments={}, auto_delete=false, durable=true, internal=false, name=amq.match, policy='', timestamp_in_ms=1000000:l, type=headers, vhost=v} persistent timestamp=1000
        w.1 < deliver w #6 amq.rabbitmq.event exchange.created '' headers={arguments={}, auto_delete=false, durable=true, internal=true, name=amq.rabbitmq.trace, policy='', timestamp_in_ms=1000000:l, type=topic, vhost=v} persistent timestamp=1000
        w.1 < deliver w #7 amq.rabbitmq.event vhost.created '' headers={cluster_state={leveret@localhost=running}, default_queue_type=classic, description='', name=v, protected_from_deletion=false, tags=[], timestamp_in_ms=1000000:l, tracing=false} persistent timestamp=1000
        ",
    );
}

#[test]
fn what_nobody_wants_to_know_is_not_told() {
    check(
        "
        a.1 > queue.declare w
        a.1 < queue.declare-ok w messages=0 consumers=0
        a.1 > queue.bind w amq.rabbitmq.event #
        a.1 < channel.close 404 50.20 NOT_FOUND - no exchange 'amq.rabbitmq.event' in vhost '/'
        ",
    );
}

#[test]
fn nobody_publishes_to_the_exchange_of_events_or_deletes_it() {
    check(
        "
        events on
        a.1 > publish amq.rabbitmq.event queue.created x
        a.1 < channel.close 403 60.40 ACCESS_REFUSED - cannot publish to internal exchange 'amq.rabbitmq.event' in vhost '/'
        a.2 > exchange.delete amq.rabbitmq.event
        a.2 < channel.close 403 40.20 ACCESS_REFUSED - deletion of system exchange 'amq.rabbitmq.event' in vhost '/' not allowed
        a.3 > exchange.declare amq.rabbitmq.event topic durable internal
        a.3 < exchange.declare-ok
        ",
    );
}
