package leveret.matrix.spring;

import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.ShutdownSignalException;
import java.util.ArrayList;
import java.util.List;
import leveret.matrix.harness.Check;
import leveret.matrix.harness.Environment;
import org.springframework.amqp.AmqpException;
import org.springframework.amqp.core.QueueBuilder;
import org.springframework.amqp.rabbit.core.RabbitTemplate;

/** Declaring queues, and in which order and how much they keep. */
final class Queues {
    private Queues() {}

    /** The reply code with which the broker closes the channel of this attempt. */
    static int refusal(Check.Attempt attempt) throws Exception {
        Throwable thrown = Check.fails(AmqpException.class, attempt);
        while (!(thrown instanceof ShutdownSignalException signal)) {
            thrown = thrown.getCause();
        }
        Check.that(!signal.isHardError(), "only the channel is closed");
        return ((AMQP.Channel.Close) signal.getReason()).getReplyCode();
    }

    /** What a passive declare is answered. */
    static void passive(RabbitTemplate template, String queue) {
        template.execute(channel -> channel.queueDeclarePassive(queue));
    }

    static void exclusive(Stage stage) throws Exception {
        String queue = stage.queue(QueueBuilder.nonDurable(stage.name()).exclusive());
        var other = new RabbitTemplate(stage.factory(Environment.url()));
        Check.equal(405, refusal(() -> passive(other, queue)), "reply code");
        stage.factory.resetConnection();
        Check.eventually(() -> stage.admin.getQueueInfo(queue) == null, "the queue to go with its connection");
        Check.equal(404, refusal(() -> passive(other, queue)), "reply code afterwards");
    }

    static void passiveMissing(Stage stage) throws Exception {
        var opened = Connections.opened(stage.factory);
        String queue = stage.queue();
        Check.equal(404, refusal(() -> passive(stage.template, stage.name())), "reply code");
        passive(stage.template, queue);
        Check.equal(1, opened.get(), "connections");
    }

    static void inequivalent(Stage stage) throws Exception {
        String queue = stage.queue();
        var other = QueueBuilder.durable(queue).maxLength(1).build();
        Check.equal(406, refusal(() -> stage.admin.declareQueue(other)), "reply code");
    }

    static void maxLength(Stage stage) throws Exception {
        String queue = stage.queue(stage.durable().maxLength(2));
        stage.fill(queue, "a", "b", "c");
        Check.equal(2L, stage.count(queue), "messages");
        Check.equal("b", stage.take(queue), "the oldest left");
        Check.equal("c", stage.take(queue), "the newest");
    }

    static void priority(Stage stage) throws Exception {
        String queue = stage.queue(stage.durable().maxPriority(5));
        for (String body : List.of("1a", "5a", "3a", "1b", "5b", "3b")) {
            stage.send("", queue, Stage.message(body).setPriority(body.charAt(0) - '0').build());
        }
        var order = new ArrayList<String>();
        for (int i = 0; i < 6; i++) {
            order.add(stage.take(queue));
        }
        Check.equal(List.of("5a", "5b", "3a", "3b", "1a", "1b"), order, "order");
    }
}
