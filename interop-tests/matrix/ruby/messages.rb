# frozen_string_literal: true

# What is published comes out unchanged.
module Messages
  PROPERTIES = {
    content_type: "application/json", content_encoding: "utf-8", delivery_mode: 2, priority: 3,
    correlation_id: "c-1", reply_to: "reply", expiration: "60000", message_id: "m-1",
    timestamp: 1_600_000_000, type: "order", user_id: "guest", app_id: "app",
    headers: {
      "text" => "gr\u00fc\u00dfe", "int" => 42, "long" => -(1 << 40), "double" => 0.5, "yes" => true,
      "when" => Time.at(1_700_000_000), "array" => ["a", 1, false, [2, 3]],
      "table" => { "inner" => { "deep" => "end" } }, "bytes" => "\x00\xFF\x07".b
    }
  }.freeze

  def publish_get
    queue = make_queue(open_channel)
    equal([nil, nil, nil], queue.pop, "what an empty queue gives")
    fill(queue, "hello")
    delivery, _, body = arrival(queue)
    equal("hello", body, "body")
    equal(queue.name, delivery.routing_key, "routing key")
    equal(nil, take(queue), "what the queue gives afterwards")
  end

  def properties
    found = round_trip("x", **PROPERTIES)[1]
    PROPERTIES.each { |property, value| equal(comparable(value), comparable(found[property]), property) }
  end

  # Strings come back as bytes, without an encoding; a time may be given as a number.
  def comparable(value)
    case value
    when String then value.b
    when Time then value.to_i
    when Hash then value.transform_values { |inner| comparable(inner) }
    when Array then value.map { |inner| comparable(inner) }
    else value
    end
  end

  def empty_body
    equal("", round_trip("").last, "body")
  end

  def large_message
    body = Random.new(7).bytes(8 * 1024 * 1024)
    check(body == round_trip(body).last, "8 MiB are the same")
  end

  def binary_body
    body = (0..255).to_a.pack("C*")
    equal(body, round_trip(body).last.b, "body")
  end

  def round_trip(body, **properties)
    queue = make_queue(open_channel)
    fill(queue, body, **properties)
    arrival(queue)
  end
end
