//! QR codes, drawn as a single SVG path.

use leptos::prelude::*;
use qrcode::{Color, EcLevel};

/// The quiet zone around the code, in modules, as scanners require.
const MARGIN: usize = 4;

/// The width in modules including the margin, and the path of the dark modules; `None` if the text is too long for a
/// code.
fn drawn(text: &str) -> Option<(usize, String)> {
    let code = qrcode::QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
    let width = code.width();
    let mut path = String::new();
    for (at, color) in code.to_colors().into_iter().enumerate() {
        if color == Color::Dark {
            path.push_str(&format!("M{} {}h1v1h-1z", at % width + MARGIN, at / width + MARGIN));
        }
    }
    Some((width + 2 * MARGIN, path))
}

/// A text as a QR code.
#[component]
pub(crate) fn QrCode(text: String, label: &'static str) -> impl IntoView {
    drawn(&text).map(|(width, path)| {
        view! {
            <svg
                class="qr-code"
                viewBox=format!("0 0 {width} {width}")
                role="img"
                aria-label=label
                shape-rendering="crispEdges"
                data-testid="qr-code"
            >
                <path d=path fill="currentColor"></path>
            </svg>
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_drawn_with_its_corners_and_its_margin() {
        let (width, path) = drawn("otpauth://totp/Parlour:ada?secret=JBSWY3DP&issuer=Parlour").unwrap();
        // Version 4 has 33 modules per side; each corner except the last has a dark one.
        assert_eq!(width, 33 + 8);
        for corner in ["M4 4h", "M36 4h", "M4 36h"] {
            assert!(path.contains(corner), "{corner}");
        }
        assert!(!path.contains("M3 ") && !path.contains("M37 "));
        assert_eq!(drawn(&"x".repeat(5000)), None);
    }
}
