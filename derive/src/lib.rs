//! `#[derive(ShmSafe)]` for anymem.
//!
//! Use it through `anymem` (or `anymem_core` with the feature `derive`), whose
//! `container::ShmSafe` documents it.

mod check;
mod expand;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Implements `ShmSafe` for a struct whose fields are, or an enum without
/// fields.
///
/// - Structs need `#[repr(C)]` or `#[repr(transparent)]`, enums
///   `#[repr(u8)]` or another integer.
/// - `#[shm_safe(crate = path)]` on the type says where `container::ShmSafe`
///   is found; `::anymem` if absent.
/// - `#[shm_safe(recursive)]` on a field whose type contains the struct itself.
#[proc_macro_derive(ShmSafe, attributes(shm_safe))]
pub fn derive_shm_safe(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand::expand(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}
