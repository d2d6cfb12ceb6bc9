# needs: gcc clang
# quick
# trace: folded
# Programs built with UndefinedBehaviorSanitizer and LeakSanitizer, without and with something to find.
. "${0%/*}/sanitizers"
check_with undefined leak
