//! Times and sizes as definitions write them: `90s`, `60m`, `2h`; `512M`, `4G`.

use crate::codes;
use crate::refusal::Refusal;

/// A time in seconds.
pub(crate) fn seconds(text: &str) -> Result<u64, Refusal> {
    scaled(text, &[("s", 1), ("m", 60), ("h", 3600)])
        .ok_or_else(|| malformed("timeout", text, "`90s`, `60m` or `2h`"))
}

/// A size in bytes, in powers of 1024.
pub(crate) fn bytes(text: &str) -> Result<u64, Refusal> {
    scaled(text, &[("K", 1 << 10), ("M", 1 << 20), ("G", 1 << 30)])
        .ok_or_else(|| malformed("memory", text, "`512M` or `4G`"))
}

fn scaled(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let (number, scale) = units.iter().find_map(|(unit, scale)| Some((text.strip_suffix(unit)?, scale)))?;
    number.parse::<u64>().ok().filter(|number| *number > 0)?.checked_mul(*scale)
}

fn malformed(name: &str, text: &str, forms: &str) -> Refusal {
    let message = format!("`{name}` is written as {forms}, got `{text}`");
    Refusal::new(codes::ACTION_ARGUMENT, message).focus(format!("{text:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_scale_and_nonsense_is_refused() {
        assert_eq!(seconds("60m").unwrap(), 3600);
        assert_eq!(bytes("4G").unwrap(), 4 << 30);
        for text in ["", "m", "0s", "-1s", "1d", "99999999999999999999h", "18446744073709551615h"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
