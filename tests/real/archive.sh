# needs: tar gzip xz bzip2
# quick
# tar with its compressors as children, xz with threads.
cp -r /usr/include/linux tree
tar="tar --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0"
$tar -cf all.tar tree
$tar -czf all.tar.gz tree
$tar -c -I 'xz -1' -f all.tar.xz tree
xz -T 4 --block-size=1MiB -k -1 all.tar -c >threads.xz
gzip -6 -n -c all.tar | gunzip | cmp - all.tar && echo gzip
bzip2 -k all.tar && bunzip2 -c all.tar.bz2 | cmp - all.tar && echo bzip2
xz -dc -T 2 threads.xz | cmp - all.tar && echo xz
mkdir out
tar -xzf all.tar.gz -C out && diff -r tree out/tree && echo same
tar -tJf all.tar.xz | wc -l
rm -rf tree out
