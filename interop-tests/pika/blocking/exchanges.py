"""Which queues a message reaches, by type of exchange."""

import pika
import pytest

import broker


def _bound(channel, exchange, *bindings):
    """One exclusive queue for each (routing key, arguments)."""
    queues = []
    for key, arguments in bindings:
        queues.append(channel.queue_declare("", exclusive=True).method.queue)
        channel.queue_bind(queues[-1], exchange, key, arguments)
    return queues


def _publish(channel, exchange, key="", body=b"message", **properties):
    channel.basic_publish(exchange, key, body, pika.BasicProperties(**properties))


def the_default_exchange_reaches_every_queue_by_its_name(channel, queue):
    _publish(channel, "", queue)
    assert broker.drain(channel, queue) == [b"message"]


def a_direct_exchange_compares_the_whole_key(channel):
    exact, prefix, other_case = _bound(
        channel, "amq.direct", ("interop.exact", None), ("interop", None), ("INTEROP.EXACT", None)
    )
    _publish(channel, "amq.direct", "interop.exact")
    assert broker.drain(channel, exact) == [b"message"]
    assert broker.drain(channel, prefix) == broker.drain(channel, other_case) == []


def a_fanout_exchange_reaches_every_bound_queue_whatever_the_key(channel, fresh):
    name = fresh("fanout")
    channel.exchange_declare(name, "fanout")
    queues = _bound(channel, name, ("", None), ("some key", None), ("", None))
    _publish(channel, name, "another key")
    assert [broker.drain(channel, queue) for queue in queues] == [[b"message"]] * 3


@pytest.mark.parametrize(
    "pattern, matching, others",
    [
        (
            "*.orange.*",
            ["quick.orange.rabbit", "lazy.orange.elephant"],
            ["orange", "quick.orange", "a.b.orange.c"],
        ),
        ("lazy.#", ["lazy", "lazy.fox", "lazy.brown.fox"], ["lazily", "quick.lazy", ""]),
        ("#.lazy", ["lazy", "so.lazy", "so.very.lazy"], ["lazy.so"]),
        ("a.#.b", ["a.b", "a..b", "a.x.y.b"], ["a", "b.a", "a.b.c"]),
        ("#", ["", "a", "a.b", "."], []),
        ("*", ["a", "*", "#"], ["", "a.b", "."]),
        ("*.*", ["a.b", ".", "a.", ".b"], ["a", "", ".."]),
        ("a*", ["a*"], ["ab", "a"]),
        ("", [""], ["a", "."]),
    ],
)
def a_topic_exchange_matches_words(channel, fresh, pattern, matching, others):
    name = fresh("topic")
    channel.exchange_declare(name, "topic")
    (queue,) = _bound(channel, name, (pattern, None))
    for key in matching + others:
        _publish(channel, name, key, key.encode())
    assert broker.drain(channel, queue) == [key.encode() for key in matching]


def a_topic_exchange_gives_a_queue_one_copy_however_many_patterns_match(channel, queue, fresh):
    name = fresh("topic")
    channel.exchange_declare(name, "topic")
    for pattern in ("a.*", "a.#", "*.b", "a.b"):
        channel.queue_bind(queue, name, pattern)
    _publish(channel, name, "a.b")
    assert broker.drain(channel, queue) == [b"message"]


HEADERS = [
    ({"x-match": "all", "kind": "report", "pages": 7}, {"kind": "report", "pages": 7, "more": True}, True),
    ({"x-match": "all", "kind": "report", "pages": 7}, {"kind": "report"}, False),
    ({"x-match": "all", "kind": "report", "pages": 7}, {"kind": "report", "pages": "7"}, False),
    ({"kind": "report", "pages": 7}, {"kind": "report"}, False),  # all is the default
    ({"x-match": "any", "kind": "report", "pages": 7}, {"pages": 7}, True),
    ({"x-match": "any", "kind": "report", "pages": 7}, {"pages": 8}, False),
    ({"x-match": "any", "kind": "report", "pages": 7}, None, False),
    ({"x-match": "all"}, None, True),
    ({"x-match": "any"}, {"kind": "report"}, False),
    ({"x-match": "all", "kind": None}, {"kind": "anything"}, True),  # void: being there is enough
    ({"x-match": "all", "kind": None}, {"other": "thing"}, False),
    ({"x-match": "all", "x-kind": "a"}, {"x-kind": "b"}, True),  # x- keys do not count...
    ({"x-match": "all-with-x", "x-kind": "a"}, {"x-kind": "b"}, False),  # ...unless asked to
    ({"x-match": "any-with-x", "x-kind": "a"}, {"x-kind": "a"}, True),
    ({"x-match": "all", "flag": True}, {"flag": 1}, False),
    ({"x-match": "all", "pages": 7}, {"pages": pika.compat.long(7)}, True),  # another width, the same number
]


@pytest.mark.parametrize("binding, headers, expected", HEADERS)
def a_headers_exchange_compares_headers_with_the_binding(channel, fresh, binding, headers, expected):
    name = fresh("headers")
    channel.exchange_declare(name, "headers")
    (queue,) = _bound(channel, name, ("ignored", binding))
    _publish(channel, name, "some key", headers=headers)
    assert broker.drain(channel, queue) == [b"message"] * expected


def a_headers_binding_with_a_strange_match_is_refused(channel, queue):
    text = 'PRECONDITION_FAILED - Invalid x-match field value <<"some">>; expected all, any, all-with-x, or any-with-x'
    with broker.channel_error(406, text):
        channel.queue_bind(queue, "amq.headers", "", {"x-match": "some"})


def exchanges_bound_to_each_other_pass_messages_on(channel, queue, fresh):
    source, destination = fresh("source"), fresh("destination")
    channel.exchange_declare(source, "topic")
    channel.exchange_declare(destination, "direct")
    channel.exchange_bind(destination, source, "orders.*")
    channel.queue_bind(queue, destination, "orders.new")
    _publish(channel, source, "orders.new", b"both match")
    _publish(channel, source, "orders.old", b"only the source matches")
    channel.exchange_unbind(destination, source, "orders.*")
    _publish(channel, source, "orders.new", b"no longer bound")
    got, _, body = channel.basic_get(queue, auto_ack=True)
    assert (got.exchange, got.routing_key, body) == (source, "orders.new", b"both match")
    assert broker.drain(channel, queue) == []


def exchanges_bound_in_a_circle_deliver_once(channel, queue, fresh):
    one, two = fresh("one"), fresh("two")
    channel.exchange_declare(one, "fanout")
    channel.exchange_declare(two, "fanout")
    channel.exchange_bind(one, two)
    channel.exchange_bind(two, one)
    channel.queue_bind(queue, one)
    channel.queue_bind(queue, two)
    _publish(channel, one)
    assert broker.drain(channel, queue) == [b"message"]


def an_alternate_exchange_gets_what_the_first_could_not_route(channel, fresh):
    first, alternate = fresh("first"), fresh("alternate")
    channel.exchange_declare(alternate, "fanout")
    channel.exchange_declare(first, "direct", arguments={"alternate-exchange": alternate})
    (routed,) = _bound(channel, first, ("known", None))
    (unrouted,) = _bound(channel, alternate, ("", None))
    _publish(channel, first, "known", b"routed")
    _publish(channel, first, "unknown", b"unrouted")
    assert broker.drain(channel, routed) == [b"routed"]
    got, _, body = channel.basic_get(unrouted, auto_ack=True)
    assert (got.exchange, got.routing_key, body) == (first, "unknown", b"unrouted")


def a_message_for_the_alternate_exchange_is_not_returned(channel, fresh):
    first, alternate = fresh("first"), fresh("alternate")
    channel.exchange_declare(alternate, "fanout")
    channel.exchange_declare(first, "direct", arguments={"alternate-exchange": alternate})
    (queue,) = _bound(channel, alternate, ("", None))
    channel.confirm_delivery()
    channel.basic_publish(first, "unknown", b"message", mandatory=True)
    assert broker.drain(channel, queue) == [b"message"]


def an_internal_exchange_takes_messages_from_exchanges_only(channel, queue, fresh):
    front, inner = fresh("front"), fresh("inner")
    channel.exchange_declare(front, "fanout")
    channel.exchange_declare(inner, "fanout", internal=True)
    channel.exchange_bind(inner, front)
    channel.queue_bind(queue, inner)
    _publish(channel, front)
    assert broker.drain(channel, queue) == [b"message"]
    text = f"ACCESS_REFUSED - cannot publish to internal exchange '{inner}' in vhost '/'"
    with broker.channel_error(403, text):
        _publish(channel, inner)
        channel.queue_declare(queue, passive=True)


def an_auto_delete_exchange_goes_with_its_last_binding(channel, queue, fresh):
    name = fresh("exchange")
    channel.exchange_declare(name, "direct", auto_delete=True)
    for key in ("one", "two"):
        channel.queue_bind(queue, name, key)
    channel.queue_unbind(queue, name, "one")
    channel.exchange_declare(name, passive=True)
    channel.queue_unbind(queue, name, "two")
    with broker.channel_error(404, f"NOT_FOUND - no exchange '{name}' in vhost '/'"):
        channel.exchange_declare(name, passive=True)


def cc_and_bcc_headers_are_further_keys_and_bcc_is_removed(channel):
    to, copy, blind = (channel.queue_declare("", exclusive=True).method.queue for _ in range(3))
    _publish(channel, "", to, headers={"CC": [copy, to], "BCC": [blind]})
    for queue in (to, copy, blind):
        _, properties, body = channel.basic_get(queue, auto_ack=True)
        assert (properties.headers, body) == ({"CC": [copy, to]}, b"message")
        assert broker.drain(channel, queue) == []
