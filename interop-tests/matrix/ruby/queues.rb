# frozen_string_literal: true

# Declaring queues, and in which order and how much they keep.
module Queues
  def exclusive
    own = session
    queue = own.create_channel.queue(name, exclusive: true)
    other = session
    fails(Bunny::ResourceLocked) { other.create_channel.queue(queue.name, passive: true) }
    own.close
    eventually("the queue to go with its connection") { !other.queue_exists?(queue.name) }
  end

  def passive_missing
    connection = session
    channel = connection.create_channel
    fails(Bunny::NotFound) { channel.queue(name, passive: true) }
    check(channel.closed?, "the channel is closed")
    connection.create_channel.close
  end

  def inequivalent
    queue = make_queue(open_channel)
    refused = fails(Bunny::PreconditionFailed) { named_queue(open_channel, queue.name, x_max_length: 1) }
    equal(406, refused.channel_close.reply_code, "reply code")
  end

  def max_length
    queue = make_queue(open_channel, x_max_length: 2)
    fill(queue, "a", "b", "c")
    equal([2, "b", "c"], [queue.message_count, take(queue), take(queue)], "messages, the oldest and the newest")
  end

  def priority
    queue = make_queue(open_channel, x_max_priority: 5)
    %w[1a 5a 3a 1b 5b 3b].each { |body| fill(queue, body, priority: body.to_i) }
    equal(%w[5a 5b 3a 3b 1a 1b], Array.new(6) { take(queue) }, "order")
  end
end
