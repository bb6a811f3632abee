//! Profile pictures: checked, cropped, scaled, and replaced.

use parlour_client::operations::Picture;
use std::io::Cursor;

use image::{DynamicImage, ImageFormat, RgbImage};
use parlour_protocol::ids::AvatarId;
use parlour_protocol::problems::ErrorCode;
use system_tests::{App, Refusal, on_all_backends};

on_all_backends!(setting_and_removing, what_is_no_picture);

fn png(width: u32, height: u32) -> Vec<u8> {
    let picture = RgbImage::from_fn(width, height, |x, y| image::Rgb([x as u8, y as u8, 80]));
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::ImageRgb8(picture).write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

async fn setting_and_removing(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let first = ada
        .api
        .upload_avatar(&Picture { media_type: "image/png".into(), bytes: png(300, 200) })
        .await
        .unwrap()
        .avatar
        .expect("a picture");
    assert_eq!(bob.api.show_user("ada").await.unwrap().user.avatar, Some(first));
    for size in [64, 256] {
        // Pages show pictures without a token: anyone who knows the id may fetch one.
        let Picture { media_type, bytes } = app.stranger(1).show_avatar(first, size).await.unwrap();
        assert!(media_type.starts_with("image/"), "{media_type}");
        if media_type == "image/png" {
            let picture = image::load_from_memory(&bytes).unwrap();
            assert_eq!((picture.width(), picture.height()), (size, size));
        }
        assert_ne!(bytes, png(300, 200));
    }
    let second = ada
        .api
        .upload_avatar(&Picture { media_type: "image/png".into(), bytes: png(10, 10) })
        .await
        .unwrap()
        .avatar
        .expect("a picture");
    assert_ne!(first, second);
    bob.api.show_avatar(first, 64).await.refused(ErrorCode::NotFound);
    bob.api.show_avatar(second, 64).await.unwrap();
    assert_eq!(ada.api.delete_avatar().await.unwrap().avatar, None);
    assert_eq!(ada.api.delete_avatar().await.unwrap().avatar, None);
    bob.api.show_avatar(second, 64).await.refused(ErrorCode::NotFound);
    bob.api.show_avatar(AvatarId(1), 64).await.refused(ErrorCode::NotFound);
}

async fn what_is_no_picture(app: App) {
    let ada = app.person("ada").await;
    for (media_type, bytes) in [
        ("image/png", b"not a picture".to_vec()),
        (
            "image/svg+xml",
            b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>".to_vec(),
        ),
        ("image/png", png(20, 20)[..60].to_vec()),
        ("image/png", vec![]),
    ] {
        ada.api
            .upload_avatar(&Picture { media_type: media_type.into(), bytes })
            .await
            .refused(ErrorCode::UnsupportedMedia);
    }
    let mut bomb = png(8, 8);
    // Width and height in the header, beyond every limit, with the matching checksum.
    bomb[16..20].copy_from_slice(&30_000_u32.to_be_bytes());
    bomb[20..24].copy_from_slice(&30_000_u32.to_be_bytes());
    let checksum = crc32(&bomb[12..29]);
    bomb[29..33].copy_from_slice(&checksum.to_be_bytes());
    let code = ada
        .api
        .upload_avatar(&Picture { media_type: "image/png".into(), bytes: bomb })
        .await
        .unwrap_err()
        .code();
    assert!(matches!(code, Some(ErrorCode::TooLarge | ErrorCode::UnsupportedMedia)), "{code:?}");
    ada.api
        .upload_avatar(&Picture { media_type: "image/png".into(), bytes: vec![0; 5 * 1024 * 1024 + 1] })
        .await
        .refused(ErrorCode::TooLarge);
    assert_eq!(ada.api.show_account().await.unwrap().avatar, None);
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc: u32, byte| {
        (0..8).fold(
            crc ^ u32::from(*byte),
            |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 },
        )
    })
}
