#!/usr/bin/env bash
# Runs the tests that need NUMA nodes, huge pages or a DAX device in a virtual machine that
# has them: Debian's kernel in QEMU, with busybox, the test binaries and nothing else.
# Needs Debian on x86-64; installs the packages that are missing. The last line counts the
# tests; one that is skipped although the machine has what it needs is a failure.
set -euo pipefail
cd "$(dirname "$0")/../.."
here=$PWD/tests/vm

# The test binaries that run inside, by the names that `cargo test --test` knows.
tests=(
    numa_topology
    numa
    numa_providers
    numa_pools
    providers_os
    providers_file
    providers_full
    dax
    ipc_dax
)
# What no test may skip for want of.
has=numa,hmat,huge-2048kB,transparent,hugetlbfs,dax,fsdax,root,cgroup

packages=(busybox-static cpio e2fsprogs ndctl qemu-system-x86)
# Each needs those before it.
modules=(
    libnvdimm nfit nd_btt nd_pmem dax_pmem device_dax
    crc16 crc32c_generic mbcache jbd2 ext4 loop
)
most_seconds=900
work=$(realpath -m "${CARGO_TARGET_DIR:-target}")/vm
root=$work/root

download_kernel() {
    local package
    package=$(apt-cache depends linux-image-amd64 | sed -n 's/^ *Depends: //p' | head -n 1)
    (cd "$work" && apt-get download -q -o Acquire::Retries=5 -o APT::Sandbox::User=root "$package")
}

# Takes the kernel and the modules out of Debian's package, which is large.
add_kernel() {
    local module number=10
    # The lists of packages may be missing, or older than the packages.
    download_kernel || { ci/apt-update.sh && download_kernel; }
    dpkg-deb --fsys-tarfile "$work"/linux-image-*.deb | tar -x -C "$work" --wildcards \
        --no-anchored 'vmlinuz-*' "${modules[@]/%/.ko}"
    mkdir "$root/modules"
    for module in "${modules[@]}"; do
        find "$work/lib" -name "$module.ko" -exec mv {} "$root/modules/$((number++))" \;
    done
}

# Copies a program with its libraries to where it looks for them.
add_program() {
    local file
    { echo "$1" && ldd "$1" | grep -o '/[^ ]*'; } | while read -r file; do
        install -D "$file" "$root$file"
    done
}

# Builds the tests and adds them, numbered, for they run in the order of their names.
add_tests() {
    local name built number=10
    mkdir "$root/tests"
    for name in "${tests[@]}"; do
        built=$(cargo test --quiet --no-run --test "$name" \
            --message-format json-render-diagnostics |
            sed -n '/"kind":\["test"\]/s/.*"executable":"\([^"]*\)".*/\1/p')
        strip -o "$work/stripped" "$built"
        add_program "$built"
        mv "$work/stripped" "$root/tests/$((number++))-$name"
        rm "$root$built"
    done
}

# Two processors with memory, memory without a processor that is nearest to the first of
# them, and two NVDIMMs.
run_machine() {
    local node path from to far latency bandwidth nodes=() figures=() nvdimms=()
    for node in '0,cpus=0' '1,cpus=1' '2,initiator=0'; do
        nodes+=(-object "memory-backend-ram,id=m${node%%,*},size=384M"
            -numa "node,nodeid=$node,memdev=m${node%%,*}")
    done
    # From node to node: how far, nanoseconds and bytes a second.
    while read -r from to far latency bandwidth; do
        path=hmat-lb,initiator=$from,target=$to,hierarchy=memory,data-type=access
        figures+=(-numa "dist,src=$from,dst=$to,val=$far"
            -numa "$path-latency,latency=$latency"
            -numa "$path-bandwidth,bandwidth=$bandwidth")
    done <<'END'
0 0 10 10 10G
0 1 20 20 5G
0 2 30 30 2G
1 0 20 20 5G
1 1 10 10 10G
1 2 40 40 1G
END
    # Of which 2 MiB are for labels.
    for node in n0 n1; do
        nvdimms+=(-object "memory-backend-ram,id=$node,size=258M"
            -device "nvdimm,memdev=$node,label-size=2M")
    done
    timeout "$most_seconds" qemu-system-x86_64 -accel tcg -cpu max -smp 2 \
        -machine q35,nvdimm=on,hmat=on -m 1152M,slots=2,maxmem=4G \
        "${nodes[@]}" "${figures[@]}" \
        "${nvdimms[@]}" \
        -kernel "$work"/boot/vmlinuz-* -initrd "$work/initrd" \
        -append "console=ttyS0 quiet panic=1 hugepages=48 $1" \
        -display none -monitor none -serial stdio -nic none -no-reboot </dev/null
}

rm -rf "$work"
trap 'rm -rf "$work"' EXIT
mkdir -p "$root/bin"
ci/debian.sh "${packages[@]}"
add_tests
add_kernel
add_program /usr/bin/ndctl
add_program /sbin/mkfs.ext4
cp /usr/bin/busybox "$root/bin"
cp "$here/init" "$root"
(cd "$root" && find . | cpio --quiet -o -H newc | gzip -1 >"$work/initrd")
run_machine "ANYMEM_TEST_REQUIRE=$has" | tr -d '\r' | tee "$work/log" ||
    echo 'the machine ended by itself, or was stopped'
counts=$(grep -o 'vm-tests: .* skipped' "$work/log" || echo 'vm-tests: 0 passed, 1 failed, 0 skipped')
echo "$counts"
[[ $counts =~ ' 0 failed,' ]]
