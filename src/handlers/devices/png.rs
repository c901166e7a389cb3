//! A QR code as a PNG: one bit a dot, stored as it is, for a code is small and needs no compressor.
use fast_qr::QRCode;

/// Pixels a module of the code.
const SCALE: usize = 8;
/// Empty modules around it, as the standard wants.
const QUIET: usize = 4;
const SIGNATURE: [u8; 8] = [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n'];
/// The longest stored block of a deflate stream.
const BLOCK: usize = 65_535;

/// The picture.
pub fn picture(code: &QRCode) -> Vec<u8> {
    let side = (code.size + 2 * QUIET) * SCALE;
    let is_dark = |x: usize, y: usize| {
        let (x, y) = (
            (x / SCALE).checked_sub(QUIET),
            (y / SCALE).checked_sub(QUIET),
        );
        x.zip(y)
            .filter(|(x, y)| *x < code.size && *y < code.size)
            .and_then(|(x, y)| code.data.get(y * code.size + x))
            .is_some_and(|module| module.value())
    };
    let mut rows = Vec::with_capacity(side * (side / 8 + 1));
    for y in 0..side {
        rows.push(0); // this row is not filtered
        for left in (0..side).step_by(8) {
            // a white dot is a 1
            rows.push((left..left + 8).fold(0, |byte, x| (byte << 1) | u8::from(!is_dark(x, y))));
        }
    }
    let edge = u32::try_from(side).unwrap_or(0).to_be_bytes();
    // one bit, grey, no interlace
    let header = [&edge[..], &edge[..], &[1, 0, 0, 0, 0]].concat();
    let mut png = SIGNATURE.to_vec();
    chunk(&mut png, *b"IHDR", &header);
    chunk(&mut png, *b"IDAT", &stored(&rows));
    chunk(&mut png, *b"IEND", &[]);
    png
}

fn chunk(png: &mut Vec<u8>, name: [u8; 4], data: &[u8]) {
    let named = [&name[..], data].concat();
    png.extend(u32::try_from(data.len()).unwrap_or(0).to_be_bytes());
    png.extend(&named);
    png.extend(crc(&named).to_be_bytes());
}

/// A zlib stream of stored blocks.
fn stored(data: &[u8]) -> Vec<u8> {
    let mut out = vec![0x78, 0x01];
    let blocks = data.chunks(BLOCK);
    let last = blocks.len().saturating_sub(1);
    for (at, block) in blocks.enumerate() {
        let length = u16::try_from(block.len()).unwrap_or(0);
        out.push(u8::from(at == last));
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.extend(block);
    }
    out.extend(adler(data).to_be_bytes());
    out
}

fn adler(data: &[u8]) -> u32 {
    let (a, b) = data.iter().fold((1_u32, 0_u32), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    (b << 16) | a
}

fn crc(data: &[u8]) -> u32 {
    !data.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            if crc & 1 == 1 {
                (crc >> 1) ^ 0xEDB8_8320
            } else {
                crc >> 1
            }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_the_standards() {
        assert_eq!(crc(b"123456789"), 0xCBF4_3926);
        assert_eq!(adler(b"Wikipedia"), 0x11E6_0398);
        assert_eq!(crc(b"IEND"), 0xAE42_6082);
    }
}
