//! Values of the user (arguments, results) as text. stigmer has no codec of the user, so encrypted and
//! binary values are described and not shown.

use super::message::{Payload, Payloads};
use crate::harmless;

/// Maximum length of the text of a value, in bytes. The key `e` of the dashboard shows all of it.
const TEXT: usize = 4_096;

/// The metadata key of the encoding of a value.
const ENCODING: &str = "encoding";
/// The metadata key of the name of a protobuf message.
const MESSAGE_TYPE: &str = "messageType";

/// A value of the user, of limited length and without control characters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DecodedPayload {
    /// JSON as the user's program wrote it, or a description such as `encrypted, 312 bytes`.
    pub text: String,
    /// Whether the text is the value itself, and not a description of it.
    pub is_json: bool,
    /// Size of the whole value, in bytes.
    pub size: usize,
}

impl DecodedPayload {
    pub(super) fn of(payload: &Payload) -> Self {
        let metadata = |key: &str| {
            payload
                .metadata
                .get(key)
                .map(|value| String::from_utf8_lossy(value))
                .unwrap_or_default()
        };
        let data = payload.data.as_slice();
        let size = data.len();
        let described = |what: &str| Self {
            text: harmless::quote(&match size {
                1 => format!("{what}, 1 byte"),
                _ => format!("{what}, {size} bytes"),
            }),
            is_json: false,
            size,
        };
        match metadata(ENCODING).as_ref() {
            "binary/null" => Self { text: "null".to_owned(), is_json: true, size },
            "json/plain" | "json/protobuf" => match std::str::from_utf8(data) {
                Ok(text) => Self { text: harmless::block(text, TEXT), is_json: true, size },
                Err(_) => described("invalid JSON"),
            },
            "binary/plain" => described("binary"),
            "binary/encrypted" => described("encrypted"),
            "binary/protobuf" => described(&format!("protobuf {}", metadata(MESSAGE_TYPE))),
            "" => described("no encoding"),
            other => described(&format!("encoding {other}")),
        }
    }

    /// Whether the text is only the beginning of the value.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.is_json && self.text.ends_with('…') && self.size > TEXT
    }
}

/// Decodes arguments or a result.
pub(super) fn decoded(payloads: Option<&Payloads>) -> Vec<DecodedPayload> {
    payloads.iter().flat_map(|it| &it.payloads).map(DecodedPayload::of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harmless::tests::{HOSTILE, assert_harmless};

    fn payload(encoding: &str, data: &[u8]) -> Payload {
        let metadata = [(ENCODING.to_owned(), encoding.as_bytes().to_vec())].into();
        Payload { metadata, data: data.to_vec() }
    }

    #[test]
    fn json_is_shown_and_other_encodings_are_described() {
        for (encoding, data, text, is_json) in [
            ("json/plain", b"{\"a\": 1}".as_slice(), "{\"a\": 1}", true),
            ("json/protobuf", b"{}", "{}", true),
            ("json/plain", b"\"\xff\"", "invalid JSON, 3 bytes", false),
            ("binary/null", b"", "null", true),
            ("binary/plain", b"\0\x01", "binary, 2 bytes", false),
            ("binary/encrypted", b"xyz", "encrypted, 3 bytes", false),
            ("x/y", b"z", "encoding x/y, 1 byte", false),
            ("", b"z", "no encoding, 1 byte", false),
        ] {
            let decoded = DecodedPayload::of(&payload(encoding, data));
            assert_eq!((decoded.text.as_str(), decoded.is_json), (text, is_json), "{encoding}");
            assert!(!decoded.is_cut());
        }
        let mut protobuf = payload("binary/protobuf", b"12");
        protobuf.metadata.insert(MESSAGE_TYPE.to_owned(), b"shop.Order".to_vec());
        assert_eq!(DecodedPayload::of(&protobuf).text, "protobuf shop.Order, 2 bytes");
    }

    #[test]
    fn long_and_hostile_values_become_short_and_harmless() {
        let long = DecodedPayload::of(&payload("json/plain", "é".repeat(5_000).as_bytes()));
        assert!(long.is_cut() && long.text.len() <= TEXT + "…".len() && long.size == 10_000);
        for encoding in ["json/plain", HOSTILE] {
            assert_harmless(&DecodedPayload::of(&payload(encoding, HOSTILE.as_bytes())).text);
        }
    }
}
