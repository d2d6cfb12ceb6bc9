# needs: redis-server redis-cli redis-benchmark
# trace: folded
# A server on a socket under load, a snapshot and a rewrite of its log (both fork), and its shutdown.
redis-server --port 0 --unixsocket "$PWD/s" --save '' --appendonly yes --io-threads 2 --daemonize no >log 2>&1 &
server=$!
trap 'kill $server 2>/dev/null || true' EXIT
cli="redis-cli -s $PWD/s"
for _ in $(seq 100); do $cli ping >/dev/null 2>&1 && break; sleep 0.1; done
redis-benchmark -s "$PWD/s" -n 20000 -c 20 -P 4 -r 1000 -q -t set,get,incr,lpush,lpop,hset,zadd 2>errors |
    tr '\r' '\n' | grep -oE '^[A-Z]+: [0-9.]+ requests' | sed 's/[0-9.]* requests/N requests/' | sort -u
$cli flushall
seq 5000 | sed 's/.*/SET key& value&/' | $cli --pipe
$cli eval 'local n = 0 for i = 1, 1000 do n = n + redis.call("incr", "counter") end return n' 0
$cli dbsize
$cli bgsave
until $cli info persistence | grep -q 'rdb_bgsave_in_progress:0'; do sleep 0.05; done
$cli bgrewriteaof
until $cli info persistence | grep -q 'aof_rewrite_in_progress:0' && $cli info persistence | grep -q 'aof_rewrite_scheduled:0'; do sleep 0.05; done
$cli info persistence | grep -E 'last_(bgsave|bgrewrite)_status'
$cli get key4711
$cli shutdown nosave
wait $server && echo "status 0"
redis-check-aof appendonlydir/*.manifest | tail -n 1
grep -cE 'crash|BUG|assert' log || true
rm -rf log errors appendonlydir dump.rdb
