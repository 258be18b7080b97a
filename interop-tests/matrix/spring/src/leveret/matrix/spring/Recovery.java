package leveret.matrix.spring;

import leveret.matrix.harness.Check;
import leveret.matrix.harness.Environment;
import org.springframework.amqp.AmqpException;
import org.springframework.amqp.core.AcknowledgeMode;
import org.springframework.amqp.core.AnonymousQueue;
import org.springframework.amqp.core.Binding;
import org.springframework.amqp.core.BindingBuilder;
import org.springframework.amqp.core.DirectExchange;
import org.springframework.amqp.core.Queue;
import org.springframework.amqp.rabbit.core.RabbitAdmin;
import org.springframework.context.support.GenericApplicationContext;

/** A restart of the broker: containers come back, and the admin declares its beans on each new connection. */
final class Recovery {
    private static final long INTERVAL_MILLIS = 200;

    private Recovery() {}

    static void reconnect(Stage stage) throws Exception {
        String queue = stage.queue();
        stage.fill(queue, "durable");
        var inbox = new Inbox();
        var container = stage.container(queue, inbox, it -> {
            it.setAcknowledgeMode(AcknowledgeMode.MANUAL);
            it.setRecoveryInterval(INTERVAL_MILLIS);
        });
        Check.equal("durable", inbox.text(), "what is there, unacknowledged");
        Environment.control("restart");
        Inbox.Received again = inbox.next();
        Check.equal("durable", Stage.text(again.message()), "what was there before");
        again.ack(false);
        container.stop();
        stage.holds(queue, 0);
    }

    static void topology(Stage stage) throws Exception {
        var exchange = new DirectExchange(stage.name(), false, true);
        var queue = new AnonymousQueue(stage::name);
        try (var context = new GenericApplicationContext()) {
            context.registerBean(DirectExchange.class, () -> exchange);
            context.registerBean(Queue.class, () -> queue);
            context.registerBean(Binding.class, () -> BindingBuilder.bind(queue).to(exchange).with("key"));
            context.registerBean(RabbitAdmin.class, () -> new RabbitAdmin(stage.factory));
            context.refresh();
            play(stage, context, exchange);
        }
    }

    private static void play(Stage stage, GenericApplicationContext context, DirectExchange exchange)
            throws Exception {
        var inbox = new Inbox();
        stage.container(context.getBean(Queue.class).getName(), inbox, container -> {
            container.setAmqpAdmin(context.getBean(RabbitAdmin.class));
            container.setRecoveryInterval(INTERVAL_MILLIS);
        });
        stage.template.convertAndSend(exchange.getName(), "key", "before");
        Check.equal("before", inbox.text(), "before the restart");
        Environment.control("restart");
        Check.eventually(() -> arrives(stage, exchange, inbox), "messages to flow again");
    }

    /** Messages sent before the consumer is back are lost with the old queue: sent until one arrives. */
    private static boolean arrives(Stage stage, DirectExchange exchange, Inbox inbox) throws Exception {
        try {
            stage.template.convertAndSend(exchange.getName(), "key", "after");
        } catch (AmqpException notYet) {
            return false;
        }
        return !inbox.isEmpty() && inbox.text().equals("after");
    }
}
