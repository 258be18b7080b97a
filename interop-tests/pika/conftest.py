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


def pytest_pyfunc_call(pyfuncitem):
    """A coroutine is a test of the asyncio adapter: it gets a loop of its own."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    wanted = inspect.signature(pyfuncitem.obj).parameters
    asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in wanted}))
    return True


_outcomes = {}


def pytest_runtest_logreport(report):
    """One line per behaviour, for the table (the columns are described in the runner's `table.rs`)."""
    path = os.environ.get("INTEROP_RESULTS")
    if path is None:
        return
    known, _ = _outcomes.get(report.nodeid, ("passed", ""))
    if report.outcome == "failed" or (known == "passed" and report.outcome != "passed"):
        _outcomes[report.nodeid] = (report.outcome, _reason(report))
    if report.when != "teardown":
        return
    outcome, reason = _outcomes.pop(report.nodeid, ("passed", ""))
    file, _, test = report.nodeid.partition("::")
    sentence, _, case = test.partition("[")
    reason = f"[{case} {reason}" if case and reason else reason
    adapter, chapter = pathlib.PurePath(file).with_suffix("").parts
    adapter = "blocking" if adapter == "tutorials" else adapter
    columns = (f"pika {adapter}", *map(_words, (chapter, sentence)), outcome, reason)
    with open(path, "a", encoding="utf-8") as results:
        results.write("\t".join(columns) + "\n")


def _words(identifier):
    return identifier.replace("_", " ").replace("\t", " ")


def _reason(report):
    if isinstance(report.longrepr, tuple):  # a skip: file, line, words
        return " ".join(report.longrepr[2].removeprefix("Skipped: ").split())
    crash = getattr(report.longrepr, "reprcrash", None)
    return " ".join((crash.message if crash else str(report.longrepr)).split())
