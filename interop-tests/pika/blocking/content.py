"""Properties, headers and bodies come out as they went in."""

import collections
import datetime
import decimal
import struct

import pika
import pytest

import broker

# The payload of one frame; pika negotiates 131072 for the frame, 8 of which are not payload.
FRAME = 131_072 - 8

ALL_PROPERTIES = {
    "content_type": "application/json",
    "content_encoding": "gzip",
    "headers": {"tenant": "blue", "retries": 3},
    "delivery_mode": 2,
    "priority": 5,
    "correlation_id": "correlation",
    "reply_to": "answers.here",
    "expiration": "60000",
    "message_id": "message-1",
    "timestamp": 1_700_000_000,
    "type": "order.created",
    "user_id": "guest",
    "app_id": "interop",
    "cluster_id": "cluster",
}


def _round_trip(channel, queue, body=b"message", **properties):
    channel.basic_publish("", queue, body, pika.BasicProperties(**properties))
    _, returned, body = channel.basic_get(queue, auto_ack=True)
    return returned, body


def all_properties_come_back(channel, queue):
    returned, _ = _round_trip(channel, queue, **ALL_PROPERTIES)
    assert vars(returned) == vars(pika.BasicProperties(**ALL_PROPERTIES))


@pytest.mark.parametrize("name", ALL_PROPERTIES)
def a_single_property_comes_back_alone(channel, queue, name):
    returned, _ = _round_trip(channel, queue, **{name: ALL_PROPERTIES[name]})
    assert vars(returned) == vars(pika.BasicProperties(**{name: ALL_PROPERTIES[name]}))


def absent_properties_stay_absent(channel, queue):
    returned, _ = _round_trip(channel, queue)
    assert vars(returned) == vars(pika.BasicProperties())


def zero_and_empty_are_not_absent(channel, queue):
    empty = {"priority": 0, "timestamp": 0, "delivery_mode": 1, "content_type": "", "message_id": ""}
    returned, _ = _round_trip(channel, queue, **empty)
    assert vars(returned) == vars(pika.BasicProperties(**empty))


def a_table_without_entries_comes_back_as_one(channel, queue):
    returned, _ = _round_trip(channel, queue, headers={})
    assert returned.headers == {}


def headers_of_every_type_that_pika_writes_come_back(channel, queue):
    headers = {
        "string": "wörter",
        "empty": "",
        "bytes": b"\x00\xff\xfe",
        "true": True,
        "false": False,
        "int": -7,
        "large int": 1 << 40,
        "decimal": decimal.Decimal("-12.345"),
        "timestamp": datetime.datetime(2024, 2, 29, 12, 30, tzinfo=datetime.timezone.utc),
        "void": None,
        "table": {"nested": {"deeper": ["a", 1, {"b": None}]}, "empty": {}},
        "array": ["mixed", 1, True, None, [], {}],
        "k" * 255: "a key as long as keys get",
    }
    returned, _ = _round_trip(channel, queue, headers=headers)
    assert returned.headers == headers


class Field(collections.namedtuple("Field", "tag payload")):
    """A field value as it is on the wire."""


FIELDS = {
    "bool": Field(b"t", b"\x01"),
    "int8": Field(b"b", struct.pack(">b", -8)),
    "uint8": Field(b"B", struct.pack(">B", 200)),
    "int16": Field(b"s", struct.pack(">h", -300)),
    "uint16": Field(b"u", struct.pack(">H", 60_000)),
    "int32": Field(b"I", struct.pack(">i", -70_000)),
    "uint32": Field(b"i", struct.pack(">I", 4_000_000_000)),
    "int64": Field(b"l", struct.pack(">q", -(1 << 60))),
    "float": Field(b"f", struct.pack(">f", 1.5)),
    "double": Field(b"d", struct.pack(">d", -2.25)),
    "decimal": Field(b"D", struct.pack(">BI", 2, 12_345)),
    "string": Field(b"S", struct.pack(">I", 4) + b"\xff\x00ab"),
    "bytes": Field(b"x", struct.pack(">I", 2) + b"\x00\x01"),
    "timestamp": Field(b"T", struct.pack(">Q", 1_700_000_000)),
    "void": Field(b"V", b""),
    "array": Field(b"A", struct.pack(">I", 4) + b"b\x01B\x02"),
    "table": Field(b"F", struct.pack(">I", 5) + b"\x01ks\x00\x01"),
}


@pytest.fixture
def raw_fields(monkeypatch):
    """Lets pika write and read field values as they are on the wire: it knows fewer types than there are."""
    read = pika.data.decode_value

    def encode(pieces, value):
        pieces.append(value.tag + value.payload)
        return len(pieces[-1])

    def decode(encoded, offset):
        _, end = read(encoded, offset)
        return Field(encoded[offset : offset + 1], encoded[offset + 1 : end]), end

    monkeypatch.setattr(pika.data, "encode_value", encode)
    monkeypatch.setattr(pika.data, "decode_value", decode)


@pytest.mark.parametrize("name", FIELDS)
def a_header_keeps_its_type_and_every_bit(channel, queue, raw_fields, name):
    returned, _ = _round_trip(channel, queue, headers={name: FIELDS[name]})
    assert returned.headers == {name: FIELDS[name]}


@pytest.mark.parametrize("length", [0, 1, FRAME - 1, FRAME, FRAME + 1, 2 * FRAME, 10 * 1024 * 1024])
def a_body_of_any_length_comes_back_by_get(channel, queue, length):
    body = bytes(range(251)) * (length // 251 + 1)
    _, returned = _round_trip(channel, queue, body[:length])
    assert returned == body[:length]


def large_messages_reach_a_consumer_complete_and_in_order(channel, queue):
    bodies = [bytes([n]) * (n << 18) for n in range(1, 9)]
    inbox = broker.Inbox(channel, queue)
    for body in bodies:
        channel.basic_publish("", queue, body)
    assert inbox.wait(len(bodies)).bodies == bodies


def small_frames_are_respected(connect):
    channel = connect(frame_max=8192).channel()
    queue = channel.queue_declare("", exclusive=True).method.queue
    body = bytes(range(256)) * 400
    _, returned = _round_trip(channel, queue, body)
    assert returned == body


def a_message_larger_than_the_broker_takes_closes_the_channel(channel, queue):
    with pytest.raises(pika.exceptions.ChannelClosedByBroker) as caught:
        channel.basic_publish("", queue, bytes(129 * 1024 * 1024))
        channel.queue_declare(queue, passive=True)
    assert caught.value.reply_code == 406
    assert caught.value.reply_text.startswith("PRECONDITION_FAILED - message size 135266304 is larger than ")


@pytest.mark.parametrize(
    "expiration, complaint",
    [
        ("abc", "no_integer"),
        ("", "no_integer"),
        ("-1", "{value_negative,-1}"),
        ("1.5", '{leftover_string,".5"}'),
    ],
)
def an_expiration_that_is_no_number_closes_the_channel(channel, queue, expiration, complaint):
    with broker.channel_error(406, f"PRECONDITION_FAILED - invalid expiration '{expiration}': {complaint}"):
        channel.basic_publish("", queue, b"", pika.BasicProperties(expiration=expiration))
        channel.queue_declare(queue, passive=True)


def nobody_may_publish_under_another_name(channel, queue):
    text = "PRECONDITION_FAILED - user_id property set to 'mallory' but authenticated user was 'guest'"
    with broker.channel_error(406, text):
        channel.basic_publish("", queue, b"", pika.BasicProperties(user_id="mallory"))
        channel.queue_declare(queue, passive=True)
