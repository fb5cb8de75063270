//! What calls answer, and the text that tells more.

use core::cell::RefCell;
use core::ffi::{CStr, c_char, c_int};
use core::fmt::Display;
use std::ffi::CString;

use anymem::HeapError;
use anymem::allocator::{AllocError, FreeError};
use anymem::segment::RootError;

/// What a call answers.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(non_camel_case_types, reason = "the names are those of C")]
pub enum anymem_status {
    /// All went well.
    ANYMEM_OK = 0,
    /// An argument makes no sense: null, or not one of what there is.
    ANYMEM_INVALID = 1,
    /// A heap or root of that name exists.
    ANYMEM_EXISTS = 2,
    /// There is no heap or root of that name.
    ANYMEM_MISSING = 3,
    /// There is no room: in the heap, in its file system or for its name.
    ANYMEM_FULL = 4,
    /// The system does not permit it, or the heap is read-only.
    ANYMEM_NOT_PERMITTED = 5,
    /// What was found is not a heap, or one of another version or layout.
    ANYMEM_NOT_A_HEAP = 6,
    /// The heap's or the root's own numbers make no sense.
    ANYMEM_DAMAGED = 7,
    /// It is being created, or in use: try again later.
    ANYMEM_BUSY = 8,
    /// The root is of another type.
    ANYMEM_OTHER_TYPE = 9,
    /// No block that is in use starts there.
    ANYMEM_NOT_A_BLOCK = 10,
    /// A system call failed in a way that nothing above describes.
    ANYMEM_SYSTEM = 11,
}

use anymem_status as Status;

thread_local! {
    static LAST: RefCell<CString> = RefCell::default();
}

/// What each status means, by its number.
const TEXTS: [&CStr; 12] = [
    c"all went well",
    c"an argument makes no sense",
    c"the name is taken",
    c"nothing has that name",
    c"there is no room",
    c"not permitted",
    c"not a heap that this library can read",
    c"the heap is damaged",
    c"in use or being created",
    c"the root is of another type",
    c"no block in use starts there",
    c"a system call failed",
];

/// What a status means, in a few words.
#[unsafe(no_mangle)]
pub extern "C" fn anymem_status_text(status: c_int) -> *const c_char {
    let text = usize::try_from(status).ok().and_then(|status| TEXTS.get(status));
    text.map_or(c"no such status", |text| text).as_ptr()
}

/// What the calling thread's last failure was, with names and numbers and what
/// to do about it; empty if there was none.
///
/// The text stays until the thread's next failure.
#[unsafe(no_mangle)]
pub extern "C" fn anymem_last_error() -> *const c_char {
    LAST.try_with(|last| last.borrow().as_ptr()).unwrap_or(c"".as_ptr())
}

/// Why a call failed.
#[derive(Debug)]
pub(super) struct Failure {
    status: Status,
    text: String,
}

impl Failure {
    pub(super) fn of(status: Status, text: impl Display) -> Self {
        Self { status, text: text.to_string() }
    }
}

/// The status of a call, whose failure is kept as a text.
pub(super) fn status_of(result: Result<(), Failure>) -> Status {
    let Err(failure) = result else { return Status::ANYMEM_OK };
    let text = CString::new(failure.text).unwrap_or_default();
    // A thread that ends has no use for it any more.
    let _ = LAST.try_with(|last| last.replace(text));
    failure.status
}

impl From<HeapError> for Failure {
    fn from(error: HeapError) -> Self {
        use HeapError as E;
        let status = match &error {
            E::BadName { .. }
            | E::BadSize(_)
            | E::ZeroSize
            | E::AbsurdSize { .. }
            | E::TooSmall { .. }
            | E::BadMode { .. }
            | E::NullId
            | E::TooManySlots { .. }
            | E::NotShareable { .. } => Status::ANYMEM_INVALID,
            E::Exists { .. } | E::IdTaken { .. } => Status::ANYMEM_EXISTS,
            E::Missing { .. } | E::NoDirectory { .. } => Status::ANYMEM_MISSING,
            E::NoSpace { .. }
            | E::DirectoryFull { .. }
            | E::NoAddressSpace { .. }
            | E::FileLimit { .. }
            | E::TooManyHeaps => Status::ANYMEM_FULL,
            E::Permission { .. } | E::ForeignOwner { .. } | E::AttachedReadOnly { .. } => {
                Status::ANYMEM_NOT_PERMITTED
            }
            E::NotASegment { .. }
            | E::OtherVersion { .. }
            | E::OtherLayout { .. }
            | E::Unsealed { .. } => Status::ANYMEM_NOT_A_HEAP,
            E::Truncated { .. } | E::CreatorDied { .. } | E::Damaged { .. } => {
                Status::ANYMEM_DAMAGED
            }
            E::StillCreating { .. } | E::InUse { .. } => Status::ANYMEM_BUSY,
            _ => Status::ANYMEM_SYSTEM,
        };
        Self::of(status, error)
    }
}

impl From<AllocError> for Failure {
    fn from(error: AllocError) -> Self {
        let status = match error {
            AllocError::ReadOnly => Status::ANYMEM_NOT_PERMITTED,
            AllocError::Corrupt => Status::ANYMEM_DAMAGED,
            AllocError::BadBlock(_) => Status::ANYMEM_NOT_A_BLOCK,
            _ => Status::ANYMEM_FULL,
        };
        Self::of(status, error)
    }
}

impl From<FreeError> for Failure {
    fn from(error: FreeError) -> Self {
        let status = match error {
            FreeError::ReadOnly => Status::ANYMEM_NOT_PERMITTED,
            _ => Status::ANYMEM_NOT_A_BLOCK,
        };
        Self::of(status, error)
    }
}

impl From<RootError> for Failure {
    fn from(error: RootError) -> Self {
        let status = match error {
            RootError::Missing { .. } => Status::ANYMEM_MISSING,
            RootError::Exists { .. } => Status::ANYMEM_EXISTS,
            RootError::OtherType { .. } | RootError::OtherSchema { .. } => {
                Status::ANYMEM_OTHER_TYPE
            }
            RootError::BadName { .. } => Status::ANYMEM_INVALID,
            RootError::Busy { .. } => Status::ANYMEM_BUSY,
            RootError::Full { .. } => Status::ANYMEM_FULL,
            RootError::ReadOnly => Status::ANYMEM_NOT_PERMITTED,
            RootError::Corrupt => Status::ANYMEM_DAMAGED,
        };
        Self::of(status, error)
    }
}
