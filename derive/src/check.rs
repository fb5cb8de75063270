//! What the attributes of a type and its fields say.

use syn::{Attribute, DeriveInput, Error, Field, Path, Result, Token};

/// The integers that may say how large an enum is.
const INTEGERS: [&str; 12] =
    ["u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128", "isize"];

/// Refuses a struct whose layout is the compiler's choice.
pub(crate) fn struct_repr(input: &DeriveInput) -> Result<()> {
    refuse_unless(
        input,
        &["C", "transparent"],
        "the fields of this struct may be laid out differently by every compiler: add \
         #[repr(C)], or #[repr(transparent)] for a single field",
    )
}

/// Refuses an enum whose size is the compiler's choice.
pub(crate) fn enum_repr(input: &DeriveInput) -> Result<()> {
    refuse_unless(
        input,
        &INTEGERS,
        "the values of this enum may be represented differently by every compiler: add \
         #[repr(u8)] or another integer",
    )
}

fn refuse_unless(input: &DeriveInput, allowed: &[&str], message: &str) -> Result<()> {
    if has_repr(input, allowed)? { Ok(()) } else { Err(Error::new_spanned(&input.ident, message)) }
}

/// Whether the fields of a struct stand without regard to alignment.
pub(crate) fn is_packed(input: &DeriveInput) -> bool {
    has_repr(input, &["packed"]).unwrap_or(false)
}

/// Whether one of `names` is in the `repr` of a type.
fn has_repr(input: &DeriveInput, names: &[&str]) -> Result<bool> {
    let mut found = false;
    for attribute in input.attrs.iter().filter(|attribute| attribute.path().is_ident("repr")) {
        attribute.parse_nested_meta(|meta| {
            found |= names.iter().any(|name| meta.path.is_ident(name));
            skip_arguments(&meta)
        })?;
    }
    Ok(found)
}

/// Passes over the number in `align(8)` and `packed(2)`.
fn skip_arguments(meta: &syn::meta::ParseNestedMeta<'_>) -> Result<()> {
    if meta.input.peek(syn::token::Paren) {
        let content;
        syn::parenthesized!(content in meta.input);
        content.parse::<proc_macro2::TokenStream>()?;
    }
    Ok(())
}

/// The path in `#[shm_safe(crate = path)]`, or `::anymem`.
pub(crate) fn crate_path(input: &DeriveInput) -> Result<Path> {
    let mut path = syn::parse_str("::anymem")?;
    each_option(&input.attrs, |meta| {
        if !meta.path.is_ident("crate") {
            return Err(meta.error("a type knows `crate = path` only"));
        }
        meta.input.parse::<Token![=]>()?;
        path = meta.input.call(Path::parse_mod_style)?;
        Ok(())
    })?;
    Ok(path)
}

/// Whether the field is marked `#[shm_safe(recursive)]`.
pub(crate) fn is_recursive(field: &Field) -> Result<bool> {
    let mut recursive = false;
    each_option(&field.attrs, |meta| {
        if !meta.path.is_ident("recursive") {
            return Err(meta.error("a field knows `recursive` only"));
        }
        recursive = true;
        Ok(())
    })?;
    Ok(recursive)
}

fn each_option(
    attributes: &[Attribute],
    mut visit: impl FnMut(syn::meta::ParseNestedMeta<'_>) -> Result<()>,
) -> Result<()> {
    let ours = attributes.iter().filter(|attribute| attribute.path().is_ident("shm_safe"));
    ours.into_iter().try_for_each(|attribute| attribute.parse_nested_meta(&mut visit))
}
