# needs: /usr/lib/postgresql/15/bin/initdb psql pgbench
# user: nobody
# seconds: 120
# trace: folded
# A new cluster, the server with its processes, pgbench, a backend that crashes and the recovery, a stop.
PATH=/usr/lib/postgresql/15/bin:$PATH
initdb -D data -U me --no-sync -A trust --locale=C -E UTF8 | sed 's/selecting default.*//' | grep -vE '^$' | head -n 20
cat >>data/postgresql.conf <<P
listen_addresses = ''
unix_socket_directories = '$PWD'
fsync = off
shared_buffers = 16MB
P
pg_ctl -D data -l log -w start >/dev/null
trap 'pg_ctl -D data -m immediate stop >/dev/null 2>&1 || true' EXIT
export PGHOST="$PWD" PGUSER=me PGDATABASE=postgres PGOPTIONS='-c client_min_messages=warning'
pgbench -i -q -s 1 2>/dev/null
pgbench -c 4 -j 2 -t 200 2>&1 | grep -E 'actually processed|failed transactions'
psql -Atc 'select count(*), sum(abalance) = (select sum(bbalance) from pgbench_branches) from pgbench_accounts'
psql -Atc 'select count(*) from pgbench_history'
psql -Atc 'set max_parallel_workers_per_gather = 2; set parallel_setup_cost = 0; set parallel_tuple_cost = 0; set min_parallel_table_scan_size = 0;
    select count(*), sum(aid) from pgbench_accounts where aid % 7 = 3'
psql -Atc "select md5(string_agg(i::text, ',' order by i desc)) from generate_series(1, 50000) i"
psql -Atc 'select 1/0' 2>&1 || echo "status $?"
psql -Atc 'create index on pgbench_accounts(abalance); vacuum analyze pgbench_accounts; select 1' 2>&1 || echo "status $?"
(psql -Atc 'select pg_sleep(30)' 2>&1 || echo "status $?") | tail -n 1 &
client=$!
until pid=$(psql -Atc "select pid from pg_stat_activity where query = 'select pg_sleep(30)'") && [ -n "$pid" ]; do sleep 0.1; done
kill -KILL "$pid"
wait $client
until psql -Atc 'select 1' >/dev/null 2>&1; do sleep 0.2; done
psql -Atc 'select count(*) from pgbench_history'
pg_dump -t pgbench_branches | grep -c COPY
pg_ctl -D data -m fast -w stop
trap - EXIT
grep -oE 'PANIC.*|terminated by signal .*' log | sort
pg_controldata data | grep 'cluster state'
rm -rf data log
