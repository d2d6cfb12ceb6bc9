# needs: make gcc ar
# quick
# make -j8 on a tree of small C files, twice, and a recursive make with a jobserver.
mkdir src
for i in $(seq 24); do
    echo "int f$i(int x) { return x + $i; }" >"src/f$i.c"
done
{
    for i in $(seq 24); do echo "int f$i(int);"; done
    echo '#include <stdio.h>'
    echo "int main(void) { int x = 0;"
    for i in $(seq 24); do echo "x = f$i(x);"; done
    echo 'printf("%d\\n", x); return 0; }'
} >src/main.c
cat >Makefile <<'M'
OBJECTS := $(patsubst %.c,%.o,$(wildcard src/f*.c))
program: src/main.o lib.a
	gcc -o $@ $^
lib.a: $(OBJECTS)
	ar rcsD $@ $(sort $(OBJECTS))
%.o: %.c
	@gcc -O1 -c $< -o $@
sub:
	@$(MAKE) --no-print-directory -f Makefile inner
inner: src/main.o
	@echo inner; false
M
make -j8 -O program | sort
./program
make -j2 -k sub 2>&1 | sed -E 's/make\[[0-9]+\]/make[N]/'
touch src/f3.c
make -j8 program
