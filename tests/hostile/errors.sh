# SPDX-License-Identifier: Apache-2.0
# What a person meets who types something wrong: one clear line, exit codes of
# env(1), nothing left behind.
. "$(dirname "$0")/lib.sh.inc"

expect no-command 125 'usage: moat' "$MOAT"
expect bad-command 125 "no command 'fly'" "$MOAT" fly
expect help 0 'usage: moat run' "$MOAT" run --help
expect version 0 '^moat [0-9]' "$MOAT" --version
expect unknown-option 125 "unknown option '--frob'" "$MOAT" run --frob -- true
expect single-dash 125 "unknown option '-x'" "$MOAT" run -x true
expect missing-value 125 '--cwd needs a value' "$MOAT" run --cwd
expect missing-program 125 'no program given' "$MOAT" run
expect missing-program-2 125 'no program given' "$MOAT" run --
expect bad-platform 125 "no platform 'vax'" "$MOAT" run --platform=vax -- true
expect bad-memory 125 "--memory does not accept '12q'" "$MOAT" run --memory=12q -- true
expect huge-memory 125 '--memory does not accept' "$MOAT" run --memory=99999999999999999999 -- true
expect bad-level 125 '--log-level does not accept' "$MOAT" run --log-level=loud -- true
expect bad-env 125 "--env does not accept 'X'" "$MOAT" run --env X -- true
expect bad-user 125 '--user takes UID' "$MOAT" run --user root -- true
expect bad-timeout 125 '--timeout does not accept' "$MOAT" run --timeout -1 -- true
expect relative-cwd 125 '--cwd does not accept' "$MOAT" run --cwd tmp -- true
expect missing-cwd 125 'cannot start in /no/such/dir: No such file' "$MOAT" run --cwd /no/such/dir -- true
expect missing-rootfs 125 'cannot read the root directory /no/such: No such file' "$MOAT" run --rootfs /no/such -- true
expect file-rootfs 125 'Not a directory' "$MOAT" run --rootfs /etc/passwd -- true
expect missing-bind 125 'cannot bind /no/such: No such file' "$MOAT" run --bind /no/such:/mnt -- true
expect bad-log 125 'cannot write the log file' "$MOAT" run --log /no/such/log -- true
expect not-found 127 'cannot run no-such-program: not found' "$MOAT" run -- no-such-program
expect not-found-path 127 'cannot run /no/such/prog: not found' "$MOAT" run -- /no/such/prog
expect directory 126 'cannot run /etc: Permission denied' "$MOAT" run -- /etc
expect not-executable 126 'Permission denied' "$MOAT" run -- /etc/passwd

printf 'not a program\n' >"$TMP/text"
chmod +x "$TMP/text"
expect enoexec 126 'Exec format error' "$MOAT" run -- "$TMP/text"
printf '#!/no/such/interpreter\n' >"$TMP/script"
chmod +x "$TMP/script"
expect bad-interpreter 127 'not found' "$MOAT" run -- "$TMP/script"
head -c 200 /bin/true >"$TMP/cut"
chmod +x "$TMP/cut"
expect cut-elf 126 'cannot run' "$MOAT" run -- "$TMP/cut"

expect status 7 '' "$MOAT" run -- sh -c 'exit 7'
expect signal 143 '' "$MOAT" run -- sh -c 'kill -TERM $$'
expect env 0 '^value$' "$MOAT" run --env NAME=value -- sh -c 'echo $NAME'
expect cwd 0 '^/usr$' "$MOAT" run --cwd /usr -- pwd
expect user 0 '^12:34$' "$MOAT" run --user 12:34 -- sh -c 'echo $(id -u):$(id -g)'
expect hostname 0 '^box$' "$MOAT" run --hostname box -- uname -n
expect timeout 124 'time limit' "$MOAT" run --timeout 300ms -- sleep 100
expect tmpfs 0 '^tmpfs$' "$MOAT" run --tmpfs /mnt -- stat -f -c %T /mnt

mkdir -p "$TMP/shared"
echo host >"$TMP/shared/file"
expect ro-bind 0 'Read-only file system' "$MOAT" run --ro-bind "$TMP/shared:/mnt" -- sh -c 'cat /mnt/file; echo x >/mnt/file || true'
expect bind 0 '^host$' "$MOAT" run --bind "$TMP/shared:/mnt" -- sh -c 'cat /mnt/file; echo inside >/mnt/new'
[ "$(cat "$TMP/shared/new")" = inside ] && ok bind-writes || not_ok bind-writes "not there"
"$MOAT" run -- sh -c "echo gone >$TMP/thrown-away; cat $TMP/thrown-away" | grep -q gone && ok overlay-reads || not_ok overlay-reads "no"
[ ! -e "$TMP/thrown-away" ] && ok overlay-throws-away || not_ok overlay-throws-away "it is on the host"
finish
