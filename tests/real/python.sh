# needs: python3
# quick
# trace: folded
# losses: a pool kills its workers, maybe in the middle of storing an event
# Threads, locks, subprocess, multiprocessing (fork and spawn), sockets, asyncio, files, ctypes.
cat >program.py <<'P'
import asyncio, concurrent.futures, ctypes, hashlib, json, mmap, multiprocessing, os, queue, select
import signal, socket, sqlite3, subprocess, sys, tempfile, threading, time

def square(x):
    return x * x

def main():
    done, todo = queue.Queue(), queue.Queue()
    def worker():
        while (item := todo.get()) is not None:
            done.put(hashlib.sha256(str(item).encode()).hexdigest()[:4])
    threads = [threading.Thread(target=worker, name=f"w{i}") for i in range(8)]
    for t in threads: t.start()
    for i in range(400): todo.put(i)
    for _ in threads: todo.put(None)
    for t in threads: t.join()
    print(done.qsize(), hashlib.sha256("".join(sorted(done.queue)).encode()).hexdigest())
    for how in "fork", "spawn", "forkserver":
        with multiprocessing.get_context(how).Pool(3) as pool:
            print(how, sum(pool.map(square, range(100))))
    with concurrent.futures.ProcessPoolExecutor(2) as pool:
        print(list(pool.map(square, range(5))))
    print(subprocess.run(["sh", "-c", "cat; echo err >&2; exit 3"], input=b"in", capture_output=True))
    print(subprocess.run(["env"], env={"A": "b"}, capture_output=True).stdout.count(b"A=b"))
    print(subprocess.run(["sleep", "0"], close_fds=False, preexec_fn=lambda: None).returncode)
    for p in [subprocess.Popen(["true"]) for _ in range(20)]: assert p.wait() == 0
    try: subprocess.run(["sleep", "9"], timeout=0.1)
    except subprocess.TimeoutExpired as e: print("timeout")
    try: subprocess.run(["/does/not/exist"])
    except OSError as e: print(e)
    one, two = socket.socketpair()
    if (pid := os.fork()) == 0:
        two.sendall(b"child"); os._exit(5)
    print(one.recv(5), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    server = socket.create_server(("127.0.0.1", 0))
    def serve():
        connection, _ = server.accept()
        with connection, connection.makefile("rwb") as f:
            for line in f: f.write(line.upper()); f.flush()
    t = threading.Thread(target=serve); t.start()
    with socket.create_connection(server.getsockname()) as c, c.makefile("rwb") as f:
        f.write(b"hello\n"); f.flush(); print(f.readline())
    t.join()
    async def aio():
        p = await asyncio.create_subprocess_exec("cat", stdin=-1, stdout=-1)
        out, _ = await p.communicate(b"asyncio")
        return out, await asyncio.gather(*(asyncio.sleep(0.01, i) for i in range(5)))
    print(asyncio.run(aio()))
    signal.signal(signal.SIGALRM, lambda *a: print("alarm"))
    signal.setitimer(signal.ITIMER_REAL, 0.05); time.sleep(0.2)
    libc = ctypes.CDLL(None); print(libc.strlen(b"ctypes"), libc.abs(-3))
    with tempfile.TemporaryFile() as f:
        f.write(b"x" * 10000); f.flush()
        with mmap.mmap(f.fileno(), 0) as m: print(len(m), m[9999:])
    with sqlite3.connect(":memory:") as db:
        db.execute("create table t(a, b)"); db.executemany("insert into t values(?, ?)", ((i, i * i) for i in range(1000)))
        print(db.execute("select sum(b) from t where a % 7 = 3").fetchone())
    print(len(json.dumps({str(i): [i] * 3 for i in range(1000)})))
    open("file", "w").write("done\n")
    pid = os.posix_spawn("/bin/sh", ["sh", "-c", "exit 6"], os.environ); print(os.waitpid(pid, 0)[1] >> 8)
    read, write = os.pipe(); os.dup2(write, 700); os.write(700, b"700"); print(os.read(read, 3)); os.closerange(3, 800)
    sys.stdout.flush()
    os.execvp("python3", ["python3", "-c", "import sys; print('again'); sys.exit(9)"])

if __name__ == "__main__":
    main()
P
python3 program.py || echo "status $?"
python3 -c 'import os; os.abort()' || echo "status $?"
rm -rf __pycache__
