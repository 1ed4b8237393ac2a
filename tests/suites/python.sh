# The fast modules of Debian's libpython3.11-testsuite; all: make check-real.
[ -e /usr/lib/python3.11/test/test_os.py ] || {
	echo "libpython3.11-testsuite is not installed"
	exit 77
}
exec python3 "$(dirname "$0")/python_testsuite.py" --moat "$MOAT" --fast
