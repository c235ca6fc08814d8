//! The listings of a bucket: objects, versions, uploads.

mod objects;
mod uploads;
mod versions;

use s3s::dto::{ChecksumAlgorithm, StorageClass};

pub(super) use self::objects::objects;
pub(super) use self::uploads::uploads;
pub(super) use self::versions::versions;
use super::bucket::Object;

fn storage_class(object: &Object) -> String {
    let class = object.attributes.storage_class.as_ref();
    class.map_or(StorageClass::STANDARD, StorageClass::as_str).to_owned()
}

fn algorithms(object: &Object) -> Vec<ChecksumAlgorithm> {
    vec![ChecksumAlgorithm::from_static(object.checksum.algorithm.name())]
}

fn delimiter(delimiter: Option<&str>) -> Option<&str> {
    delimiter.filter(|delimiter| !delimiter.is_empty())
}
