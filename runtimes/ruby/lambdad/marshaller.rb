# frozen_string_literal: true

require 'json'
require 'stringio'

module AwsLambda
  # Between bytes and Ruby's values. Functions may replace these methods, as on AWS.
  class Marshaller
    class << self
      # `raw_request` has the event's `body` and, by name, its headers.
      def marshall_request(raw_request)
        body = raw_request.body.force_encoding(Encoding::UTF_8)
        return body unless [nil, 'application/json'].include?(raw_request['Content-Type'])

        JSON.parse(body)
      end

      # The body, and its content type when that is not JSON.
      def marshall_response(method_response)
        case method_response
        when StringIO, IO then [method_response, 'application/unknown']
        else method_response.to_json
        end
      end
    end
  end
end
