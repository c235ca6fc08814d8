//! The operations on buckets.

use s3s::dto::{
    Bucket as ListedBucket, BucketLocationConstraint, BucketVersioningStatus, CreateBucketInput, CreateBucketOutput,
    DeleteBucketInput, DeleteBucketOutput, GetBucketLocationInput, GetBucketLocationOutput, GetBucketVersioningInput,
    GetBucketVersioningOutput, HeadBucketInput, HeadBucketOutput, ListBucketsInput, ListBucketsOutput, Owner,
    PutBucketVersioningInput, PutBucketVersioningOutput,
};
use s3s::{S3Result, s3_error};

use super::bucket::{Bucket, Versioning};
use super::store::Store;
use crate::account::{ACCOUNT, REGION};

pub(super) fn create(store: &Store, input: &CreateBucketInput) -> S3Result<CreateBucketOutput> {
    if input.object_lock_enabled_for_bucket == Some(true) {
        return Err(s3_error!(NotImplemented, "object lock is not modeled"));
    }
    let location = input.create_bucket_configuration.as_ref().and_then(|it| it.location_constraint.as_ref());
    let location = location.map_or("unspecified", BucketLocationConstraint::as_str);
    if location != REGION {
        return Err(s3_error!(
            IllegalLocationConstraintException,
            "The {location} location constraint is incompatible for the region specific endpoint this request was \
             sent to."
        ));
    }
    store.all(|buckets| {
        if buckets.contains_key(&input.bucket) {
            return Err(s3_error!(
                BucketAlreadyOwnedByYou,
                "Your previous request to create the named bucket succeeded and you already own it."
            ));
        }
        buckets.insert(input.bucket.clone(), Bucket::new(Versioning::Unversioned));
        Ok(CreateBucketOutput { location: Some(format!("/{}", input.bucket)) })
    })
}

pub(super) fn head(store: &Store, input: &HeadBucketInput) -> S3Result<HeadBucketOutput> {
    store.bucket(&input.bucket, input.expected_bucket_owner.as_deref(), |_| {
        Ok(HeadBucketOutput { bucket_region: Some(REGION.to_owned()), ..Default::default() })
    })
}

pub(super) fn location(store: &Store, input: &GetBucketLocationInput) -> S3Result<GetBucketLocationOutput> {
    store.bucket(&input.bucket, input.expected_bucket_owner.as_deref(), |_| {
        let location = BucketLocationConstraint::from(REGION.to_owned());
        Ok(GetBucketLocationOutput { location_constraint: Some(location) })
    })
}

/// Lists all buckets; paging is not modeled.
pub(super) fn list(store: &Store, input: &ListBucketsInput) -> S3Result<ListBucketsOutput> {
    if input.max_buckets.is_some() || input.continuation_token.is_some() {
        return Err(s3_error!(NotImplemented, "paging of ListBuckets is not modeled"));
    }
    let prefix = input.prefix.as_deref().unwrap_or_default();
    let buckets = store.all(|buckets| {
        let buckets = buckets.iter().filter(|(name, _)| name.starts_with(prefix));
        let entry = |(name, bucket): (&String, &Bucket)| ListedBucket {
            bucket_region: None,
            creation_date: Some(bucket.created.into()),
            name: Some(name.clone()),
        };
        buckets.map(entry).collect()
    });
    Ok(ListBucketsOutput {
        buckets: Some(buckets),
        owner: Some(owner()),
        prefix: input.prefix.clone(),
        ..Default::default()
    })
}

pub(super) fn delete(store: &Store, input: &DeleteBucketInput) -> S3Result<DeleteBucketOutput> {
    store.bucket(&input.bucket, input.expected_bucket_owner.as_deref(), |bucket| {
        if bucket.keys.is_empty() {
            return Ok(());
        }
        Err(s3_error!(
            BucketNotEmpty,
            "The bucket you tried to delete is not empty. You must delete all versions in the bucket."
        ))
    })?;
    store.all(|buckets| buckets.remove(&input.bucket));
    Ok(DeleteBucketOutput::default())
}

/// A bucket whose versioning was never enabled has no status.
pub(super) fn get_versioning(store: &Store, input: &GetBucketVersioningInput) -> S3Result<GetBucketVersioningOutput> {
    store.bucket(&input.bucket, input.expected_bucket_owner.as_deref(), |bucket| {
        let status = match bucket.versioning {
            Versioning::Unversioned => None,
            Versioning::Enabled => Some(BucketVersioningStatus::ENABLED),
            Versioning::Suspended => Some(BucketVersioningStatus::SUSPENDED),
        };
        let status = status.map(BucketVersioningStatus::from_static);
        Ok(GetBucketVersioningOutput { status, ..Default::default() })
    })
}

pub(super) fn put_versioning(store: &Store, input: &PutBucketVersioningInput) -> S3Result<PutBucketVersioningOutput> {
    if input.versioning_configuration.mfa_delete.is_some() {
        return Err(s3_error!(NotImplemented, "MFA delete is not modeled"));
    }
    let status = input.versioning_configuration.status.as_ref().map(BucketVersioningStatus::as_str);
    let versioning = match status {
        Some(BucketVersioningStatus::ENABLED) => Versioning::Enabled,
        Some(BucketVersioningStatus::SUSPENDED) => Versioning::Suspended,
        Some(_) => {
            return Err(s3_error!(MalformedXML, "The XML you provided was not well-formed"));
        }
        None => {
            return Err(s3_error!(IllegalVersioningConfigurationException, "The Versioning element must be specified"));
        }
    };
    store.bucket(&input.bucket, input.expected_bucket_owner.as_deref(), |bucket| {
        bucket.versioning = versioning;
        Ok(PutBucketVersioningOutput::default())
    })
}

/// Returns the one account in the form of listings.
pub(super) fn owner() -> Owner {
    Owner { display_name: None, id: Some(format!("{ACCOUNT:0>64}")) }
}
