//! From JSON's values to the catalogue's.

use headland_shared::value::{DEPTH_MAX, Number, VALUE_BYTES_MAX, Value};

/// Why a JSON value cannot be held.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// Its encoding is too long.
    #[error(
        "takes {bytes} bytes of the {VALUE_BYTES_MAX} that a value may have; shorten it, or write \
         where it can be found instead"
    )]
    TooLong {
        /// The length of its encoding.
        bytes: usize,
    },
    /// Lists and objects nest too deep.
    #[error("nests lists and objects more than {DEPTH_MAX} deep; flatten it")]
    TooDeep,
    /// A number is beyond what a double holds.
    #[error("holds the number {number}, which is too large; write it as text")]
    NumberTooLarge {
        /// The number.
        number: String,
    },
}

/// The catalogue's value of a JSON value. Whole numbers of up to 63 bits stay exact; all others
/// become doubles.
pub fn value_of(json: serde_json::Value) -> Result<Value, ValueError> {
    let value = convert(json, DEPTH_MAX)?;
    let mut encoded = Vec::new();
    value.encode(&mut encoded);
    if encoded.len() > VALUE_BYTES_MAX {
        return Err(ValueError::TooLong { bytes: encoded.len() });
    }
    Ok(value)
}

fn convert(json: serde_json::Value, depth: usize) -> Result<Value, ValueError> {
    Ok(match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(bool) => Value::Bool(bool),
        serde_json::Value::Number(number) => Value::Number(convert_number(&number)?),
        serde_json::Value::String(text) => Value::Text(text),
        serde_json::Value::Array(items) => {
            let inside = depth.checked_sub(1).ok_or(ValueError::TooDeep)?;
            let items = items.into_iter().map(|item| convert(item, inside));
            Value::List(items.collect::<Result<_, _>>()?)
        }
        serde_json::Value::Object(fields) => {
            let inside = depth.checked_sub(1).ok_or(ValueError::TooDeep)?;
            let fields = fields
                .into_iter()
                .map(|(name, field)| Ok((name, convert(field, inside)?)));
            Value::Map(fields.collect::<Result<_, ValueError>>()?)
        }
    })
}

fn convert_number(number: &serde_json::Number) -> Result<Number, ValueError> {
    if let Some(whole) = number.as_i64() {
        return Ok(Number::Whole(whole));
    }
    let real = number.as_f64().and_then(Number::from_f64);
    real.ok_or_else(|| ValueError::NumberTooLarge {
        number: number.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use headland_shared::bytes::Reader;
    use serde_json::json;

    fn nested(levels: usize) -> serde_json::Value {
        (0..levels).fold(json!(1), |inner, level| match level % 2 {
            0 => json!([inner]),
            _ => json!({ "inner": inner }),
        })
    }

    fn encoded(value: &Value) -> Vec<u8> {
        let mut bytes = Vec::new();
        value.encode(&mut bytes);
        bytes
    }

    #[test]
    fn whole_numbers_of_63_bits_stay_exact_and_larger_ones_become_doubles() {
        let number = |text: &str| value_of(serde_json::from_str(text).unwrap()).unwrap();
        assert_eq!(number("9007199254740993"), Value::whole(9_007_199_254_740_993));
        assert_eq!(number("-9223372036854775808"), Value::whole(i64::MIN));
        let beyond = Value::Number(Number::Real(18_446_744_073_709_551_615.0));
        assert_eq!(number("18446744073709551615"), beyond);
        assert_eq!(number("128000.0"), Value::whole(128_000));
        assert_eq!(number("-0"), Value::whole(0));
        assert_eq!(number("1.5e-07"), Value::Number(Number::Real(1.5e-7)));
    }

    #[test]
    fn a_value_of_every_kind_is_taken() {
        let value = value_of(json!({"a": [null, true, "x", 1], "b": {}})).unwrap();
        let Value::Map(fields) = value else {
            panic!("a map");
        };
        let list = vec![Value::Null, Value::Bool(true), Value::text("x"), Value::whole(1)];
        assert_eq!(fields["a"], Value::List(list));
        assert_eq!(fields["b"], Value::Map([].into()));
    }

    #[test]
    fn the_deepest_value_taken_can_be_read_back_and_a_deeper_one_is_refused() {
        let deepest = value_of(nested(DEPTH_MAX)).unwrap();
        let bytes = encoded(&deepest);
        assert_eq!(Value::decode(&mut Reader::new(&bytes)).unwrap(), deepest);
        assert_eq!(value_of(nested(DEPTH_MAX + 1)), Err(ValueError::TooDeep));
        assert!(ValueError::TooDeep.to_string().ends_with("flatten it"));
    }

    #[test]
    fn the_longest_value_taken_has_the_longest_encoding_allowed() {
        let header = 4;
        let longest = VALUE_BYTES_MAX - header;
        let value = value_of(json!("x".repeat(longest))).unwrap();
        assert_eq!(encoded(&value).len(), VALUE_BYTES_MAX);
        let error = value_of(json!("x".repeat(longest + 1))).unwrap_err();
        let bytes = VALUE_BYTES_MAX + 1;
        assert_eq!(error, ValueError::TooLong { bytes });
        assert!(error.to_string().contains("shorten it"));
    }
}
