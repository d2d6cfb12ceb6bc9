# needs: grep find xargs sed awk diff patch
# quick
# trace: folded
# grep -r, find with its ways of running commands, sed, awk, diff and patch.
grep -r -l 'define' /usr/include/linux | sort | md5sum
grep -rhoE '\b[A-Z_]{12,}\b' /usr/include/linux | sort | uniq -c | sort -rn | head -n 5
find /usr/include -name 'std*.h' -size +1k -printf '%f %s\n' | sort
find /usr/include/linux -name '*.h' -print0 | xargs -0 -n 50 -P 4 cat | wc -c
find /usr/include/linux -name 'a*.h' -exec wc -l {} + | tail -n 1
find /usr/include/linux -name 'a*.h' -exec basename {} \; | sort | head -n 5
find /usr/include/linux -name 'b*.h' -execdir sh -c 'echo "$0"' {} \; | sort | head -n 3
awk '{ n[length($0) % 7]++ } END { for (i = 0; i < 7; i++) print i, n[i] }' /usr/include/stdio.h
awk 'BEGIN { while (("echo a; echo b" | getline line) > 0) print "got " line; print "x" | "cat -n"; close("cat -n"); system("exit 3") }'
sed -n '/include/p' /usr/include/stdlib.h >includes
sed -i 's/include/INCLUDE/' includes && head -n 2 includes
sed 's/INCLUDE/include/' includes >other
diff -u --label a --label b includes other >patch || echo "differ $?"
patch -s includes patch && cmp includes other && echo patched
