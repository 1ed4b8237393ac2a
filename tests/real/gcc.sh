# needs: gcc
cat >hello.c <<'C'
#include <stdio.h>
#include <math.h>
int main(int argc, char **argv)
{
	printf("hello %d %.3f %s\n", argc, sqrt(2.0), argv[1]);
	return 3;
}
C
gcc -O2 -Wall hello.c -o hello -lm && ./hello world
echo "status $?"
cat >a.c <<'C'
int f(int x) { return x * 2; }
C
cat >Makefile <<'M'
prog: a.o hello.o
	gcc -o prog a.o hello.o -lm
M
make -s prog 2>&1 && ./prog made
echo "status $?"
