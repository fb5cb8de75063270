//! Tables of a driver's functions, filled when its library is loaded.
//!
//! A row gives a function's name here, its arguments, and its name in the library. It becomes a
//! method, which says [`Refusal`] for whatever the driver answers but 0. The rows of the second
//! part are functions that older drivers lack.
//!
//! As in foreign blocks, `safe` is a function that any arguments of those types will do for. For
//! this, what it writes to is a reference. Addresses are numbers, and handles are too.

use std::ffi::c_int;

use super::Function;

/// Why a function did not do what it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::driver) enum Refusal {
    /// The driver said this.
    Said {
        /// The function.
        function: Function,
        /// The driver's number for what is wrong.
        code: i32,
    },
    /// The driver has no such function.
    Missing {
        /// The function.
        function: Function,
    },
}

impl Refusal {
    /// What the driver said.
    pub(in crate::driver) fn code(self) -> Option<i32> {
        match self {
            Self::Said { code, .. } => Some(code),
            Self::Missing { .. } => None,
        }
    }
}

/// What a function's answer means.
pub(in crate::driver) fn answer(function: Function, code: c_int) -> Result<(), Refusal> {
    if code == 0 { Ok(()) } else { Err(Refusal::Said { function, code }) }
}

/// Declares a table: `load` fills it, and each row is a method.
macro_rules! table {
    (
        $(#[$doc:meta])*
        struct $table:ident of $driver:expr;
        required {
            $($safety:ident fn $name:ident($($argument:ident: $type:ty),* $(,)?) = $symbol:literal;)+
        }
        optional {
            $($osafety:ident fn $oname:ident($($oargument:ident: $otype:ty),* $(,)?) = $osymbol:literal;)*
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub(super) struct $table {
            $($name: unsafe extern "C" fn($($type),*) -> std::ffi::c_int,)+
            $($oname: Option<unsafe extern "C" fn($($otype),*) -> std::ffi::c_int>,)*
        }

        impl $table {
            /// Looks all functions up.
            ///
            /// # Errors
            ///
            /// [`SymbolMissing`]($crate::GpuError::SymbolMissing) for one of the required.
            pub(super) fn load(library: &libloading::Library) -> Result<Self, $crate::GpuError> {
                let missing = |symbol| $crate::GpuError::SymbolMissing { driver: $driver, symbol };
                Ok(Self {
                    // SAFETY: the types are those that the driver's headers give these names.
                    $($name: *unsafe { library.get($symbol.as_bytes()) }
                        .map_err(|_| missing($symbol))?,)+
                    // SAFETY: as above.
                    $($oname: unsafe { library.get($osymbol.as_bytes()) }.ok().map(|it| *it),)*
                })
            }

            $($crate::driver::table::row! {
                $safety fn $name($($argument: $type),*) = $symbol, |table: &Self| Some(table.$name)
            })+
            $($crate::driver::table::row! {
                $osafety fn $oname($($oargument: $otype),*) = $osymbol, |table: &Self| table.$oname
            })*
        }
    };
}

/// One method of a table.
macro_rules! row {
    (safe fn $name:ident($($argument:ident: $type:ty),*) = $symbol:literal, $entry:expr) => {
        #[allow(clippy::too_many_arguments, reason = "they are the driver's")]
        pub(super) fn $name(&self, $($argument: $type),*) -> Result<(), $crate::driver::table::Refusal> {
            let function = $entry(self)
                .ok_or($crate::driver::table::Refusal::Missing { function: $symbol })?;
            // SAFETY: the row says that arguments of these types will do.
            $crate::driver::table::answer($symbol, unsafe { function($($argument),*) })
        }
    };
    (unsafe fn $name:ident($($argument:ident: $type:ty),*) = $symbol:literal, $entry:expr) => {
        #[allow(clippy::too_many_arguments, reason = "they are the driver's")]
        pub(super) unsafe fn $name(&self, $($argument: $type),*) -> Result<(), $crate::driver::table::Refusal> {
            let function = $entry(self)
                .ok_or($crate::driver::table::Refusal::Missing { function: $symbol })?;
            // SAFETY: the caller's.
            $crate::driver::table::answer($symbol, unsafe { function($($argument),*) })
        }
    };
}

pub(in crate::driver) use {row, table};
