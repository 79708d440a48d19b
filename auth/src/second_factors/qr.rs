//! QR codes as pictures.

use qrcodegen::{QrCode, QrCodeEcc};

use crate::error::{Error, Result};

/// The light modules around a code, without which cameras do not find it.
const QUIET: i32 = 4;

/// A QR code as SVG: dark on light whatever the theme, and of whatever size its box has.
pub(super) fn svg(text: &str) -> Result<String> {
    let code = QrCode::encode_text(text, QrCodeEcc::Medium).map_err(Error::internal)?;
    let size = code.size();
    let mut path = String::new();
    for y in 0..size {
        for x in (0..size).filter(|x| code.get_module(*x, y)) {
            path.push_str(&format!("M{},{}h1v1h-1z", x + QUIET, y + QUIET));
        }
    }
    let side = size + 2 * QUIET;
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" role=\"img\" aria-label=\"QR code\" \
         shape-rendering=\"crispEdges\"><path fill=\"#fff\" d=\"M0,0h{side}v{side}h-{side}z\"/><path fill=\"#000\" \
         d=\"{path}\"/></svg>"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_drawn_with_its_quiet_zone_and_nothing_of_its_text() {
        let drawn = svg("otpauth://totp/a?secret=ABC&x=\"><script>").unwrap();
        assert!(drawn.starts_with("<svg ") && drawn.ends_with("</svg>"));
        assert!(drawn.contains("M4,4h1v1h-1z"), "the corner of the finder");
        assert!(!drawn.contains("script") && !drawn.contains("ABC"));
    }
}
