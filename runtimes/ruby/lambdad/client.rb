# frozen_string_literal: true

require 'socket'

module Lambdad
  # The connection ended, or the other side does not speak the protocol.
  class RuntimeApiLost < StandardError; end

  # The Runtime API (2018-06-01) over one raw TCP connection. A result and the request for the next event leave in one
  # write; answers come back in the order of the requests (HTTP/1.1 pipelining).
  class Client
    HEAD_BYTES_MAX = 256 * 1024
    BODY_BYTES_MAX = 64 * 1024 * 1024
    READ_BYTES = 64 * 1024
    REFUSAL_CHARACTERS_MAX = 1024
    ACCEPTED = 202
    TOO_LARGE = 413
    PATH = '/2018-06-01/runtime/'

    # An answer: its headers by their lower-case names, and its body.
    Answer = Struct.new(:status, :headers, :body) do
      # By any case, as Net::HTTP answers.
      def [](name)
        headers[name.downcase]
      end
    end

    # Connects to `address` (host:port). Raises RuntimeApiLost.
    def initialize(address)
      @host, _, @port = address.rpartition(':')
      @next_request = "GET #{PATH}invocation/next HTTP/1.1\r\nHost: #{address}\r\n\r\n".b
      @address = address
      @next_is_asked = false
      open
    end

    # Waits without limit for an event.
    def next
      send_bytes(@next_request) unless @next_is_asked
      @next_is_asked = false
      answer = read_answer
      raise RuntimeApiLost, "the request for the next event was answered with status #{answer.status}" if answer.status != 200

      answer
    end

    # Posts a result and asks for the next event. A refusal is told on standard error, and not raised.
    def respond(request_id, body, content_type)
      post("invocation/#{request_id}/response", { 'Content-Type' => content_type }, body, @next_request)
    end

    # Posts an error and, unless it is the last, asks for the next event.
    def fail(request_id, headers, body, is_last:)
      post("invocation/#{request_id}/error", json(headers), body, is_last ? '' : @next_request)
    end

    def fail_init(headers, body)
      post('init/error', json(headers), body, '')
    end

    private

    def json(headers)
      { 'Content-Type' => 'application/json' }.merge(headers)
    end

    def open
      @rest = ''.b
      @socket = TCPSocket.new(@host.delete('[]'), Integer(@port, 10))
      @socket.setsockopt(Socket::IPPROTO_TCP, Socket::TCP_NODELAY, 1)
    rescue SystemCallError, SocketError => e
      raise RuntimeApiLost, e.message
    end

    # A server may end the connection with an answer, as Go's does after 413; a next behind it is sent again.
    def reopen
      @socket.close
      open
      send_bytes(@next_request) if @next_is_asked
    end

    def post(path, headers, body, tail)
      lines = headers.map { |name, value| "#{name}: #{value}\r\n" }.join
      head = "POST #{PATH}#{path} HTTP/1.1\r\nHost: #{@address}\r\n#{lines}Content-Length: #{body.bytesize}\r\n\r\n"
      send_bytes(head.b, body.b, tail)
      @next_is_asked = !tail.empty?
      answer = read_answer
      # A 413 is worded for the caller by the platform.
      return if [ACCEPTED, TOO_LARGE].include?(answer.status)

      warn "The result was refused with #{answer.status}: #{answer.body[0, REFUSAL_CHARACTERS_MAX]}"
    end

    def send_bytes(*parts)
      @socket.write(*parts)
    rescue SystemCallError, IOError => e
      raise RuntimeApiLost, e.message
    end

    def read_more
      @rest << @socket.readpartial(READ_BYTES)
    rescue EOFError
      raise RuntimeApiLost, 'the connection was closed'
    rescue SystemCallError, IOError => e
      raise RuntimeApiLost, e.message
    end

    # The bytes up to the mark, which is stepped over.
    def read_until(mark)
      from = 0
      until (at = @rest.index(mark, from))
        raise RuntimeApiLost, 'an answer came with an overlong head' if @rest.bytesize > HEAD_BYTES_MAX

        from = [@rest.bytesize - mark.bytesize, 0].max
        read_more
      end
      found = @rest.slice!(0, at + mark.bytesize)
      found[0, at]
    end

    def read_exactly(count)
      raise RuntimeApiLost, 'an answer came that is too long' if count > BODY_BYTES_MAX

      read_more while @rest.bytesize < count
      @rest.slice!(0, count)
    end

    def read_answer
      first, *lines = read_until("\r\n\r\n").split("\r\n")
      status = %r{\AHTTP/1\.1 (\d{3})}n.match(first.to_s)
      raise RuntimeApiLost, 'something came that is not an HTTP/1.1 answer' unless status

      headers = lines.to_h { |line| header(line) }
      body = headers['transfer-encoding'] ? read_chunks(headers['transfer-encoding']) : read_exactly(length(headers))
      answer = Answer.new(Integer(status[1], 10), headers, body)
      reopen if headers['connection'].to_s.downcase == 'close'
      answer
    end

    def header(line)
      name, colon, value = line.partition(':')
      raise RuntimeApiLost, 'an answer came with a malformed header line' if colon.empty?

      [name.downcase, value.strip.force_encoding(Encoding::UTF_8)]
    end

    def length(headers)
      text = headers.fetch('content-length', '0')
      raise RuntimeApiLost, 'an answer came with a malformed length' unless text.match?(/\A\d{1,10}\z/)

      Integer(text, 10)
    end

    def read_chunks(coding)
      raise RuntimeApiLost, 'an answer came in an unknown transfer coding' unless coding.downcase == 'chunked'

      body = ''.b
      loop do
        text = read_until("\r\n").partition(';').first.strip
        raise RuntimeApiLost, 'an answer came with a malformed chunk size' unless text.match?(/\A\h{1,8}\z/)

        size = text.to_i(16)
        break if size.zero?

        raise RuntimeApiLost, 'an answer came that is too long' if body.bytesize + size > BODY_BYTES_MAX

        body << read_exactly(size)
        raise RuntimeApiLost, 'an answer came with a malformed chunk' unless read_exactly(2) == "\r\n"
      end
      nil until read_until("\r\n").empty?
      body
    end
  end
end
