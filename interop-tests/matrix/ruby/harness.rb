# frozen_string_literal: true

require "bunny"
require "securerandom"
require "socket"
require "timeout"

# The library has no such feature; the message says what it lacks.
class NotOffered < StandardError; end

# What the runner tells the program, and the lines that it reads.
module Matrix
  LIMIT = 20

  def self.run(client, ids)
    only = ENV.fetch("INTEROP_ONLY", "").split(",")
    ids.each do |id|
      next unless only.empty? || only.include?(id)

      report("#{client}\t#{id}\t#{outcome(client, id)}")
    end
  end

  def self.outcome(client, id)
    stage = Stage.new("matrix.#{client}.#{id}.")
    Timeout.timeout(LIMIT) do
      stage.public_send(id.tr("-", "_"))
    ensure
      stage.leave
    end
    "passed\t"
  rescue NotOffered => e
    "not offered\t#{e.message}"
  rescue StandardError => e
    "failed\t#{"#{e.class}: #{e.message}".gsub(/\s+/, " ")}"
  end

  def self.report(line)
    results = ENV.fetch("INTEROP_RESULTS", "")
    return puts(line) if results.empty?

    File.open(results, "a") { |file| file.puts(line) }
  end

  # Sends a line to the runner; what follows "ok" in its answer.
  def self.control(command)
    host, port = ENV.fetch("INTEROP_CONTROL").split(":")
    TCPSocket.open(host, port) do |socket|
      socket.puts(command)
      answer = socket.gets.to_s.chomp
      raise "control port, asked to #{command}: #{answer}" unless answer.start_with?("ok")

      answer.delete_prefix("ok").strip
    end
  end
end

# The connections and names of one behaviour, gone when it is left; expectations about both.
class Stage
  URL = ENV.fetch("INTEROP_URL", "amqp://guest:guest@127.0.0.1:5672/%2F")
  LIMIT = 10
  STEP = 0.02

  def initialize(prefix)
    @prefix = prefix
    @connections = []
    @queues = []
    @exchanges = []
  end

  # Without recovery: a behaviour that loses a connection means to.
  def session(url = URL, **settings)
    quiet = { automatically_recover: false, log_level: Logger::FATAL }
    connection = Bunny.new(url, **quiet, **settings)
    @connections << connection
    connection.start
  end

  # A channel on a connection of its own.
  def open_channel = session.create_channel

  def name = @prefix + SecureRandom.hex(4)

  def make_queue(channel, **arguments)
    named_queue(channel, name, **arguments)
  end

  def named_queue(channel, name, **arguments)
    @queues << name
    channel.queue(name, durable: true, arguments: arguments.transform_keys { |key| key.to_s.tr("_", "-") })
  end

  def make_exchange(channel, type, **arguments)
    @exchanges << name
    arguments = arguments.transform_keys { |key| key.to_s.tr("_", "-") }
    channel.exchange(@exchanges.last, type: type, durable: true, arguments: arguments)
  end

  # Publishes on a channel of its own and waits for the confirm.
  def send_to(exchange, body, **properties)
    channel = exchange.channel.connection.create_channel
    channel.confirm_select
    channel.basic_publish(body, exchange.name, properties.delete(:routing_key) || "", properties)
    check(channel.wait_for_confirms, "the publish is confirmed")
    channel.close
  end

  def fill(queue, *bodies, **properties)
    bodies.each { |body| send_to(queue.channel.default_exchange, body, routing_key: queue.name, **properties) }
  end

  # The body at the head of a queue, taken out; nil if there is none.
  def take(queue) = queue.pop.last

  # The first message of a queue, as soon as there is one: delivery, properties, body.
  def arrival(queue)
    found = nil
    eventually("a message in #{queue.name}") { (found = queue.pop).first }
    found
  end

  def holds(queue, count)
    eventually("#{count} messages in #{queue.name}") { queue.message_count == count }
  end

  def check(condition, what)
    raise what unless condition
  end

  def equal(expected, found, what)
    check(expected == found, "#{what}: expected #{expected.inspect}, found #{found.inspect}")
  end

  # The failure that the block must end in.
  def fails(kind)
    yield
  rescue kind => e
    e
  else
    raise "expected #{kind}, but it went well"
  end

  def eventually(what)
    deadline = now + LIMIT
    until yield
      check(now < deadline, "waited #{LIMIT} s for: #{what}")
      sleep(STEP)
    end
  end

  def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)

  # Connections first, so that no consumer of ours holds a name.
  def leave
    @connections.select(&:open?).each(&:close)
    return if @queues.empty? && @exchanges.empty?

    channel = session.create_channel
    @queues.each { |queue| channel.queue_delete(queue) }
    @exchanges.each { |exchange| channel.exchange_delete(exchange) }
    channel.connection.close
  end
end

# A consumer that keeps what it gets.
class Inbox
  Received = Struct.new(:delivery, :properties, :body) do
    def tag = delivery.delivery_tag
  end

  attr_reader :consumer, :cancelled

  def initialize(queue, **options)
    @received = Queue.new
    @cancelled = Queue.new
    options = { manual_ack: true, on_cancellation: ->(method) { @cancelled << method.consumer_tag } }.merge(options)
    @consumer = queue.subscribe(**options) { |*message| @received << Received.new(*message) }
  end

  def next
    Timeout.timeout(Stage::LIMIT, Timeout::Error, "no delivery in #{Stage::LIMIT} s") { @received.pop }
  end

  def take(count) = Array.new(count) { self.next }

  def bodies(count) = take(count).map(&:body)

  def empty? = @received.empty?
end
