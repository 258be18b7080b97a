"""kombu over py-amqp, behaviour by behaviour."""

import connecting  # noqa: F401
import consuming  # noqa: F401
import content  # noqa: F401
import exchanges  # noqa: F401
import matrix
import publishing  # noqa: F401
import queues  # noqa: F401
import recovering  # noqa: F401
from broker import clean

matrix.play("kombu", clean)
