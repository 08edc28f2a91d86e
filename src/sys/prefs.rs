//! Managed preferences: what a configuration profile forces, and nothing that a local administrator could write.

use std::ffi::{c_double, c_long, c_uchar, c_void};
use std::ptr;

use crate::model::{Property, Timestamp};

/// Values within values are read no deeper: nothing that is configured is.
const MAX_DEPTH: usize = 16;
/// How long a file of forced preferences may be, in bytes: as long as a configuration.
const MAX_FILE: u64 = 4 << 20;
/// `kCFStringEncodingUTF8`
const UTF8: u32 = 0x0800_0100;
/// `kCFNumberSInt64Type` and `kCFNumberFloat64Type`.
const NUMBER_INTEGER: c_long = 4;
const NUMBER_REAL: c_long = 6;
/// From 1970 to 2001, where CoreFoundation's time begins.
const EPOCH: f64 = 978_307_200.0;

/// Any object of CoreFoundation; never null here.
type Object = *const c_void;

#[repr(C)]
struct Range {
    location: c_long,
    length: c_long,
}

// SAFETY: as the headers of CoreFoundation declare them (`Boolean` is an unsigned char, `CFIndex` a long).
#[link(name = "CoreFoundation", kind = "framework")]
unsafe extern "C" {
    fn CFRelease(object: Object);
    fn CFGetTypeID(object: Object) -> usize;
    fn CFStringGetTypeID() -> usize;
    fn CFNumberGetTypeID() -> usize;
    fn CFBooleanGetTypeID() -> usize;
    fn CFDateGetTypeID() -> usize;
    fn CFArrayGetTypeID() -> usize;
    fn CFDictionaryGetTypeID() -> usize;
    fn CFStringCreateWithBytes(
        allocator: Object,
        bytes: *const u8,
        length: c_long,
        encoding: u32,
        external: c_uchar,
    ) -> Object;
    fn CFStringGetLength(string: Object) -> c_long;
    fn CFStringGetBytes(
        string: Object,
        range: Range,
        encoding: u32,
        loss: u8,
        external: c_uchar,
        buffer: *mut u8,
        size: c_long,
        used: *mut c_long,
    ) -> c_long;
    fn CFNumberIsFloatType(number: Object) -> c_uchar;
    fn CFNumberGetValue(number: Object, kind: c_long, value: *mut c_void) -> c_uchar;
    fn CFBooleanGetValue(boolean: Object) -> c_uchar;
    fn CFDateGetAbsoluteTime(date: Object) -> c_double;
    fn CFArrayGetCount(array: Object) -> c_long;
    fn CFArrayGetValueAtIndex(array: Object, index: c_long) -> Object;
    fn CFDictionaryGetCount(dictionary: Object) -> c_long;
    fn CFDictionaryGetKeysAndValues(dictionary: Object, keys: *mut Object, values: *mut Object);
    fn CFDataCreate(allocator: Object, bytes: *const u8, length: c_long) -> Object;
    fn CFPropertyListCreateWithData(
        allocator: Object,
        data: Object,
        options: usize,
        format: *mut c_long,
        error: *mut Object,
    ) -> Object;
    fn CFPreferencesAppSynchronize(domain: Object) -> c_uchar;
    fn CFPreferencesAppValueIsForced(key: Object, domain: Object) -> c_uchar;
    fn CFPreferencesCopyAppValue(key: Object, domain: Object) -> Object;
}

/// An object that is ours to release.
struct Owned(Object);

impl Owned {
    fn text(text: &str) -> Option<Self> {
        let length = c_long::try_from(text.len()).ok()?;
        // SAFETY: so many bytes of UTF-8, which are copied; null is the default allocator.
        let string = unsafe { CFStringCreateWithBytes(ptr::null(), text.as_ptr(), length, UTF8, 0) };
        (!string.is_null()).then_some(Self(string))
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        // SAFETY: made or copied by a function that gives ownership, and not null.
        unsafe { CFRelease(self.0) }
    }
}

/// What a profile forces in this domain, read anew: those of `keys`, and what else the system's own file has, for the
/// system tells of a key only to who names it.
pub fn forced(domain: &str, keys: &[&str]) -> Vec<(String, Property)> {
    let others = named_in(&format!("/Library/Managed Preferences/{domain}.plist"));
    let Some(domain) = Owned::text(domain) else { return Vec::new() };
    // SAFETY: a string. Without this call a process that lives long sees old values.
    unsafe { CFPreferencesAppSynchronize(domain.0) };
    let others = others.iter().map(String::as_str).filter(|other| !keys.contains(other));
    let values = keys.iter().copied().chain(others);
    values.filter_map(|key| Some((key.to_owned(), one(&domain, key)?))).collect()
}

/// The keys of a property list in a file; none if it is not there or is none.
fn named_in(file: &str) -> Vec<String> {
    let readable = std::fs::metadata(file).is_ok_and(|found| found.is_file() && found.len() <= MAX_FILE);
    let Some(bytes) = readable.then(|| std::fs::read(file).ok()).flatten() else { return Vec::new() };
    let Ok(length) = c_long::try_from(bytes.len()) else { return Vec::new() };
    // SAFETY: so many bytes, which are copied; null is the default allocator.
    let data = unsafe { CFDataCreate(ptr::null(), bytes.as_ptr(), length) };
    if data.is_null() {
        return Vec::new();
    }
    let data = Owned(data);
    // SAFETY: data; nothing is wanted but the list, and that is ours.
    let list =
        unsafe { CFPropertyListCreateWithData(ptr::null(), data.0, 0, ptr::null_mut(), ptr::null_mut()) };
    if list.is_null() {
        return Vec::new();
    }
    let list = Owned(list);
    // SAFETY: an object that lives until `list` is dropped.
    match unsafe { read(list.0, MAX_DEPTH) } {
        Some(Property::Table(pairs)) => pairs.into_iter().map(|(key, _)| key).collect(),
        _ => Vec::new(),
    }
}

fn one(domain: &Owned, key: &str) -> Option<Property> {
    let key = Owned::text(key)?;
    // SAFETY: two strings.
    if unsafe { CFPreferencesAppValueIsForced(key.0, domain.0) } == 0 {
        return None;
    }
    // SAFETY: two strings; what comes back is ours.
    let value = unsafe { CFPreferencesCopyAppValue(key.0, domain.0) };
    if value.is_null() {
        return None;
    }
    let value = Owned(value);
    // SAFETY: an object that lives until `value` is dropped.
    unsafe { read(value.0, MAX_DEPTH) }
}

/// # Safety
///
/// `object` must be one of CoreFoundation's and outlive the call.
// SAFETY: see above. Each function is called with an object of the type that was just asked for.
unsafe fn read(object: Object, depth: usize) -> Option<Property> {
    if object.is_null() || depth == 0 {
        return None;
    }
    // SAFETY: as the caller vouches, here and below; containers own what is in them.
    unsafe {
        let kind = CFGetTypeID(object);
        // Booleans are no numbers here, whatever Objective-C thinks.
        if kind == CFBooleanGetTypeID() {
            Some(Property::Boolean(CFBooleanGetValue(object) != 0))
        } else if kind == CFNumberGetTypeID() {
            number(object)
        } else if kind == CFStringGetTypeID() {
            text(object).map(Property::Text)
        } else if kind == CFDateGetTypeID() {
            Some(Property::Date(date(CFDateGetAbsoluteTime(object))))
        } else if kind == CFArrayGetTypeID() {
            let items = (0..CFArrayGetCount(object)).map(|at| CFArrayGetValueAtIndex(object, at));
            Some(Property::List(items.filter_map(|item| read(item, depth - 1)).collect()))
        } else if kind == CFDictionaryGetTypeID() {
            let count = usize::try_from(CFDictionaryGetCount(object)).ok()?;
            let (mut keys, mut values) = (vec![ptr::null(); count], vec![ptr::null(); count]);
            CFDictionaryGetKeysAndValues(object, keys.as_mut_ptr(), values.as_mut_ptr());
            let pairs = keys.into_iter().zip(values).filter_map(|(key, value)| {
                let key = (!key.is_null() && CFGetTypeID(key) == CFStringGetTypeID()).then(|| text(key))?;
                Some((key?, read(value, depth - 1)?))
            });
            Some(Property::Table(pairs.collect()))
        } else {
            Some(Property::unreadable())
        }
    }
}

/// Seconds since 2001; what no clock can say is the end of time.
fn date(seconds: f64) -> Timestamp {
    let seconds = (seconds + EPOCH) as i64;
    Timestamp::from_nanos(seconds.saturating_mul(1_000_000_000))
}

/// # Safety
///
/// `object` must be a CFNumber.
// SAFETY: see above.
unsafe fn number(object: Object) -> Option<Property> {
    let (mut integer, mut real) = (0i64, 0f64);
    // SAFETY: as the caller vouches; each place has the size of the kind that is named.
    unsafe {
        if CFNumberIsFloatType(object) != 0 {
            (CFNumberGetValue(object, NUMBER_REAL, (&raw mut real).cast()) != 0)
                .then_some(Property::Real(real))
        } else {
            (CFNumberGetValue(object, NUMBER_INTEGER, (&raw mut integer).cast()) != 0)
                .then_some(Property::Integer(integer))
        }
    }
}

/// # Safety
///
/// `object` must be a CFString.
// SAFETY: see above.
unsafe fn text(object: Object) -> Option<String> {
    // SAFETY: as the caller vouches. Without a buffer the call only says how many bytes it would write.
    unsafe {
        let length = CFStringGetLength(object);
        let whole = || Range { location: 0, length };
        let mut size: c_long = 0;
        CFStringGetBytes(object, whole(), UTF8, b'?', 0, ptr::null_mut(), 0, &mut size);
        let mut bytes = vec![0u8; usize::try_from(size).ok()?];
        let mut used: c_long = 0;
        CFStringGetBytes(object, whole(), UTF8, b'?', 0, bytes.as_mut_ptr(), size, &mut used);
        bytes.truncate(usize::try_from(used).ok()?);
        String::from_utf8(bytes).ok()
    }
}
