#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs the conformance programs on the kvm platform in a machine that has
# AMD-V: Debian's kernel under QEMU's emulation, with an initramfs of our
# build.  Needs neither /dev/kvm nor root; takes an hour.
#
#   kvm_svm.sh BUILD [REGEX of program names]
#
# RING0=emulated tries the entry page of hosts that emulate ring 0; the clock of
# such a machine is too rough to measure which it is.
# Ends with a line "N passed, N failed"; failures are printed before it.
set -eu
build=$(realpath "${1:?build tree}")
only=${2:-.}
work=$(mktemp -d "${TMPDIR:-/tmp}/moat-svm-XXXXXX")
trap 'rm -rf "$work"' EXIT
root=$work/root
mkdir -p "$root"/{bin,dev,proc,sys,tmp,tests,modules,etc,root}

kernel() {
	local name
	name=$(apt-cache depends linux-image-cloud-amd64 |
		sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p' | head -1)
	(cd "$work" && apt-get -q download "$name" >/dev/null &&
		dpkg -x ./"$name"_*.deb kernel)
	cp "$work"/kernel/boot/vmlinuz-* "$work/vmlinuz"
	find "$work/kernel" \( -name irqbypass.ko -o -name kvm.ko -o \
		-name kvm-amd.ko \) -exec cp {} "$root/modules/" \;
}

# The program and the libraries that it names.
add_program() {
	cp "$1" "$root/bin/"
	ldd "$1" | grep -o '/[^ ]*' | sort -u | while read -r lib; do
		mkdir -p "$root$(dirname "$lib")"
		cp -Ln "$lib" "$root$lib"
	done
}

write_init() {
	cat >"$root/init" <<'END'
#!/bin/busybox sh
# The first root is the kernel's own, from which nothing can be pivoted.
/bin/busybox mkdir /new
/bin/busybox mount -t tmpfs -o size=80% new /new
for d in bin etc modules tests lib lib64 usr tmp root proc sys dev init2 ring0; do
	[ -e /$d ] && /bin/busybox cp -a /$d /new/
done
exec /bin/busybox switch_root /new /init2
END
	cat >"$root/init2" <<'END'
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin HOME=/root MOAT_KVM_RING0=$(cat /ring0)
mount -t devtmpfs dev /dev
mount -t proc proc /proc
mount -t sysfs sys /sys
mkdir -p /dev/shm /dev/pts
mount -t tmpfs shm /dev/shm
mount -t devpts pts /dev/pts
mount -t tmpfs tmp /tmp
ip link set lo up
exec >/dev/ttyS1 2>&1
for m in irqbypass kvm kvm-amd; do insmod /modules/$m.ko; done
moat run --platform=kvm --log-level=debug -- /bin/busybox echo hello from a machine
passed=0 failed=0
for t in /tests/*; do
	n=${t##*/}
	cd /tmp
	timeout -k 5 120 $t >/native 2>&1
	timeout -k 5 300 moat run --platform=kvm -- $t >/inside 2>&1
	for line in $(sed -n 's/^ok //p' /native | tr -d ':' | cut -d' ' -f1); do
		if grep -q "^ok $line" /inside; then
			passed=$((passed + 1))
		else
			failed=$((failed + 1))
			grep "^not ok $line" /inside || echo "not ok $line: no line"
		fi
	done
	grep -q "^ok" /inside || tail -n 5 /inside
	echo "# $n: $passed passed, $failed failed, uptime $(cut -d' ' -f1 /proc/uptime)"
done
echo "RESULT $passed passed, $failed failed"
sync
poweroff -f
END
	echo "${RING0:-native}" >"$root/ring0"
	chmod +x "$root/init" "$root/init2"
}

kernel
cp /bin/busybox "$root/bin/"
add_program "$build/moat"
for t in "$build"/tests/conformance/*; do
	[ -x "$t" ] && [ ! -d "$t" ] && [[ ${t##*/} =~ $only ]] &&
		[[ ${t##*/} != *.* ]] && cp "$t" "$root/tests/"
done
printf 'root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n' \
	>"$root/etc/passwd"
printf 'root:x:0:\nnogroup:x:65534:\n' >"$root/etc/group"
write_init
(cd "$root" && find . | busybox cpio -o -H newc -R 0:0 2>/dev/null) |
	gzip -1 >"$work/initramfs"

timeout -k 10 "${SVM_TIMEOUT:-7200}" qemu-system-x86_64 -accel tcg \
	-machine q35 -cpu max,+svm -smp 2 -m 3072 -nodefaults -no-user-config \
	-display none -monitor none -no-reboot -kernel "$work/vmlinuz" \
	-initrd "$work/initramfs" \
	-append "console=ttyS0 quiet panic=-1 oops=panic" \
	-serial file:"$work/console" -serial file:"$work/results" </dev/null ||
	true
cat "$work/results"
grep -q '^RESULT .* 0 failed' "$work/results" || {
	tail -20 "$work/console"
	exit 1
}
