# needs: /usr/bin/chromium
# seconds: 180
# trace: folded
# user: nobody
# A headless browser without its sandbox: a page with a script, a worker, a canvas, a picture of it.
cat >page.html <<'H'
<html><body><p id=p>before</p><canvas id=c width=50 height=50></canvas><script>
const g = c.getContext("2d"); g.fillStyle = "red"; g.fillRect(5, 5, 20, 20); p.textContent = [...Array(1000).keys()].map(i => i * i).reverse().join().length + " " + g.getImageData(6, 6, 1, 1).data.join();
const w = new Worker(URL.createObjectURL(new Blob(["onmessage = e => { let s = 0; for (let i = 0; i < e.data; i++) s += i; postMessage(s) }"])));
w.onmessage = e => { document.body.append(e.data) }; w.postMessage(1e6);
</script></body></html>
H
flags="--headless --disable-gpu --no-first-run --disable-dev-shm-usage --user-data-dir=$HOME/profile --virtual-time-budget=3000"
/usr/bin/chromium $flags --no-sandbox --dump-dom "file://$PWD/page.html" 2>/dev/null || echo "status $?"
/usr/bin/chromium $flags --no-sandbox --window-size=200,200 --screenshot="$PWD/page.png" "file://$PWD/page.html" >/dev/null 2>&1 || echo "status $?"
