# needs: tmux
# A server with two windows and two panes, keys sent and the screen read.
export LC_ALL=C.UTF-8 TERM=screen SHELL=/bin/sh
t() { tmux -S "$PWD/s" -f /dev/null "$@"; }
# t_wait WINDOW TEXT: until the pane shows it.
t_wait() {
	for i in $(seq 1000); do
		t capture-pane -p -t "$1" | grep -q "$2" && return
		sleep 0.1
	done
	echo "no $2 in $1"; t capture-pane -p -t "$1"
}
t new-session -d -s main -x 80 -y 24 'PS1="P " exec sh' || exit 1
t_wait main: '^P'
t send-keys -t main: 'echo "sum $((40 + 2))"; stty size' Enter
t_wait main: '24 80\|23 80'
t capture-pane -p -t main: | grep '^sum'
t split-window -h -t main: 'PS1="Q " exec sh'
t_wait main:0.1 '^Q'
t send-keys -t main:0.1 'stty size | cut -d" " -f2' Enter
t_wait main:0.1 '^39\|^40'
t send-keys -t main:0.1 'sleep 50' Enter
for i in $(seq 1000); do
	[ "$(t display -p -t main:0.1 '#{pane_current_command}')" = sleep ] && break
	sleep 0.1
done
t send-keys -t main:0.1 C-c
t_wait main:0.1 '\^C'
t send-keys -t main:0.1 'echo "after $?"' Enter
t_wait main:0.1 '^after 130'
t new-window -t main: 'seq 1 3000; PS1="R " exec sh'
t_wait main:1 '^R'
t capture-pane -p -S -100 -t main:1 | tail -3
t resize-window -t main:1 -x 100 -y 30
t send-keys -t main:1 'stty size' Enter
t_wait main:1 '30 100'
t list-windows -t main -F '#{window_index} #{window_panes}'
t kill-window -t main:1; t list-windows -F '#{window_index}'
# The higher first: the others keep their numbers.
t send-keys -t main:0.1 'exit' Enter; t send-keys -t main:0.0 'exit' Enter
for i in $(seq 500); do t ls 2>/dev/null || break; sleep 0.1; done >/dev/null
t ls 2>&1 | sed 's/ on .*//; s/ (.*//'
