//! Which routing keys a user may use with a topic exchange.

use crate::check;

/// Bob may publish keys that begin with `w` to `t`, and bind with those that begin with `r`.
const BOB: &str = "
    user bob secret
    grant bob / .* .* .*
    topics bob / t ^w ^r
    a.1 > exchange.declare t topic
    a.1 < exchange.declare-ok
    a.1 > queue.declare q
    a.1 < queue.declare-ok q messages=0 consumers=0
    b connects user=bob password=secret
";

fn refused(said: &str, refusal: &str) {
    check(&format!("{BOB}\nb.1 > {said}\nb.1 < channel.close 403 {refusal}"));
}

#[test]
fn a_publish_needs_a_key_that_the_user_may_write() {
    refused(
        "publish t x.1 body",
        "60.40 ACCESS_REFUSED - write access to topic 'x.1' in exchange 't' in vhost '/' refused for user 'bob'",
    );
    check(&format!(
        "
        {BOB}
        a.1 > queue.bind q t '#'
        a.1 < queue.bind-ok
        b.1 > publish t w.1 one
        b.1 > publish t w.1 two
        b.1 > publish t w.2 three
        b.1 > queue.declare q passive
        b.1 < queue.declare-ok q messages=3 consumers=0
        a.1 > publish t anything four
        a.1 > queue.declare q passive
        a.1 < queue.declare-ok q messages=4 consumers=0
        b.1 > publish t w.1 five
        b.1 > publish t x.1 six
        b.1 < channel.close 403 60.40 ACCESS_REFUSED - write access to topic 'x.1' in exchange 't' in vhost '/' refused for user 'bob'
        "
    ));
}

#[test]
fn further_keys_of_a_message_are_looked_at_too() {
    for header in ["CC", "BCC"] {
        refused(
            &format!("publish t w.1 body headers={{{header}=['w.2', 'x.2']}}"),
            "60.40 ACCESS_REFUSED - write access to topic 'x.2' in exchange 't' in vhost '/' refused for user 'bob'",
        );
    }
}

#[test]
fn keys_are_looked_at_after_the_properties_and_before_the_user_id() {
    check(&format!(
        "
        {BOB}
        b.1 > publish t x.1 body expiration=x
        b.1 < channel.close 406 60.40 PRECONDITION_FAILED - invalid expiration 'x': no_integer
        b.2 > publish t x.1 body user-id=guest
        b.2 < channel.close 403 60.40 ACCESS_REFUSED - write access to topic 'x.1' …
        "
    ));
}

#[test]
fn binding_and_unbinding_need_a_key_that_the_user_may_read() {
    let topic = |key: &str| {
        format!(
            "ACCESS_REFUSED - read access to topic '{key}' in exchange 't' in vhost '/' refused for user 'bob'"
        )
    };
    refused("queue.bind q t w.1", &format!("50.20 {}", topic("w.1")));
    refused("queue.unbind q t w.1", &format!("50.50 {}", topic("w.1")));
    refused("queue.bind missing t w.1", &format!("50.20 {}", topic("w.1")));
    refused("exchange.bind amq.fanout t w.1", &format!("40.30 {}", topic("w.1")));
    refused("exchange.unbind amq.fanout t w.1", &format!("40.40 {}", topic("w.1")));
    check(&format!(
        "
        {BOB}
        b.1 > queue.bind q t r.1
        b.1 < queue.bind-ok
        b.1 > queue.unbind q t r.1
        b.1 < queue.unbind-ok
        b.1 > exchange.bind t amq.fanout x
        b.1 < exchange.bind-ok
        b.1 > queue.bind q missing x
        b.1 < channel.close 404 50.20 NOT_FOUND - no exchange 'missing' in vhost '/'
        "
    ));
}

#[test]
fn only_topic_exchanges_look_at_them() {
    check(&format!(
        "
        {BOB}
        topics bob / amq.direct ^w ^r
        b.1 > queue.bind q amq.direct x
        b.1 < queue.bind-ok
        b.1 > publish amq.direct x body mandatory
        b.1 > queue.declare q passive
        b.1 < queue.declare-ok q messages=1 consumers=0
        "
    ));
}

#[test]
fn a_change_holds_for_the_next_publish() {
    check(&format!(
        "
        {BOB}
        b.1 > publish t w.1 one
        topics bob / t ^v ^r
        b.1 > publish t w.1 two
        b.1 < channel.close 403 60.40 ACCESS_REFUSED - write access to topic 'w.1' …
        no topics bob /
        b.2 > publish t w.1 three
        b.2 > queue.declare q passive
        b.2 < queue.declare-ok q messages=0 consumers=0
        "
    ));
}
