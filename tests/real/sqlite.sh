# needs: sqlite3
# quick
# trace: folded
# A database in a file: transactions, indexes, a write-ahead log, two processes at once.
sqlite3 db <<'S'
pragma journal_mode = wal;
create table t(id integer primary key, name text, n int);
with recursive c(i) as (select 1 union all select i + 1 from c where i < 20000)
    insert into t select i, 'name' || (i * 7919 % 10007), i % 97 from c;
create index by_name on t(name);
select count(*), sum(n), min(name), max(name) from t;
select n, count(*), group_concat(id) from t where id < 500 group by n order by n limit 3;
begin; delete from t where n = 5; rollback;
begin; delete from t where n = 6; commit;
select count(*) from t;
pragma integrity_check;
S
for i in 1 2 3 4; do
    sqlite3 -cmd '.timeout 20000' db "insert into t(name, n) select 'p$i', id from t limit 500; select 'done';" >/dev/null &
done
wait
sqlite3 db 'select name, count(*) from t where name like "p_" group by name; vacuum;'
sqlite3 db .dump | sort | sed -n 's/p[1-4]/p/; s/VALUES([0-9]*,/VALUES(/; p' | sort | md5sum
sqlite3 db 'select * from missing' 2>&1 || echo "status $?"
rm -f db db-wal db-shm
