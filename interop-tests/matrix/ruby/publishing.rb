# frozen_string_literal: true

# What a publisher is told, and what it may take back.
module Publishing
  def confirms
    queue = make_queue(open_channel)
    queue.channel.confirm_select
    1000.times { |i| queue.publish("message #{i}") }
    check(queue.channel.wait_for_confirms, "all are confirmed")
    check(queue.channel.unconfirmed_set.empty?, "none is left")
    equal(1000, queue.message_count, "messages")
  end

  def mandatory
    channel = open_channel
    events = Queue.new
    exchange = channel.default_exchange
    exchange.on_return { |info| events << info.reply_code }
    channel.confirm_select(->(_tag, _multiple, nack) { events << (nack ? :nack : :ack) })
    exchange.publish("nobody", routing_key: name, mandatory: true)
    equal([312, :ack], Timeout.timeout(Stage::LIMIT) { [events.pop, events.pop] }, "events")
  end

  def reject_publish
    queue = make_queue(open_channel, x_max_length: 1, x_overflow: "reject-publish")
    fill(queue, "kept")
    queue.channel.confirm_select
    eventually("a nack") do
      queue.publish("refused")
      !queue.channel.wait_for_confirms
    end
    equal("kept", take(queue), "what the queue holds")
  end

  def transactions
    queue = make_queue(open_channel)
    watching = open_channel.queue(queue.name, passive: true)
    queue.channel.tx_select
    queue.publish("a").publish("b")
    equal([0, 0], [queue.message_count, watching.message_count], "messages before the commit")
    queue.channel.tx_commit
    holds(watching, 2)
    queue.publish("c")
    queue.channel.tx_rollback
    queue.channel.tx_commit
    equal(["a", "b", nil], Array.new(3) { take(watching) }, "all, and not what was rolled back")
  end

  def direct_reply
    queue = make_queue(open_channel)
    queue.subscribe do |_, request, _|
      queue.channel.default_exchange.publish("answer", routing_key: request.reply_to,
                                                       correlation_id: request.correlation_id)
    end
    channel = open_channel
    replies = Inbox.new(channel.queue("amq.rabbitmq.reply-to", no_declare: true), manual_ack: false)
    channel.default_exchange.publish("question", routing_key: queue.name, reply_to: "amq.rabbitmq.reply-to",
                                                 correlation_id: "7")
    reply = replies.next
    equal(%w[answer 7], [reply.body, reply.properties.correlation_id], "reply")
  end
end
