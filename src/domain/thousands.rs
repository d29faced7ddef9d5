//! Numbers in sentences.

/// A number with a comma before each group of three digits, as every message and page writes it:
/// `2,048`.
pub fn with_thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_third_digit_from_the_right_has_a_comma_before_it() {
        for (number, text) in
            [(0, "0"), (999, "999"), (1_000, "1,000"), (2_048, "2,048"), (u64::MAX, "18,446,744,073,709,551,615")]
        {
            assert_eq!(with_thousands(number), text);
        }
    }
}
