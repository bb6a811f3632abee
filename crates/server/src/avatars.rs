//! Pictures: decoded under limits, cropped to a square, encoded anew. What leaves here holds pixels and nothing
//! else: no place, no camera, no second file hidden behind the first.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType as PngFilter, PngEncoder};
use image::imageops::FilterType;
use image::{DynamicImage, ImageDecoder, ImageEncoder, ImageFormat, ImageReader, Limits};
use parlour_protocol::limits::{AVATAR_PIXELS, AVATAR_SIZES};
use parlour_protocol::problems::ErrorCode;

use crate::problems::ApiError;

/// Memory that decoding may take: 40 megapixels with four bytes each, and some room.
const MAX_MEMORY: u64 = 256 * 1024 * 1024;
/// JPEG quality, out of 100: no visible loss at these sizes.
const QUALITY: u8 = 86;

/// A picture in both sizes.
pub struct Squares {
    /// Media type of both.
    pub media_type: &'static str,
    /// The small one.
    pub small: Vec<u8>,
    /// The large one.
    pub large: Vec<u8>,
}

/// Makes the squares of an uploaded picture. Takes long; call it off the async threads.
pub fn squares(upload: &[u8]) -> Result<Squares, ApiError> {
    let unreadable =
        || ApiError::because(ErrorCode::UnsupportedMedia, "Use a PNG, JPEG, GIF or WebP picture.");
    let format = image::guess_format(upload).map_err(|_| unreadable())?;
    if !matches!(format, ImageFormat::Png | ImageFormat::Jpeg | ImageFormat::Gif | ImageFormat::WebP) {
        return Err(unreadable());
    }
    let mut reader = ImageReader::with_format(Cursor::new(upload), format);
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_MEMORY);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|_| unreadable())?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > AVATAR_PIXELS {
        return Err(ApiError::because(ErrorCode::TooLarge, "The picture has more than 40 megapixels."));
    }
    if width == 0 || height == 0 {
        return Err(unreadable());
    }
    let orientation = decoder.orientation().unwrap_or(image::metadata::Orientation::NoTransforms);
    let mut picture = DynamicImage::from_decoder(decoder).map_err(|_| unreadable())?;
    picture.apply_orientation(orientation);

    let side = picture.width().min(picture.height());
    let (left, top) = ((picture.width() - side) / 2, (picture.height() - side) / 2);
    let square = picture.crop_imm(left, top, side, side);
    let transparent = square.color().has_alpha() && square.to_rgba8().pixels().any(|pixel| pixel.0[3] < 255);
    let [small, large] = AVATAR_SIZES.map(|edge| encode(&square, edge, transparent));
    let media_type = if transparent { "image/png" } else { "image/jpeg" };
    Ok(Squares { media_type, small: small?, large: large? })
}

fn encode(square: &DynamicImage, edge: u32, transparent: bool) -> Result<Vec<u8>, ApiError> {
    let scaled = square.resize_exact(edge, edge, FilterType::Lanczos3);
    let mut out = Vec::new();
    let outcome = if transparent {
        let pixels = scaled.to_rgba8();
        PngEncoder::new_with_quality(&mut out, CompressionType::Best, PngFilter::Adaptive).write_image(
            &pixels,
            edge,
            edge,
            image::ExtendedColorType::Rgba8,
        )
    } else {
        let pixels = scaled.to_rgb8();
        JpegEncoder::new_with_quality(&mut out, QUALITY).write_image(
            &pixels,
            edge,
            edge,
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

    #[test]
    fn bombs_and_broken_files_are_refused() {
        let code = |bytes: &[u8]| squares(bytes).err().map(|error| error.code());
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
