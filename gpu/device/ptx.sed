# Gives PTX of LLVM 22 and before the scope and order that its atomics lost:
#
#     sed -E -f ptx.sed kernels.s > kernels.ptx
#
# Those that change a word without comparing come out as `atom.add.u64` whatever the program asked
# for, which is relaxed, and among threads of the device alone. Here they become the strongest
# there is but for SeqCst, which anymem asks of none of them. LLVM 23 writes what was asked for,
# and nothing changes.
s/\batom\.((global|shared)\.)?(and|or|xor|add|exch|min|max|inc|dec)\./atom.acq_rel.sys.\1\3./
