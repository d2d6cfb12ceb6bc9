# needs: dash seq
# quick
# dash: subshells, vfork and exec, traps, and a thousand small programs.
i=0
while [ $i -lt 300 ]; do
    i=$((i + 1))
    (exit $((i % 7))) || printf '%s ' $?
    /bin/true
    /bin/false || printf '.'
done
echo
dash -c 'trap "echo end" EXIT; trap "echo int" INT; kill -INT $$; echo $(echo $(echo nested))'
dash -c 'sleep 10 & kill $!; wait $!; echo $?' 2>&1
seq 1000 | while read -r n; do case $n in *7) echo "$n" ;; esac; done | tail -n 3
dash -c 'ulimit -n 64; exec 3<&0; exec true' && echo ok
dash -c 'exec /does/not/exist' || echo "status $?"
echo 'echo from a file; exit 9' >file
dash file || echo $?
