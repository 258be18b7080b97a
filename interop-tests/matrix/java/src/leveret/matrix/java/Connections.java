package leveret.matrix.java;

import com.rabbitmq.client.AuthenticationFailureException;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import java.util.ArrayList;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import leveret.matrix.harness.Check;
import leveret.matrix.harness.Environment;

/** Logging in, staying, and what a connection carries and is told. */
final class Connections {
    private Connections() {}

    static void connect(Stage stage) throws Exception {
        Connection connection = stage.connect();
        Channel channel = connection.createChannel();
        Check.that(channel.isOpen(), "the channel is open");
        channel.close();
        connection.close();
        Check.that(connection.getCloseReason().isInitiatedByApplication(), "it is we who closed the connection");
    }

    static void badPassword(Stage stage) throws Exception {
        var factory = Stage.factory(Environment.url());
        factory.setPassword("wrong");
        Check.fails(AuthenticationFailureException.class, () -> stage.connect(factory));
    }

    /** The silence is the behaviour; the library sends its heartbeats by itself. */
    static void heartbeats(Stage stage) throws Exception {
        var factory = Stage.factory(Environment.url());
        factory.setRequestedHeartbeat(1);
        Connection connection = stage.connect(factory);
        Check.equal(1, connection.getHeartbeat(), "heartbeat in seconds");
        Thread.sleep(5_000);
        connection.createChannel().close();
    }

    static void manyChannels(Stage stage) throws Exception {
        Connection connection = stage.connect();
        var queues = new ArrayList<String>();
        var channels = new ArrayList<Channel>();
        for (int i = 0; i < 200; i++) {
            Channel channel = connection.createChannel();
            channels.add(channel);
            queues.add(channel.queueDeclare(stage.name(), false, true, true, null).getQueue());
            channel.basicPublish("", queues.get(i), null, Stage.bytes("for " + i));
        }
        for (int i = 0; i < channels.size(); i++) {
            String body = Stage.text(Stage.arrival(channels.get(i), queues.get(i)).getBody());
            Check.equal("for " + i, body, "on channel " + i);
        }
    }

    static void blocked(Stage stage) throws Exception {
        try {
            Connection connection = stage.connect(Stage.factory(Environment.control("blocked")));
            var reason = new CompletableFuture<String>();
            connection.addBlockedListener(reason::complete, () -> {});
            connection.createChannel().basicPublish("amq.fanout", "", null, Stage.bytes("too much"));
            String why = reason.get(Check.LIMIT_MILLIS, TimeUnit.MILLISECONDS);
            Check.that(why.contains("memory"), "the reason is memory, not " + why);
            // A broker that blocks a connection does not read it, the goodbye neither.
            connection.abort(1);
        } finally {
            Environment.control("unblocked");
        }
    }
}
