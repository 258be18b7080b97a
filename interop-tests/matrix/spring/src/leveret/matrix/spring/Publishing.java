package leveret.matrix.spring;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import leveret.matrix.harness.Check;
import leveret.matrix.harness.Environment;
import org.springframework.amqp.core.AcknowledgeMode;
import org.springframework.amqp.core.Message;
import org.springframework.amqp.core.QueueBuilder.Overflow;
import org.springframework.amqp.rabbit.connection.CachingConnectionFactory.ConfirmType;
import org.springframework.amqp.rabbit.connection.CorrelationData;
import org.springframework.amqp.rabbit.core.RabbitTemplate;
import org.springframework.amqp.rabbit.listener.adapter.MessageListenerAdapter;
import org.springframework.amqp.rabbit.listener.adapter.ReplyingMessageListener;
import org.springframework.amqp.rabbit.transaction.RabbitTransactionManager;
import org.springframework.transaction.support.TransactionTemplate;

/** The template: what a publisher is told, and what it may take back. */
final class Publishing {
    private Publishing() {}

    static void confirms(Stage stage) throws Exception {
        String queue = stage.queue();
        var correlations = new ArrayList<CorrelationData>();
        for (int i = 0; i < 1000; i++) {
            var correlation = new CorrelationData("message " + i);
            correlations.add(correlation);
            stage.template.convertAndSend("", queue, "message " + i, correlation);
        }
        for (CorrelationData correlation : correlations) {
            boolean ack = correlation.getFuture().get(Check.LIMIT_MILLIS, TimeUnit.MILLISECONDS).isAck();
            Check.that(ack, correlation.getId() + " is confirmed");
        }
        Check.equal(1000L, stage.count(queue), "messages");
    }

    /** The template completes the confirm only when it has seen the return, which the broker sends first. */
    static void mandatory(Stage stage) throws Exception {
        stage.template.setMandatory(true);
        var correlation = new CorrelationData();
        stage.template.convertAndSend("", stage.name(), "nobody", correlation);
        Check.that(correlation.getFuture().get(Check.LIMIT_MILLIS, TimeUnit.MILLISECONDS).isAck(), "confirmed");
        Check.that(correlation.getReturned() != null, "returned before it is confirmed");
        Check.equal(312, correlation.getReturned().getReplyCode(), "reply code");
    }

    static void rejectPublish(Stage stage) throws Exception {
        String queue = stage.queue(stage.durable().maxLength(1).overflow(Overflow.rejectPublish));
        stage.fill(queue, "kept");
        Message refused = Stage.message("refused").build();
        Check.eventually(() -> !stage.confirmed("", queue, refused), "a nack");
        Check.equal("kept", stage.take(queue), "what the queue holds");
    }

    static void transactions(Stage stage) throws Exception {
        String queue = stage.queue();
        var factory = stage.factory(Environment.url());
        factory.setPublisherConfirmType(ConfirmType.NONE);
        var transacted = new RabbitTemplate(factory);
        transacted.setChannelTransacted(true);
        var transaction = new TransactionTemplate(new RabbitTransactionManager(factory));
        transaction.executeWithoutResult(status -> {
            transacted.convertAndSend(queue, "a");
            transacted.convertAndSend(queue, "b");
            Queues.passive(transacted, queue);
            Check.equal(0L, stage.count(queue), "messages before the commit");
        });
        stage.holds(queue, 2);
        transaction.executeWithoutResult(status -> {
            transacted.convertAndSend(queue, "c");
            status.setRollbackOnly();
        });
        transaction.executeWithoutResult(status -> Queues.passive(transacted, queue));
        Check.equal(List.of("a", "b"), List.of(stage.take(queue), stage.take(queue)), "all");
        Check.equal(null, stage.take(queue), "what was rolled back");
    }

    static void directReply(Stage stage) throws Exception {
        String queue = stage.queue();
        ReplyingMessageListener<String, String> answering = question -> "answer to " + question;
        stage.container(queue, new MessageListenerAdapter(answering), AcknowledgeMode.AUTO);
        stage.template.setReplyTimeout(Check.LIMIT_MILLIS);
        stage.template.setUseDirectReplyToContainer(false);
        Check.equal("answer to me", stage.template.convertSendAndReceive("", queue, "me"), "one consumer a request");
        var container = new RabbitTemplate(stage.factory);
        container.setReplyTimeout(Check.LIMIT_MILLIS);
        Check.equal("answer to you", container.convertSendAndReceive("", queue, "you"), "one consumer for all");
        container.stop();
    }
}
