# vitte-trace. One makefile, not recursive; everything is built under build/.
#
#   make            the library and the command
#   make check      every test          make asan, make tsan   the tests of our own process, sanitized
#   make real       real programs, plain and traced; make check runs the quick ones
#   make soak       ten minutes of everything at once
#   make bench      the benchmarks      make fuzz              a minute of each fuzzer
#   make format     clang-format        make lint              layers, format, clang's warnings
#   make install DESTDIR= PREFIX=/usr/local

CC      ?= cc
CXX     ?= c++
ARCH    := $(shell $(CC) -dumpmachine | cut -d- -f1)
ARCHDIR := base/arch/$(if $(wildcard base/arch/$(ARCH)),$(ARCH),generic)
B       ?= build
PREFIX  ?= /usr/local
VERSION := 0.1.0

WARN    := -Wall -Wextra -Wconversion -Wshadow
COMMON  := -std=c11 -D_GNU_SOURCE -DVT_VERSION='"$(VERSION)"' -I. -I$(ARCHDIR) -MMD -MP $(WARN)
CFLAGS  ?= -O2 -g
# The traced process's half: no fortified calls (they would be wrapped), none of the headers' own bodies
# (rows have theirs), unwindable, small TLS model.
LIB_CFLAGS := $(COMMON) $(CFLAGS) -fPIC -fvisibility=hidden -fexceptions -ftls-model=initial-exec \
              -fno-stack-protector -U_FORTIFY_SOURCE -fno-builtin-malloc -fno-builtin-free \
              -fno-builtin-calloc -fno-builtin-realloc -fno-delete-null-pointer-checks -D__NO_INLINE__
PKGS    := jansson zlib libelf libdw
PROG_CFLAGS := $(COMMON) $(CFLAGS) $(SANITIZE) $(shell pkg-config --cflags $(PKGS))
PROG_LIBS   := $(shell pkg-config --libs $(PKGS)) -lstdc++ -lm -pthread

LIB_SRC  := $(wildcard base/*.c runtime/*.c preload/*.c instrument/*.c)
CORE_SRC := $(wildcard base/*.c filter/*.c collector/*.c writers/*.c) \
            runtime/options.c runtime/session.c runtime/clock.c
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
	    -Wl,-soname,libvittetrace.so -Wl,-z,defs -Wl,-z,now -Wl,-z,nodelete -Wl,-z,initfirst -Wl,--as-needed

$(B)/vitte-trace: $(CLI_OBJ) $(CORE_OBJ)
	$(CC) $(CFLAGS) $(SANITIZE) -o $@ $^ $(PROG_LIBS)

# stacks begin at the frame of whoever called into us
$(B)/lib/preload/%.o $(B)/lib/runtime/stack.o: LIB_CFLAGS += -fno-omit-frame-pointer

$(B)/lib/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(LIB_CFLAGS) -c $< -o $@

$(B)/prog/writers/embedded.o: writers/flamegraph.js writers/flamegraph.css

# Pairs of words that were stored one by one must not be loaded as one: the processor would wait.
$(B)/lib/runtime/unwind.o: LIB_CFLAGS += -fno-tree-slp-vectorize

$(B)/prog/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(PROG_CFLAGS) -c $< -o $@

# ---- tests: tests/check_*.c are the suites; tests/programs and tests/instrumented what they trace ----

CHECKS   := $(patsubst tests/%.c,$(B)/tests/%,$(filter-out $(OMIT:%=tests/%.c),$(wildcard tests/check_*.c)))
PROGRAMS_C  := $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/programs/*.c tests/instrumented/*.c))
PROGRAMS_CC := $(patsubst tests/%.cc,$(B)/tests/%,$(wildcard tests/programs/*.cc tests/instrumented/*.cc))
LIBRARIES_U := $(patsubst tests/%.c,$(B)/tests/%.so,$(wildcard tests/libraries/unwind_*.c))
LIBRARIES_C := $(filter-out $(LIBRARIES_U),$(patsubst tests/%.c,$(B)/tests/%.so,$(wildcard tests/libraries/*.c)))
UNWINDER := $(patsubst %,$(B)/lib/runtime/%.o,unwind unwind_step rules eh_frame cfa)
TEST_FLAGS = -O1 -g -Iinclude -pthread -MMD -MP
INSTRUMENT = $(if $(findstring /instrumented/,$@),-finstrument-functions)

$(CHECKS): $(B)/tests/%: $(B)/prog/tests/%.o $(B)/prog/tests/support.o $(CORE_OBJ)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(SANITIZE) -o $@ $^ $(PROG_LIBS) $(shell pkg-config --libs check)
$(B)/tests/check_unwind $(B)/tests/check_unwind_garbage: $(UNWINDER)

$(PROGRAMS_C): $(B)/tests/%: tests/%.c
	@mkdir -p $(@D)
	$(CC) -std=gnu11 $(TEST_FLAGS) $(INSTRUMENT) -o $@ $< -ldl $(TEST_LINK)
$(B)/tests/programs/h15_floating_point: TEST_LINK = -lm
$(B)/tests/programs/h32_walks: TEST_LINK = -rdynamic

$(PROGRAMS_CC): $(B)/tests/%: tests/%.cc
	@mkdir -p $(@D)
	$(CXX) -std=c++17 $(TEST_FLAGS) $(INSTRUMENT) -o $@ $< -ldl

# libraries that are preloaded beside ours
$(LIBRARIES_C): $(B)/tests/%.so: tests/%.c
	@mkdir -p $(@D)
	$(CC) -std=gnu11 $(TEST_FLAGS) -fPIC -shared -o $@ $< -ldl

# what has the unwinder in it, to compare with libunwind's
$(LIBRARIES_U): $(B)/tests/%.so: tests/%.c $(UNWINDER)
	@mkdir -p $(@D)
	$(CC) -std=gnu11 $(TEST_FLAGS) -I. -I$(ARCHDIR) -fPIC -shared -o $@ $< $(UNWINDER) -lunwind -ldl

# one program of several parts, and the libraries that it loads: see tests/stress/stress.c
STRESS_FLAGS = $(TEST_FLAGS) -D_GNU_SOURCE -finstrument-functions
STRESS := $(B)/tests/stress/stress $(B)/tests/stress/a.so $(B)/tests/stress/b.so
STRESS_C := $(filter-out tests/stress/library.c,$(wildcard tests/stress/*.c))
STRESS_OBJ := $(STRESS_C:%.c=$(B)/%.o) $(B)/tests/stress/exceptions.o

$(B)/tests/stress/%.o: tests/stress/%.c
	@mkdir -p $(@D)
	$(CC) -std=gnu11 $(STRESS_FLAGS) -c -o $@ $<

$(B)/tests/stress/%.o: tests/stress/%.cc
	@mkdir -p $(@D)
	$(CXX) -std=c++17 $(STRESS_FLAGS) -c -o $@ $<

$(B)/tests/stress/stress: $(STRESS_OBJ)
	$(CXX) -pthread -rdynamic -o $@ $^ -ldl

$(B)/tests/stress/%.so: tests/stress/library.c
	@mkdir -p $(@D)
	$(CC) -std=gnu11 $(STRESS_FLAGS) -DLETTER=$* -fPIC -shared -o $@ $<

tests: all $(CHECKS) $(PROGRAMS_C) $(PROGRAMS_CC) $(LIBRARIES_C) $(LIBRARIES_U) $(STRESS)

check: tests
	B=$(B) tests/run $(CHECKS) tests/real/quick

real: all
	B=$(B) tests/real/run

# Only what runs in our own process can be sanitized; the preload lives in somebody else's.
asan:
	ASAN_OPTIONS=disable_coredump=0 CK_TIMEOUT_MULTIPLIER=4 $(MAKE) B=$(B)/asan SANITIZE='-fsanitize=address,undefined -fno-sanitize-recover=undefined' check
# The two, of one thread at a time, assert every frame: TSan adds some of its own, runs handlers later with the
# registers of before, and holds 65536 calls at most.
tsan:
	TSAN_OPTIONS=disable_coredump=0 CK_TIMEOUT_MULTIPLIER=4 $(MAKE) B=$(B)/tsan SANITIZE='-fsanitize=thread' OMIT='check_unwind check_unwind_garbage' check

SOAK_SECONDS ?= 600
soak: tests
	B=$(B) tests/stress/run $(SOAK_SECONDS)
	STORM_SECONDS=60 CK_RUN_CASE=samples $(B)/tests/check_samples

bench: all
	bench/run

FUZZERS := $(wildcard tests/fuzz_*.c)
FUZZ_SECONDS ?= 60
FUZZ_LIMITS := -timeout=10 -rss_limit_mb=2048 -malloc_limit_mb=512
fuzz: all
	@for fuzzer in $(FUZZERS); do \
	    name=$$(basename $$fuzzer .c); mkdir -p $(B)/fuzz/$$name; \
	    clang $(COMMON) -g -O1 -fsanitize=fuzzer,address,undefined \
	        -fno-sanitize-recover=undefined -MF $(B)/fuzz/$$name.d \
	        $$fuzzer $(CORE_SRC) -o $(B)/fuzz/$$name.bin $(PROG_LIBS) && \
	    tests/fuzz_seeds $(B) $(B)/fuzz/$$name.bin $(B)/fuzz/$$name && \
	    $(B)/fuzz/$$name.bin -max_total_time=$(FUZZ_SECONDS) $(FUZZ_LIMITS) $(B)/fuzz/$$name || exit 1; \
	done

SOURCES := $(wildcard */*.c */*.h base/arch/*/*.h tests/*/*.[ch] tests/*/*.cc)
format:
	clang-format -i $(SOURCES)
lint:
	scripts/check-layers
	clang-format --dry-run -Werror $(SOURCES)
	$(MAKE) B=build/clang CC=clang CFLAGS='-O2 -g -Werror' all

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/pkgconfig $(DESTDIR)$(PREFIX)/include \
	    $(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/bash-completion/completions
	install -m 755 $(B)/vitte-trace $(DESTDIR)$(PREFIX)/bin/
	install -m 755 $(B)/libvittetrace.so $(DESTDIR)$(PREFIX)/lib/
	install -m 644 include/vitte_trace.h $(DESTDIR)$(PREFIX)/include/
	install -m 644 docs/vitte-trace.1 $(DESTDIR)$(PREFIX)/share/man/man1/
	install -m 644 scripts/completion.bash \
	    $(DESTDIR)$(PREFIX)/share/bash-completion/completions/vitte-trace
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@VERSION@|$(VERSION)|' scripts/vitte-trace.pc.in \
	    > $(DESTDIR)$(PREFIX)/lib/pkgconfig/vitte-trace.pc

clean:
	rm -rf build

-include $(LIB_OBJ:.o=.d) $(CORE_OBJ:.o=.d) $(CLI_OBJ:.o=.d) $(wildcard $(B)/tests/*/*.d $(B)/prog/tests/*.d)
.SECONDARY:
.PHONY: all tests check real asan tsan soak bench fuzz format lint install clean
