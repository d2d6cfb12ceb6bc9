# needs: bash sleep cat
# quick
# bash with everything that forks: pipes, jobs, coprocesses, traps, process substitution.
cat >script <<'S'
set -o pipefail
sum=0; for i in {1..2000}; do ((sum += i)); done; echo "$sum"
declare -A table; for i in {1..500}; do table[k$i]=$((i * i)); done; echo "${#table[@]} ${table[k77]}"
for i in {1..30}; do (echo "$i"; exit $((i % 3))) || echo "status $?"; done
echo {a..z} | tr ' ' '\n' | sort -r | head -5 | cat -n
diff <(printf 'a\nb\n') <(printf 'a\nc\n')
coproc { while read -r line; do echo "<$line>"; done; }
echo hello >&"${COPROC[1]}"; read -r answer <&"${COPROC[0]}"; echo "$answer"
exec {COPROC[1]}>&-; wait "$COPROC_PID"; echo "coproc $?"
trap 'echo "usr1"' USR1; kill -USR1 $$
for i in 3 1 2; do (sleep 0.$i; exit "$i") & done
wait -n; echo "first $?"; wait -n; echo "second $?"; wait -n; echo "third $?"
sleep 100 & kill -TERM $!; wait $!; echo "killed $?"
(kill -SEGV $BASHPID) 2>/dev/null; echo "segv $?"
false | true; echo "pipe $? ${PIPESTATUS[*]}"
cat <<< "here $((6 * 7))"
exec 7>file; echo seven >&7; exec 7>&-; cat file
(trap 'echo bye' EXIT; exit 4); echo "$?"
exec bash -c 'echo "replaced $0 $*"; exit 42' name a b
S
status=0
bash script 2>errors || status=$?
sed -E "s/ [0-9]+ (Seg|Term)/ PID \1/" errors
rm errors
echo "status $status"
