# frozen_string_literal: true

require 'json'
require_relative 'client'
require_relative 'context'
require_relative 'fault'
require_relative 'handler'
require_relative 'logs'
require_relative 'marshaller'

module Lambdad
  # The life of a Ruby function: load the handler, then answer one event after the other.
  class Loop
    # Exit codes of AWS's Ruby runtimes, as the system counts them: -4 and -1 of one byte.
    INIT_FAILED = 252
    CRITICAL = 255
    LOST = 1

    def initialize(address, handler_name, runtime_dir)
      @address = address
      @handler_name = handler_name
      @runtime_dir = runtime_dir
    end

    # Serves until the process is ended.
    def run
      Logs.set_up
      @client = Client.new(@address)
      load_handler
      loop { invoke(@client.next) }
    rescue RuntimeApiLost => e
      warn "The Lambda Runtime API is gone: #{e.message}."
      exit LOST
    rescue SignalException => e
      raise unless e.signm == 'SIGTERM'

      exit 0
    end

    private

    def load_handler
      @handler = LambdaHandler.new(@handler_name)
      require @handler.file_name
    rescue RuntimeApiLost, SignalException
      raise
    rescue Exception => e # A module may raise or exit as it likes.
      fault = Fault.new(e, 'Init', @runtime_dir)
      Logs.error("Init error when loading handler #{@handler_name}", fault)
      @client.fail_init({ 'Lambda-Runtime-Function-Error-Type' => fault.header_type }, fault.body)
      exit INIT_FAILED
    end

    def invoke(request)
      id = request['Lambda-Runtime-Aws-Request-Id']
      Logs.request_id = id
      set_trace(request['Lambda-Runtime-Trace-Id'])
      body, content_type = result_of(request)
    rescue RuntimeApiLost, SignalException
      raise
    rescue Exception => e
      fail(id, e)
    else
      @client.respond(id, body, content_type)
    end

    def result_of(request)
      event = AwsLambda::Marshaller.marshall_request(request)
      value, content_type = AwsLambda::Marshaller.marshall_response(@handler.call(event, LambdaContext.new(request)))
      # Streams are read here; they are what is not JSON.
      value = value.read if content_type == 'application/unknown' && value.respond_to?(:read)
      [value, content_type || 'application/json']
    end

    def fail(id, error)
      # AWS's runtimes do not go on after these.
      is_critical = error.is_a?(NameError) || !error.is_a?(StandardError)
      fault = Fault.new(error, 'Function', @runtime_dir)
      Logs.error(is_critical ? 'Critical exception from handler' : 'Error raised from handler method', fault)
      headers = { 'Lambda-Runtime-Function-Error-Type' => fault.header_type }
      cause = fault.cause
      headers['Lambda-Runtime-Function-XRay-Error-Cause'] = cause if cause
      @client.fail(id, headers, fault.body, is_last: is_critical)
      exit CRITICAL if is_critical
    end

    def set_trace(trace_id)
      ENV['_X_AMZN_TRACE_ID'] = trace_id
    end
  end
end
