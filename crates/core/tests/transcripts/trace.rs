//! The firehose: what is published and delivered in a traced virtual host is copied to `amq.rabbitmq.trace`. Keys,
//! headers and their types are what RabbitMQ 4.3.6 sends.

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
        a.3 > publish '' q one content-type=text/plain delivery-mode=2 priority=3 timestamp=77 h=1
        t.1 > get t no-ack
        t.1 < x
        a.3 > get q no-ack
        a.3 < x
        t.1 > get t no-ack
        t.1 < x
        ",
    );
}
