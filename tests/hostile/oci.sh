# SPDX-License-Identifier: Apache-2.0
# The OCI verbs on bundles made of busybox-static: life cycle, exec, errors,
# broken bundles; nothing is left.  Where runc is there, it is the oracle for
# exit status and output.
. "$(dirname "$0")/lib.sh.inc"

command -v jq >/dev/null || { echo "no jq"; exit 77; }
[ -x /bin/busybox ] || { echo "no busybox"; exit 77; }
[ "$(id -u)" = 0 ] || { echo "needs root"; exit 77; }

R=$TMP/state B=$TMP/bundle
moat() { timeout 60 "$MOAT" --root "$R" --log "$TMP/log" --log-format json "$@"; }
mkdir -p "$B/rootfs/bin" "$B/rootfs/etc"
cp /bin/busybox "$B/rootfs/bin/"
for p in sh id cat sleep echo mount true hostname ls ps kill tty mkdir grep sed cut; do
	ln -s busybox "$B/rootfs/bin/$p"
done
chmod 755 "$TMP" "$B" "$B/rootfs" 2>/dev/null
id=moat-oci-$$

# spec and features
(cd "$B" && moat spec) && jq -e '.ociVersion' "$B/config.json" >/dev/null &&
	ok spec || not_ok spec "no config.json"
expect spec-again 1 'cannot write' moat spec --bundle "$B"
expect features 0 'ociVersionMax' moat features
cp "$B/config.json" "$TMP/base.json"

# config FILTER: config.json from the template, no terminal
config() { jq ".process.terminal=false | $1" "$TMP/base.json" >"$B/config.json"; }
sh_config() { config ".process.args=[\"sh\",\"-c\",\"$1\"] | ${2:-.}"; }

# run: status and output
sh_config 'echo hello; exit 3'
expect run-status 3 '^hello$' moat run --bundle "$B" "$id"
sh_config 'kill -9 $$' .
expect list-empty 0 '^null$' moat list --format json
expect run-true 0 '' moat run --bundle "$B" "$id"
config '.process.args=["nosuch"]'
expect not-found 1 'executable file not found in' moat run --bundle "$B" "$id"
jq -e 'select(.level=="error") | .msg | test("not found")' "$TMP/log" >/dev/null &&
	ok log-json || not_ok log-json "$(cat "$TMP/log")"

# what the configuration gives
sh_config 'id -u; id -g; id -G; umask; hostname' \
	'.process.user={uid:7,gid:8,additionalGids:[9,10],umask:23} | .hostname="box"'
out=$(moat run --bundle "$B" "$id" 2>&1 | tr '\n' ' ')
[ "$out" = "7 8 8 9 10 0027 box " ] && ok identity || not_ok identity "$out"
sh_config 'cat /proc/self/status; ulimit -n'
out=$(moat run --bundle "$B" "$id" 2>&1)
echo "$out" | grep -q '^CapEff:.*0000000020000420$' && ok caps || not_ok caps "$out"
[ "$(echo "$out" | tail -1)" = 1024 ] && ok rlimit || not_ok rlimit "$out"
sh_config 'echo x >/file; echo $?'
expect root-readonly 0 '^1$' moat run --bundle "$B" "$id"
sh_config 'echo x >/file; cat /file' '.root.readonly=false'
expect root-writable 0 '^x$' moat run --bundle "$B" "$id"
[ -e "$B/rootfs/file" ] && ok root-shared || not_ok root-shared "no file"
mkdir "$TMP/data" && echo secret >"$TMP/data/f"
sh_config 'cat /mnt/f; echo y >/mnt/f || echo refused' \
	".mounts+=[{destination:\"/mnt\",type:\"bind\",source:\"$TMP/data\",options:[\"bind\",\"ro\"]}]"
expect bind-ro 0 '^refused$' moat run --bundle "$B" "$id"
sh_config 'ls /masked; cat /etc/hidden; echo end' \
	'.linux.maskedPaths=["/masked","/etc/hidden"]'
mkdir -p "$B/rootfs/masked" && touch "$B/rootfs/masked/in"
echo hidden >"$B/rootfs/etc/hidden"
expect masked 0 '^end$' moat run --bundle "$B" "$id"
sh_config 'mkdir /dev/d; echo end' \
	'.linux.seccomp={defaultAction:"SCMP_ACT_ALLOW",syscalls:[{names:["mkdir"],action:"SCMP_ACT_ERRNO",errnoRet:38}]}'
expect seccomp 0 'not implemented' moat run --bundle "$B" "$id"

# mount targets that are links out of the root
ln -s / "$B/rootfs/out"
before=$(ls -A / | sort)
sh_config 'echo inside' \
	'.root.readonly=false | .mounts+=[{destination:"/out/../../moat-oci-escape",type:"tmpfs",source:"tmpfs"}]'
moat run --bundle "$B" "$id" >/dev/null 2>&1
[ "$before" = "$(ls -A / | sort)" ] && ok no-escape || not_ok no-escape "$(ls -A /)"

# life
sh_config 'echo started; while :; do sleep 1; done'
moat create --bundle "$B" --pid-file "$TMP/pid" "$id" >"$TMP/out" 2>&1 </dev/null &&
	ok create || not_ok create "$(cat "$TMP/out")"
expect state-created 0 '"status":"created"' moat state "$id"
expect create-twice 1 'already exists' moat create --bundle "$B" "$id"
expect exec-created 255 'cannot exec' moat exec "$id" true
[ ! -s "$TMP/out" ] && ok not-started || not_ok not-started "$(cat "$TMP/out")"
expect start 0 '' moat start "$id"
expect start-twice 1 'already running' moat start "$id"
started() { grep -q started "$TMP/out"; }
soon 20 started && ok started || not_ok started "$(cat "$TMP/out")"
expect state-running 0 '"status":"running"' moat state "$id"
kill -0 "$(cat "$TMP/pid")" && ok pid-file || not_ok pid-file "$(cat "$TMP/pid")"
expect delete-running 1 'not stopped: running' moat delete "$id"
expect exec 5 '^in$' moat exec "$id" sh -c 'echo in; exit 5'
expect exec-env 0 '^v /etc$' moat exec -e A=v --cwd /etc "$id" sh -c 'echo $A $PWD'
expect exec-user 0 '^7$' moat exec -u 7:8 "$id" id -u
expect exec-missing 255 'executable file not found' moat exec "$id" nosuch
expect exec-signal 143 '' moat exec "$id" sh -c 'kill $$'
expect ps 0 '^\[1,' moat ps --format json "$id"
expect events 0 '"type":"stats"' moat events --stats "$id"
expect pause 0 '' moat pause "$id"
expect state-paused 0 '"status":"paused"' moat state "$id"
expect exec-paused 255 'paused' moat exec "$id" true
expect resume 0 '' moat resume "$id"
expect update 0 '' moat update --memory 100M --pids-limit 50 "$id"
moat exec --detach --pid-file "$TMP/epid" "$id" sleep 1000 </dev/null
kill -9 "$(cat "$TMP/epid")"
gone() { ! moat ps "$id" | grep -q 'sleep$' || [ "$(moat ps "$id" | grep -c ' sleep$')" = 1 ]; }
soon 20 gone && ok exec-killed || not_ok exec-killed "$(moat ps "$id")"
expect kill-signal 1 'unknown signal' moat kill "$id" NOSUCH
expect kill 0 '' moat kill "$id" KILL
stopped() { moat state "$id" | grep -q '"status":"stopped"'; }
soon 20 stopped && ok stopped || not_ok stopped "$(moat state "$id")"
expect kill-stopped 1 'not running' moat kill "$id" TERM
expect delete 0 '' moat delete "$id"
expect delete-twice 1 'does not exist' moat delete "$id"
expect delete-force-none 0 '' moat delete --force "$id"
moat create --bundle "$B" "$id" </dev/null >/dev/null 2>&1
expect delete-created 0 '' moat delete "$id"
moat run --detach --bundle "$B" "$id" </dev/null >/dev/null 2>&1
expect delete-force 0 '' moat delete --force "$id"

# a terminal: its master comes over --console-socket
config '.process.terminal=true | .process.consoleSize={height:30,width:90} |
	.process.args=["sh","-c","tty; read x; echo typed $x; exit 2"]'
cat >"$TMP/tty.py" <<'END'
import os, select, socket, subprocess, sys, time
tmp, moat = sys.argv[1], sys.argv[2:]
s = socket.socket(socket.AF_UNIX)
s.bind(tmp + "/console")
s.listen(1)
s.settimeout(60)
p = subprocess.Popen(moat[:-1] + ["create", "--bundle", tmp + "/bundle",
                     "--console-socket", tmp + "/console", moat[-1]],
                     stdin=subprocess.DEVNULL)
k, _ = s.accept()
_, fds, _, _ = socket.recv_fds(k, 100, 4)
if p.wait() or subprocess.call(moat[:-1] + ["start", moat[-1]]):
    sys.exit("cannot create or start")
os.write(fds[0], b"hello\n")
out, end = b"", time.time() + 60
while time.time() < end:
    if not select.select([fds[0]], [], [], 1)[0]:
        continue
    try:
        out += os.read(fds[0], 4096)
    except OSError:
        break
sys.stdout.write(out.decode().replace("\r", ""))
END
expect console 0 '^typed hello$' timeout 120 python3 "$TMP/tty.py" "$TMP" \
	"$MOAT" --root "$R" "$id"
expect console-delete 0 '' moat delete --force "$id"
expect no-console 1 'cannot allocate tty' moat create --bundle "$B" "$id"

# hooks: state on stdin, at their moments
config '.process.args=["true"] | .hooks={
	createRuntime:[{path:"/bin/sh",args:["sh","-c","cat >>'"$TMP"'/hooks"]}],
	poststop:[{path:"/bin/sh",args:["sh","-c","echo; cat >>'"$TMP"'/hooks"]}]}'
expect hooks-run 0 '' moat run --bundle "$B" "$id"
[ "$(jq -r .status "$TMP/hooks" | tr '\n' ' ')" = "creating stopped " ] &&
	ok hooks || not_ok hooks "$(cat "$TMP/hooks")"
config '.process.args=["true"] | .hooks={createRuntime:[{path:"/bin/sleep",args:["sleep","100"],timeout:1}]}'
expect hook-timeout 1 'took longer' moat run --bundle "$B" "$id"

# broken bundles: a message with the path, and nothing left
broken() {
	name=$1 pattern=$2
	config "$3"
	expect "broken-$name" 1 "$pattern" moat run --bundle "$B" "$id"
}
broken args-type 'process.args\[0\]: a string is expected' '.process.args=[1]'
broken args-empty 'process.args: must not be empty' '.process.args=[]'
broken cwd 'process.cwd: must be an absolute path' '.process.cwd="x"'
broken no-root 'root: is missing' 'del(.root)'
broken rootfs 'cannot open rootfs' '.root.path="nowhere"'
broken version 'ociVersion: version 2' '.ociVersion="2.0.0"'
broken fs 'mounts\[0\].type: there is no file system' '.mounts[0].type="xfs"'
broken bind 'cannot bind' '.mounts+=[{destination:"/x",type:"bind",source:"/nonexistent"}]'
broken rlimit 'rlimits\[0\].type: there is no limit' '.process.rlimits[0].type="RLIMIT_X"'
broken uid 'process.user.uid: not within' '.process.user.uid=-1'
echo '{"ociVersion"' >"$B/config.json"
expect broken-json 1 'config.json: the text ends' moat run --bundle "$B" "$id"
rm "$B/config.json"
expect broken-none 1 'config.json of bundle' moat run --bundle "$B" "$id"
expect bad-id 1 'invalid container id' moat state 'a/b'
expect unknown-flag 1 'flag provided but not defined' moat run --bundle "$B" --nosuch "$id"
expect checkpoint 1 'not supported' moat checkpoint "$id"

# the same bundle in runc: output and status
if command -v runc >/dev/null && runc --version >/dev/null 2>&1; then
	same() {
		sh_config "$2" "${3:-.}"
		want=$(timeout 60 runc --root "$TMP/runc" run --bundle "$B" "$id" 2>&1 </dev/null; echo "status $?")
		case $want in *cgroup* | *"operation not permitted"*)
			echo "skip same-$1: runc cannot run here"
			return ;;
		esac
		got=$(moat run --bundle "$B" "$id" 2>&1 </dev/null; echo "status $?")
		[ "$want" = "$got" ] && ok "same-$1" || not_ok "same-$1" "runc: $want moat: $got"
	}
	same status 'exit 9'
	same signal 'kill -TERM $$; exit 4'
	same identity 'id; umask; hostname; echo $PATH; pwd'
	same caps 'grep Cap /proc/self/status; grep NoNew /proc/self/status'
	same devices 'ls -l /dev/null /dev/zero /dev/full | cut -c1-10; ls -l /dev/fd /dev/ptmx | sed s/.*-.//'
	same cwd 'pwd' '.root.readonly=false | .process.cwd="/made/here"'
fi

# nothing left
[ -z "$(ls -A "$R")" ] && ok no-state || not_ok no-state "$(ls -A "$R")"
[ -z "$(find /sys/fs/cgroup -name "$id*" 2>/dev/null)" ] && ok no-cgroup ||
	not_ok no-cgroup "$(find /sys/fs/cgroup -name "$id*")"
none_left() {
	local f
	for f in /proc/[0-9]*/cmdline; do
		case "$({ tr '\0' ' ' <"$f"; } 2>/dev/null)" in
		*"--root $R "*) return 1 ;;
		esac
	done
}
soon 5 none_left && ok no-process || not_ok no-process "of $R"
finish
