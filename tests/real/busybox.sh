# needs: busybox
# quick
# A statically linked program: it and its children of its own kind are not traced, all else is.
busybox sh -c 'for i in 1 2 3; do echo $i | busybox md5sum; done; busybox seq 5 | busybox tac; exit 3' || echo "status $?"
busybox sh -c 'ls -1 /usr/include/linux/a*.h | sort | tail -n 2; sort --version | head -n 1'
busybox tar -cf - -C /usr/include/asm-generic . | tar -tf - | sort | head -n 3
ldd "$(command -v busybox)" 2>&1 | tr -d '\t' || true
