//! CUDA's numbers for what is wrong, and their names.

use std::ffi::{CStr, c_char, c_int};

use anymem_gpu_sim::SimError;

use super::given;

/// What a call gives, or CUDA's number for why it does not.
pub(super) type Answer<T> = Result<T, Code>;

/// CUDA's number for what is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Code(c_int);

impl Code {
    pub(super) const INVALID_VALUE: Self = Self(1);
    pub(super) const NOT_INITIALIZED: Self = Self(3);
    /// The driver, or the thread's part of it, has gone at the end.
    pub(super) const DEINITIALIZED: Self = Self(4);
    pub(super) const NO_DEVICE: Self = Self(100);
    pub(super) const INVALID_DEVICE: Self = Self(101);
    pub(super) const INVALID_CONTEXT: Self = Self(201);
    pub(super) const INVALID_HANDLE: Self = Self(400);
    pub(super) const NOT_READY: Self = Self(600);
    pub(super) const NOT_SUPPORTED: Self = Self(801);
}

impl From<SimError> for Code {
    fn from(error: SimError) -> Self {
        Self(error.code())
    }
}

/// The number of what a call gives.
pub(super) fn answer(call: impl FnOnce() -> Answer<()>) -> c_int {
    call().map_or_else(|Code(number)| number, |()| 0)
}

/// What the device says, by CUDA's numbers: each with its name, and what it is in words.
const NAMES: &[(c_int, &CStr, &CStr)] = &[
    (0, c"CUDA_SUCCESS", c"no error"),
    (1, c"CUDA_ERROR_INVALID_VALUE", c"invalid argument"),
    (2, c"CUDA_ERROR_OUT_OF_MEMORY", c"out of memory"),
    (3, c"CUDA_ERROR_NOT_INITIALIZED", c"initialization error"),
    (4, c"CUDA_ERROR_DEINITIALIZED", c"driver shutting down"),
    (100, c"CUDA_ERROR_NO_DEVICE", c"no CUDA-capable device is detected"),
    (101, c"CUDA_ERROR_INVALID_DEVICE", c"invalid device ordinal"),
    (201, c"CUDA_ERROR_INVALID_CONTEXT", c"invalid device context"),
    (218, c"CUDA_ERROR_INVALID_PTX", c"a PTX JIT compilation failed"),
    (304, c"CUDA_ERROR_OPERATING_SYSTEM", c"OS call failed or operation not supported"),
    (400, c"CUDA_ERROR_INVALID_HANDLE", c"invalid resource handle"),
    (500, c"CUDA_ERROR_NOT_FOUND", c"named symbol not found"),
    (600, c"CUDA_ERROR_NOT_READY", c"device not ready"),
    (700, c"CUDA_ERROR_ILLEGAL_ADDRESS", c"an illegal memory access was encountered"),
    (702, c"CUDA_ERROR_LAUNCH_TIMEOUT", c"the launch timed out and was terminated"),
    (712, c"CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED", c"memory is already registered"),
    (713, c"CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED", c"memory is not registered"),
    (716, c"CUDA_ERROR_MISALIGNED_ADDRESS", c"misaligned address"),
    (719, c"CUDA_ERROR_LAUNCH_FAILED", c"unspecified launch failure"),
    (801, c"CUDA_ERROR_NOT_SUPPORTED", c"operation not supported"),
];

#[unsafe(no_mangle)]
extern "C" fn cuGetErrorName(number: c_int, name: Option<&mut *const c_char>) -> c_int {
    tell(number, name, |it| it.1)
}

#[unsafe(no_mangle)]
extern "C" fn cuGetErrorString(number: c_int, words: Option<&mut *const c_char>) -> c_int {
    tell(number, words, |it| it.2)
}

fn tell(
    number: c_int,
    to: Option<&mut *const c_char>,
    which: impl FnOnce(&(c_int, &'static CStr, &'static CStr)) -> &'static CStr,
) -> c_int {
    answer(|| {
        let to = given(to)?;
        let found = NAMES.iter().find(|it| it.0 == number).map(which);
        *to = found.map_or(std::ptr::null(), CStr::as_ptr);
        given(found).map(drop)
    })
}
