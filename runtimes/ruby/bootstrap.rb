# frozen_string_literal: true

# The bootstrap of the managed Ruby runtimes: `ruby -EUTF-8 bootstrap.rb HANDLER`. Standard library only.

# The locale that AWS has may not be there, and Ruby would take every name and variable for ASCII. It has read this by now.
ENV.delete('LC_CTYPE') if ENV['LC_CTYPE'] == 'C.UTF-8'
$stdout.sync = true

require_relative 'lambdad/loop'

handler = ARGV.shift || ENV['_HANDLER'] || ''
Lambdad::Loop.new(ENV.fetch('AWS_LAMBDA_RUNTIME_API'), handler, __dir__).run
