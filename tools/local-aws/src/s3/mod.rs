//! S3, as far as a release needs it: buckets and small objects. There is no versioning, no multipart upload and
//! no policy.

mod model;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha2::{Digest as _, Sha256};

use crate::clock::Clock;
use crate::protocol::AwsError;
use crate::state::Store;
use model::{Bucket, Object};

/// The buckets and what is in them.
pub struct S3 {
    store: Arc<Store>,
    clock: Clock,
    /// Held while something is looked for and then written.
    writing: Mutex<()>,
}

/// An object as it is given out.
#[derive(Debug, PartialEq, Eq)]
pub struct Found {
    /// What is in it.
    pub bytes: Vec<u8>,
    /// Its media type.
    pub media_type: String,
    /// In quotes, as HTTP has it.
    pub etag: String,
    /// Milliseconds since 1970.
    pub modified_ms: i64,
}

/// One line of a listing.
#[derive(Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its key.
    pub key: String,
    /// In bytes.
    pub size: usize,
    /// In quotes.
    pub etag: String,
    /// Milliseconds since 1970.
    pub modified_ms: i64,
}

impl S3 {
    /// The service on the state that is there.
    pub fn open(store: Arc<Store>, clock: Clock) -> Arc<Self> {
        Arc::new(Self {
            store,
            clock,
            writing: Mutex::new(()),
        })
    }

    /// Makes a bucket; the same once more is no mistake, as all buckets here have one owner.
    pub fn create_bucket(&self, name: &str) -> Result<(), AwsError> {
        if !is_bucket_name(name) {
            return Err(AwsError::new(
                "InvalidBucketName",
                "The specified bucket is not valid.",
            ));
        }
        let _writing = self.writing();
        if self.bucket(name).is_err() {
            self.store.put(&Bucket {
                name: name.to_owned(),
                created_ms: self.clock.now_ms(),
            })?;
        }
        Ok(())
    }

    /// Whether there is a bucket, as an error if not.
    pub fn bucket(&self, name: &str) -> Result<(), AwsError> {
        match self.store.get::<Bucket>(name)? {
            Some(_) => Ok(()),
            None => Err(
                AwsError::new("NoSuchBucket", "The specified bucket does not exist")
                    .with_status(404),
            ),
        }
    }

    /// Removes an empty bucket.
    pub fn delete_bucket(&self, name: &str) -> Result<(), AwsError> {
        let _writing = self.writing();
        if !self.list(name, "")?.is_empty() {
            return Err(AwsError::new(
                "BucketNotEmpty",
                "The bucket you tried to delete is not empty",
            )
            .with_status(409));
        }
        Ok(self.store.delete::<Bucket>(name)?)
    }

    /// Writes an object, with `only_new` unless there is one; gives its tag.
    pub fn put(
        &self,
        bucket: &str,
        key: &str,
        bytes: &[u8],
        media_type: &str,
        only_new: bool,
    ) -> Result<String, AwsError> {
        let _writing = self.writing();
        self.bucket(bucket)?;
        let object = Object {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            base64: BASE64.encode(bytes),
            size: bytes.len(),
            media_type: media_type.to_owned(),
            etag: etag(bytes),
            modified_ms: self.clock.now_ms(),
        };
        if only_new && self.store.get::<Object>(&object.place())?.is_some() {
            return Err(AwsError::new(
                "PreconditionFailed",
                "At least one of the pre-conditions you specified did not hold",
            )
            .with_status(412));
        }
        self.store.put(&object)?;
        Ok(object.etag)
    }

    /// Reads an object.
    pub fn get(&self, bucket: &str, key: &str) -> Result<Found, AwsError> {
        self.bucket(bucket)?;
        let object = self
            .store
            .get::<Object>(&model::place(bucket, key))?
            .ok_or_else(|| {
                AwsError::new("NoSuchKey", "The specified key does not exist.").with_status(404)
            })?;
        Ok(Found {
            bytes: BASE64.decode(&object.base64).map_err(AwsError::internal)?,
            media_type: object.media_type,
            etag: object.etag,
            modified_ms: object.modified_ms,
        })
    }

    /// Removes an object; one that is not there is no mistake.
    pub fn delete(&self, bucket: &str, key: &str) -> Result<(), AwsError> {
        let _writing = self.writing();
        self.bucket(bucket)?;
        Ok(self.store.delete::<Object>(&model::place(bucket, key))?)
    }

    /// All objects of a bucket whose keys begin with `prefix`, by their keys.
    pub fn list(&self, bucket: &str, prefix: &str) -> Result<Vec<Listed>, AwsError> {
        self.bucket(bucket)?;
        let mut found: Vec<Listed> = self
            .store
            .all::<Object>()?
            .into_iter()
            .filter(|object| object.bucket == bucket && object.key.starts_with(prefix))
            .map(|object| Listed {
                key: object.key,
                size: object.size,
                etag: object.etag,
                modified_ms: object.modified_ms,
            })
            .collect();
        found.sort_by(|one, other| one.key.cmp(&other.key));
        Ok(found)
    }

    fn writing(&self) -> MutexGuard<'_, ()> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// AWS takes MD5, which nobody may rely on; any tag that follows from the content will do.
fn etag(bytes: &[u8]) -> String {
    let digest = hex::encode(Sha256::digest(bytes));
    format!("\"{}\"", &digest[..32])
}

/// Bucket naming rules of the S3 user guide, the common ones.
fn is_bucket_name(name: &str) -> bool {
    let is_inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    let is_end = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    (3..=63).contains(&name.len())
        && name.chars().all(is_inner)
        && is_end(name.chars().next())
        && is_end(name.chars().last())
        && !name.contains("..")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn s3() -> Arc<S3> {
        let s3 = S3::open(Arc::new(Store::in_memory().unwrap()), Clock::new(20.0));
        s3.create_bucket("settings").unwrap();
        s3
    }

    fn code<T>(result: Result<T, AwsError>) -> (String, u16) {
        let error = result.err().expect("a refusal");
        (error.code, error.status)
    }

    #[test]
    fn gives_back_what_was_written() {
        let s3 = s3();
        let tag = s3.put("settings", "a/b.env", b"A=\x00\xff", "text/plain", false);
        let found = s3.get("settings", "a/b.env").unwrap();
        assert_eq!(found.bytes, b"A=\x00\xff");
        assert_eq!(found.media_type, "text/plain");
        assert_eq!(Ok(found.etag), tag);
        let keys = |prefix| -> Vec<String> {
            let listed = s3.list("settings", prefix).unwrap();
            listed.into_iter().map(|listed| listed.key).collect()
        };
        assert_eq!(keys("a/"), ["a/b.env"]);
        assert_eq!(keys("b"), [""; 0]);
        s3.delete("settings", "a/b.env").unwrap();
        assert_eq!(
            code(s3.get("settings", "a/b.env")),
            ("NoSuchKey".to_owned(), 404)
        );
    }

    #[test]
    fn keeps_what_is_there_if_only_a_new_one_is_wanted() {
        let s3 = s3();
        s3.put("settings", "k", b"1", "text/plain", true).unwrap();
        assert_eq!(
            code(s3.put("settings", "k", b"2", "text/plain", true)),
            ("PreconditionFailed".to_owned(), 412)
        );
        assert_eq!(s3.get("settings", "k").unwrap().bytes, b"1");
    }

    #[test]
    fn refuses_what_is_no_bucket() {
        let s3 = s3();
        for name in ["ab", "Settings", "-settings", "set..tings", "a_b"] {
            assert_eq!(
                code(s3.create_bucket(name)),
                ("InvalidBucketName".to_owned(), 400),
                "{name}"
            );
        }
        assert_eq!(
            code(s3.put("other", "k", b"", "text/plain", false)),
            ("NoSuchBucket".to_owned(), 404)
        );
        s3.put("settings", "k", b"", "text/plain", false).unwrap();
        assert_eq!(
            code(s3.delete_bucket("settings")),
            ("BucketNotEmpty".to_owned(), 409)
        );
        s3.delete("settings", "k").unwrap();
        s3.delete_bucket("settings").unwrap();
        assert_eq!(
            code(s3.bucket("settings")),
            ("NoSuchBucket".to_owned(), 404)
        );
    }
}
