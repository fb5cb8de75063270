# Counts made-up words, sorts them, joins and splits them again.
use strict;
use warnings;

my $state = 16;

sub below {
    $state = ($state * 1103515245 + 12345) % 2**31;
    return int($state / 2**31 * $_[0]);
}

my $total = 0;
my $rounds = int(2 * $ARGV[0] / 100) || 1;
for my $round (1 .. $rounds) {
    my %places;
    push @{ $places{ 'w' . below(20000) } }, "place $_" for 1 .. 60000;
    my $text = join ' ', map { "$_=" . scalar @{ $places{$_} } } sort keys %places;
    $text =~ s/w(\d+)/word-$1/g;
    my %counts = map { split /=/ } split / /, $text;
    $total += $counts{$_} * length $_ for keys %counts;
}
print "$total\n";
