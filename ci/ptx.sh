#!/usr/bin/env bash
# Assembles the kernels of anymem-gpu for all generations of GPUs that NVIDIA's assemblers
# know, one of CUDA 12 and one of CUDA 13, which come from PyPI unless $PTXAS names one.
# Exits with 77, and says so in its last line, where there is none to be had.
set -euo pipefail
cd "$(dirname "$0")/.."
directory=${CARGO_TARGET_DIR:-target}/ptx
mkdir -p "$directory"
text=$directory/kernels.ptx
# In the order in which ptx.rs puts them together.
parts=$(sed -n 's/.*include_str!("\(.*\.ptx\)").*/\1/p' gpu/src/kernels/ptx.rs)
(cd gpu/src/kernels && cat $parts) >"$text"

# The assembler of a package of PyPI.
assembler() {
    local home=$directory/${1//[^a-z0-9.]/-}
    [[ -d $home ]] || python3 -m pip install -q --no-deps --target "$home" "$1" >&2 || return 0
    find "$home" -name ptxas -type f
}

assemblers=${PTXAS:-$(assembler nvidia-cuda-nvcc-cu12==12.9.86; assembler nvidia-cuda-nvcc==13.0.88)}
if [[ -z $assemblers ]]; then
    echo "ptx: skipped: no ptxas here, and none to be had from PyPI"
    exit 77
fi
count=0
for ptxas in $assemblers; do
    for generation in $("$ptxas" --help | grep -o "'sm_[0-9]*'" | tr -d "'" | sort -u); do
        ((${generation#sm_} >= 70)) || continue
        "$ptxas" -arch="$generation" -warn-spills -Werror "$text" -o "$directory/$generation.cubin"
        count=$((count + 1))
    done
done
echo "ptx: $count times assembled"
