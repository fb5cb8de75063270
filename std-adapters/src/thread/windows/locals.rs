//! Thread-local values, and what is called with them when a thread ends.
//!
//! The system has two kinds of thread-local slots: plain ones, and those of fibers, which
//! have a function that is called when a thread ends. One of each serves all keys here:
//! both name the thread's [`Values`]. So a key that is destroyed calls nothing, and its
//! number never comes back: a value is found by it only if it was set by it.
//!
//! A thread that deletes the very fiber in which it first set a value is taken to end then.

use core::alloc::Layout;
use core::cell::Cell;
use core::ffi::c_void;
use core::ptr::{self, NonNull};
use std::alloc::{GlobalAlloc, System};
use std::sync::{OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use anymem_core::thread::{TlsError, TlsKey};
use windows_sys::Win32::System::Threading::{
    FLS_OUT_OF_INDEXES, FlsAlloc, FlsSetValue, TLS_OUT_OF_INDEXES, TlsAlloc, TlsGetValue,
    TlsSetValue,
};

use super::is_torn_down;

/// How many keys there can be at a time.
const MOST: usize = 64;

/// How often values are looked through when a thread ends, for what is called may set
/// others.
const ROUNDS: usize = 4;

/// In place of the values of a thread that has been told that it ends.
const GONE: *mut Values = ptr::without_provenance_mut(1);

type OnExit = unsafe extern "C" fn(*mut c_void);

#[derive(Clone, Copy)]
struct Key {
    number: usize,
    on_exit: Option<OnExit>,
}

struct Keys {
    /// How many were ever made.
    made: usize,
    present: [Option<Key>; MOST],
}

/// The key `number` is in the place that this remainder is.
static KEYS: RwLock<Keys> = RwLock::new(Keys { made: 0, present: [None; MOST] });

fn keys() -> RwLockReadGuard<'static, Keys> {
    KEYS.read().unwrap_or_else(PoisonError::into_inner)
}

fn keys_to_change() -> RwLockWriteGuard<'static, Keys> {
    KEYS.write().unwrap_or_else(PoisonError::into_inner)
}

impl Keys {
    fn find(&self, number: usize) -> Option<Key> {
        self.present[number % MOST].filter(|key| key.number == number)
    }
}

/// Makes a key.
pub(super) fn make(on_exit: Option<OnExit>) -> Result<TlsKey, TlsError> {
    let mut keys = keys_to_change();
    let place = keys.present.iter().position(Option::is_none).ok_or(TlsError::NoKeyLeft)?;
    keys.made += 1;
    let number = keys.made * MOST + place;
    keys.present[place] = Some(Key { number, on_exit });
    Ok(TlsKey(number))
}

/// Forgets a key.
pub(super) fn destroy(key: TlsKey) -> Result<(), TlsError> {
    let mut keys = keys_to_change();
    keys.find(key.0).ok_or(TlsError::UnknownKey)?;
    keys.present[key.0 % MOST] = None;
    Ok(())
}

/// What one thread has: for each place the number of the key that set it, and the value.
struct Values([Cell<(usize, *mut c_void)>; MOST]);

/// The two slots of the system.
#[derive(Clone, Copy)]
struct Slots {
    plain: u32,
    of_fibers: u32,
}

fn slots() -> Option<Slots> {
    static SLOTS: OnceLock<Option<Slots>> = OnceLock::new();
    *SLOTS.get_or_init(|| {
        // SAFETY: the function lives as long as this library, and takes what is set here.
        let (plain, of_fibers) = unsafe { (TlsAlloc(), FlsAlloc(Some(on_end))) };
        let made = plain != TLS_OUT_OF_INDEXES && of_fibers != FLS_OUT_OF_INDEXES;
        made.then_some(Slots { plain, of_fibers })
    })
}

impl Slots {
    fn get(self) -> *mut Values {
        // SAFETY: the slot was made, and is never freed.
        unsafe { TlsGetValue(self.plain).cast() }
    }

    /// The calling thread's values, made if need be; `None` once it ends.
    fn get_or_make(self) -> Option<NonNull<Values>> {
        match NonNull::new(self.get()) {
            None => self.make(),
            values => values.filter(|values| values.as_ptr() != GONE),
        }
    }

    fn make(self) -> Option<NonNull<Values>> {
        // Not the program's allocator, which may be what asks.
        // SAFETY: the layout has a size.
        let values = unsafe { System.alloc_zeroed(Layout::new::<Values>()) };
        let values = NonNull::new(values.cast::<Values>())?;
        let value = values.as_ptr().cast();
        // SAFETY: the slots were made, and are never freed.
        if unsafe { FlsSetValue(self.of_fibers, value) != 0 && TlsSetValue(self.plain, value) != 0 }
        {
            return Some(values);
        }
        // SAFETY: the values were just allocated; no slot of the system's has them, or only
        // the one that is emptied first.
        unsafe {
            FlsSetValue(self.of_fibers, ptr::null());
            System.dealloc(values.as_ptr().cast(), Layout::new::<Values>());
        }
        None
    }
}

/// The calling thread's value of `key`; null if it has none.
pub(super) fn get(key: TlsKey) -> *mut c_void {
    let values = slots().map_or(ptr::null_mut(), Slots::get);
    if values.is_null() || values == GONE || keys().find(key.0).is_none() {
        return ptr::null_mut();
    }
    // SAFETY: the values are the calling thread's own, and live until it ends.
    match unsafe { &*values }.0[key.0 % MOST].get() {
        (number, value) if number == key.0 => value,
        _ => ptr::null_mut(),
    }
}

/// Sets the calling thread's value of `key`.
pub(super) fn set(key: TlsKey, value: *mut c_void) -> Result<(), TlsError> {
    keys().find(key.0).ok_or(TlsError::UnknownKey)?;
    let values = slots().and_then(Slots::get_or_make).ok_or(TlsError::NoMemory)?;
    // SAFETY: as in `get`.
    unsafe { values.as_ref() }.0[key.0 % MOST].set((key.0, value));
    Ok(())
}

/// Calls what a thread's values have for its end, and frees them.
unsafe extern "system" fn on_end(values: *const c_void) {
    let Some(slots) = slots().filter(|_| !is_torn_down()) else { return };
    if slots.get().cast_const() != values.cast() {
        // Of a fiber that another thread deletes.
        return;
    }
    // SAFETY: the values are the calling thread's own.
    let own = unsafe { &*values.cast::<Values>() };
    let _ = (0..ROUNDS).find(|_| !own.call_all());
    // SAFETY: the slot was made; nobody finds the values in it from here on, which came
    // from `make`.
    unsafe {
        TlsSetValue(slots.plain, GONE.cast());
        System.dealloc(values.cast_mut().cast(), Layout::new::<Values>());
    }
}

impl Values {
    /// Calls what each value has for the thread's end; whether there was any.
    fn call_all(&self) -> bool {
        let mut called = false;
        for place in &self.0 {
            let (number, value) = place.replace((0, ptr::null_mut()));
            let on_exit = keys().find(number).and_then(|key| key.on_exit);
            if let Some(on_exit) = on_exit.filter(|_| !value.is_null()) {
                called = true;
                // SAFETY: whoever made the key agreed to that.
                unsafe { on_exit(value) };
            }
        }
        called
    }
}
