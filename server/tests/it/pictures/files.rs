//! Files to upload.

use std::io::Cursor;

use image::{DynamicImage, GenericImageView, ImageFormat, Rgba, RgbaImage};

pub const RED: [u8; 3] = [220, 20, 20];
pub const BLUE: [u8; 3] = [20, 20, 220];
/// What a camera writes into a photograph.
pub const CAMERA: &str = "CanaryCamera at 48.2082 N";

/// A picture whose left half is red, and its right half blue.
pub fn halves(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
    let picture = RgbaImage::from_fn(width, height, |x, _| {
        let [r, g, b] = if x < width / 2 { RED } else { BLUE };
        Rgba([r, g, b, 255])
    });
    let mut file = Cursor::new(Vec::new());
    let picture = DynamicImage::from(picture);
    let picture = match format {
        ImageFormat::Jpeg => picture.into_rgb8().into(),
        _ => picture,
    };
    picture.write_to(&mut file, format).unwrap();
    file.into_inner()
}

/// A photograph of a camera that was held so that this is to be done to it, and that says where it was.
pub fn photograph(orientation: u8) -> Vec<u8> {
    let mut exif = b"Exif\0\0II*\0\x08\0\0\0\x02\0".to_vec();
    // ImageDescription, whose text comes after the two entries.
    exif.extend_from_slice(b"\x0e\x01\x02\0");
    exif.extend_from_slice(&(CAMERA.len() as u32).to_le_bytes());
    exif.extend_from_slice(&38u32.to_le_bytes());
    exif.extend_from_slice(&[0x12, 0x01, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0]);
    exif.extend_from_slice(&[0; 4]);
    exif.extend_from_slice(CAMERA.as_bytes());
    let picture = halves(300, 300, ImageFormat::Jpeg);
    let (start, rest) = picture.split_at(2);
    let length = (exif.len() as u16 + 2).to_be_bytes();
    [start, &[0xff, 0xe1], &length, &exif, rest].concat()
}

/// The beginning of a PNG that claims to be this large, 8 bytes a pixel, and has hardly any data.
pub fn bomb(width: u32, height: u32) -> Vec<u8> {
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut head = b"IHDR".to_vec();
    head.extend_from_slice(&width.to_be_bytes());
    head.extend_from_slice(&height.to_be_bytes());
    head.extend_from_slice(&[16, 6, 0, 0, 0]);
    for chunk in [&head[..], b"IDAT\x78\x9c\x03\0\0\0\0\x01", b"IEND"] {
        png.extend_from_slice(&(chunk.len() as u32 - 4).to_be_bytes());
        png.extend_from_slice(chunk);
        png.extend_from_slice(&crc(chunk).to_be_bytes());
    }
    png
}

/// The checksum of a chunk.
fn crc(chunk: &[u8]) -> u32 {
    let step = |crc: u32, _| {
        if crc & 1 == 1 {
            crc >> 1 ^ 0xedb8_8320
        } else {
            crc >> 1
        }
    };
    !chunk
        .iter()
        .fold(!0, |crc: u32, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}

/// Whether a picture has about this colour at a place, given in eighths.
pub fn is(picture: &DynamicImage, (x, y): (u32, u32), colour: [u8; 3]) -> bool {
    let (width, height) = picture.dimensions();
    let Rgba([r, g, b, a]) = picture.get_pixel(width * x / 8, height * y / 8);
    a == 255
        && [r, g, b]
            .iter()
            .zip(colour)
            .all(|(found, meant)| found.abs_diff(meant) < 16)
}
