# needs: perl
# quick
# trace: folded
# fork, pipes, signals, sorting, regular expressions, sockets.
cat >program.pl <<'P'
use strict; use warnings; use IO::Socket::INET; use POSIX ":sys_wait_h"; use Digest::MD5 "md5_hex"; use Time::HiRes "sleep";
$| = 1;
my %h; $h{$_ % 97} .= "$_," for 1 .. 20000;
print md5_hex(join ";", map { "$_=$h{$_}" } sort { $a <=> $b } keys %h), "\n";
my $text = "abc " x 1000; my $n = () = $text =~ /b(?=c)/g; print "$n\n";
for my $i (1 .. 5) { my $pid = fork; if (!$pid) { exit $i } waitpid $pid, 0; print $? >> 8, "\n" }
open my $p, "-|", "sh", "-c", "echo from pipe; exit 2" or die; print <$p>; close $p; print $? >> 8, "\n";
open $p, "|-" or do { while (<STDIN>) { print "child: $_" } exit 0 }; print $p "to child\n"; close $p;
print `echo backticks; kill -9 \$\$`, $? & 127, "\n";
local $SIG{ALRM} = sub { die "alarm\n" }; eval { alarm 1; sleep 5 }; print $@;
my $s = IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1") or die;
if (!fork) { my $c = IO::Socket::INET->new("127.0.0.1:" . $s->sockport); print $c "hi\n"; close $c; POSIX::_exit(0) }
print $s->accept->getline; wait;
open my $f, ">", "file"; print $f "line $_\n" for 1 .. 1000; close $f; open $f, "file"; my @l = <$f>; print scalar @l, "\n";
system { "sh" } "name", "-c", 'echo $0; exit 4'; print $? >> 8, "\n";
END { print "end\n" }
exec "sh", "-c", "exit 3" if @ARGV; exit 7;
P
perl program.pl || echo "status $?"
perl program.pl exec >/dev/null || echo "status $?"
