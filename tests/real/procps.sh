# SPDX-License-Identifier: Apache-2.0
# What procps makes of /proc: the same shape natively and inside.
yes_if() { "$@" >/dev/null 2>&1 && echo yes || echo no; }

sleep 100 &
child=$!
echo "ps finds its shell and child"
ps -o pid=,comm= -p $$,$child | wc -l
ps -o ppid= -p $child | tr -d ' ' | grep -qx $$ && echo parent
ps -o stat= -p $child | cut -c1
ps -o ni=,pri=,cls=,nlwp= -p $child | tr -s ' '
ps aux | awk 'NR == 1 { print NF, $1, $11 } $2 == c { print $11, $12, $3 + $4 }' c=$child
ps -eLf | awk 'NR == 1 { print $4, $6 }'
ps -o rss=,vsz= -p $child | awk '{ print ($1 > 100 && $1 < $2) }'
ps -o etimes= -p $child | awk '{ print ($1 < 60) }'
ps --forest -o comm= -p $child | tr -d ' \\_'
echo "top"
top -bn1 -p $child | awk '/^%Cpu/ { print "cpu" } /^MiB Mem/ { print ($4 > 0) } $NF == "sleep" { print $NF, $4, $8 }'
echo "free"
free -b | awk '/^Mem/ { print ($2 > 0 && $2 >= $3 && $7 <= $2) }'
echo "vmstat"
vmstat | awk 'END { print (NF >= 17), ($4 > 0) }'
yes_if vmstat -s
yes_if vmstat -d
echo "uptime"
uptime | grep -c 'load average: [0-9]*\.[0-9][0-9], [0-9]*\.[0-9][0-9], [0-9]'
echo "pmap"
pmap -x $child | awk 'NR == 2 { print $1, $2 } /^total kB/ { print ($3 > $4 && $4 > 0) }'
pmap $child | grep -c 'sleep$' | awk '{ print ($1 >= 3) }'
yes_if pmap -X $child
if command -v lsof >/dev/null; then
	echo "lsof"
	lsof -p $child 2>/dev/null | awk '$4 ~ /^(cwd|rtd|txt|FD)$/ { print $1, $4, $5, $NF }'
fi
echo "pgrep, pidwait, kill"
pgrep -P $$ -x sleep | grep -qx $child && echo found
pwdx $child | cut -d: -f2 | grep -q / && echo cwd
kill $child
wait $child 2>/dev/null
echo "status $?"
ps -p $child >/dev/null || echo gone
