# Hashes, strings, sorting, patterns, references and children; the output is
# always the same.
use strict;
use warnings;

srand(7);
my %words;
for my $turn (1 .. 150_000) {
    my $word = join '', map { chr(97 + int rand 26) } 1 .. 1 + int rand 6;
    push @{ $words{$word} }, $turn;
    delete $words{$word} if $turn % 11 == 0;
}
my @by_count = sort { @{ $words{$b} } <=> @{ $words{$a} } || $a cmp $b } keys %words;
print scalar(@by_count), "\n";
print "$_ ", scalar @{ $words{$_} }, "\n" for @by_count[0 .. 20];

my $text = join ' ', @by_count;
my $changed = ($text =~ s/\b(\w)(\w+)\b/$2$1ay/g);
print "$changed ", length $text, " ", unpack('%32C*', $text), "\n";

my $long = '';
$long .= sprintf '%08d,', $_ for 1 .. 200_000;
my @parts = split /,/, $long;
print scalar(@parts), " $parts[-1]\n";

for my $child (1 .. 5) {
    my $pid = open(my $from, '-|') // die "fork: $!";
    if ($pid == 0) {
        my %own = map { $_ => [ ($_) x 5 ] } 1 .. 20_000;
        print "child $child has ", scalar(keys %own), "\n";
        exit 0;
    }
    print while <$from>;
    close $from or die "child: $?";
}
