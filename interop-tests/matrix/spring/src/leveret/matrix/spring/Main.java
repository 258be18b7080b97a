package leveret.matrix.spring;

import java.io.IOException;
import leveret.matrix.harness.Matrix;

/** Spring AMQP, in the order of the list of behaviours. */
public final class Main {
    private final Matrix matrix = new Matrix("spring");

    public static void main(String[] arguments) throws IOException, InterruptedException {
        new Main().rows().run();
        // Threads of behaviours that hang must not keep the program.
        System.exit(0);
    }

    private Matrix rows() {
        row("connect", Connections::connect);
        row("bad-password", Connections::badPassword);
        row("heartbeats", Connections::heartbeats);
        row("publish-get", Messages::publishGet);
        row("properties", Messages::properties);
        row("empty-body", Messages::emptyBody);
        row("large-message", Messages::largeMessage);
        row("binary-body", Messages::binaryBody);
        row("consume-ack", Consumers::consumeAck);
        row("consume-auto-ack", Consumers::consumeAutoAck);
        row("redelivered", Consumers::redelivered);
        row("nack-requeue", Consumers::nackRequeue);
        row("multiple-ack", Consumers::multipleAck);
        row("prefetch", Consumers::prefetch);
        row("consumer-cancel", Consumers::consumerCancel);
        row("cancel-notify", Consumers::cancelNotify);
        row("exclusive", Queues::exclusive);
        row("passive-missing", Queues::passiveMissing);
        row("inequivalent", Queues::inequivalent);
        row("confirms", Publishing::confirms);
        row("mandatory", Publishing::mandatory);
        row("reject-publish", Publishing::rejectPublish);
        row("max-length", Queues::maxLength);
        row("message-ttl", Expiry::messageTtl);
        row("queue-ttl", Expiry::queueTtl);
        row("queue-expires", Expiry::queueExpires);
        row("dead-letter", Expiry::deadLetter);
        row("retry-loop", Expiry::retryLoop);
        row("priority", Queues::priority);
        row("single-active", Consumers::singleActive);
        row("consumer-priority", Consumers::consumerPriority);
        row("topic", Exchanges::topic);
        row("headers-exchange", Exchanges::headers);
        row("e2e-binding", Exchanges::exchangeToExchange);
        row("alternate", Exchanges::alternate);
        row("consistent-hash", Exchanges::consistentHash);
        row("delayed", Exchanges::delayed);
        row("delivery-limit", Expiry::deliveryLimit);
        row("transactions", Publishing::transactions);
        row("direct-reply", Publishing::directReply);
        row("many-channels", Connections::manyChannels);
        row("blocked", Connections::blocked);
        row("tls", Secured::tls);
        row("tls-external", Secured::external);
        row("reconnect", Recovery::reconnect);
        row("topology", Recovery::topology);
        return matrix;
    }

    private void row(String id, Proof proof) {
        matrix.row(id, () -> {
            try (var stage = new Stage(id)) {
                proof.on(stage);
            }
        });
    }

    /** A behaviour that plays on a stage of its own. */
    private interface Proof {
        void on(Stage stage) throws Exception;
    }
}
