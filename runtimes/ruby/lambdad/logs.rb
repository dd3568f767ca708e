# frozen_string_literal: true

require 'json'
require 'logger'

module Lambdad
  # Where a function's log goes: standard output, or a descriptor of the platform's that takes one frame a message.
  module Logs
    TEXT_FRAME = 0xa55a0003
    JSON_FRAME = 0xa55a0002
    # Added to a frame's type.
    LEVEL_BITS = { 'DEBUG' => 0x08, 'INFO' => 0x0c, 'WARN' => 0x10, 'ERROR' => 0x14, 'FATAL' => 0x18 }.freeze
    LEVELS = { 'TRACE' => 'DEBUG', 'DEBUG' => 'DEBUG', 'INFO' => 'INFO', 'WARN' => 'WARN', 'ERROR' => 'ERROR',
               'FATAL' => 'FATAL' }.freeze

    class << self
      # The running invocation's, or nil outside of one.
      attr_accessor :request_id

      def set_up
        descriptor = ENV.delete('_LAMBDA_TELEMETRY_LOG_FD')
        @frames = IO.for_fd(Integer(descriptor, 10), 'wb', autoclose: false).tap { |io| io.sync = true } if descriptor
        @is_json = ENV['AWS_LAMBDA_LOG_FORMAT'] == 'JSON'
        @level = LEVELS[ENV['AWS_LAMBDA_LOG_LEVEL']]
        Logger.prepend(LoggerDefaults)
        Object.include(FramedPuts) if @frames
      end

      def json?
        @is_json
      end

      # The level that the function's log configuration asks for, or nil.
      def logger_level
        @level && Logger.const_get(@level)
      end

      # One message; with line feeds in it it stays one where there are frames.
      def write(message, level: nil, json: false)
        return $stdout.write("#{message.chomp}\n") unless @frames

        bytes = message.chomp.b
        type = (json ? JSON_FRAME : TEXT_FRAME) | LEVEL_BITS.fetch(level, 0)
        microseconds = Process.clock_gettime(Process::CLOCK_REALTIME, :microsecond)
        @frames.write([type, bytes.bytesize, microseconds].pack('NNQ>') << bytes)
      end

      # What the runtime itself says of an error.
      def error(message, fault)
        return write(json_error(message, fault), level: 'ERROR', json: true) if @is_json

        write(message, level: 'ERROR')
        write(JSON.pretty_generate(fault.payload), level: 'ERROR')
      end

      private

      def json_error(message, fault)
        record = { timestamp: JsonFormatter.time_text(Time.now), level: 'ERROR', message: message, requestId: request_id }
        JSON.generate(record.merge(fault.payload).compact)
      end
    end

    # `puts` writes one record, whatever lines it has.
    module FramedPuts
      private

      def puts(*values)
        return $stdout.puts(*values) unless $stdout.equal?(STDOUT)

        Logs.write(values.flatten.map { |value| value.to_s.encode('UTF-8', invalid: :replace, undef: :replace) }.join("\n"))
        nil
      end
    end

    # Where a Logger writes to standard output or error, it writes records of the platform's.
    module LoggerDefaults
      def initialize(logdev = nil, *others, **options)
        is_ours = logdev.nil? || logdev.equal?($stdout) || logdev.equal?($stderr)
        return super unless is_ours

        level = Logs.logger_level
        options[:level] = level if level && !options.key?(:level)
        options[:formatter] ||= Logs.json? ? JsonFormatter.new : TextFormatter.new
        super(RecordDevice.new, *others, **options)
      end
    end

    # What Logger takes for a device: it has `write` and `close`.
    class RecordDevice
      def write(message)
        level = Thread.current[:lambdad_log_level]
        Thread.current[:lambdad_log_level] = nil
        Logs.write(message, level: level, json: Logs.json? && message.start_with?('{'))
      end

      def close; end
    end

    # Records as AWS writes them in the text format.
    class TextFormatter < Logger::Formatter
      def call(severity, time, progname, message)
        Thread.current[:lambdad_log_level] = severity
        text = msg2str(message).encode('UTF-8', invalid: :replace, undef: :replace)
        format("%s, [%s #%d] %5s %s -- %s: %s\n", severity[0], format_datetime(time), Process.pid, severity,
               Logs.request_id, progname, text)
      end
    end

    # Records as AWS writes them in the JSON format.
    class JsonFormatter < Logger::Formatter
      def self.time_text(time)
        time.utc.strftime('%Y-%m-%dT%H:%M:%S.%6NZ')
      end

      def call(severity, time, progname, message)
        Thread.current[:lambdad_log_level] = severity
        record = { timestamp: self.class.time_text(time), level: severity, message: text(message),
                   requestId: Logs.request_id, logger: progname && text(progname) }
        record.merge!(error_members(message)) if message.is_a?(Exception)
        "#{JSON.generate(record.compact)}\n"
      end

      private

      def error_members(error)
        lines = Array(error.backtrace).map { |line| text(line) }
        place = /\A(?<file>.+):(?<line>\d+):in [`'](?<method>.+)'\z/.match(lines.first.to_s)
        { errorType: error.class.to_s, errorMessage: text(error), stackTrace: lines,
          location: place ? "#{place[:file]}:#{place[:method]}:#{place[:line]}" : lines.first }
      end

      def text(value)
        string = value.is_a?(Exception) ? value.message : msg2str(value)
        string.to_s.encode('UTF-8', invalid: :replace, undef: :replace)
      end
    end
  end
end
