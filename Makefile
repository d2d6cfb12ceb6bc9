# vitte-trace. One makefile, not recursive; everything is built under build/.
#   make  make check  make asan  make tsan  make bench  make format  make lint  make install

CC      ?= cc
ARCH    := $(shell $(CC) -dumpmachine | cut -d- -f1)
ARCHDIR := base/arch/$(if $(wildcard base/arch/$(ARCH)),$(ARCH),generic)
B       ?= build
PREFIX  ?= /usr/local
VERSION := 0.1.0

WARN    := -Wall -Wextra -Wconversion -Wshadow
COMMON  := -std=c11 -D_GNU_SOURCE -DVT_VERSION='"$(VERSION)"' -I. -I$(ARCHDIR) -MMD -MP $(WARN)
CFLAGS  ?= -O2 -g
# The traced process's half: no fortified calls (they would be wrapped), unwindable, small TLS model.
LIB_CFLAGS := $(COMMON) $(CFLAGS) -fPIC -fvisibility=hidden -fexceptions -ftls-model=initial-exec \
              -fno-stack-protector -U_FORTIFY_SOURCE -fno-builtin-malloc -fno-builtin-free \
              -fno-builtin-calloc -fno-builtin-realloc
PKGS    := jansson zlib libelf
PROG_CFLAGS := $(COMMON) $(CFLAGS) $(SANITIZE) $(shell pkg-config --cflags $(PKGS))
PROG_LIBS   := $(shell pkg-config --libs $(PKGS)) -lstdc++

LIB_SRC  := $(wildcard base/*.c runtime/*.c preload/*.c instrument/*.c)
CORE_SRC := $(wildcard base/*.c runtime/options.c runtime/session.c runtime/clock.c \
              filter/*.c collector/*.c writers/*.c)
CLI_SRC  := $(wildcard cli/*.c)
LIB_OBJ  := $(LIB_SRC:%.c=$(B)/lib/%.o)
CORE_OBJ := $(CORE_SRC:%.c=$(B)/prog/%.o)
CLI_OBJ  := $(CLI_SRC:%.c=$(B)/prog/%.o)

all: $(B)/libvittetrace.so $(B)/vitte-trace

$(B)/exports.map: preload/exports.map.in $(wildcard preload/calls/*.def)
	@mkdir -p $(@D)
	$(CC) -E -P -x c -I. $< -o $@

$(B)/libvittetrace.so: $(LIB_OBJ) $(B)/exports.map
	$(CC) $(CFLAGS) -shared -o $@ $(LIB_OBJ) -Wl,--version-script=$(B)/exports.map \
	    -Wl,-soname,libvittetrace.so -Wl,-z,defs -Wl,-z,now -Wl,--as-needed

$(B)/vitte-trace: $(CLI_OBJ) $(CORE_OBJ)
	$(CC) $(CFLAGS) $(SANITIZE) -o $@ $^ $(PROG_LIBS)

$(B)/lib/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(LIB_CFLAGS) -c $< -o $@

$(B)/prog/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(PROG_CFLAGS) -c $< -o $@

clean:
	rm -rf build

-include $(LIB_OBJ:.o=.d) $(CORE_OBJ:.o=.d) $(CLI_OBJ:.o=.d)
.PHONY: all clean
