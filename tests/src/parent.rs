//! Processes that are not to outlive who started them.

/// Has the calling process be killed when `parent` ends, which forked it; ends it if that
/// has happened already.
pub fn end_with(parent: libc::pid_t) {
    // SAFETY: takes numbers; what is ended has done nothing yet.
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        if libc::getppid() != parent {
            libc::_exit(0);
        }
    }
}
