# frozen_string_literal: true

# The bootstrap of the managed Ruby runtimes: `ruby -EUTF-8 bootstrap.rb HANDLER`. Standard library only.

# The locale that AWS has may not be there, and Ruby would take every name and variable for ASCII. It has read this by now.
ENV.delete('LC_CTYPE') if ENV['LC_CTYPE'] == 'C.UTF-8'
$stdout.sync = true

# With a GEM_PATH of its own RubyGems leaves out where Ruby's bundled gems lie, which are ever more of the standard library.
# A separator at the end adds that place.
Gem.paths = { 'GEM_HOME' => ENV['GEM_HOME'], 'GEM_PATH' => "#{ENV['GEM_PATH']}:" } if defined?(Gem) && ENV['GEM_PATH']

require_relative 'lambdad/loop'

handler = ARGV.shift || ENV['_HANDLER'] || ''
Lambdad::Loop.new(ENV.fetch('AWS_LAMBDA_RUNTIME_API'), handler, __dir__).run
