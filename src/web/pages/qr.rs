//! A QR code as a picture in the page.

use std::fmt;

use askama::filters::HtmlSafe;
use qrcode::{Color, QrCode};

/// Light squares around the code, as its standard wants.
const MARGIN: usize = 4;
/// Width of a square on the page, in pixels.
const SQUARE: usize = 4;

/// A text as a QR code. Always dark on light, whatever the theme: cameras expect it.
pub struct QrPicture {
    label: &'static str,
    width: usize,
    dark: Vec<bool>,
}

impl QrPicture {
    /// The picture of `text`; `None` if it is too long for one.
    pub fn of(text: &str, label: &'static str) -> Option<QrPicture> {
        let code = QrCode::new(text).ok()?;
        let width = code.width();
        let dark = code.into_colors().into_iter().map(|color| color == Color::Dark).collect();
        Some(QrPicture { label, width, dark })
    }
}

impl fmt::Display for QrPicture {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = self.width + 2 * MARGIN;
        let (pixels, label) = (side * SQUARE, self.label);
        write!(
            formatter,
            r##"<svg width="{pixels}" height="{pixels}" viewBox="0 0 {side} {side}" role="img" aria-label="{label}" shape-rendering="crispEdges"><rect width="{side}" height="{side}" fill="#fff"/><path fill="#000" d=""##
        )?;
        for (index, _) in self.dark.iter().enumerate().filter(|(_, dark)| **dark) {
            write!(formatter, "M{} {}h1v1h-1z", index % self.width + MARGIN, index / self.width + MARGIN)?;
        }
        formatter.write_str(r#""/></svg>"#)
    }
}

impl HtmlSafe for QrPicture {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_squares_in_a_margin() {
        let shown = QrPicture::of("otpauth://totp/x?secret=ABC", "QR code").unwrap().to_string();
        assert!(shown.starts_with("<svg width=") && shown.ends_with("</svg>"), "{shown}");
        assert!(shown.contains("M4 4h1v1h-1z"), "the corner of the first pattern that cameras look for");
        assert!(!shown.contains("style"), "the content security policy forbids it");
        assert!(QrPicture::of(&"x".repeat(5_000), "QR code").is_none());
    }
}
