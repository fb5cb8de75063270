#!/usr/bin/env bash
# Provides RMM and PyTorch's allocator for `compare -- gpu` where Python has neither, and for
# ci/gpu-pack.sh, which takes them along to machines without a compiler: their libraries from
# wheels on PyPI, and what calls them, compiled. Downloads a gigabyte, of which 5 MiB stay. Does
# nothing where all is there.
set -euo pipefail
cd "$(dirname "$0")/.."
peers=${CARGO_TARGET_DIR:-target}/peers/gpu
[[ -e $peers/libanymem_pytorch.so ]] && exit
ci/debian.sh build-essential python3-pip unzip

# For CUDA 12, whose runtime library works with drivers of 13 as well.
wheels=(
    torch==2.8.0 librmm-cu12==26.10.0 rapids-logger==0.3.0
    nvidia-cuda-runtime-cu12==12.8.90 nvidia-cuda-nvcc-cu12==12.8.93
)
mkdir -p "$peers"
work=$(mktemp -d "$peers/XXXXXX")
trap 'rm -r "$work"' EXIT
python3 -m pip download --quiet --retries 10 --no-deps --only-binary :all: --dest "$work" "${wheels[@]}"
for wheel in "$work"/*.whl; do
    # The rest of PyTorch is large.
    case ${wheel##*/} in
    torch-*) unzip -q "$wheel" 'torch/include/*' 'torch/lib/libc10*' -d "$work" ;;
    *) unzip -q -o "$wheel" -d "$work" ;;
    esac
    rm "$wheel"
done

headers=() libraries=()
for folder in "$work"/{librmm,rapids_logger,torch,nvidia/cuda_runtime,nvidia/cuda_nvcc}/include \
    "$work/librmm/include/rapids"; do
    headers+=("-I$folder")
done
for folder in "$work"/{librmm/lib64,rapids_logger/lib64,torch/lib,nvidia/cuda_runtime/lib}; do
    libraries+=("-L$folder")
done
compile() { # name, libraries
    c++ -std=c++20 -O2 -DNDEBUG -pthread -fPIC -shared "${headers[@]}" "benches/src/gpu/$1.cpp" \
        -o "$work/libanymem_$1.so" "${libraries[@]}" -Wl,-z,defs,--no-as-needed,-rpath,'$ORIGIN' "${@:2}" \
        -l:libcudart.so.12
}
compile rmm -lrapids_logger -lrmm
compile pytorch -lc10_cuda -lc10
for name in librmm.so librapids_logger.so libc10_cuda.so libc10.so libcudart.so.12 \
    libanymem_rmm.so libanymem_pytorch.so; do
    install -m 755 "$(find "$work" -name "$name")" "$peers/$name"
done
