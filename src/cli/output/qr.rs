//! QR codes in a terminal: two modules a character, drawn in the light ones, as terminals are mostly dark.
use crate::cli::failure::Failure;
use fast_qr::{ECL, QRBuilder, QRCode};

/// Modules of quiet around the code; the standard asks for four.
const QUIET: usize = 4;

/// Draws `text` with half blocks. `light` is for terminals with a light background.
pub fn qr(text: &str, light: bool) -> Result<String, Failure> {
    let code = QRBuilder::new(text)
        .ecl(ECL::M)
        .build()
        .map_err(|_| Failure::failed("the URI is too long for a QR code"))?;
    let side = code.size + 2 * QUIET;
    let mut out = String::with_capacity(side * side * 2);
    for top in (0..side).step_by(2) {
        for x in 0..side {
            let upper = is_drawn(&code, x, top, light);
            // Below the last line of an odd code there is nothing to draw on.
            let lower = top + 1 < side && is_drawn(&code, x, top + 1, light);
            out.push(match (upper, lower) {
                (true, true) => '█',
                (true, false) => '▀',
                (false, true) => '▄',
                (false, false) => ' ',
            });
        }
        out.push('\n');
    }
    Ok(out)
}

fn is_drawn(code: &QRCode, x: usize, y: usize, light: bool) -> bool {
    let inside = |at: usize| at.checked_sub(QUIET).filter(|at| *at < code.size);
    let dark = match (inside(x), inside(y)) {
        (Some(x), Some(y)) => code[y].get(x).is_some_and(|module| module.value()),
        _ => false,
    };
    dark == light
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_module_is_drawn_with_quiet_around() {
        let text = "hysteria2://hy1_secret@example.net:443/?sni=example.net#node";
        let code = QRBuilder::new(text).ecl(ECL::M).build().unwrap();
        let drawn = qr(text, false).unwrap();
        let lines: Vec<Vec<char>> = drawn.lines().map(|l| l.chars().collect()).collect();
        assert_eq!(lines.len(), (code.size + 2 * QUIET).div_ceil(2));
        assert!(
            lines[0].iter().all(|c| *c == '█'),
            "the quiet zone is light"
        );
        for y in 0..code.size {
            let row = y + QUIET;
            for x in 0..code.size {
                let cell = lines[row / 2][x + QUIET];
                let light = match row % 2 {
                    0 => matches!(cell, '█' | '▀'),
                    _ => matches!(cell, '█' | '▄'),
                };
                assert_eq!(light, !code[y][x].value(), "{x} {y}");
            }
        }
        assert!(qr(&"x".repeat(4_000), false).is_err());
    }
}
