# Pipes, traps, here documents, background jobs.
bash <<'B'
trap 'echo bye' EXIT
trap 'echo usr1' USR1
kill -USR1 $$
x=$(for i in 1 2 3; do (echo $i; exit $i); done); echo "$x"
f() { local a=$1; echo "f $a"; return 4; }; f q; echo $?
{ echo err >&2; echo out; } 2>&1 | sort
sleep 0.2 & sleep 0.1 & wait -n; echo one; wait; echo all
exec 5>five; echo to5 >&5; exec 5>&-; cat five
cat <(echo sub) <(echo stitution)
set -o pipefail; false | true; echo $?
coproc cat; echo co >&${COPROC[1]}; read -r l <&${COPROC[0]}; echo $l
ulimit -n 100; ulimit -n
read -t 0.05 z </dev/zero; echo $(( $? > 128 ))
[[ -e /proc/$$/exe ]] && echo proc
B
