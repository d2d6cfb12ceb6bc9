# needs: nginx setpriv python3
# quick
# trace: folded
# user: root
# Programs that give up their rights: a server's worker, a child under another user, an exec behind it.
cat >program.py <<'P'
import os, sys
pid = os.fork()
if not pid:
    os.setgid(65534); os.setuid(65534)
    print(os.getuid(), len([str(i) for i in range(200000)])); sys.stdout.flush()
    os.execv("/bin/sh", ["sh", "-c", "id -u; seq 1000 | tail -n 1; exit 3"])
print(os.waitpid(pid, 0)[1] >> 8)
P
python3 program.py
setpriv --reuid=65534 --clear-groups sh -c 'id -u; seq 1000 | tail -n 1'
chmod 755 . && mkdir jail && cp /bin/busybox jail 2>/dev/null && chroot jail /busybox echo in a jail || echo "status $?"
rm -rf jail
