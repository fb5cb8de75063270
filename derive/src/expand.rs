//! The implementation that is generated.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Data, DataEnum, DeriveInput, Error, Field, Fields, Index, Path, Result, parse_quote};

use crate::check;

/// Writes the implementation for `input`.
pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let root = check::crate_path(input)?;
    let (members, plain, [trace, settle]) = match &input.data {
        Data::Struct(data) => {
            check::struct_repr(input)?;
            let fields = &data.fields;
            let visits = [trace_fields(input, &root, fields), settle_fields(input, &root, fields)];
            (of_fields(&root, fields)?, are_plain(&root, fields)?, visits)
        }
        Data::Enum(data) => {
            check::enum_repr(input)?;
            (of_variants(&root, data)?, is_not_dropped(), Default::default())
        }
        Data::Union(_) => {
            let message = "which field of a union holds a value is not known to others";
            return Err(Error::new_spanned(&input.ident, message));
        }
    };
    Ok(implementation(input, &root, [members, plain, trace, settle]))
}

fn implementation(
    input: &DeriveInput,
    root: &Path,
    [members, plain, trace, settle]: [TokenStream; 4],
) -> TokenStream {
    let mut generics = input.generics.clone();
    for parameter in generics.type_params_mut() {
        parameter.bounds.push(parse_quote!(#root::container::ShmSafe));
    }
    let (for_impl, for_type, condition) = generics.split_for_impl();
    let ident = &input.ident;
    let name = ident.to_string();
    quote! {
        // SAFETY: every part is `ShmSafe`, checked below; the layout is fixed
        // by `repr`, checked by the macro.
        #[automatically_derived]
        unsafe impl #for_impl #root::container::ShmSafe for #ident #for_type #condition {
            const FINGERPRINT: u64 = #root::container::Fingerprint::new(
                #name,
                ::core::mem::size_of::<Self>(),
                ::core::mem::align_of::<Self>(),
            )
            .members(Self::MEMBERS)
            .finish();

            const MEMBERS: &'static [#root::container::Member] = &[#members];
            const PLAIN: bool = #plain;
        }

        #[automatically_derived]
        impl #for_impl #root::container::Trace for #ident #for_type #condition {
            fn trace(
                &self,
                tracer: &mut #root::container::Tracer<'_>,
            ) -> ::core::result::Result<(), #root::container::TraceError> {
                let _ = &tracer;
                #trace
                ::core::result::Result::Ok(())
            }

            fn settle(&mut self, levels: u32) {
                let _ = levels;
                #settle
            }
        }
    }
}

/// Has each field name the blocks that it owns.
fn trace_fields(input: &DeriveInput, root: &Path, fields: &Fields) -> TokenStream {
    let packed = check::is_packed(input);
    let trace = quote! { #root::container::Trace::trace };
    let members = fields.iter().enumerate().map(|(index, field)| member(index, field));
    members
        .map(|member| match packed {
            false => quote! { #trace(&self.#member, tracer)?; },
            // There is no reference to a field without alignment, but a value
            // may be moved by copying its bytes.
            true => quote! {
                #trace(
                    // SAFETY: read from a field, and never dropped.
                    &*::core::mem::ManuallyDrop::new(unsafe {
                        ::core::ptr::read_unaligned(&raw const self.#member)
                    }),
                    tracer,
                )?;
            },
        })
        .collect()
}

/// Each field as a member.
fn of_fields(root: &Path, fields: &Fields) -> Result<TokenStream> {
    fields.iter().enumerate().map(|(index, field)| of_field(root, index, field)).collect()
}

/// A field as a member, of whose type it demands that it is `ShmSafe`.
fn of_field(root: &Path, index: usize, field: &Field) -> Result<TokenStream> {
    let (member, ty) = (member(index, field), &field.ty);
    let (name, at) = (member.to_string(), quote! { ::core::mem::offset_of!(Self, #member) });
    let made = quote! { #root::container::Member };
    if !check::is_recursive(field)? {
        return Ok(quote! { #made::field::<#ty>(#name, #at), });
    }
    let text = ty.to_token_stream().to_string();
    Ok(quote! { #made::recursive::<#ty>(#name, #at, #text), })
}

/// Whether all fields are plain, and nothing is dropped with them. A field that
/// leads back to the type itself does so through a block that somebody owns.
fn are_plain(root: &Path, fields: &Fields) -> Result<TokenStream> {
    let of_field = |field: &Field| -> Result<TokenStream> {
        let ty = &field.ty;
        let plain = quote! { <#ty as #root::container::ShmSafe>::PLAIN };
        Ok(if check::is_recursive(field)? {
            quote! { false }
        } else {
            plain
        })
    };
    let all = fields.iter().map(of_field).collect::<Result<Vec<_>>>()?;
    let not_dropped = is_not_dropped();
    Ok(quote! { #not_dropped #(&& #all)* })
}

/// Whether nothing is done when a value is dropped.
fn is_not_dropped() -> TokenStream {
    quote! { !::core::mem::needs_drop::<Self>() }
}

/// Has each field settle.
fn settle_fields(input: &DeriveInput, root: &Path, fields: &Fields) -> TokenStream {
    // Nobody can have changed a field in place that there is no reference to.
    if check::is_packed(input) {
        return TokenStream::new();
    }
    let members = fields.iter().enumerate().map(|(index, field)| member(index, field));
    let settle = |member| quote! { #root::container::Trace::settle(&mut self.#member, levels); };
    members.map(settle).collect()
}

/// What a field is called.
fn member(index: usize, field: &Field) -> TokenStream {
    match &field.ident {
        Some(ident) => ident.to_token_stream(),
        None => Index::from(index).to_token_stream(),
    }
}

/// Each variant as a member.
fn of_variants(root: &Path, data: &DataEnum) -> Result<TokenStream> {
    let mut members = TokenStream::new();
    for variant in &data.variants {
        if !matches!(variant.fields, Fields::Unit) {
            let message = "variants of a shared enum cannot have fields: use a struct with a tag";
            return Err(Error::new_spanned(variant, message));
        }
        let (ident, name) = (&variant.ident, variant.ident.to_string());
        members.extend(quote! { #root::container::Member::variant(#name, Self::#ident as u64), });
    }
    Ok(members)
}
