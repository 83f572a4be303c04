//! Bodies of the rpc-v2-cbor dialect (RFC 8949), which current SDKs speak to CloudWatch.

use std::convert::Infallible;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minicbor::data::{IanaTag, Tag, Type};
use minicbor::{Decoder, Encoder};
use serde_json::{Map, Number, Value};

use super::{AwsError, as_map, as_timestamp};

/// How deep values may be nested; no operation comes near it.
const DEEPEST: usize = 64;

/// Reads a request body. An empty body is an empty structure; a timestamp (tag 1) becomes its epoch seconds;
/// bytes become base64 text and the floats that JSON lacks become `NaN`, `Infinity` and `-Infinity`.
pub fn decode(body: &[u8]) -> Result<Value, AwsError> {
    if body.is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    let mut decoder = Decoder::new(body);
    let value = read(&mut decoder, 0)?;
    if decoder.position() == body.len() {
        Ok(value)
    } else {
        Err(malformed("bytes after the end of the value"))
    }
}

/// Writes an answer: definite lengths, timestamps as tag 1 with a double, members that are null left out. A null
/// answer, of an operation without output, is an empty structure.
#[must_use]
pub fn encode(value: &Value) -> Vec<u8> {
    let mut encoder = Encoder::new(Vec::new());
    let nothing = Value::Object(Map::new());
    match write(&mut encoder, if value.is_null() { &nothing } else { value }) {
        Ok(()) => encoder.into_writer(),
        Err(_) => unreachable!("a vector takes any bytes"),
    }
}

fn malformed(reason: impl std::fmt::Display) -> AwsError {
    AwsError::new(
        "SerializationException",
        format!("the body is not CBOR: {reason}"),
    )
}

impl From<minicbor::decode::Error> for AwsError {
    fn from(error: minicbor::decode::Error) -> Self {
        malformed(error)
    }
}

fn read(decoder: &mut Decoder<'_>, depth: usize) -> Result<Value, AwsError> {
    if depth > DEEPEST {
        return Err(malformed("nested too deeply"));
    }
    Ok(match decoder.datatype()? {
        Type::Bool => decoder.bool()?.into(),
        Type::Null => {
            decoder.null()?;
            Value::Null
        }
        Type::Undefined => {
            decoder.undefined()?;
            Value::Null
        }
        Type::U8 | Type::U16 | Type::U32 | Type::U64 => decoder.u64()?.into(),
        Type::I8 | Type::I16 | Type::I32 | Type::I64 => decoder.i64()?.into(),
        Type::F16 => float(half(decoder)?),
        Type::F32 => float(f64::from(decoder.f32()?)),
        Type::F64 => float(decoder.f64()?),
        Type::String | Type::StringIndef => text(decoder)?.into(),
        Type::Bytes | Type::BytesIndef => {
            let mut bytes = Vec::new();
            for piece in decoder.bytes_iter()? {
                bytes.extend_from_slice(piece?);
            }
            STANDARD.encode(bytes).into()
        }
        Type::Array | Type::ArrayIndef => array(decoder, depth)?,
        Type::Map | Type::MapIndef => map(decoder, depth)?,
        Type::Tag => {
            // Tag 1 holds epoch seconds, which is how requests have times; no other tag occurs in AWS's models.
            decoder.tag()?;
            read(decoder, depth + 1)?
        }
        other => return Err(malformed(format!("unexpected {other}"))),
    })
}

fn array(decoder: &mut Decoder<'_>, depth: usize) -> Result<Value, AwsError> {
    let length = decoder.array()?;
    let mut items = Vec::new();
    while more(decoder, length, items.len())? {
        items.push(read(decoder, depth + 1)?);
    }
    Ok(Value::Array(items))
}

fn map(decoder: &mut Decoder<'_>, depth: usize) -> Result<Value, AwsError> {
    let length = decoder.map()?;
    let mut members = Map::new();
    let mut seen = 0;
    while more(decoder, length, seen)? {
        let name = text(decoder)?;
        members.insert(name, read(decoder, depth + 1)?);
        seen += 1;
    }
    Ok(Value::Object(members))
}

/// Whether another item follows; takes the break that ends an indefinite length.
fn more(decoder: &mut Decoder<'_>, length: Option<u64>, seen: usize) -> Result<bool, AwsError> {
    if let Some(length) = length {
        return Ok((seen as u64) < length);
    }
    if decoder.datatype()? == Type::Break {
        decoder.set_position(decoder.position() + 1);
        return Ok(false);
    }
    Ok(true)
}

fn text(decoder: &mut Decoder<'_>) -> Result<String, AwsError> {
    let mut text = String::new();
    for piece in decoder.str_iter()? {
        text.push_str(piece?);
    }
    Ok(text)
}

fn float(value: f64) -> Value {
    Number::from_f64(value).map_or_else(
        || {
            let name = if value.is_nan() {
                "NaN"
            } else if value > 0.0 {
                "Infinity"
            } else {
                "-Infinity"
            };
            name.into()
        },
        Value::Number,
    )
}

/// A float of 16 bits: sign, 5 bits of exponent, 10 of fraction.
fn half(decoder: &mut Decoder<'_>) -> Result<f64, AwsError> {
    let start = decoder.position();
    let Some(&[_, high, low]) = decoder.input().get(start..start + 3) else {
        return Err(malformed("ends within a number"));
    };
    decoder.set_position(start + 3);
    let bits = u16::from_be_bytes([high, low]);
    let fraction = f64::from(bits & 0x3ff);
    let magnitude = match (bits >> 10) & 0x1f {
        0 => fraction * 2f64.powi(-24),
        0x1f if fraction == 0.0 => f64::INFINITY,
        0x1f => f64::NAN,
        exponent => (1024.0 + fraction) * 2f64.powi(i32::from(exponent) - 25),
    };
    Ok(if bits & 0x8000 == 0 {
        magnitude
    } else {
        -magnitude
    })
}

fn write(
    encoder: &mut Encoder<Vec<u8>>,
    value: &Value,
) -> Result<(), minicbor::encode::Error<Infallible>> {
    if let Some(milliseconds) = as_timestamp(value) {
        #[expect(
            clippy::cast_precision_loss,
            reason = "milliseconds of this era fit 53 bits"
        )]
        let seconds = milliseconds as f64 / 1000.0;
        return encoder
            .tag(Tag::from(IanaTag::Timestamp))?
            .f64(seconds)?
            .ok();
    }
    match value {
        Value::Null => encoder.null()?.ok(),
        Value::Bool(flag) => encoder.bool(*flag)?.ok(),
        Value::Number(number) => number_into(encoder, number),
        Value::String(text) => encoder.str(text)?.ok(),
        Value::Array(items) => {
            encoder.array(items.len() as u64)?;
            items.iter().try_for_each(|item| write(encoder, item))
        }
        Value::Object(members) => {
            let members = as_map(value).unwrap_or(members);
            let present = members.iter().filter(|(_, member)| !member.is_null());
            encoder.map(present.clone().count() as u64)?;
            present
                .into_iter()
                .try_for_each(|(name, member)| write(encoder.str(name)?, member))
        }
    }
}

fn number_into(
    encoder: &mut Encoder<Vec<u8>>,
    number: &Number,
) -> Result<(), minicbor::encode::Error<Infallible>> {
    match (number.as_u64(), number.as_i64(), number.as_f64()) {
        (Some(whole), _, _) => encoder.u64(whole)?.ok(),
        (None, Some(whole), _) => encoder.i64(whole)?.ok(),
        (None, None, fractional) => encoder.f64(fractional.unwrap_or_default())?.ok(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::protocol::timestamp;

    fn bytes(digits: &str) -> Vec<u8> {
        hex::decode(digits.replace(' ', "")).unwrap()
    }

    #[test]
    fn reads_values_of_every_type() {
        let cases = [
            ("", json!({})),
            ("bf ff", json!({})),
            ("a0", json!({})),
            ("a1 61 61 01", json!({ "a": 1 })),
            ("bf 61 61 9f 01 20 ff ff", json!({ "a": [1, -1] })),
            ("7f 62 6162 61 63 ff", json!("abc")),
            ("1b 00000002540be400", json!(10_000_000_000_u64)),
            ("f9 3e00", json!(1.5)),
            ("f9 c400", json!(-4.0)),
            ("f9 0001", json!(5.960_464_477_539_063e-8)),
            ("f9 7e00", json!("NaN")),
            ("fa 3fc00000", json!(1.5)),
            ("fb 7ff0000000000000", json!("Infinity")),
            ("fb c004000000000000", json!(-2.5)),
            ("f4", json!(false)),
            ("f6", json!(null)),
            ("f7", json!(null)),
            ("43 010203", json!("AQID")),
            ("c1 1a 51 4b 67 b0", json!(1_363_896_240)),
            ("c1 fb 41d452d9ec200000", json!(1_363_896_240.5)),
        ];
        for (digits, expected) in cases {
            assert_eq!(decode(&bytes(digits)), Ok(expected), "{digits}");
        }
    }

    #[test]
    fn refuses_what_is_not_one_complete_value() {
        for digits in [
            "a1 61 61", "9f 01", "01 01", "a1 01 01", "ff", "62 61", "1c",
        ] {
            let error = decode(&bytes(digits)).expect_err(digits);
            assert_eq!(error.code, "SerializationException", "{digits}");
        }
        assert_eq!(
            decode(&vec![0x81; 10_000]).unwrap_err().message,
            "the body is not CBOR: nested too deeply"
        );
        // An announced length that the body does not have must not be trusted for memory.
        assert!(decode(&bytes("9b 7fffffffffffffff")).is_err());
    }

    #[test]
    fn writes_answers_with_timestamps_and_without_nulls() {
        let answer = json!({
            "When": timestamp(1_363_896_240_500),
            "List": [1, -1, 2.5, "x", true],
            "Gone": null,
        });
        assert_eq!(
            encode(&answer),
            bytes(
                "a2 64 5768656e c1 fb 41d452d9ec200000
                 64 4c697374 85 01 20 fb 4004000000000000 61 78 f5"
                    .split_whitespace()
                    .collect::<String>()
                    .as_str()
            )
        );
    }

    #[test]
    fn writes_maps_and_empty_answers_as_structures() {
        let entries = json!({ "k": 1 });
        let answer = json!({ "m": crate::protocol::map(entries.as_object().unwrap().clone()) });
        assert_eq!(encode(&answer), bytes("a1 61 6d a1 61 6b 01"));
        assert_eq!(encode(&Value::Null), bytes("a0"));
    }

    #[test]
    fn reads_what_it_writes() {
        let value = json!({ "a": { "b": [1, 2.5, "three", null, false] }, "c": "" });
        assert_eq!(decode(&encode(&value)), Ok(value));
    }
}
