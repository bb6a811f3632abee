//! Pictures in all formats that are a few bytes as files and tens of megapixels once decoded. All are complete: a
//! decoder has to go through every pixel.

use std::io::Cursor;

use image::{DynamicImage, GrayImage, ImageFormat};

/// Edge length in pixels: the largest ever allowed, 36 megapixels.
const EDGE: u16 = 6000;

/// One of each format, with its media type.
pub fn huge() -> Vec<(&'static str, Vec<u8>)> {
    vec![("gif", gif()), ("webp", webp()), ("png", png()), ("jpeg", jpeg())]
}

/// A 6000 × 6000 screen with one frame of a single pixel on it.
pub fn gif() -> Vec<u8> {
    let [low, high] = EDGE.to_le_bytes();
    let mut bytes = b"GIF89a".to_vec();
    bytes.extend([low, high, low, high, 0x80, 0, 0, 0, 0, 0, 255, 255, 255]);
    bytes.extend([0x2C, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0, 0x3B]);
    bytes
}

/// One colour in the lossless format: every prefix code has a single symbol, so pixels take no bits at all.
pub fn webp() -> Vec<u8> {
    let mut bits: Vec<bool> = Vec::new();
    let mut push = |value: u32, count: u32| bits.extend((0..count).map(|bit| value >> bit & 1 == 1));
    push(u32::from(EDGE - 1), 14);
    push(u32::from(EDGE - 1), 14);
    // No alpha, version 0; no transform, no colour cache, no meta prefix codes.
    push(0, 1 + 3 + 1 + 1 + 1);
    // Five simple codes with one symbol each, of one bit, which is 0.
    (0..5).for_each(|_| push(0b0001, 4));
    let mut data = vec![0x2F];
    data.extend(
        bits.chunks(8).map(|byte| byte.iter().enumerate().map(|(at, bit)| u8::from(*bit) << at).sum::<u8>()),
    );
    data.resize(data.len() + 16, 0);
    let mut bytes = b"RIFF".to_vec();
    bytes.extend((data.len() as u32 + 12).to_le_bytes());
    bytes.extend(b"WEBPVP8L");
    bytes.extend((data.len() as u32).to_le_bytes());
    bytes.extend(data);
    bytes
}

/// A single shade of grey.
pub fn png() -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    let picture = DynamicImage::ImageLuma8(GrayImage::new(u32::from(EDGE), u32::from(EDGE)));
    picture.write_to(&mut out, ImageFormat::Png).expect("a picture is written");
    out.into_inner()
}

/// A single shade of grey, with one-bit codes: each block of 8 × 8 takes two bits.
pub fn jpeg() -> Vec<u8> {
    let [high, low] = EDGE.to_be_bytes();
    let mut bytes = vec![0xFF, 0xD8, 0xFF, 0xDB, 0, 67, 0];
    bytes.extend([1; 64]);
    bytes.extend([0xFF, 0xC0, 0, 11, 8, high, low, high, low, 1, 1, 0x11, 0]);
    // One code each, `0`: no difference, and end of block.
    for class in [0x00, 0x10] {
        bytes.extend([0xFF, 0xC4, 0, 20, class, 1]);
        bytes.extend([0; 15]);
        bytes.push(0);
    }
    bytes.extend([0xFF, 0xDA, 0, 8, 1, 1, 0, 0, 63, 0]);
    let blocks = usize::from(EDGE / 8).pow(2);
    bytes.extend(vec![0; blocks.div_ceil(4)]);
    bytes.extend([0xFF, 0xD9]);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_small_files() {
        for (kind, bytes) in huge() {
            assert!(bytes.len() < 200_000, "{kind}: {}", bytes.len());
        }
        assert_eq!(image::guess_format(&gif()).unwrap(), ImageFormat::Gif);
        assert_eq!(image::guess_format(&webp()).unwrap(), ImageFormat::WebP);
        assert_eq!(image::guess_format(&jpeg()).unwrap(), ImageFormat::Jpeg);
    }
}
