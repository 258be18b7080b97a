"""Fixtures of all chapters, and the results for the runner.

Everything a test makes on the broker it names through `fresh`, which removes it afterwards; so that tests
neither see each other nor leave anything on a broker that is not ours.
"""

import asyncio
import inspect
import os
import pathlib
import uuid

import pika
import pytest

import broker
from results import Results


@pytest.fixture(scope="session")
def janitor():
    """A connection that only cleans up."""
    connection = pika.BlockingConnection(broker.parameters(heartbeat=0))
    yield connection
    connection.close()


@pytest.fixture
def fresh(janitor):
    """Makes names nobody uses; what is declared under them is deleted after the test."""
    names = []

    def name(noun="thing"):
        names.append(f"interop.{noun}.{uuid.uuid4().hex[:12]}")
        return names[-1]

    yield name
    for used in names:
        for delete in ("queue_delete", "exchange_delete"):
            channel = janitor.channel()
            try:
                getattr(channel, delete)(used)
                channel.close()
            except pika.exceptions.ChannelClosedByBroker:
                pass  # still locked by a connection that is just going: it goes with it


@pytest.fixture
def connect(fresh):
    """Opens connections; those still open after the test are closed, before their names are removed."""
    opened = []

    def open_connection(**settings):
        opened.append(pika.BlockingConnection(broker.parameters(**settings)))
        return opened[-1]

    yield open_connection
    for connection in opened:
        if connection.is_open:
            connection.close()


@pytest.fixture
def connection(connect):
    return connect()


@pytest.fixture
def channel(connection):
    return connection.channel()


@pytest.fixture
def queue(channel):
    """An exclusive queue named by the broker."""
    return channel.queue_declare("", exclusive=True).method.queue


@pytest.fixture
def low_memory():
    """A broker that is out of memory."""
    with broker.low_memory() as alarm:
        yield alarm


@pytest.fixture
def passing_alarm(low_memory):
    """The same, where there is a way to relieve it."""
    low_memory.must_be_relievable()
    return low_memory


def pytest_configure(config):
    config.pluginmanager.register(Results(_columns))


def _columns(file):
    adapter, chapter = pathlib.PurePath(file).with_suffix("").parts
    return f"pika {'blocking' if adapter == 'tutorials' else adapter}", chapter


def pytest_pyfunc_call(pyfuncitem):
    """A coroutine is a test of the asyncio adapter: it gets a loop of its own."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    wanted = inspect.signature(pyfuncitem.obj).parameters
    asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in wanted}))
    return True


def pytest_collection_modifyitems(items):
    """What `not_yet.txt` lists must be refused by leveret, and nothing else; RabbitMQ can do it all."""
    if "INTEROP_FOREIGN" in os.environ:
        return
    listing = pathlib.Path(__file__).with_name("not_yet.txt").read_text(encoding="utf-8").splitlines()
    missing = {line.strip() for line in listing if line.strip() and not line.startswith("#")}
    refusal = pika.exceptions.ChannelClosedByBroker
    for item in items:
        if item.nodeid.partition("[")[0] in missing:
            item.add_marker(
                pytest.mark.xfail(raises=refusal, strict=True, reason="leveret refuses this so far")
            )
    unknown = missing - {item.nodeid.partition("[")[0] for item in items}
    if unknown and len(items) > len(missing):
        raise pytest.UsageError(f"not_yet.txt lists what is no test: {sorted(unknown)}")
