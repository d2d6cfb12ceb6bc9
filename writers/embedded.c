/* See embedded.h. The assembler reads the files, from the root of the sources. */
#include "writers/embedded.h"

#define EMBED(name, path)                                                                          \
    __asm__(".pushsection .rodata\n"                                                               \
            ".globl " #name "\n" #name ":\n"                                                       \
            ".incbin \"" path "\"\n"                                                               \
            ".byte 0\n"                                                                            \
            ".popsection\n")

EMBED(embedded_flamegraph_script, "writers/flamegraph.js");
EMBED(embedded_flamegraph_style, "writers/flamegraph.css");
