# frozen_string_literal: true

require 'json'

module Lambdad
  # An error as AWS's Ruby runtimes name and post it. Source: runtime-facts 5, and the source of Amazon's client.
  class Fault
    LINES_MAX = 100
    CAUSE_FRAMES_MAX = 15
    CAUSE_BYTES_MAX = 64 * 1024
    # Errors that are named as they are to the platform; any other is the user's.
    NAMED = %w[ArgumentError NoMethodError Exception StandardError NameError LoadError SystemExit SystemStackError].freeze

    attr_reader :error

    # `phase` is Init or Function.
    def initialize(error, phase, runtime_dir)
      @error = error
      @type = "#{phase}<#{error.class}>"
      locations = error.backtrace_locations || []
      # The runtime's own frames, which called the function's, are of no use to anybody.
      own = locations.take_while { |location| !location.path.to_s.start_with?("#{runtime_dir}/") }
      @locations = own.first(LINES_MAX)
    end

    def payload
      { errorMessage: text(@error.message), errorType: @type, stackTrace: @locations.map { |line| text(line.to_s) } }
    end

    def body
      JSON.generate(payload)
    end

    def header_type
      NAMED.include?(@error.class.to_s) ? @type : 'Function<UserException>'
    end

    # The X-Ray cause; nil when it would be longer than the platform keeps.
    def cause
      stack = @locations.first(CAUSE_FRAMES_MAX).map do |frame|
        { path: text(frame.path.to_s), line: frame.lineno, label: text(frame.label.to_s) }
      end
      exception = { message: text(@error.message), type: @type, stack: stack }
      paths = defined?(Gem) ? Gem.paths.path : []
      json = JSON.generate({ working_directory: Dir.pwd, paths: paths, exceptions: [exception] }, ascii_only: true)
      json = json.gsub("\u007f") { '\u007f' }
      json.bytesize > CAUSE_BYTES_MAX ? nil : json
    end

    private

    # JSON takes no bytes that are not UTF-8.
    def text(value)
      value.encode(Encoding::UTF_8, invalid: :replace, undef: :replace).scrub
    end
  end
end
