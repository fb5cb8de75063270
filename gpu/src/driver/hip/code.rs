//! Code for AMD's devices.

use std::ffi::{CString, c_void};

use super::super::{FunctionId, Launch, ModuleId};
use super::errors::{INVALID_IMAGE, NOT_FOUND};
use super::table::Word;
use super::{Current, some};
use crate::GpuError;

/// What a bundle of code for several devices begins with.
const BUNDLE: &[u8] = b"__CLANG_OFFLOAD_BUNDLE__";
/// What code for one device begins with: it is a shared object of 64 bits.
const ELF: &[u8] = b"\x7fELF\x02";

impl Current<'_> {
    pub(super) fn load(&self, code: &[u8]) -> Result<ModuleId, GpuError> {
        let function = "hipModuleLoadData";
        if !is_whole(code) {
            return Err(GpuError::Driver { function, code: INVALID_IMAGE });
        }
        let mut module = 0;
        // SAFETY: the code is as long as its header says, for the driver asks for no length.
        let loaded = unsafe { self.hip.table.load_module(&mut module, code.as_ptr().cast()) };
        self.said(loaded)?;
        some(function, module).map(ModuleId)
    }

    pub(super) fn function(&self, module: ModuleId, name: &str) -> Result<FunctionId, GpuError> {
        let symbol = "hipModuleGetFunction";
        let name = CString::new(name)
            .map_err(|_| GpuError::Driver { function: symbol, code: NOT_FOUND })?;
        let mut function = 0;
        // SAFETY: the module is the driver's, and the name ends.
        let found =
            unsafe { self.hip.table.function(&mut function, module.0 as Word, name.as_ptr()) };
        self.said(found)?;
        some(symbol, function).map(FunctionId)
    }

    /// # Safety
    ///
    /// As [`Driver::launch`](super::super::Driver::launch).
    pub(super) unsafe fn launch(
        &self,
        function: FunctionId,
        launch: Launch,
        arguments: &[*const c_void],
    ) -> Result<(), GpuError> {
        let Launch { blocks, threads, shared_bytes, stream } = launch;
        // SAFETY: the caller's.
        let launched = unsafe {
            self.hip.table.launch(
                function.0 as Word,
                blocks,
                1,
                1,
                threads,
                1,
                1,
                shared_bytes,
                stream.0 as Word,
                arguments.as_ptr(),
                std::ptr::null(),
            )
        };
        self.said(launched)
    }
}

/// Whether all parts that the header of the code names lie within it.
fn is_whole(code: &[u8]) -> bool {
    if code.starts_with(BUNDLE) { bundle_end(code) } else { elf_end(code) }
        .is_some_and(|end| end <= code.len() as u64)
}

/// Where the last of a bundle's parts ends: a count, and for each its offset, length, and the
/// length of its name, and the name.
fn bundle_end(code: &[u8]) -> Option<u64> {
    let mut at = BUNDLE.len();
    let count = number(code, &mut at)?;
    let mut end = 0;
    for _ in 0..count {
        let (offset, bytes) = (number(code, &mut at)?, number(code, &mut at)?);
        let name = usize::try_from(number(code, &mut at)?).ok()?;
        at = at.checked_add(name)?;
        end = end.max(offset.checked_add(bytes)?);
    }
    Some(end.max(at as u64))
}

/// Where an ELF file's table of sections ends, which is its last part.
fn elf_end(code: &[u8]) -> Option<u64> {
    if !code.starts_with(ELF) {
        return None;
    }
    let table = number(code, &mut 0x28)?;
    let each = u64::from(half(code, 0x3a)?);
    let count = u64::from(half(code, 0x3c)?);
    table.checked_add(each * count).map(|end| end.max(64))
}

fn number(code: &[u8], at: &mut usize) -> Option<u64> {
    let bytes = code.get(*at..at.checked_add(8)?)?;
    *at += 8;
    bytes.try_into().ok().map(u64::from_le_bytes)
}

fn half(code: &[u8], at: usize) -> Option<u16> {
    code.get(at..at + 2)?.try_into().ok().map(u16::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elf(sections: u16, bytes: usize) -> Vec<u8> {
        let mut code = vec![0; bytes];
        code[..ELF.len()].copy_from_slice(ELF);
        code[0x28..0x30].copy_from_slice(&64_u64.to_le_bytes());
        code[0x3a..0x3c].copy_from_slice(&64_u16.to_le_bytes());
        code[0x3c..0x3e].copy_from_slice(&sections.to_le_bytes());
        code
    }

    fn bundle(parts: &[(u64, u64)], bytes: usize) -> Vec<u8> {
        let mut code = BUNDLE.to_vec();
        code.extend((parts.len() as u64).to_le_bytes());
        for (offset, length) in parts {
            for number in [*offset, *length, 4] {
                code.extend(number.to_le_bytes());
            }
            code.extend(b"host");
        }
        code.resize(bytes.max(code.len()), 0);
        code
    }

    #[test]
    fn code_that_is_cut_off_is_none() {
        assert!(is_whole(&elf(3, 256)));
        assert!(!is_whole(&elf(3, 255)));
        assert!(!is_whole(&elf(0, 64)[..63]));
        assert!(is_whole(&bundle(&[(0, 0), (4096, 100)], 4196)));
        assert!(!is_whole(&bundle(&[(0, 0), (4096, 100)], 4195)));
        assert!(!is_whole(&bundle(&[(u64::MAX, 2)], 4096)));
        assert!(!is_whole(b".version 7.0"));
        assert!(!is_whole(&[]));
    }
}
