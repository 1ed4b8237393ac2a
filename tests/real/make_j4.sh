# needs: gcc make ar
# A C project of 40 files and a library, built by four jobs at once.
mkdir -p src lib
for i in $(seq 1 30); do
	echo "int f$i(int x) { return x * $i + 1; }" >src/f$i.c
done
for i in $(seq 1 10); do
	printf '#include <string.h>\nint g%d(const char *s) { return (int)strlen(s) + %d; }\n' $i $i >lib/g$i.c
done
{
	for i in $(seq 1 30); do echo "int f$i(int);"; done
	for i in $(seq 1 10); do echo "int g$i(const char *);"; done
	echo '#include <stdio.h>'
	echo 'int main(void) { int s = 0;'
	for i in $(seq 1 30); do echo "s += f$i($i);"; done
	for i in $(seq 1 10); do echo "s += g$i(\"abc\");"; done
	echo 'char t[20]; snprintf(t, 20, "%d", s); puts(t); return s != 9580; }'
} >main.c
cat >Makefile <<'M'
SRC := $(wildcard src/*.c) main.c
prog: $(SRC:.c=.o) libg.a
	@gcc -o $@ $^
libg.a: $(patsubst %.c,%.o,$(wildcard lib/*.c))
	@$(MAKE) -s note
	@ar rcD $@ $^
note:
	@echo a make below
%.o: %.c
	@gcc -O1 -Wall -MMD -c -o $@ $<
-include $(SRC:.c=.d)
M
make -j4 -s 2>&1 | sort
./prog; echo "status $?"
touch src/f7.c
make -j4 -q; echo "stale $?"
make -j4 -s && make -q; echo "fresh $?"
find . -name '*.o' | wc -l
