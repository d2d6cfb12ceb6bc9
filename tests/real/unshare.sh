# needs: unshare
# quick
# user: nobody
# Namespaces: a user who becomes root in his own, a new tree of processes, a new mount table and another root.
unshare -Ur sh -c 'id -u; seq 1000 | tail -n 1' || echo "status $?"
unshare -Urpf --mount-proc sh -c 'echo $$; ls -d /proc/[1-9]*; sh -c "exit 3" || echo $?' || echo "status $?"
unshare -Urm sh -c 'mount -t tmpfs none /tmp; echo in >/tmp/file; cat /tmp/file; seq 10000 | sort -n | tail -n 1' || echo "status $?"
unshare -Urn sh -c 'ls /sys/class/net | wc -l; cat /proc/net/dev | wc -l' || echo "status $?"
unshare -Uripuf sh -c 'hostname new 2>/dev/null; uname -n >/dev/null; exit 4' || echo "status $?"
