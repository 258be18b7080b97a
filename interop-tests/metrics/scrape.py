"""Scrapes every page of metrics while the broker works, as Prometheus would.

    scrape.py AMQP-URL METRICS-URL

Says what is wrong with a page, a line each, and ends with 1 if anything is. Where `promtool` is installed its
complaints count, too; those about names and texts that are RabbitMQ's, whose dashboards want them, do not.
"""

import math
import re
import shutil
import subprocess
import sys
import threading
import urllib.request

import pika
from prometheus_client.parser import text_string_to_metric_families

FAMILIES = [
    "connection_churn_metrics",
    "node_coarse_metrics",
    "node_metrics",
    "node_persister_metrics",
    "auth_attempt_metrics",
    "queue_coarse_metrics",
    "queue_consumer_count",
    "queue_metrics",
    "queue_delivery_metrics",
    "queue_exchange_metrics",
    "exchange_metrics",
    "channel_metrics",
    "channel_exchange_metrics",
    "channel_process_metrics",
    "channel_queue_metrics",
    "channel_queue_exchange_metrics",
    "connection_coarse_metrics",
    "connection_metrics",
    "vhost_status",
    "exchange_bindings",
    "exchange_names",
]
PAGES = [
    "/metrics",
    "/metrics/per-object",
    "/metrics/detailed?" + "&".join(f"family={family}" for family in FAMILIES),
    "/metrics/memory-breakdown",
]
SCRAPES = 5
QUEUE = "interop.metrics"


class Work:
    """Publishes to a queue and consumes from it until it is told to stop."""

    def __init__(self, url):
        self._stop = threading.Event()
        self._begun = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(url,))
        self._thread.start()
        assert self._begun.wait(20), "nothing was delivered"

    def _run(self, url):
        connection = pika.BlockingConnection(pika.URLParameters(url))
        channel = connection.channel()
        channel.queue_declare(QUEUE, durable=True)
        channel.confirm_delivery()
        channel.basic_consume(QUEUE, self._delivered)
        while not self._stop.is_set():
            channel.basic_publish("", QUEUE, b"x" * 100)
            connection.process_data_events(0)
        channel.queue_delete(QUEUE)
        connection.close()

    def _delivered(self, channel, method, properties, body):
        channel.basic_ack(method.delivery_tag)
        self._begun.set()

    def stop(self):
        self._stop.set()
        self._thread.join()


def fetch(url):
    with urllib.request.urlopen(url, timeout=20) as answer:
        kind = answer.headers["content-type"]
        return kind, answer.read().decode()


def complaints(kind, text):
    """What Python's parser, and a scraper after it, would not take."""
    if not kind.startswith("text/plain; version=0.0.4"):
        yield f"content-type is {kind}"
    seen, count = set(), 0
    for family in text_string_to_metric_families(text):
        if family.type == "unknown":
            yield f"{family.name} has no type"
        for sample in family.samples:
            count += 1
            series = (sample.name, tuple(sorted(sample.labels.items())))
            if series in seen:
                yield f"{series} is there twice"
            seen.add(series)
            if family.type == "counter" and not (math.isfinite(sample.value) and sample.value >= 0):
                yield f"{series} counts {sample.value}"
    if not count:
        yield "no sample at all"


def falls(before, text):
    """Counters that are less than they were; the page's counters."""
    now = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        if family.type == "counter"
        for sample in family.samples
    }
    return [f"{series} fell" for series, value in now.items() if value < before.get(series, value)], now


# What promtool says of names that RabbitMQ has chosen. All else is a complaint.
NAMES = re.compile(
    r"non-counter metrics should not have \"_total\" suffix"
    r"|counter metrics should have \"_total\" suffix"
    r"|use base unit"
    r"|metric names should not contain abbreviated units"
    r"|non-histogram and non-summary metrics should not have"
    r"|no help text"
)


def promtool(text):
    if not shutil.which("promtool"):
        return
    command = ["promtool", "check", "metrics"]
    done = subprocess.run(command, check=False, input=text, capture_output=True, text=True, timeout=60)
    yield from (line for line in done.stderr.splitlines() if line and not NAMES.search(line))


def main(amqp, metrics):
    wrong, counters = [], {}
    work = Work(amqp)
    try:
        for _ in range(SCRAPES):
            for page in PAGES:
                kind, text = fetch(metrics + page)
                found = [*complaints(kind, text), *promtool(text)]
                fallen, counters[page] = falls(counters.get(page, {}), text)
                wrong += [f"{page[:30]}: {complaint}" for complaint in [*found, *fallen]]
    finally:
        work.stop()
    for complaint in dict.fromkeys(wrong):
        print(complaint)
    print(f"{SCRAPES} scrapes of {len(PAGES)} pages, {len(wrong)} complaints")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
