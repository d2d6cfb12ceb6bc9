# needs: gcc clang
# trace: folded
# Programs built with AddressSanitizer, without and with something to find.
. "${0%/*}/sanitizers"
check_with address
