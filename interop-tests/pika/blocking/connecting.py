"""Opening, keeping and losing a connection."""

import pika
import pytest

import broker


def the_broker_announces_what_clients_look_for(connection):
    impl = connection._impl
    capabilities = {
        "publisher_confirms",
        "exchange_exchange_bindings",
        "basic.nack",
        "consumer_cancel_notify",
        "connection.blocked",
        "consumer_priorities",
        "authentication_failure_close",
        "per_consumer_qos",
        "direct_reply_to",
    }
    assert {name for name, offered in impl.server_capabilities.items() if offered} >= capabilities
    assert {"product", "version", "platform"} <= set(impl.server_properties)
    assert connection.publisher_confirms_supported and connection.basic_nack_supported


def a_wrong_password_is_refused(connect):
    with pytest.raises(pika.exceptions.AMQPConnectionError) as caught:
        connect(credentials=pika.PlainCredentials("guest", "wrong"))
    _refused_login(caught.value)


def an_unknown_user_is_refused_in_the_same_words(connect):
    with pytest.raises(pika.exceptions.AMQPConnectionError) as caught:
        connect(credentials=pika.PlainCredentials("nobody", "guest"))
    _refused_login(caught.value)


def _refused_login(error):
    assert isinstance(error, pika.exceptions.ProbableAuthenticationError)
    assert (
        "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. "
        "For details see the broker logfile." in str(error)
    )


def a_missing_vhost_is_refused(connect):
    with pytest.raises(pika.exceptions.ProbableAccessDeniedError) as caught:
        connect(virtual_host="no-such-vhost")
    assert "(530) 'NOT_ALLOWED - vhost no-such-vhost not found'" in str(caught.value)


def a_new_secret_is_accepted(connection):
    connection.update_secret("guest", "rotation")
    assert connection.channel().is_open


def a_thousand_channels_work_side_by_side(connection):
    channels = [connection.channel() for _ in range(1000)]
    queue = channels[0].queue_declare("", exclusive=True).method.queue
    for n, channel in enumerate(channels):
        channel.basic_publish("", queue, str(n))
    inbox = broker.Inbox(channels[-1], queue, auto_ack=True).wait(1000)
    assert sorted(map(int, inbox.bodies)) == list(range(1000))
    for channel in channels:
        channel.close()
    assert connection.channel().is_open


def a_channel_number_can_be_used_again(connection):
    for _ in range(3):
        channel = connection.channel(7)
        queue = channel.queue_declare("", exclusive=True).method.queue
        broker.publish(channel, queue, b"message")
        assert channel.basic_get(queue)[0].delivery_tag == 1
        channel.close()


def more_channels_than_agreed_are_refused(connect):
    connection = connect(channel_max=2)
    connection.channel()
    connection.channel()
    # The client would not even ask, so it is made to forget what was agreed.
    connection._impl.params.channel_max = 3
    text = "NOT_ALLOWED - number of channels opened (2) has reached the negotiated channel_max (2)"
    with broker.connection_error(530, text):
        connection.channel(3)


def using_a_consumer_name_twice_closes_the_connection(channel, queue):
    broker.Inbox(channel, queue, consumer_tag="taken")
    channel._impl._consumers.clear()  # the client would not let it through
    channel._consumer_infos.clear()
    with broker.connection_error(530, "NOT_ALLOWED - attempt to reuse consumer tag 'taken'"):
        broker.Inbox(channel, queue, consumer_tag="taken")


def a_connection_that_only_idles_lives_on_its_heartbeats(connect):
    connection = connect(heartbeat=1)
    # RabbitMQ gives up after two to three heartbeats of silence, so this is what has to be waited for.
    connection.process_data_events(time_limit=3.5)
    assert 3 <= connection._impl._heartbeat_checker._heartbeat_frames_received
    assert connection.channel().is_open


def a_connection_without_heartbeats_is_accepted(connect):
    assert connect(heartbeat=0).channel().is_open


def closing_a_connection_says_goodbye_and_ends_it(connect):
    connection = connect()
    connection.channel()
    connection.close()
    assert connection.is_closed


def a_publisher_is_told_to_stop_when_memory_is_low(connect, low_memory):
    publisher = connect(**_place(low_memory.url), blocked_connection_timeout=0.5)
    reasons = []
    publisher.add_on_connection_blocked_callback(
        lambda _connection, frame: reasons.append(frame.method.reason)
    )
    channel = publisher.channel()
    channel.basic_publish("", channel.queue_declare("", exclusive=True).method.queue, b"too much")
    broker.until(publisher, lambda: reasons, "connection.blocked")
    assert reasons == ["low on memory"]
    with pytest.raises(pika.exceptions.ConnectionBlockedTimeout):
        broker.until(publisher, lambda: False, "the client's patience to end")


def a_connection_that_does_not_publish_goes_on_when_memory_is_low(connect, low_memory):
    channel = connect(**_place(low_memory.url)).channel()
    queue = channel.queue_declare("", exclusive=True).method.queue
    inbox = broker.Inbox(channel, queue)
    assert inbox.settle().bodies == []
    assert channel.queue_declare(queue, passive=True).method.consumer_count == 1


def a_publisher_goes_on_when_there_is_memory_again(connect, passing_alarm):
    publisher = connect(**_place(passing_alarm.url))
    heard = []
    publisher.add_on_connection_blocked_callback(lambda *_: heard.append("blocked"))
    publisher.add_on_connection_unblocked_callback(lambda *_: heard.append("unblocked"))
    channel = publisher.channel()
    queue = channel.queue_declare("", exclusive=True).method.queue
    channel.basic_publish("", queue, b"held up")
    broker.until(publisher, lambda: heard, "connection.blocked")
    passing_alarm.relieve()
    broker.until(publisher, lambda: len(heard) == 2, "connection.unblocked")
    assert heard == ["blocked", "unblocked"]
    assert channel.basic_get(queue, auto_ack=True)[2] == b"held up"


def _place(url):
    """Where another broker is."""
    other = pika.URLParameters(url)
    return {"host": other.host, "port": other.port}
