# The function of the shared suite in Ruby: its event says what it does.

$invocations = 0

ACTIONS = {
  'echo' => ->(event) { event['value'] },
  'count' => ->(_event) { $invocations },
  'environment' => ->(event) { ENV.to_h.slice(*event['names']) },
  'fail' => ->(event) { raise RangeError, event['message'] },
  'sleep' => ->(event) { sleep(event['ms'] / 1000.0) && 'slept' },
  'exit' => ->(event) { exit!(event['status']) },
  'read' => ->(event) { File.read(event['path']) },
  'library' => ->(_event) { require('of_a_layer') && OfALayer::NAME }
}.freeze

def handler(event:, context:)
  $invocations += 1
  ACTIONS.fetch(event['do']).call(event)
end
