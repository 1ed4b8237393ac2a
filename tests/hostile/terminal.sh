# SPDX-License-Identifier: Apache-2.0
# A terminal, as a person uses it: prompt, Ctrl-C, Ctrl-Z, jobs, editors, window
# size, and the settings that are left behind.  Driven by tmux.
. "$(dirname "$0")/lib.sh.inc"

for need in tmux vi less python3 stty; do
	command -v $need >/dev/null || { echo "$need is not installed"; exit 77; }
done
# tmux starts its command with the user's shell, which may be nologin.
export SHELL=/bin/sh
T="tmux -S $TMP/socket"
$T -f /dev/null new-session -d -x 80 -y 24 \
	"env TERM=screen PS1='host> ' HISTFILE= bash --norc --noprofile" ||
	{ echo "tmux cannot make a terminal here"; exit 77; }
trap '$T kill-server 2>/dev/null' EXIT

keys() { $T send-keys -t 0 "$@"; }
screen() { $T capture-pane -p -t 0; }
shows() { screen | grep -Eq -- "$1"; }
# see NAME PATTERN: it appears on the screen
see() {
	soon 10 shows "$2" && ok "$1" || not_ok "$1" "no '$2' in: $(screen | sed '/^$/d')"
}
# A shell tells of its jobs when it prompts.
job_stopped() { keys '' Enter; shows Stopped; }
# A fresh screen, so that nothing old is seen.
fresh() { keys C-l && $T clear-history -t 0; soon 5 top_is_prompt; }
top_is_prompt() { screen | head -1 | grep -Eq '^(in|host)> *$'; }

# Typing ahead of a job would be read by the shell's line editor.
tty=$($T display-message -p -t 0 '#{pane_tty}')
cooked() { stty -F "$tty" -a | grep -q ' icanon'; }
# foreground PATTERN: fg, until the shell has told which job that is
foreground() {
	fresh
	keys fg Enter
	soon 5 shows "$1"
	soon 5 cooked
}

see host-prompt '^host>'
keys "$MOAT run --env PS1='in> ' -- bash --norc --noprofile" Enter
see prompt '^in>'
keys 'tty; stty size; test -t 0 && echo is-a-tty' Enter
see size '^24 80$'
see is-a-tty '^is-a-tty$'

fresh
keys 'sh -c "echo now; sleep 1000"' Enter
see typed '^now$'
keys C-c
keys 'echo code=$?' Enter
see ctrl-c '^code=130$'

fresh
keys 'cat' Enter 'line' Enter
see cat '^line$'
keys C-z
see ctrl-z 'Stopped +cat'
keys 'jobs' Enter
foreground '^cat$'
keys 'again' Enter
see fg-reads '^again$'
keys C-d
keys 'echo code=$?' Enter
see fg '^code=0$'

fresh
keys 'bash -c "echo now; sleep 1000"' Enter
see typed-2 '^now$'
keys C-z
see stop 'Stopped .*sleep 1000'
keys 'bg' Enter
see bg '1.*sleep 1000" &'
keys 'jobs' Enter
see running 'Running .*sleep 1000'
keys 'kill %1; wait' Enter
see killed 'Terminated .*sleep 1000'

fresh
keys 'trap "echo winch" WINCH' Enter
$T resize-window -t 0 -x 100 -y 30
keys '' Enter
see winch '^(in> )?winch$'
keys 'stty size' Enter
see resized '^30 100$'

fresh
keys "vi $TMP/edited" Enter
see vi '^~'
keys i 'some text' Escape ':wq' Enter
see vi-left '^in>'
keys "cat $TMP/edited" Enter
see vi-wrote '^some text$'

fresh
keys 'less /etc/passwd' Enter
see less '^root:'
keys G q
keys 'seq 500 | less' Enter
see less-of-a-pipe '^:|^29$'
keys q
keys 'python3 -q' Enter
see python '^>>>'
keys 'print(6*7)' Enter
see python-prints '^42$'
keys C-d

fresh
keys 'stty -echo raw; exec true' Enter
soon 10 shows '^host>' || :
keys "stty sane" Enter
fresh
keys "stty -a | grep -cE -- ' icanon .* echo ' " Enter
see after-sane '^1$'

# The program leaves the settings that it made; but not when it is killed.
fresh
keys "$MOAT run -- sh -c 'stty raw -echo; kill -9 \$\$'; stty -a | grep -oE '[-]?icanon|[-]?echo '" Enter
see restored-icanon '^icanon$'
see restored-echo '^echo *$'

# The launcher stops with the program, and goes on with it.
fresh
keys "$MOAT run -- sh -c 'echo up; sleep 1000'" Enter
see up '^up$'
keys C-z
see launcher-stops 'Stopped .*run'
foreground 'run -- sh'
keys C-c
keys 'echo code=$?' Enter
see launcher-goes-on '^code=130$'

# In a pipe the keyboard is still there for a pager.
fresh
keys "seq 1000 | $MOAT run -- less" Enter
see pager '^:|^29$'
keys q
see pager-left '^host>'

# In the background it does not take what is typed for the shell.
fresh
keys "$MOAT run -- cat &" Enter
soon 10 job_stopped || :
keys 'echo o''ne' Enter 'echo t''wo' Enter
see background-one '^one$'
see background-two '^two$'
foreground 'run -- cat'
keys 'for cat' Enter
see background-fg '^for cat$'
keys C-d
see background-end '^host>$'
fresh
keys "$MOAT run --env PS1='in> ' -- bash --norc --noprofile &" Enter
soon 10 job_stopped && ok background-shell || not_ok background-shell "$(screen | sed '/^$/d')"
keys fg Enter
soon 5 shows '^in>'
keys '' Enter
see background-shell-fg '^in>'
keys 'exit 9' Enter 'echo code=$?' Enter
see background-shell-ends '^code=9$'
finish
