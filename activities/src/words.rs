//! Texts of others, as they enter: what cannot be shown is left out, and they have an end.

/// The most characters of an external text that are kept.
const MAX_CHARS: usize = 1_000;

/// An external text without control characters: a line end or a tab becomes a space.
pub(crate) fn plain(text: &str) -> String {
    let shown = |character: char| match character {
        '\n' | '\r' | '\t' => Some(' '),
        _ => (!character.is_control()).then_some(character),
    };
    text.chars().filter_map(shown).take(MAX_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_others_holds_no_control_characters_and_has_an_end() {
        for (text, kept) in [
            ("한도를 초과했습니다.", "한도를 초과했습니다."),
            ("카드\0사", "카드사"),
            ("\u{1b}[31m거절\u{7}\u{7f}\u{9b}", "[31m거절"),
            ("한\n줄\t더", "한 줄 더"),
            ("", ""),
        ] {
            assert_eq!(plain(text), kept);
        }
        assert_eq!(plain(&"가".repeat(2_000)).chars().count(), MAX_CHARS);
    }
}
