//! Properties and headers pass through the broker as they came, byte for byte.

use crate::check;

#[track_caller]
fn passes(properties: &str) {
    check(&format!(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > publish '' q x {properties}
        a.1 > get q
        a.1 < get-ok #1 '' q x left=0 {properties}
        a.1 > publish '' nowhere x mandatory {properties}
        a.1 < return 312 NO_ROUTE '' nowhere x {properties}
        a.1 > reject 1 requeue
        a.1 > consume q c
        a.1 < consume-ok c
        a.1 < deliver c #2 '' q x redelivered {properties}
        "
    ));
}

#[test]
fn all_fourteen_properties_pass() {
    passes(
        "content-type=text/plain content-encoding=gzip headers={a=1} persistent priority=5 correlation-id=c \
         reply-to=r expiration=60000 message-id=m timestamp=1700000000 type=t user-id=guest app-id=a cluster-id=z",
    );
}

#[test]
fn what_is_empty_or_zero_is_not_what_is_absent() {
    passes(
        "content-type='' content-encoding='' headers={} delivery-mode=0 priority=0 correlation-id='' reply-to='' \
         message-id='' timestamp=0 type='' app-id='' cluster-id=''",
    );
}

#[test]
fn odd_numbers_pass() {
    passes("delivery-mode=7 priority=255 timestamp=18446744073709551615");
    passes("delivery-mode=1");
}

#[test]
fn property_texts_may_be_any_bytes() {
    passes(r"content-type='\xFF\xFE' message-id='\0' app-id='a\nb'");
}

/// RabbitMQ sorts headers and drops duplicates; nothing of a message is touched here.
#[test]
fn headers_keep_their_order_and_their_duplicates() {
    passes("headers={z=1, a=2, z=3, m={y=1, b=2, y=3}}");
}

#[test]
fn every_type_of_field_keeps_its_tag() {
    passes(
        "headers={t=true, f=false, b=-1:b, B=255:B, s=-2:s, u=65535:u, I=-3, i=4294967295:i, l=-4:l, \
         f32=1.5:f, f64=2.5:d, D=1234e-2:D, S=text, A=[1, two, [3]], T=1700000000:T, F={a={b={}}}, x=bytes:x, V=void}",
    );
}

/// Java, amqplib and amqp091-go can't read `L`; RabbitMQ takes it for `l` and says so.
#[test]
fn unsigned_long_tags_are_passed_on_as_signed_ones() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > publish '' q x headers={a=5:L, b=[6:L], c={d=7:L}}
        a.1 > get q
        a.1 < get-ok #1 '' q x left=0 headers={a=5:l, b=[6:l], c={d=7:l}}
        ",
    );
}

#[test]
fn any_body_passes() {
    check(
        r"
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > publish '' q '\0\xFF\xCE\n'
        a.1 > get q
        a.1 < get-ok #1 '' q '\0\xFF\xCE\n' left=0
        a.1 > publish '' q ''
        a.1 > get q
        a.1 < get-ok #2 '' q '' left=0
        ",
    );
}

#[test]
fn a_taken_out_bcc_leaves_the_rest_as_it_was() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > publish '' q x headers={z=1, BCC=[q], a=2, z=3} priority=0
        a.1 > get q
        a.1 < get-ok #1 '' q x left=0 headers={z=1, a=2, z=3} priority=0
        ",
    );
}
