/* Without an assembler stub there is no wrapper: vfork, setjmp and longjmp are libc's own. */
#ifndef VT_BASE_TAIL_CALL_H
#define VT_BASE_TAIL_CALL_H

#define TAIL_CALL(name, before)
#define VFORK(before, after)

#endif
