// The same program, and the same header, as C++.
#include "api.c"
