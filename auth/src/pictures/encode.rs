//! From any file to the picture that is kept, or to nothing.

use std::io::Cursor;

use axum::body::Bytes;
use image::{
    DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, ImageResult, Limits,
    error::{ImageFormatHint, LimitError, LimitErrorKind},
    imageops::FilterType,
    metadata::Orientation,
};
use rayon::{ThreadPool, ThreadPoolBuilder};
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::{
    error::{Error, Result, chain},
    password::hash::stand_back,
    shares::{Share, Shares},
};

/// The width and height of a picture: twice what the largest place for it takes, for fine displays.
const SIDE: u32 = 144;
/// The largest width and height of a file's picture.
const MAX_SIDE: u32 = 8192;
/// The most memory that a decoded file may take, in bytes: a small file may claim any size.
const MAX_DECODED: u64 = 80_000_000;
/// The most pixels, which is what decoding takes time for.
const MAX_PIXELS: u64 = 26_000_000;
/// The most scans of a progressive JPEG, each of which goes over all pixels. Real ones have a dozen, and a preview as many.
const MAX_SCANS: usize = 32;
/// The formats that are read. What a file is called or said to be does not matter. Not WebP: its decoder takes memory for
/// what the file claims to contain, and decodes a frame before it compares its size with the picture's.
const FORMATS: [ImageFormat; 2] = [ImageFormat::Png, ImageFormat::Jpeg];
/// The most files that may wait for their turn. Further ones are refused (503) rather than kept waiting.
const QUEUE: usize = 8;
/// The most of these for one user: an upload, and the picture of a provider after a sign-in.
const QUEUE_OF_USER: usize = 2;

/// What begins a scan of a JPEG. Within one, these bytes do not occur.
const START_OF_SCAN: [u8; 2] = [0xff, 0xda];

/// Reads pictures one at a time, since each may take much memory, off the threads that answer requests.
#[derive(Debug)]
pub(super) struct Encoder {
    thread: ThreadPool,
    /// The places in the queue.
    places: Shares<Uuid>,
}

impl Encoder {
    /// # Panics
    /// If the system cannot create a thread.
    pub(super) fn new() -> Self {
        let thread = ThreadPoolBuilder::new()
            .num_threads(1)
            .thread_name(|_| "pictures".to_owned())
            .start_handler(|_| stand_back())
            // The panic is already logged, and the caller learns of it from the closed channel.
            .panic_handler(drop)
            .build()
            .expect("there are threads at the start");
        Self {
            thread,
            places: Shares::new(QUEUE, QUEUE_OF_USER),
        }
    }

    /// A place in the queue for a user's file.
    ///
    /// # Errors
    /// [`Error::TooManyPictures`]
    pub(super) fn place(&self, user_id: Uuid) -> Result<Share<Uuid>> {
        self.places.take(user_id, 1).ok_or(Error::TooManyPictures)
    }

    /// Makes a picture of a file, which keeps its place until it has been read.
    ///
    /// # Errors
    /// [`Error::NotAPicture`]
    pub(super) async fn encode(&self, place: Share<Uuid>, file: Bytes) -> Result<Vec<u8>> {
        let (answer, answered) = oneshot::channel();
        self.thread.spawn(move || {
            if !answer.is_closed() {
                drop(answer.send(encode(&file)));
            }
            drop(place);
        });
        match answered.await {
            Ok(Ok(webp)) => Ok(webp),
            Ok(Err(error)) => {
                tracing::debug!(error = %chain(&error), "a file is not a picture that can be read");
                Err(Error::NotAPicture)
            }
            // The decoder has panicked.
            Err(_) => Err(Error::NotAPicture),
        }
    }
}

fn encode(file: &[u8]) -> ImageResult<Vec<u8>> {
    let (picture, orientation) = decode(file)?;
    let side = picture.width().min(picture.height());
    let (left, top) = ((picture.width() - side) / 2, (picture.height() - side) / 2);
    // Before it is made smaller: of a picture that is much longer than wide, the rest would take much memory.
    let square = picture.crop_imm(left, top, side, side);
    drop(picture);
    let mut small = DynamicImage::from(
        square
            .resize_exact(SIDE, SIDE, FilterType::CatmullRom)
            .into_rgba8(),
    );
    small.apply_orientation(orientation);
    let mut webp = Vec::new();
    small.write_to(&mut Cursor::new(&mut webp), ImageFormat::WebP)?;
    Ok(webp)
}

/// The picture as the file has it, and how it is to be turned.
fn decode(file: &[u8]) -> ImageResult<(DynamicImage, Orientation)> {
    let format = image::guess_format(file)?;
    if !FORMATS.contains(&format) {
        return Err(ImageError::Unsupported(ImageFormatHint::Exact(format).into()));
    }
    if format == ImageFormat::Jpeg
        && file.windows(2).filter(|bytes| *bytes == START_OF_SCAN).count() > MAX_SCANS
    {
        return Err(too_much());
    }
    let mut limits = Limits::no_limits();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_DECODED);
    let mut reader = ImageReader::with_format(Cursor::new(file), format);
    reader.limits(limits);
    let mut decoder = reader.into_decoder()?;
    // Not every decoder counts what it returns.
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    if decoder.total_bytes() > MAX_DECODED || pixels > MAX_PIXELS {
        return Err(too_much());
    }
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    Ok((DynamicImage::from_decoder(decoder)?, orientation))
}

fn too_much() -> ImageError {
    ImageError::Limits(LimitError::from_kind(LimitErrorKind::InsufficientMemory))
}
