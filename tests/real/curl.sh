# needs: curl python3
# quick
# trace: folded
# curl against a small server: many transfers at once, a resolver's thread, an upload, failures.
seq 20000 >page
cat >server.py <<'P'
import http.server, os, socketserver
class Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *a): pass
    def do_PUT(self):
        data = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(201); self.send_header("Content-Length", "6"); self.end_headers()
        self.wfile.write(b"%05d\n" % (sum(data) % 100000))
class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True; request_queue_size = 64
server = Server(("127.0.0.1", 0), Handler)
open("port.new", "w").write(str(server.server_port)); os.rename("port.new", "port")
server.serve_forever()
P
python3 server.py &
server=$!
trap 'kill $server 2>/dev/null || true' EXIT
while [ ! -e port ]; do sleep 0.05; done
url=http://127.0.0.1:$(cat port)
curl -s "$url/page" | md5sum
curl -s -Z --parallel-max 8 "$url/page?[1-20]" -o 'got#1' 2>/dev/null
md5sum got* | cut -d' ' -f1 | uniq -c
curl -s -T page "$url/upload"
curl -s -o /dev/null -w '%{http_code} %{size_download} %{content_type}\n' "$url/missing" "$url/page"
curl -sS http://127.0.0.1:1/ 2>&1 | sed 's/after [0-9]* ms/after N ms/'
curl -s "http://localhost:${url##*:}/page" | wc -c
curl -sS http://does.not.exist.invalid/ 2>&1 || echo "status $?"
kill $server
wait $server 2>/dev/null || echo "status $?"
trap - EXIT
rm -f got* port
