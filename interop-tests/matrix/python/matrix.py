"""What the Python programs of the matrix share: how a behaviour is bounded, cleaned up after and reported.

A program defines one function per behaviour, `@matrix.behaviour("its-id")`, taking a `Case`; or says with
`matrix.not_offered` what its library lacks. Every behaviour ends in at most 20 seconds.
"""

import asyncio
import contextlib
import datetime
import inspect
import os
import pathlib
import signal
import socket
import ssl
import sys
import traceback
import uuid

URL = os.environ.get("INTEROP_URL", "amqp://guest:guest@127.0.0.1:5672/%2F")
LIMIT_SECONDS = 20

# No more than AMQP can say: timestamps are whole seconds, integers have 64 bits.
HEADERS = {
    "table": {"inner": {"deep": "text"}, "list": [1, "two", {"three": 3}]},
    "array": ["a", 1, True, None],
    "small": -1,
    "large": 2**40,
    "negative": -(2**40),
    "real": 2.5,
    "yes": True,
    "no": False,
    "time": datetime.datetime(2024, 2, 29, 12, 30, 15, tzinfo=datetime.UTC),
    "nothing": None,
}

TOPIC_KEYS = ["quick.orange.rabbit", "lazy", "quick.brown.rabbit", "lazy.a.b.c"]

# What a queue bound with the pattern gets of them.
TOPICS = {
    "*.orange.*": [b"quick.orange.rabbit"],
    "*.*.rabbit": [b"quick.orange.rabbit", b"quick.brown.rabbit"],
    "lazy.#": [b"lazy", b"lazy.a.b.c"],
    "#": [key.encode() for key in TOPIC_KEYS],
}

_behaviours = {}


class OutOfTime(BaseException):
    """No `Exception`, which a library's own recovery might take for one that it can recover from."""


class Case:
    """One run of one behaviour: the names it uses and what has to be closed after it."""

    def __init__(self, client, id_):
        self._prefix = f"matrix.{client}.{id_}"
        self.names = []
        self.stack = contextlib.ExitStack()
        self.async_stack = contextlib.AsyncExitStack()

    def name(self, noun="queue"):
        """A name nobody else uses; what is declared under it is deleted afterwards."""
        self.names.append(f"{self._prefix}.{noun}.{uuid.uuid4().hex[:8]}")
        return self.names[-1]


def behaviour(id_):
    """Marks the function that proves this behaviour."""

    def keep(function):
        _behaviours[id_] = function
        return function

    return keep


def not_offered(id_, reason):
    """Says that the library has no such feature."""
    _behaviours[id_] = reason


def control(order):
    """Asks the broker's operator for something; what follows "ok"."""
    host, port = os.environ["INTEROP_CONTROL"].rsplit(":", 1)
    with socket.create_connection((host, int(port))) as stream:
        stream.sendall(order.encode() + b"\n")
        answer = stream.makefile().readline().strip()
    assert answer.startswith("ok"), f"{order}: {answer}"
    return answer.removeprefix("ok").strip()


@contextlib.contextmanager
def low_memory():
    """The address of a broker that is out of memory."""
    url = control("blocked")
    try:
        yield url
    finally:
        control("unblocked")


def trusting(ca="INTEROP_CA"):
    """A TLS context that trusts the authority in this variable alone."""
    return ssl.create_default_context(cafile=os.environ[ca])


def with_certificate():
    """The same, with the client's own certificate."""
    context = trusting()
    context.load_cert_chain(os.environ["INTEROP_CLIENT_CERT"], os.environ["INTEROP_CLIENT_KEY"])
    return context


def dead_letters_to(queue, **arguments):
    """Queue arguments: rejected and expired messages go to that queue."""
    dashed = {"x-" + name.replace("_", "-"): value for name, value in arguments.items()}
    return {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": queue} | dashed


def spread(counts):
    """What a consistent hash must make of 1000 keys."""
    assert sum(counts) == 1000 and all(200 <= count for count in counts), counts


def play(client, clean):
    """Runs the behaviours in the order of the list; `clean(names)` deletes queues and exchanges."""
    path = pathlib.Path(__file__).parent.with_name("behaviours.tsv")
    listed = [line.split("\t")[0] for line in path.read_text(encoding="utf-8").splitlines()]
    unknown = set(_behaviours) - set(listed)
    assert not unknown, unknown
    only = os.environ.get("INTEROP_ONLY", "").split(",")
    for id_ in listed:
        if only != [""] and id_ not in only:
            continue
        if id_ not in _behaviours:
            _report(client, id_, "failed", "not written")
        elif isinstance(_behaviours[id_], str):
            _report(client, id_, "not offered", _behaviours[id_])
        else:
            _report(client, id_, *_outcome(Case(client, id_), _behaviours[id_], clean))


def _outcome(case, function, clean):
    try:
        _bounded(LIMIT_SECONDS, lambda: _prove(case, function))
        outcome = ("passed", "")
    except (Exception, OutOfTime) as error:
        outcome = ("failed", _reason(error))
    try:
        _bounded(LIMIT_SECONDS, lambda: clean(case.names))
    except (Exception, OutOfTime) as error:
        outcome = ("failed", f"{outcome[1]} and could not clean up: {_reason(error)}".strip())
    return outcome


def _prove(case, function):
    if not inspect.iscoroutinefunction(function):
        with case.stack:
            function(case)
        return

    async def prove():
        async with asyncio.timeout(LIMIT_SECONDS), case.async_stack:
            await function(case)

    asyncio.run(prove())


def _bounded(seconds, call):
    def out_of_time(_signal, _frame):
        raise OutOfTime(f"took longer than {seconds} s")

    signal.signal(signal.SIGALRM, out_of_time)
    # A little more than a coroutine gets, which ends itself in better order.
    signal.alarm(seconds + 2)
    try:
        call()
    finally:
        signal.alarm(0)


def _reason(error):
    ours = str(pathlib.Path(__file__).parents[1])
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith(ours)]
    where = f"{pathlib.Path(frames[-1].filename).name}: {frames[-1].line}: " if frames else ""
    return " ".join(f"{where}{type(error).__name__}: {error}".split())[:400]


def _report(client, id_, outcome, reason):
    line = "\t".join((client, id_, outcome, reason)) + "\n"
    path = os.environ.get("INTEROP_RESULTS")
    if path is None:
        sys.stdout.write(line)
        sys.stdout.flush()
        return
    with open(path, "a", encoding="utf-8") as results:
        results.write(line)
