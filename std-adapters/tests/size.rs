//! Sizes as people write them.

use anymem::{Size, SizeError};
use proptest::prelude::*;

#[test]
fn sizes_are_read() {
    let cases = [
        ("0", 0),
        ("1", 1),
        (" 12 B ", 12),
        ("64MiB", 64 << 20),
        ("64 mib", 64 << 20),
        ("64M", 64 << 20),
        ("64m", 64 << 20),
        ("512 KB", 512_000),
        ("1kb", 1000),
        ("1.5GiB", 3 << 29),
        ("0.5K", 512),
        ("1.9", 1),
        ("2TB", 2_000_000_000_000),
        ("2T", 2 << 40),
        ("18446744073709551615", usize::MAX),
    ];
    for (text, bytes) in cases {
        assert_eq!(text.parse::<Size>(), Ok(Size::bytes(bytes)), "{text:?}");
    }
}

#[test]
fn what_is_no_size_is_told() {
    for text in ["", "  ", "MiB", "-1", "+1", ".5G", "1.2.3", "1..2", "0.1234567890123456789K"] {
        let error = text.parse::<Size>().expect_err(text);
        assert!(matches!(error, SizeError::NotANumber { .. }), "{text:?}: {error}");
    }
    for text in ["1X", "1 MiBs", "1e9", "1µ", "5 kk", "1PiBB", "7 G B"] {
        let error = text.parse::<Size>().expect_err(text);
        assert!(matches!(error, SizeError::UnknownUnit { .. }), "{text:?}: {error}");
        assert!(error.to_string().contains("MiB"), "{error}");
    }
    for text in ["18446744073709551616", "17179869184 GiB", &"9".repeat(60)] {
        let error = text.parse::<Size>().expect_err(text);
        assert!(matches!(error, SizeError::TooLarge { .. }), "{text:?}: {error}");
    }
}

#[test]
fn sizes_are_written() {
    let cases = [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1 KiB"),
        (1536, "1.5 KiB"),
        (64 << 20, "64 MiB"),
        ((1 << 30) - 1, "1023.9 MiB"),
        (usize::MAX, "15.9 EiB"),
    ];
    for (bytes, text) in cases {
        assert_eq!(Size::bytes(bytes).to_string(), text);
    }
    assert_eq!(format!("{:#}", Size::mib(1)), "1048576 B");
}

#[test]
fn units_saturate() {
    assert_eq!(Size::gib(usize::MAX).get(), usize::MAX);
    assert_eq!(Size::gib(2).get(), 2 << 30);
    assert_eq!(Size::gb(2).get(), 2_000_000_000);
    assert_eq!(usize::from(Size::from(7)), 7);
    assert_eq!(Size::try_from("7k"), Ok(Size::kib(7)));
}

proptest! {
    #[test]
    fn exact_bytes_come_back(bytes: usize) {
        let text = format!("{:#}", Size::bytes(bytes));
        prop_assert_eq!(text.parse(), Ok(Size::bytes(bytes)));
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC*") {
        let _ = text.parse::<Size>();
    }
}
