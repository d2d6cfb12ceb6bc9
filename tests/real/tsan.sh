# needs: gcc clang
# trace: folded
# Programs built with ThreadSanitizer, without and with something to find.
. "${0%/*}/sanitizers"
check_with thread
