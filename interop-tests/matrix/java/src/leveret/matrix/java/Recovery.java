package leveret.matrix.java;

import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ConnectionFactory;
import com.rabbitmq.client.MessageProperties;
import com.rabbitmq.client.Recoverable;
import com.rabbitmq.client.RecoveryListener;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import leveret.matrix.harness.Check;
import leveret.matrix.harness.Environment;

/** A restart of the broker, and the library's own automatic recovery of connection and topology. */
final class Recovery {
    private Recovery() {}

    static void reconnect(Stage stage) throws Exception {
        Connection connection = stage.connect(recovering());
        Channel channel = connection.createChannel();
        String queue = stage.queue(channel);
        Stage.send(channel, "", queue, MessageProperties.PERSISTENT_BASIC, "durable");
        restart(connection);
        Check.equal("durable", Stage.text(Stage.arrival(channel, queue).getBody()), "what was there before");
    }

    static void topology(Stage stage) throws Exception {
        Connection connection = stage.connect(recovering());
        Channel channel = connection.createChannel();
        String exchange = stage.name();
        channel.exchangeDeclare(exchange, "direct", false, true, null);
        String exclusive = channel.queueDeclare("", false, true, true, null).getQueue();
        channel.queueBind(exclusive, exchange, "key", Map.of());
        Inbox inbox = Inbox.automatic(channel, exclusive);
        channel.basicPublish(exchange, "key", null, Stage.bytes("before"));
        Check.equal("before", inbox.text(), "before the restart");
        restart(connection);
        channel.basicPublish(exchange, "key", null, Stage.bytes("after"));
        Check.equal("after", inbox.text(), "after the restart");
    }

    private static ConnectionFactory recovering() {
        ConnectionFactory factory = Stage.factory(Environment.url());
        factory.setAutomaticRecoveryEnabled(true);
        factory.setNetworkRecoveryInterval(200);
        return factory;
    }

    private static void restart(Connection connection) throws Exception {
        var recovered = new CompletableFuture<Recoverable>();
        ((Recoverable) connection).addRecoveryListener(new RecoveryListener() {
            @Override
            public void handleRecovery(Recoverable recoverable) {
                recovered.complete(recoverable);
            }

            @Override
            public void handleRecoveryStarted(Recoverable recoverable) {}
        });
        Environment.control("restart");
        recovered.get(Check.LIMIT_MILLIS, TimeUnit.MILLISECONDS);
    }
}
