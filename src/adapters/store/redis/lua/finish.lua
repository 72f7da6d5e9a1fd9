-- prefix, reach, sessions to delete at most; whether there may be more
return forget_cut(ARGV[2], ARGV[3])
