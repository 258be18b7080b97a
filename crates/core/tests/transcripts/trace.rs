//! The firehose: what is published and delivered in a traced virtual host is copied to `amq.rabbitmq.trace`. Keys,
//! headers, their order and their types are what RabbitMQ 4.3.6 sends.

use crate::check;

#[test]
fn what_is_published_and_delivered_is_copied_with_all_that_is_known_of_it() {
    check(
        "
        trace on /
        t.1 > queue.declare t
        t.1 < queue.declare-ok t messages=0 consumers=0
        t.1 > queue.bind t amq.rabbitmq.trace #
        t.1 < queue.bind-ok
        a.3 > queue.declare q
        a.3 < queue.declare-ok q messages=0 consumers=0
        t.1 > consume t t no-ack
        t.1 < consume-ok t
        a.3 > publish '' q one content-type=text/plain delivery-mode=2 priority=3 timestamp=77 headers={h=1}
        t.1 < deliver t #1 amq.rabbitmq.trace publish. one headers={channel=3, connection=a, exchange_name='', node=leveret@localhost, properties={timestamp=77, priority=3, delivery_mode=2, headers={h=1}, content_type=text/plain}, routed_queues=[q], routing_keys=[q], user=guest, vhost=/}
        a.3 > get q
        a.3 < get-ok #1 '' q one left=0 content-type=text/plain headers={h=1} persistent priority=3 timestamp=77
        t.1 < deliver t #2 amq.rabbitmq.trace deliver.q one headers={channel=3, connection=a, exchange_name='', node=leveret@localhost, properties={timestamp=77, priority=3, delivery_mode=2, headers={h=1}, content_type=text/plain}, redelivered=0, routing_keys=[q], user=guest, vhost=/}
        a.3 > nack 1 requeue
        a.3 > get q no-ack
        a.3 < get-ok #2 '' q one left=0 redelivered content-type=text/plain headers={h=1} persistent priority=3 timestamp=77
        t.1 < deliver t #3 amq.rabbitmq.trace deliver.q one headers={channel=3, connection=a, exchange_name='', node=leveret@localhost, properties={timestamp=77, priority=3, delivery_mode=2, headers={h=1}, content_type=text/plain}, redelivered=1, routing_keys=[q], user=guest, vhost=/}
        ",
    );
}

#[test]
fn every_property_has_a_name_in_the_copy_and_the_last_one_comes_first() {
    check(
        "
        trace on /
        t.1 > queue.declare t
        t.1 < queue.declare-ok t messages=0 consumers=0
        t.1 > queue.bind t amq.rabbitmq.trace #
        t.1 < queue.bind-ok
        a.3 > queue.declare q
        a.3 < queue.declare-ok q messages=0 consumers=0
        t.1 > consume t t no-ack
        t.1 < consume-ok t
        a.3 > publish '' q x content-encoding=ce correlation-id=c reply-to=rt expiration=100000 message-id=m timestamp=5000000000 type=ty user-id=guest app-id=app cluster-id=cl
        t.1 < deliver t #1 amq.rabbitmq.trace publish. x headers={channel=3, connection=a, exchange_name='', node=leveret@localhost, properties={cluster_id=cl, app_id=app, user_id=guest, type=ty, timestamp=5000000000, message_id=m, expiration='100000', reply_to=rt, correlation_id=c, content_encoding=ce}, routed_queues=[q], routing_keys=[q], user=guest, vhost=/}
        ",
    );
}

#[test]
fn all_keys_and_queues_are_told_but_nobody_sees_bcc_among_the_headers() {
    check(
        "
        trace on /
        t.1 > queue.declare t
        t.1 < queue.declare-ok t messages=0 consumers=0
        t.1 > queue.bind t amq.rabbitmq.trace #
        t.1 < queue.bind-ok
        a.3 > queue.declare q
        a.3 < queue.declare-ok q messages=0 consumers=0
        t.1 > consume t t no-ack
        t.1 < consume-ok t
        a.3 > exchange.declare x topic
        a.3 < exchange.declare-ok
        a.3 > queue.bind q x a.#
        a.3 < queue.bind-ok
        a.3 > publish x a.z two headers={CC=[k1], BCC=[a.k2]}
        t.1 < deliver t #1 amq.rabbitmq.trace publish.x two headers={channel=3, connection=a, exchange_name=x, node=leveret@localhost, properties={headers={CC=[k1]}}, routed_queues=[q], routing_keys=[a.z, k1, a.k2], user=guest, vhost=/}
        a.3 > publish x nowhere three
        t.1 < deliver t #2 amq.rabbitmq.trace publish.x three headers={channel=3, connection=a, exchange_name=x, node=leveret@localhost, properties={}, routed_queues=[], routing_keys=[nowhere], user=guest, vhost=/}
        a.3 > publish '' q four headers={CC=[q, q], BCC=[none]}
        t.1 < deliver t #3 amq.rabbitmq.trace publish. four headers={channel=3, connection=a, exchange_name='', node=leveret@localhost, properties={headers={CC=[q, q]}}, routed_queues=[q, none], routing_keys=[q, q, q, none], user=guest, vhost=/}
        a.3 > get q no-ack
        a.3 < get-ok #1 x a.z two left=1 headers={CC=[k1]}
        t.1 < deliver t #4 amq.rabbitmq.trace deliver.q two headers={channel=3, connection=a, exchange_name=x, node=leveret@localhost, properties={headers={CC=[k1]}}, redelivered=0, routing_keys=[a.z, k1, a.k2], user=guest, vhost=/}
        ",
    );
}

#[test]
fn a_consumers_deliveries_are_copied_and_copies_of_copies_are_not_made() {
    check(
        "
        trace on /
        t.1 > queue.declare t
        t.1 < queue.declare-ok t messages=0 consumers=0
        t.1 > queue.bind t amq.rabbitmq.trace #
        t.1 < queue.bind-ok
        a.3 > queue.declare q
        a.3 < queue.declare-ok q messages=0 consumers=0
        t.1 > consume t t no-ack
        t.1 < consume-ok t
        a.3 > consume q c no-ack
        a.3 < consume-ok c
        a.3 > publish '' q one
        t.1 < deliver t #1 amq.rabbitmq.trace publish. one headers={channel=3, connection=a, exchange_name='', node=leveret@localhost, properties={}, routed_queues=[q], routing_keys=[q], user=guest, vhost=/}
        a.3 < deliver c #1 '' q one
        t.1 < deliver t #2 amq.rabbitmq.trace deliver.q one headers={channel=3, connection=a, exchange_name='', node=leveret@localhost, properties={}, redelivered=0, routing_keys=[q], user=guest, vhost=/}
        ",
    );
}

#[test]
fn a_direct_reply_is_copied_under_its_address() {
    check(
        "
        trace on /
        t.1 > queue.declare t
        t.1 < queue.declare-ok t messages=0 consumers=0
        t.1 > queue.bind t amq.rabbitmq.trace #
        t.1 < queue.bind-ok
        a.3 > queue.declare q
        a.3 < queue.declare-ok q messages=0 consumers=0
        t.1 > consume t t no-ack
        t.1 < consume-ok t
        a.3 > consume amq.rabbitmq.reply-to r no-ack
        a.3 < consume-ok r
        a.3 > publish '' q request reply-to=amq.rabbitmq.reply-to
        t.1 < deliver t #1 amq.rabbitmq.trace publish. request headers={channel=3, connection=a, exchange_name='', node=leveret@localhost, properties={reply_to=amq.rabbitmq.reply-to.1}, routed_queues=[q], routing_keys=[q], user=guest, vhost=/}
        b.1 > get q no-ack
        b.1 < get-ok #1 '' q request left=0 reply-to=amq.rabbitmq.reply-to.1
        t.1 < deliver t #2 amq.rabbitmq.trace deliver.q request headers={channel=1, connection=b, exchange_name='', node=leveret@localhost, properties={reply_to=amq.rabbitmq.reply-to.1}, redelivered=0, routing_keys=[q], user=guest, vhost=/}
        b.1 > publish '' amq.rabbitmq.reply-to.1 answer
        a.3 < deliver r #1 '' amq.rabbitmq.reply-to.1 answer
        t.1 < deliver t #3 amq.rabbitmq.trace publish. answer headers={channel=1, connection=b, exchange_name='', node=leveret@localhost, properties={}, routed_queues=[amq.rabbitmq.reply-to.1], routing_keys=[amq.rabbitmq.reply-to.1], user=guest, vhost=/}
        t.1 < deliver t #4 amq.rabbitmq.trace deliver.amq.rabbitmq.reply-to.1 answer headers={channel=3, connection=a, exchange_name='', node=leveret@localhost, properties={}, redelivered=0, routing_keys=[amq.rabbitmq.reply-to.1], user=guest, vhost=/}
        ",
    );
}

#[test]
fn a_transaction_is_copied_as_it_is_published_whatever_becomes_of_it() {
    check(
        "
        trace on /
        t.1 > queue.declare t
        t.1 < queue.declare-ok t messages=0 consumers=0
        t.1 > queue.bind t amq.rabbitmq.trace #
        t.1 < queue.bind-ok
        a.3 > queue.declare q
        a.3 < queue.declare-ok q messages=0 consumers=0
        t.1 > consume t t no-ack
        t.1 < consume-ok t
        a.3 > tx.select
        a.3 < tx.select-ok
        a.3 > publish '' q one
        t.1 < deliver t #1 amq.rabbitmq.trace publish. one headers={channel=3, connection=a, exchange_name='', node=leveret@localhost, properties={}, routed_queues=[q], routing_keys=[q], user=guest, vhost=/}
        a.3 > tx.rollback
        a.3 < tx.rollback-ok
        ",
    );
}

#[test]
fn dead_letters_are_not_published_by_anybody() {
    check(
        "
        trace on /
        t.1 > queue.declare t
        t.1 < queue.declare-ok t messages=0 consumers=0
        t.1 > queue.bind t amq.rabbitmq.trace #
        t.1 < queue.bind-ok
        a.3 > queue.declare q
        a.3 < queue.declare-ok q messages=0 consumers=0
        t.1 > consume t t no-ack
        t.1 < consume-ok t
        a.3 > queue.declare dl x-dead-letter-exchange='' x-dead-letter-routing-key=q
        a.3 < queue.declare-ok dl messages=0 consumers=0
        a.3 > publish '' dl one
        t.1 < deliver t #1 amq.rabbitmq.trace publish. one headers={channel=3, connection=a, exchange_name='', node=leveret@localhost, properties={}, routed_queues=[dl], routing_keys=[dl], user=guest, vhost=/}
        a.3 > get dl
        a.3 < get-ok #1 '' dl one left=0
        t.1 < deliver t #2 amq.rabbitmq.trace deliver.dl one headers={channel=3, connection=a, exchange_name='', node=leveret@localhost, properties={}, redelivered=0, routing_keys=[dl], user=guest, vhost=/}
        a.3 > reject 1
        a.3 > get q no-ack
        a.3 < get-ok #2 '' q one left=0 headers={x-death=[{count=1:l, reason=rejected, queue=dl, time=1000:T, exchange='', routing-keys=[dl]}], x-first-death-reason=rejected, x-first-death-queue=dl, x-first-death-exchange='', x-last-death-reason=rejected, x-last-death-queue=dl, x-last-death-exchange=''}
        t.1 < deliver t #3 amq.rabbitmq.trace deliver.q one headers={channel=3, connection=a, exchange_name='', node=leveret@localhost, properties={headers={x-death=[{count=1:l, reason=rejected, queue=dl, time=1000:T, exchange='', routing-keys=[dl]}], x-first-death-reason=rejected, x-first-death-queue=dl, x-first-death-exchange='', x-last-death-reason=rejected, x-last-death-queue=dl, x-last-death-exchange=''}}, redelivered=0, routing_keys=[q], user=guest, vhost=/}
        ",
    );
}

#[test]
fn what_is_refused_is_not_copied_and_what_is_not_traced_neither() {
    check(
        "
        trace on /
        t.1 > queue.declare t
        t.1 < queue.declare-ok t messages=0 consumers=0
        t.1 > queue.bind t amq.rabbitmq.trace #
        t.1 < queue.bind-ok
        a.3 > queue.declare q
        a.3 < queue.declare-ok q messages=0 consumers=0
        t.1 > consume t t no-ack
        t.1 < consume-ok t
        a.3 > publish missing k x
        a.3 < channel.close 404 60.40 NOT_FOUND - no exchange 'missing' in vhost '/'
        a.1 > publish '' q one mandatory user-id=other
        a.1 < channel.close 406 60.40 PRECONDITION_FAILED - user_id property set to 'other' but authenticated user was 'guest'
        vhost v
        grant guest v .* .* .*
        b connects vhost=v
        b.1 > queue.declare q
        b.1 < queue.declare-ok q messages=0 consumers=0
        b.1 > publish '' q one
        trace off /
        c.1 > publish '' q two
        ",
    );
}

#[test]
fn a_confirm_is_that_of_the_message_and_not_of_its_copy() {
    check(
        "
        trace on /
        t.1 > queue.declare t
        t.1 < queue.declare-ok t messages=0 consumers=0
        t.1 > queue.bind t amq.rabbitmq.trace #
        t.1 < queue.bind-ok
        a.3 > queue.declare q
        a.3 < queue.declare-ok q messages=0 consumers=0
        t.1 > consume t t no-ack
        t.1 < consume-ok t
        a.3 > confirm.select
        a.3 < confirm.select-ok
        a.3 > queue.declare full x-max-length=0 x-overflow=reject-publish
        a.3 < queue.declare-ok full messages=0 consumers=0
        a.3 > publish '' full one ; publish '' q two ; publish '' full three
        a.3 < nack 1 requeue
        a.3 < ack 2
        a.3 < nack 3 requeue
        t.1 < deliver t #1 amq.rabbitmq.trace publish. one headers={channel=3, connection=a, exchange_name='', node=leveret@localhost, properties={}, routed_queues=[full], routing_keys=[full], user=guest, vhost=/}
        t.1 < deliver t #2 amq.rabbitmq.trace publish. two headers={channel=3, connection=a, exchange_name='', node=leveret@localhost, properties={}, routed_queues=[q], routing_keys=[q], user=guest, vhost=/}
        t.1 < deliver t #3 amq.rabbitmq.trace publish. three headers={channel=3, connection=a, exchange_name='', node=leveret@localhost, properties={}, routed_queues=[full], routing_keys=[full], user=guest, vhost=/}
        ",
    );
}

#[test]
fn a_full_queue_of_copies_loses_copies() {
    check(
        "
        trace on /
        a.1 > queue.declare t x-max-length=1 x-overflow=reject-publish
        a.1 < queue.declare-ok t messages=0 consumers=0
        a.1 > queue.bind t amq.rabbitmq.trace publish.#
        a.1 < queue.bind-ok
        a.1 > confirm.select
        a.1 < confirm.select-ok
        a.1 > publish '' q one ; publish '' q two
        a.1 < ack 2 multiple
        a.1 > queue.declare t passive
        a.1 < queue.declare-ok t messages=1 consumers=0
        ",
    );
}
