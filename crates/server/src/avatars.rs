//! Pictures: decoded under limits, cropped to a square, scaled and encoded again. The result holds sRGB pixels and
//! nothing else: no location, no camera, no second file hidden behind the first.
//!
//! Invariant: the cost is bounded by the number of pixels, which is checked before anything is decoded: a file of a
//! few bytes may claim any size. There is one copy of the decoded picture, never two.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType as PngFilter, PngEncoder};
use image::imageops::{self, FilterType};
use image::metadata::Orientation;
use image::{
    DynamicImage, GenericImageView, ImageDecoder, ImageEncoder, ImageFormat, ImageReader, Limits, Rgba,
    Rgba32FImage, RgbaImage,
};
use moxcms::{ColorProfile, DataColorSpace, Layout, TransformOptions};
use parlour_protocol::limits::{AVATAR_PIXELS, AVATAR_SIZES};
use parlour_protocol::problems::ErrorCode;

use crate::problems::ApiError;

/// Memory limit for decoding: 13 megapixels at eight bytes each, and some room.
const MAX_MEMORY: u64 = 128 * 1024 * 1024;
/// JPEG quality, out of 100: no visible loss at these sizes.
const QUALITY: u8 = 86;
/// Pictures are averaged down to about this multiple of the largest size, then scaled smoothly.
const COARSE: u32 = 2;

/// A picture in both sizes.
pub struct Squares {
    /// Media type of both.
    pub media_type: &'static str,
    /// The small one, [`AVATAR_SIZES`]`[0]` pixels wide, encoded.
    pub small: Vec<u8>,
    /// The large one, [`AVATAR_SIZES`]`[1]` pixels wide, encoded.
    pub large: Vec<u8>,
}

/// Makes both squares of an uploaded picture. Slow: call it off the async threads.
pub fn squares(upload: &[u8]) -> Result<Squares, ApiError> {
    let unreadable =
        || ApiError::because(ErrorCode::UnsupportedMedia, "Choose a picture: JPEG, PNG, WebP or GIF.");
    let format = image::guess_format(upload).map_err(|_| unreadable())?;
    if !matches!(format, ImageFormat::Png | ImageFormat::Jpeg | ImageFormat::Gif | ImageFormat::WebP) {
        return Err(unreadable());
    }
    if format == ImageFormat::Jpeg && !is_whole_jpeg(upload) {
        return Err(ApiError::because(ErrorCode::UnsupportedMedia, "The picture is incomplete."));
    }
    let mut reader = ImageReader::with_format(Cursor::new(upload), format);
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_MEMORY);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|_| unreadable())?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > AVATAR_PIXELS {
        return Err(ApiError::because(ErrorCode::TooLarge, "The picture has more than 13 megapixels."));
    }
    if width == 0 || height == 0 {
        return Err(unreadable());
    }
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let profile = decoder.icc_profile().ok().flatten();
    let picture = DynamicImage::from_decoder(decoder).map_err(|_| unreadable())?;
    let coarse = square(&picture);
    drop(picture);
    let mut coarse = DynamicImage::ImageRgba32F(coarse);
    coarse.apply_orientation(orientation);
    let coarse = coarse.into_rgba32f();

    let transparent = coarse.pixels().any(|pixel| pixel.0[3] < 1.0);
    let [small, large] = AVATAR_SIZES.map(|edge| {
        let mut scaled = scale(&coarse, edge);
        if let Some(profile) = &profile {
            to_srgb(&mut scaled, profile);
        }
        encode(&scaled, transparent)
    });
    let media_type = if transparent { "image/png" } else { "image/jpeg" };
    Ok(Squares { media_type, small: small?, large: large? })
}

/// Whether a JPEG reaches its end marker: decoders would fill what is missing with grey.
fn is_whole_jpeg(upload: &[u8]) -> bool {
    let mut rest = upload;
    loop {
        let Some(at) = rest.iter().position(|byte| *byte == 0xFF) else { return false };
        rest = rest.get(at + 1..).unwrap_or_default();
        let Some((marker, after)) = rest.split_first() else { return false };
        match marker {
            0xD9 => return true,
            // Fill bytes, stuffed bytes of the scan, restart markers and the start marker have no length.
            0xFF => {}
            0x00 | 0x01 | 0xD0..=0xD8 => rest = after,
            _ => {
                let Some(length) = after.first_chunk().map(|bytes| usize::from(u16::from_be_bytes(*bytes)))
                else {
                    return false;
                };
                // Skip the contents of a segment (a thumbnail, for example).
                let Some(next) = after.get(length.max(2)..) else { return false };
                rest = next;
            }
        }
    }
}

/// The square in the middle, averaged down to a size that is fast to scale. Colours are weighted by opacity, so that
/// invisible pixels contribute none.
fn square(picture: &DynamicImage) -> Rgba32FImage {
    let side = picture.width().min(picture.height());
    let (left, top) = ((picture.width() - side) / 2, (picture.height() - side) / 2);
    let factor = (side / (COARSE * AVATAR_SIZES[1])).max(1);
    let edge = side / factor;
    Rgba32FImage::from_fn(edge, edge, |x, y| {
        let mut sums = [0_u64; 4];
        for row in 0..factor {
            for column in 0..factor {
                let Rgba([red, green, blue, alpha]) =
                    picture.get_pixel(left + x * factor + column, top + y * factor + row);
                let weight = u64::from(alpha);
                for (sum, colour) in sums.iter_mut().zip([red, green, blue]) {
                    *sum += u64::from(colour) * weight;
                }
                sums[3] += weight;
            }
        }
        let all = u64::from(factor * factor) as f32 * 255.0;
        let [red, green, blue] = [sums[0], sums[1], sums[2]].map(|sum| sum as f32 / (all * 255.0));
        Rgba([red, green, blue, sums[3] as f32 / all])
    })
}

/// Scales opacity-weighted colours, then removes the weighting.
fn scale(coarse: &Rgba32FImage, edge: u32) -> RgbaImage {
    let scaled = imageops::resize(coarse, edge, edge, FilterType::Lanczos3);
    RgbaImage::from_fn(edge, edge, |x, y| {
        let Rgba([red, green, blue, alpha]) = *scaled.get_pixel(x, y);
        let alpha = alpha.clamp(0.0, 1.0);
        let byte = |value: f32| (value.clamp(0.0, 1.0) * 255.0).round() as u8;
        let colour = |weighted: f32| if alpha > 0.0 { byte(weighted / alpha) } else { 0 };
        Rgba([colour(red), colour(green), colour(blue), byte(alpha)])
    })
}

/// Converts colours from the embedded profile to sRGB. An unusable profile is ignored.
fn to_srgb(picture: &mut RgbaImage, profile: &[u8]) {
    let Ok(profile) = ColorProfile::new_from_slice(profile) else { return };
    if profile.color_space != DataColorSpace::Rgb {
        return;
    }
    let srgb = ColorProfile::new_srgb();
    let transform =
        profile.create_transform_8bit(Layout::Rgba, &srgb, Layout::Rgba, TransformOptions::default());
    if let Ok(transform) = transform {
        let before = picture.as_raw().clone();
        let _ = transform.transform(&before, picture);
    }
}

fn encode(picture: &RgbaImage, transparent: bool) -> Result<Vec<u8>, ApiError> {
    let mut out = Vec::new();
    let (width, height) = picture.dimensions();
    let outcome = if transparent {
        PngEncoder::new_with_quality(&mut out, CompressionType::Best, PngFilter::Adaptive).write_image(
            picture,
            width,
            height,
            image::ExtendedColorType::Rgba8,
        )
    } else {
        let opaque: Vec<u8> =
            picture.pixels().flat_map(|pixel| [pixel.0[0], pixel.0[1], pixel.0[2]]).collect();
        JpegEncoder::new_with_quality(&mut out, QUALITY).write_image(
            &opaque,
            width,
            height,
            image::ExtendedColorType::Rgb8,
        )
    };
    outcome.map_err(|error| ApiError::fault(error.to_string()))?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use image::{Rgb, RgbImage, Rgba, RgbaImage};

    use super::*;

    fn png(picture: &DynamicImage) -> Vec<u8> {
        let mut out = Cursor::new(Vec::new());
        picture.write_to(&mut out, ImageFormat::Png).unwrap();
        out.into_inner()
    }

    #[test]
    fn pictures_become_two_squares() {
        let opaque = png(&RgbImage::from_pixel(300, 200, Rgb([200, 30, 30])).into());
        let squares_of = |bytes: &[u8]| squares(bytes).unwrap();
        let made = squares_of(&opaque);
        assert_eq!(made.media_type, "image/jpeg");
        for (bytes, edge) in [(&made.small, 64), (&made.large, 256)] {
            let back = image::load_from_memory(bytes).unwrap();
            assert_eq!((back.width(), back.height()), (edge, edge));
        }
        let glass = png(&RgbaImage::from_pixel(10, 10, Rgba([1, 2, 3, 100])).into());
        assert_eq!(squares_of(&glass).media_type, "image/png");
    }

    #[test]
    fn metadata_and_hidden_files_do_not_survive() {
        let mut upload = png(&RgbImage::new(32, 32).into());
        upload.extend_from_slice(b"<script>GPS 52.5 13.4</script>");
        let made = squares(&upload).unwrap();
        for bytes in [made.small, made.large] {
            assert!(!bytes.windows(3).any(|window| window == b"GPS"));
        }
    }

    fn code(bytes: &[u8]) -> Option<ErrorCode> {
        squares(bytes).err().map(|error| error.code())
    }

    #[test]
    fn a_cut_off_jpeg_is_refused_wherever_it_is_cut() {
        let mut whole = Vec::new();
        let noise =
            RgbImage::from_fn(80, 80, |x, y| Rgb([(x * 31 + y * 7) as u8, (x * y) as u8, (x ^ y) as u8]));
        JpegEncoder::new(&mut whole).encode_image(&noise).unwrap();
        // A complete thumbnail in a segment of its own.
        let mut with_thumbnail = whole[..2].to_vec();
        with_thumbnail.extend([0xFF, 0xE1]);
        with_thumbnail.extend((whole.len() as u16 + 2).to_be_bytes());
        with_thumbnail.extend(&whole);
        with_thumbnail.extend(&whole[2..]);
        for picture in [&whole, &with_thumbnail] {
            assert_eq!(code(picture), None);
            for end in (0..picture.len() - 1).step_by(37) {
                assert_eq!(code(&picture[..end]), Some(ErrorCode::UnsupportedMedia), "{end}");
            }
        }
        let mut trailing = whole.clone();
        trailing.extend(b"<script>");
        assert_eq!(code(&trailing), None);
    }

    #[test]
    fn what_cannot_be_seen_has_no_colour() {
        // A white disk on transparent black, as drawing programs save it.
        for edge in [512_u32, 256, 1024, 3000, 65] {
            let disk = RgbaImage::from_fn(edge, edge, |x, y| {
                let centre = f64::from(edge) / 2.0;
                let (dx, dy) = (f64::from(x) + 0.5 - centre, f64::from(y) + 0.5 - centre);
                if dx.hypot(dy) < centre * 0.8 { Rgba([255; 4]) } else { Rgba([0; 4]) }
            });
            let made = squares(&png(&disk.into())).unwrap();
            for bytes in [made.small, made.large] {
                let seen = image::load_from_memory(&bytes).unwrap().to_rgba8();
                for pixel in seen.pixels().filter(|pixel| pixel.0[3] > 0) {
                    assert!(pixel.0[..3].iter().all(|colour| *colour >= 250), "{edge}: {pixel:?}");
                }
            }
        }
    }

    #[test]
    fn colours_keep_their_look_when_their_profile_goes() {
        let profile = ColorProfile::new_display_p3().encode().unwrap();
        let mut upload = Vec::new();
        let mut encoder = PngEncoder::new(&mut upload);
        encoder.set_icc_profile(profile).unwrap();
        let pixels = RgbImage::from_pixel(64, 64, Rgb([200, 60, 40]));
        encoder.write_image(&pixels, 64, 64, image::ExtendedColorType::Rgb8).unwrap();
        let made = squares(&upload).unwrap();
        let Rgba([red, green, blue, _]) = image::load_from_memory(&made.small).unwrap().get_pixel(32, 32);
        // The same colour in sRGB is more saturated: P3 is the wider space.
        assert!(red > 210 && green < 50 && blue < 35, "{red} {green} {blue}");
    }

    #[test]
    fn a_few_bytes_cannot_claim_much() {
        let gif = |edge: u16| {
            let mut bytes = b"GIF89a".to_vec();
            bytes.extend(edge.to_le_bytes());
            bytes.extend(edge.to_le_bytes());
            bytes.extend([
                0x80, 0, 0, 0, 0, 0, 255, 255, 255, 0x2C, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0, 0x3B,
            ]);
            bytes
        };
        assert_eq!(code(&gif(6000)), Some(ErrorCode::TooLarge));
        assert_eq!(code(&gif(3600)), None, "just below the limit");
        // 16 bits per channel take twice the memory.
        let deep = DynamicImage::new_rgba16(3600, 3600);
        assert_eq!(code(&png(&deep)), None);
    }

    #[test]
    fn bombs_and_broken_files_are_refused() {
        assert_eq!(code(b""), Some(ErrorCode::UnsupportedMedia));
        assert_eq!(code(b"<svg xmlns='http://www.w3.org/2000/svg'/>"), Some(ErrorCode::UnsupportedMedia));
        let whole = png(&RgbImage::new(64, 64).into());
        assert_eq!(code(&whole[..whole.len() / 2]), Some(ErrorCode::UnsupportedMedia));
        // A header that promises 60000 × 60000 pixels.
        let mut bomb = whole;
        bomb[16..24].copy_from_slice(&[0, 0, 0xEA, 0x60, 0, 0, 0xEA, 0x60]);
        assert!(matches!(code(&bomb), Some(ErrorCode::TooLarge | ErrorCode::UnsupportedMedia)));
    }
}
