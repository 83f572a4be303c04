//! A size that an image may not pass, and what takes the room where it does.

use contract::exit;
use toolkit::Fault;

use crate::image::layout::Stored;
use crate::inventory::Inventory;
use crate::report::bytes;

/// Bytes of `500MB`, `1.5GB`, `200 MiB` or a number.
pub(crate) fn parse(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let factor = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" | "k" => 1_000,
        "mb" | "m" => 1_000_000,
        "gb" | "g" => 1_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1_u64 << 30,
        _ => return Err(format!("{text} is no size: write 500MB or 1.5GB")),
    };
    let problem = || format!("{text} is no size: write 500MB or 1.5GB");
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let whole: u64 = whole.parse().map_err(|_invalid| problem())?;
    let mut total = whole.checked_mul(factor).ok_or_else(problem)?;
    let mut unit = factor;
    for digit in fraction.chars() {
        unit /= 10;
        let digit = digit.to_digit(10).ok_or_else(problem)?;
        total = total
            .checked_add(u64::from(digit) * unit)
            .ok_or_else(problem)?;
    }
    Ok(total)
}

/// Refuses an image whose compressed layers are larger together, and says where the room goes.
pub(crate) fn check(
    most: u64,
    image: &Stored,
    inventory: Option<&Inventory>,
) -> anyhow::Result<()> {
    let size = image.manifest.content_size();
    if size <= most {
        return Ok(());
    }
    let mut message = format!(
        "the image has {}, and {} are allowed",
        bytes(size),
        bytes(most)
    );
    for share in inventory.iter().flat_map(|inventory| &inventory.shares) {
        message.push_str(&format!(
            "\n  {:>10}  {}",
            bytes(share.size),
            share.created_by
        ));
        for (size, file) in &share.largest {
            message.push_str(&format!("\n  {:>10}    {} /{file}", "", bytes(*size)));
        }
    }
    Err(Fault::new(exit::NEGATIVE, message)
        .with_hint("leave out what is not needed with .dockerignore, or build in one stage and copy the result to another")
        .into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_sizes() {
        for (text, expected) in [
            ("500MB", Ok(500_000_000)),
            ("1.5GB", Ok(1_500_000_000)),
            ("200 MiB", Ok(200 << 20)),
            ("12", Ok(12)),
            ("x", Err("x is no size: write 500MB or 1.5GB".to_owned())),
            (
                "5 parsecs",
                Err("5 parsecs is no size: write 500MB or 1.5GB".to_owned()),
            ),
        ] {
            assert_eq!(parse(text), expected);
        }
    }
}
