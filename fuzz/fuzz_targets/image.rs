//! See `anymem_tests::hostile::Kind::Image`.
#![no_main]

use anymem_tests::hostile::{Kind, Scene, drive};
use libfuzzer_sys::fuzz_target;

thread_local! {
    static SCENE: Scene = Scene::new();
}

fuzz_target!(|bytes: &[u8]| {
    SCENE.with(|scene| drive(scene, Kind::Image, bytes));
});
