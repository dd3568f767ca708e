# frozen_string_literal: true

# The function that a handler string names. AWS's name, because it stands in the message when there is no such method.
class LambdaHandler
  attr_reader :file_name

  # `file.method` or `file.Class.method`. Raises ArgumentError for anything else.
  def initialize(name)
    parts = name.split('.')
    unless [2, 3].include?(parts.size)
      raise ArgumentError,
            "Invalid handler #{parts}, must be of form FILENAME.METHOD or FILENAME.CLASS.METHOD where FILENAME " \
            'corresponds with an existing Ruby source file FILENAME.rb, CLASS is an optional module/class namespace ' \
            'and METHOD is a callable method. If using CLASS, METHOD must be a class-level method.'
    end
    @file_name = parts.first
    @method_name = parts.last
    @class_name = parts.size == 3 ? parts[1] : nil
  end

  def call(event, context)
    return Object.const_get(@class_name).send(@method_name, event: event, context: context) if @class_name

    # Methods outside of a class are private methods of every object.
    __send__(@method_name, event: event, context: context)
  end
end
