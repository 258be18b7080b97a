"""Fixtures of all chapters: the application, workers, and a broker that is left as it was."""

import contextlib
import os
import pathlib
import socket
import uuid

import pytest

# Before the application is imported, which takes its names from there; workers inherit it.
os.environ["CELERY_SUITE"] = f"interop.celery.{uuid.uuid4().hex[:8]}"

import tasks  # noqa: E402
import workers  # noqa: E402
from results import Results  # noqa: E402


def pytest_configure(config):
    config.pluginmanager.register(Results(lambda file: ("celery", pathlib.PurePath(file).stem)))


@pytest.fixture(scope="session")
def app():
    yield tasks.app
    with tasks.app.connection_for_write() as connection:
        channel = connection.channel()
        for queue in ("tasks", "others", "priorities", "quorum"):
            channel.queue_delete(f"{tasks.SUITE}.{queue}")
        for exchange in ("tasks", "others", "priorities", "quorum", "pidbox.pidbox", "events"):
            channel.exchange_delete(f"{tasks.SUITE}.{exchange}")
        channel.exchange_delete(f"reply.{tasks.SUITE}.pidbox.pidbox")
        # What keeps the time of tasks on quorum queues has the same names for every application.
        for level in range(28):
            channel.queue_delete(f"celery_delayed_{level}")
            channel.exchange_delete(f"celery_delayed_{level}")
        channel.exchange_delete("celery_delayed_delivery")


@pytest.fixture(scope="module")
def worker(app):
    """The worker that the tests of a chapter share."""
    running = workers.Worker("first")
    yield running
    running.stop()


@pytest.fixture
def start_worker(app):
    """Starts workers of the test's own."""
    with contextlib.ExitStack() as stack:

        def start(name, *options, **reads):
            running = workers.Worker(name, *options, **reads)
            stack.callback(running.stop)
            return running

        yield start


@pytest.fixture
def gate():
    with contextlib.closing(workers.Gate()) as opened:
        yield opened


@pytest.fixture
def restart_broker():
    """What stops the broker and starts it again, if the runner can."""
    if "INTEROP_CONTROL" not in os.environ:
        pytest.skip("INTEROP_CONTROL does not say how to restart this broker")

    def restart():
        host, port = os.environ["INTEROP_CONTROL"].rsplit(":", 1)
        with socket.create_connection((host, int(port))) as stream:
            stream.sendall(b"restart\n")
            answer = stream.makefile().readline()
        assert answer.startswith("ok"), answer

    return restart
