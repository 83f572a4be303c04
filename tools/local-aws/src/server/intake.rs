//! Reading a request's body: whole, but never more than its limit.

use std::io::Read as _;

use bytes::Bytes;
use flate2::read::GzDecoder;
use http::HeaderMap;
use http::header::CONTENT_ENCODING;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

/// Why a body could not be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum IntakeError {
    /// It is longer than what the operation may need.
    #[error("the request's body is larger than {limit} bytes")]
    TooLarge {
        /// In bytes, after decompression.
        limit: usize,
    },
    /// The client stopped in the middle.
    #[error("the request's body ended early: {0}")]
    Broken(String),
    /// It is compressed in a way that is not gzip, or badly.
    #[error("the request's body cannot be decompressed: {0}")]
    Encoding(String),
}

/// The body's bytes, decompressed.
pub(crate) async fn whole<B>(
    headers: &HeaderMap,
    body: B,
    limit: usize,
) -> Result<Bytes, IntakeError>
where
    B: hyper::body::Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let raw = Limited::new(body, limit)
        .collect()
        .await
        .map_err(|error| {
            if error.is::<LengthLimitError>() {
                IntakeError::TooLarge { limit }
            } else {
                IntakeError::Broken(error.to_string())
            }
        })?
        .to_bytes();
    match headers
        .get(CONTENT_ENCODING)
        .map(http::HeaderValue::as_bytes)
    {
        None | Some(b"" | b"identity") => Ok(raw),
        Some(b"gzip") => gunzip(&raw, limit),
        Some(other) => Err(IntakeError::Encoding(format!(
            "the content encoding '{}' is not known",
            String::from_utf8_lossy(other)
        ))),
    }
}

fn gunzip(compressed: &[u8], limit: usize) -> Result<Bytes, IntakeError> {
    let mut plain = Vec::new();
    GzDecoder::new(compressed)
        .take(limit as u64 + 1)
        .read_to_end(&mut plain)
        .map_err(|error| IntakeError::Encoding(error.to_string()))?;
    if plain.len() > limit {
        return Err(IntakeError::TooLarge { limit });
    }
    Ok(plain.into())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::{Compression, write::GzEncoder};
    use http_body_util::Full;

    use super::*;

    fn encoded(encoding: &str) -> HeaderMap {
        HeaderMap::from_iter([(CONTENT_ENCODING, encoding.parse().unwrap())])
    }

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    #[tokio::test]
    async fn reads_plain_and_compressed_bodies() {
        let plain = whole(&HeaderMap::new(), Full::from("abc"), 3).await;
        assert_eq!(plain, Ok(Bytes::from("abc")));
        let packed = whole(&encoded("gzip"), Full::from(gzip(b"abc")), 100).await;
        assert_eq!(packed, Ok(Bytes::from("abc")));
    }

    #[tokio::test]
    async fn bounds_what_it_reads() {
        let long = whole(&HeaderMap::new(), Full::from("abcd"), 3).await;
        assert_eq!(long, Err(IntakeError::TooLarge { limit: 3 }));
        let bomb = gzip(&vec![0; 1 << 20]);
        let limit = bomb.len() + 1;
        let exploded = whole(&encoded("gzip"), Full::from(bomb), limit).await;
        assert_eq!(exploded, Err(IntakeError::TooLarge { limit }));
    }

    #[tokio::test]
    async fn refuses_an_unknown_encoding() {
        assert_eq!(
            whole(&encoded("br"), Full::from("abc"), 10).await,
            Err(IntakeError::Encoding(
                "the content encoding 'br' is not known".to_owned()
            ))
        );
    }
}
