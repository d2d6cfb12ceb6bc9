# needs: fakeroot tar
# quick
# user: nobody
# fakeroot, started traced, inside of which the tracer comes before and after its library.
fakeroot sh -c 'touch a; chown 0:0 a; chown 12:34 a; mkdir d; mknod d/null c 1 3; stat -c "%n %u %g %F" a d/null; tar --mtime=@0 -cf all.tar a d; id -u'
tar -tvf all.tar | tr -s ' '
rm -rf d a
fakeroot sh -c 'LD_PRELOAD="$VITTE_LIBRARY:${LD_PRELOAD##*/libvittetrace.so:}" sh -c "touch a; chown 1:2 a; stat -c \"%u %g\" a"'
fakeroot sh -c 'LD_PRELOAD="$(echo "$LD_PRELOAD" | tr ": " "\n\n" | grep -v vittetrace | paste -sd:):$VITTE_LIBRARY" sh -c "touch a; chown 1:2 a; stat -c \"%u %g\" a"'
fakeroot sh -c 'exit 5' || echo "status $?"
