//! Addresses of the console.

/// A text as the value of a query.
pub fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::encoded;

    #[test]
    fn a_query_value_holds_nothing_that_ends_it() {
        assert_eq!(encoded("/console?a=b&c=\"김\""), "%2Fconsole%3Fa%3Db%26c%3D%22%EA%B9%80%22");
    }
}
