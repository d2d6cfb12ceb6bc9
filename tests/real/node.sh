# needs: node
# quick
# trace: folded
# Node: the event loop, its thread pool, worker threads, child processes, streams, a server, a cluster.
cat >program.js <<'J'
const { Worker, isMainThread, parentPort, workerData } = require('worker_threads');
const cp = require('child_process'), fs = require('fs'), http = require('http'), crypto = require('crypto'), zlib = require('zlib');
if (!isMainThread) {
    let sum = 0; for (let i = 0; i < 1e5; i++) sum += [i].map(x => x * workerData)[0];
    parentPort.postMessage(sum);
} else (async () => {
    console.log(await Promise.all([1, 2, 3, 4].map(n => new Promise((ok, bad) =>
        new Worker(__filename, { workerData: n }).on('message', ok).on('error', bad)))));
    console.log(await Promise.all([...Array(8).keys()].map(i => new Promise(ok =>
        crypto.pbkdf2('p' + i, 's', 1000, 8, 'sha256', (e, k) => ok(k.toString('hex')))))));
    console.log(cp.execFileSync('sh', ['-c', 'echo out; cat'], { input: 'input' }).toString());
    const c = cp.spawn('sh', ['-c', 'cat >&2; exit 3'], { stdio: ['pipe', 'ignore', 'pipe'] });
    let err = ''; c.stderr.on('data', d => err += d); c.stdin.end('to stderr');
    console.log(await new Promise(ok => c.on('close', (...a) => ok(a))), err);
    const k = cp.spawn('sleep', ['100']); setTimeout(() => k.kill(), 50);
    console.log(await new Promise(ok => k.on('exit', (...a) => ok(a))));
    const f = cp.fork(__filename + '.child.js'); f.send({ n: 20 });
    console.log(await new Promise(ok => f.on('message', ok)));
    const s = http.createServer((q, r) => r.end('page ' + q.url)).listen(0, '127.0.0.1');
    await new Promise(ok => s.on('listening', ok));
    const r = await fetch(`http://127.0.0.1:${s.address().port}/x`); console.log(r.status, await r.text());
    s.close(); s.closeAllConnections();
    fs.writeFileSync('file', zlib.gunzipSync(zlib.gzipSync('z'.repeat(1e5))));
    console.log((await fs.promises.readdir('.')).sort(), fs.statSync('file').size);
    await new Promise(ok => fs.createReadStream('file').pipe(zlib.createBrotliCompress({ params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 4 } }))
        .pipe(fs.createWriteStream('file.br')).on('finish', ok));
    let x = []; for (let i = 0; i < 1e6; i++) x.push({ i }); x = null;
    process.on('exit', c => console.log('exit', c)); process.exitCode = 5;
})();
J
echo "process.on('message', m => { process.send({ answer: m.n * 2 }); process.disconnect(); })" >program.js.child.js
node program.js || echo "status $?"
node -e 'throw new Error("uncaught")' 2>/dev/null || echo "status $?"
node -p 'process.versions.v8.length > 0'
