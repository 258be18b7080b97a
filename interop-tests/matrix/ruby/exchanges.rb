# frozen_string_literal: true

# Where exchanges send what they get.
module Exchanges
  def topic
    channel = open_channel
    exchange = make_exchange(channel, :topic)
    matches = { "*.orange.*" => 1, "lazy.#" => 3, "#" => 4, "quick.*" => 0 }
    queues = matches.to_h { |pattern, _| [pattern, make_queue(channel).bind(exchange, routing_key: pattern)] }
    %w[quick.orange.fox lazy lazy.dog lazy.brown.old.dog].each { |key| send_to(exchange, key, routing_key: key) }
    equal(matches, queues.transform_values(&:message_count), "matches")
  end

  def headers_exchange
    channel = open_channel
    exchange = make_exchange(channel, :headers)
    wanted = { "kind" => "order", "size" => 3 }
    queues = %w[all any].to_h do |match|
      [match, make_queue(channel).bind(exchange, arguments: { "x-match" => match, **wanted })]
    end
    [wanted, { "kind" => "order" }, { "size" => 4 }].each { |headers| send_to(exchange, "x", headers: headers) }
    equal({ "all" => 1, "any" => 2 }, queues.transform_values(&:message_count), "matches")
  end

  def e2e_binding
    channel = open_channel
    first = make_exchange(channel, :topic)
    second = make_exchange(channel, :fanout).bind(first, routing_key: "in.*")
    queue = make_queue(channel).bind(second)
    send_to(first, "through", routing_key: "in.here")
    send_to(first, "not through", routing_key: "out")
    equal(["through", nil], [take(queue), take(queue)], "what arrives")
    second.unbind(first, routing_key: "in.*")
    send_to(first, "too late", routing_key: "in.here")
    equal(nil, take(queue), "what arrives without the binding")
  end

  def alternate
    channel = open_channel
    other = make_exchange(channel, :fanout)
    queue = make_queue(channel).bind(other)
    send_to(make_exchange(channel, :direct, alternate_exchange: other.name), "found", routing_key: "nowhere")
    equal("found", take(queue), "what arrives")
  end

  def consistent_hash
    channel = open_channel
    exchange = make_exchange(channel, "x-consistent-hash")
    queues = Array.new(2) { make_queue(channel).bind(exchange, routing_key: "1") }
    channel.confirm_select
    2000.times { |i| exchange.publish("x", routing_key: "key #{i % 1000}") }
    channel.wait_for_confirms
    counts = queues.map(&:message_count)
    equal(2000, counts.sum, "all messages")
    check(counts.min >= 400, "spread is #{counts}")
    keys = Array.new(counts.first) { queues.first.pop.first.routing_key }
    check(keys.tally.values.all?(2), "a key goes to one queue only")
  end

  def delayed
    channel = open_channel
    exchange = make_exchange(channel, "x-delayed-message", x_delayed_type: "direct")
    queue = make_queue(channel).bind(exchange, routing_key: "later")
    sent = now
    send_to(exchange, "patience", routing_key: "later", headers: { "x-delay" => 300 })
    equal("patience", arrival(queue).last, "what arrives")
    check(now - sent >= 0.3, "arrived after #{now - sent} s")
  end
end
