# needs: dpkg dpkg-deb apt-get
# A package with scripts and a conffile is built, installed, upgraded and purged
# below a root of its own, by dpkg and by apt-get from a local repository.
umask 022
make_deb() { # VERSION
	rm -rf p && mkdir -p p/DEBIAN p/usr/share/moat-test/deep p/etc
	printf 'Package: moat-test\nVersion: %s\nArchitecture: all\nMaintainer: n <e@x>\nDescription: test\n' "$1" >p/DEBIAN/control
	echo /etc/moat-test.conf >p/DEBIAN/conffiles
	echo "setting=$1" >p/etc/moat-test.conf
	for i in $(seq 1 200); do echo "$1 $i" >p/usr/share/moat-test/deep/f$i; done
	ln p/usr/share/moat-test/deep/f1 p/usr/share/moat-test/hard
	ln -s deep/f2 p/usr/share/moat-test/soft
	printf '#!/bin/sh\necho "script $1 $2"\n' >p/DEBIAN/postinst
	cp p/DEBIAN/postinst p/DEBIAN/prerm && chmod 755 p/DEBIAN/p*
	mkdir -p repo && dpkg-deb --root-owner-group -Zgzip -b p repo/moat-test_$1_all.deb
}
root=$PWD/root
mkdir -p $root/var/lib/dpkg/updates $root/var/lib/dpkg/info
touch $root/var/lib/dpkg/status $root/var/lib/dpkg/available
pkg() {
	dpkg --root=$root --force-not-root --force-script-chrootless --log=/dev/null --force-confold "$@" 2>&1 |
		grep -v -e '^(Reading' -e "Setting up" -e 'statoverride' -e 'files and directories' -e '^Configuration file'
}
make_deb 1.0
pkg -i repo/moat-test_1.0_all.deb
pkg -L moat-test | wc -l
pkg --verify moat-test
echo mine >>$root/etc/moat-test.conf
make_deb 2.0
pkg -i repo/moat-test_2.0_all.deb
cat $root/etc/moat-test.conf $root/usr/share/moat-test/deep/f200 $root/usr/share/moat-test/soft
[ $root/usr/share/moat-test/hard -ef $root/usr/share/moat-test/deep/f1 ] && echo linked
pkg -V moat-test | cut -d' ' -f1,2
pkg -P moat-test
find $root/usr $root/etc -type f 2>/dev/null | wc -l

# The same by apt-get; a Packages file by hand.
cd repo && for d in *.deb; do
	dpkg-deb -f $d
	printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' $d $(stat -c %s $d) $(sha256sum $d | cut -d' ' -f1)
done >Packages && cd ..
mkdir -p apt/lists/partial apt/archives/partial apt/etc apt/empty
echo "deb [trusted=yes] file:$PWD/repo ./" >apt/etc/sources.list
apt() {
	apt-get -q -y -o APT::Sandbox::User=root -o Dir::Etc::sourcelist=$PWD/apt/etc/sources.list \
		-o Dir::Etc::sourceparts=$PWD/apt/empty -o Dir::Etc::parts=$PWD/apt/empty \
		-o Dir::Etc::preferencesparts=$PWD/apt/empty -o Dir::State::lists=$PWD/apt/lists \
		-o Dir::State::status=$root/var/lib/dpkg/status -o Dir::State::extended_states=$PWD/apt/ext \
		-o Dir::Cache=$PWD/apt -o Dir::Cache::archives=$PWD/apt/archives -o Dir::Log=$PWD/apt \
		-o Debug::NoLocking=1 -o APT::Architecture=amd64 -o Dpkg::Use-Pty=0 \
		-o DPkg::Options::=--root=$root -o DPkg::Options::=--force-not-root \
		-o DPkg::Options::=--force-script-chrootless -o DPkg::Options::=--log=/dev/null "$@" 2>&1
}
apt update | grep -c Packages
apt install moat-test=1.0 | grep -E '^(The following NEW|  moat-test|script)'
apt upgrade | grep -E '^(  moat-test|script)'
cat $root/etc/moat-test.conf
apt purge moat-test | grep -E '^(  moat-test|script)'
find $root/usr $root/etc -type f 2>/dev/null | wc -l
