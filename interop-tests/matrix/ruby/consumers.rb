# frozen_string_literal: true

# Deliveries and their settlement, and who gets them.
module Consumers
  def consume_ack
    queue = filled("a", "b", "c")
    inbox = Inbox.new(queue)
    bodies = inbox.take(3).map do |message|
      queue.channel.ack(message.tag)
      message.body
    end
    equal(%w[a b c], bodies, "bodies")
    queue.channel.connection.close
    equal(0, seen_again(queue).message_count, "messages after a reconnect")
  end

  def consume_auto_ack
    queue = filled("a", "b", "c")
    equal(%w[a b c], Inbox.new(queue, manual_ack: false).bodies(3), "bodies")
    queue.channel.connection.close
    equal(0, seen_again(queue).message_count, "messages afterwards")
  end

  def redelivered
    queue = filled("a", "b")
    check(Inbox.new(queue).take(2).none? { |it| it.delivery.redelivered? }, "the first time they are not")
    queue.channel.close
    again = seen_again(queue)
    expect_redelivered(again)
    again.channel.connection.close
    expect_redelivered(seen_again(queue))
  end

  def expect_redelivered(queue)
    messages = Inbox.new(queue).take(2)
    equal(%w[a b], messages.map(&:body), "order")
    check(messages.all? { |it| it.delivery.redelivered? }, "all are marked redelivered")
  end

  def nack_requeue
    queue = filled("again")
    queue.channel.nack(queue.pop(manual_ack: true).first.delivery_tag, false, true)
    holds(queue, 1)
    delivery = queue.pop(manual_ack: true).first
    check(delivery.redelivered?, "marked as redelivered")
    queue.channel.reject(delivery.delivery_tag, false)
    queue.channel.close
    equal(0, seen_again(queue).message_count, "messages after the reject")
  end

  def multiple_ack
    queue = filled("a", "b", "c", "d")
    queue.channel.ack(Inbox.new(queue).take(4)[2].tag, true)
    queue.channel.close
    left = seen_again(queue)
    holds(left, 1)
    equal("d", take(left), "what was not acknowledged")
  end

  def prefetch
    queue = filled("1", "2", "3", "4", "5")
    queue.channel.prefetch(3)
    inbox = Inbox.new(queue)
    held = inbox.take(3)
    holds(queue, 2)
    check(inbox.empty?, "no fourth delivery")
    queue.channel.ack(held.first.tag)
    equal("4", inbox.next.body, "after one acknowledgement")
    holds(queue, 1)
    check(inbox.empty?, "no fifth delivery")
  end

  def consumer_cancel
    queue = filled("before")
    inbox = Inbox.new(queue, manual_ack: false)
    equal("before", inbox.next.body, "before it is cancelled")
    inbox.consumer.cancel
    fill(queue, "after")
    equal(1, queue.message_count, "what stays in the queue")
    check(inbox.empty?, "nothing more for the cancelled consumer")
  end

  def cancel_notify
    queue = make_queue(open_channel)
    inbox = Inbox.new(queue)
    open_channel.queue_delete(queue.name)
    tag = Timeout.timeout(Stage::LIMIT) { inbox.cancelled.pop }
    equal(inbox.consumer.consumer_tag, tag, "cancelled consumer")
  end

  def single_active
    queue = make_queue(open_channel, x_single_active_consumer: true)
    first = Inbox.new(queue, manual_ack: false)
    second = Inbox.new(seen_again(queue), manual_ack: false)
    fill(queue, "a", "b", "c")
    equal(%w[a b c], first.bodies(3), "for the first")
    check(second.empty?, "nothing for the second")
    first.consumer.cancel
    fill(queue, "d")
    equal("d", second.next.body, "for the second")
  end

  def consumer_priority
    queue = make_queue(open_channel)
    low = Inbox.new(queue)
    preferred = seen_again(queue)
    preferred.channel.prefetch(2)
    high = Inbox.new(preferred, arguments: { "x-priority" => 10 })
    fill(queue, "a", "b", "c")
    equal(%w[a b], high.bodies(2), "while it has credit")
    equal("c", low.next.body, "for the other when it has none")
    check(high.empty? && low.empty?, "nothing twice")
  end

  def filled(*bodies)
    queue = make_queue(open_channel)
    fill(queue, *bodies)
    queue
  end

  # The same queue over another connection.
  def seen_again(queue) = open_channel.queue(queue.name, passive: true)
end
