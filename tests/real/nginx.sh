# needs: nginx ab wrk curl
# user: nobody
# trace: folded
# nginx, a master with two workers: load, a reload, a graceful end.
mkdir www
for i in 1 2 3; do seq $((i * 1000)) >"www/$i"; done
cat >conf <<N
worker_processes 2; pid $PWD/pid; error_log $PWD/error.log; daemon off;
events { worker_connections 256; }
http { access_log off; client_body_temp_path $PWD/t1; proxy_temp_path $PWD/t2; fastcgi_temp_path $PWD/t3;
    uwsgi_temp_path $PWD/t4; scgi_temp_path $PWD/t5; sendfile off; gzip on; gzip_types *;
    server { listen 127.0.0.1:18080; listen unix:$PWD/s; root $PWD/www;
        location /proxy/ { proxy_pass http://unix:$PWD/s:/; } } }
N
nginx -p "$PWD" -c "$PWD/conf" 2>errors &
server=$!
trap 'kill $server 2>/dev/null || true' EXIT
url=http://127.0.0.1:18080
for _ in $(seq 100); do curl -s -o /dev/null $url/1 && break; sleep 0.1; done
for i in 1 2 3; do curl -s $url/$i | md5sum; curl -s --compressed $url/proxy/$i | md5sum; done
curl -s -o /dev/null -w '%{http_code} %{size_download}\n' $url/missing
ab -q -n 2000 -c 10 $url/1 | grep -E 'Complete requests|Failed requests|Total transferred|Non-2xx'
wrk -t2 -c10 -d1s $url/2 | grep -cE 'Requests/sec|Socket errors|Non-2xx'
kill -HUP $server
sleep 0.5
curl -s $url/3 | md5sum
kill -QUIT $server
wait $server && echo "status 0"
cat errors
grep -vE 'notice|signal|missing' error.log || true
rm -rf error.log errors conf t1 t2 t3 t4 t5
