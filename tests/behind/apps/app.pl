#!/usr/bin/perl
# A CGI program that says what it was asked. Perl starts in two milliseconds, Python in twenty.
use strict;
use warnings;

sub text {
    my ($value) = @_;
    $value = '' unless defined $value;
    $value =~ s/([^ !#-\[\]-~])/sprintf('\\u%04x', ord($1))/ge;
    return "\"$value\"";
}

# What was sent must be taken, or Apache waits for that.
read(STDIN, my $body, $ENV{CONTENT_LENGTH}) if $ENV{CONTENT_LENGTH};

# Without `HTTP_` these would be headers that put themselves in the place of a variable.
my @headers = map { '[' . text(substr($_, 5)) . ',' . text($ENV{$_}) . ']' } grep { /^HTTP_/ } sort keys %ENV;
my $path = defined $ENV{PATH_INFO} ? $ENV{PATH_INFO} : '';
my %said = (
    trace => $ENV{HTTP_X_TRACE},
    method => $ENV{REQUEST_METHOD},
    path => $path,
    query => $ENV{QUERY_STRING},
    host => $ENV{HTTP_HOST},
    scheme => $ENV{HTTP_X_FORWARDED_PROTO},
    client => $ENV{REMOTE_ADDR},
    user => $ENV{HTTP_X_USER_ID},
    other_user => $ENV{REMOTE_USER},
    route => $ENV{ROUTE} || 'other',
    proxy => $ENV{HTTP_PROXY},
);
print "X-App: cgi\r\nContent-Type: application/json\r\n\r\n{";
print join(',', map { text($_) . ':' . text($said{$_}) } sort keys %said);
print ',"headers":[' . join(',', @headers) . "]}\n";
