# needs: perl
perl -e '
use strict; use warnings; use POSIX; use File::Temp qw(tempdir);
my %h = map { $_ => $_ ** 2 } 1..5; print join(",", map {"$_=$h{$_}"} sort keys %h), "\n";
open(my $p, "-|", "echo from child; exit 3") or die; print <$p>; close $p; print $? >> 8, "\n";
my $pid = fork; if (!$pid) { exit 7 } waitpid $pid, 0; print $? >> 8, "\n";
$SIG{USR1} = sub { print "usr1\n" }; kill USR1 => $$;
my $d = tempdir(CLEANUP => 1); open my $f, ">", "$d/x" or die; print $f "abc"; close $f; print -s "$d/x", "\n";
print strftime("%Y", gmtime(0)), "\n";
local $| = 1; pipe my $r, my $w; print $w "line\n"; close $w; print scalar <$r>;
'
