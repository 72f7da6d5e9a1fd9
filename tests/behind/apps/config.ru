# A Rack app that says what it was asked, with what Rails has around its apps by default.
require 'json'
require 'rack'

class Answer
  def initialize(route)
    @route = route
  end

  def call(env)
    request = Rack::Request.new(env)
    # Before a map took its part off it; Rack leaves the octets as they were sent.
    path = env['behind.path'].gsub(/%([0-9a-f]{2})/i) { $1.hex.chr }
    said = {
      trace: env['HTTP_X_TRACE'].to_s,
      method: request.request_method,
      path: path.b.encode('utf-8', 'iso-8859-1'),
      query: request.query_string,
      host: request.host_with_port,
      scheme: request.scheme,
      client: request.ip,
      user: env['HTTP_X_USER_ID'].to_s,
      other_user: env['REMOTE_USER'].to_s,
      route: @route,
      headers: env.select { |key, _| key.start_with?('HTTP_') }.map { |key, value| [key[5..], value.to_s.b.encode('utf-8', 'iso-8859-1')] }
    }
    [200, { 'X-App' => 'rack', 'Content-Type' => 'application/json' }, [JSON.generate(said)]]
  end
end

class Remember
  def initialize(app)
    @app = app
  end

  def call(env)
    env['behind.path'] = env['SCRIPT_NAME'] + env['PATH_INFO']
    @app.call(env)
  end
end

use Remember
use Rack::MethodOverride
%w[admin public static files].each { |name| map("/#{name}") { run Answer.new(name) } }
map('/') { run Answer.new('other') }
