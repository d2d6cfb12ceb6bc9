# needs: unshare busybox
# user: nobody
# A session that begins as process 1, as in a container, with a process 1 of another namespace inside of it:
# that one is not the root, and must neither write the trace nor remove the session.
cat >inside <<'S'
echo "outer $$"
unshare -Urpf --mount-proc sh -c 'echo "inner $$"; seq 3 | sort -r'
ls "$HOME"/inner.json >/dev/null 2>&1 && echo "the trace is there already"
seq 1000 | sort -n | tail -n 1
S
# busybox is static: nothing of ours puts the session back
unshare -Urpf --mount-proc busybox env -u VITTE_TRACE_SESSION -u VITTE_TRACE_KEEP VITTE_TRACE_OUT="$HOME/inner.json" \
    LD_PRELOAD="$VITTE_LIBRARY" /bin/sh ./inside
ls "$HOME" | grep vtrace || true
if [ -n "$VITTE_LIBRARY" ]; then
    grep -o '"name":"process_name","args":{"name":"[a-z]*"' "$HOME/inner.json" | sort -u | grep -q tail || echo "the trace ends too early"
fi
