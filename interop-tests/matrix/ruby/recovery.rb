# frozen_string_literal: true

# A restart of the broker, and the library's own recovery of connection and topology.
module Recovery
  def reconnect
    channel = connect_to_stay.create_channel
    queue = make_queue(channel)
    fill(queue, "durable", persistent: true)
    restart
    equal("durable", arrival(queue).last, "what was there before")
  end

  def topology
    channel = connect_to_stay.create_channel
    exchange = channel.direct(name, auto_delete: true)
    queue = channel.queue("", exclusive: true).bind(exchange, routing_key: "key")
    inbox = Inbox.new(queue, manual_ack: false)
    exchange.publish("before", routing_key: "key")
    equal("before", inbox.next.body, "before the restart")
    restart
    exchange.publish("after", routing_key: "key")
    equal("after", inbox.next.body, "after the restart")
  end

  def connect_to_stay
    session(Stage::URL, automatically_recover: true, network_recovery_interval: 0.2,
                        recovery_completed: ->(*) { (@recovered ||= Queue.new) << true })
  end

  def restart
    @recovered ||= Queue.new
    Matrix.control("restart")
    Timeout.timeout(Stage::LIMIT, Timeout::Error, "no recovery") { @recovered.pop }
  end
end
