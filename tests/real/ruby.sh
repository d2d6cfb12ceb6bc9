# needs: ruby
# quick
# trace: folded
# Threads, fork, popen, fibers, exceptions, garbage.
cat >program.rb <<'P'
require "socket"; require "open3"; require "digest"; require "timeout"
threads = 8.times.map { |i| Thread.new { (1..2000).map { |k| "#{k * i}" }.join.hash; i * i } }
p threads.map(&:value)
q = Queue.new; t = Thread.new { s = 0; while (x = q.pop); s += x; end; s }; 1000.times { |i| q << i }; q << nil; p t.value
5.times { |i| pid = fork { exit! i }; Process.wait pid; p $?.exitstatus }
p IO.popen(["sh", "-c", "cat; exit 3"], "r+") { |io| io.write "popen"; io.close_write; io.read }, $?.exitstatus
p Open3.capture3("sh", "-c", "echo out; echo err >&2; exit 4", unsetenv_others: false).map(&:to_s).map { |s| s.sub(/pid \d+/, "pid") }
f = Fiber.new { 10.times { |i| Fiber.yield i * 2 } }; p 10.times.map { f.resume }
begin; Timeout.timeout(0.1) { sleep }; rescue Timeout::Error => e; p e.class; end
s = TCPServer.new("127.0.0.1", 0); c = Thread.new { TCPSocket.new("127.0.0.1", s.addr[1]).gets }; s.accept.puts "tcp"; p c.value
GC.start; GC.compact rescue nil; p 100000.times.map(&:to_s).size
trap("USR1") { puts "usr1" }; Process.kill("USR1", $$); sleep 0.1
def deep(n) = n == 0 ? raise("deep") : deep(n - 1) + 1
begin; deep(500); rescue => e; p e.message; end
begin; def forever = forever + 1; forever; rescue SystemStackError => e; p e.class; end
p `exit 5`, $?.exitstatus
File.write("file", Digest::SHA256.hexdigest("x" * 100000)); at_exit { puts "end" }
exit 7
P
ruby program.rb || echo "status $?"
