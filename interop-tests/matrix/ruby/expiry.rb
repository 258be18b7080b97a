# frozen_string_literal: true

# What happens to messages that wait too long or are given up: time to live and dead letters.
module Expiry
  def message_ttl
    channel = open_channel
    dead = make_queue(channel)
    fill(make_queue(channel, **dead_letters_to(dead.name)), "late", expiration: "200")
    properties = arrival(dead)[1]
    equal("expired", death(properties)["reason"], "reason")
    equal(nil, properties.expiration, "expiration property")
  end

  def queue_ttl
    queue = make_queue(open_channel, x_message_ttl: 200)
    fill(queue, "a", "b")
    holds(queue, 0)
    equal(nil, take(queue), "what is left")
  end

  def queue_expires
    connection = session
    queue = make_queue(connection.create_channel, x_expires: 300)
    # Asked less often than it expires: a passive declare counts as use.
    sleep(1)
    fails(Bunny::NotFound) { connection.create_channel.queue(queue.name, passive: true) }
  end

  def dead_letter
    channel = open_channel
    exchange = make_exchange(channel, :fanout)
    dead = make_queue(channel).bind(exchange)
    queue = make_queue(channel, x_dead_letter_exchange: exchange.name)
    fill(queue, "bad")
    channel.reject(queue.pop(manual_ack: true).first.delivery_tag, false)
    expected = { "count" => 1, "reason" => "rejected", "queue" => queue.name, "exchange" => "",
                 "routing-keys" => [queue.name] }
    found = death(arrival(dead)[1])
    equal(expected, found.slice(*expected.keys), "x-death")
  end

  def retry_loop
    channel = open_channel
    work = name
    waiting = make_queue(channel, x_message_ttl: 50, **dead_letters_to(work))
    queue = named_queue(channel, work, **dead_letters_to(waiting.name))
    inbox = Inbox.new(queue)
    fill(queue, "stubborn")
    3.times { channel.reject(inbox.next.tag, false) }
    deaths = inbox.next.properties.headers["x-death"]
    equal([3, 3], deaths.map { |it| it["count"] }, "counts of both queues")
  end

  def delivery_limit
    channel = open_channel
    dead = make_queue(channel)
    queue = make_queue(channel, x_queue_type: "quorum", x_delivery_limit: 2, **dead_letters_to(dead.name))
    inbox = Inbox.new(queue)
    fill(queue, "poison")
    3.times { channel.reject(inbox.next.tag, true) }
    equal("delivery_limit", death(arrival(dead)[1])["reason"], "reason")
    check(inbox.empty?, "no fourth delivery")
  end

  def dead_letters_to(queue) = { x_dead_letter_exchange: "", x_dead_letter_routing_key: queue }

  def death(properties) = properties.headers["x-death"].first
end
