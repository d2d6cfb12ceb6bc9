# needs: sort cp dd split md5sum comm join od nohup timeout stdbuf
# quick
# trace: folded
# The file and text utilities: large sorts with threads and temporary files, trees, blocks.
seq 200000 | sed 's/\(.*\)\(.\)$/\2\1 \1/' >numbers
sort --parallel=4 -S 1M -T . numbers | md5sum
sort --parallel=4 -n -k2 -r numbers | head -n 3
mkdir -p tree/a/b tree/c
cp /usr/include/*.h tree/a
cp /etc/passwd tree/a/b
ln -s ../a tree/c/link
mkfifo tree/c/fifo
cp -a tree copy
diff -r --no-dereference tree/a copy/a && echo same
rm tree/c/fifo copy/c/fifo
dd if=numbers of=blocks bs=4k count=20 conv=sync 2>&1 | head -n 2
dd if=/dev/zero of=sparse bs=1 seek=10M count=0 2>/dev/null
wc -c blocks sparse numbers
split -n 7 -d numbers part.
cat part.* | cmp - numbers && echo joined
od -A d -c blocks | head -n 3
head -n 5 numbers | tee one two | tac
stdbuf -oL cut -d' ' -f1 numbers | uniq | wc -l
timeout 0.2 sleep 10 || echo "timeout $?"
timeout -s KILL 0.2 sleep 10 || echo "timeout $?"
nohup echo nohup 2>/dev/null
comm -12 one two | paste -sd+
yes | head -n 3
ls -R tree | md5sum
install -m 700 one three
stat -c '%s %a %F' one three tree
truncate -s 100 blocks
sha256sum blocks
touch -d 2020-01-01 blocks && date -u -r blocks
mktemp -d ./dir.XXXXXX >/dev/null
rmdir dir.*
rm -r copy
