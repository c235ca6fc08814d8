"""Every S3 operation that the emulator models, with boto3."""

import base64
import hashlib
import http.client
import io
import re
import urllib.parse
import uuid
import zlib
from datetime import datetime, timedelta, timezone

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

MIB = 1024 * 1024
PART = 5 * MIB
ALGORITHMS = ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"]


@pytest.fixture
def s3(client):
    return client("s3")


@pytest.fixture
def plain_bucket(s3):
    name = f"bucket-{uuid.uuid4()}"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    return name


@pytest.fixture
def bucket(s3, plain_bucket):
    set_versioning(s3, plain_bucket, "Enabled")
    return plain_bucket


def set_versioning(s3, bucket, status):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": status})


def refused(code, status, call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response
    assert (error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)
    return error


def md5(body):
    return hashlib.md5(body).hexdigest()


def crc32(body):
    return base64.b64encode(zlib.crc32(body).to_bytes(4)).decode()


class TestBuckets:
    def test_create_head_list_locate_delete(self, s3):
        name = f"made-{uuid.uuid4()}"
        answer = s3.create_bucket(
            Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
        )
        assert answer["Location"] == f"/{name}"
        assert s3.head_bucket(Bucket=name)["BucketRegion"] == "eu-central-1"
        assert s3.get_bucket_location(Bucket=name)["LocationConstraint"] == "eu-central-1"
        assert [it["Name"] for it in s3.list_buckets(Prefix=name)["Buckets"]] == [name]
        s3.delete_bucket(Bucket=name)
        refused("404", 404, s3.head_bucket, Bucket=name)

    def test_a_bucket_is_created_once(self, s3, plain_bucket):
        where = {"LocationConstraint": "eu-central-1"}
        refused(
            "BucketAlreadyOwnedByYou",
            409,
            s3.create_bucket,
            Bucket=plain_bucket,
            CreateBucketConfiguration=where,
        )

    def test_the_location_is_that_of_the_endpoint(self, s3):
        where = {"LocationConstraint": "eu-west-1"}
        code = "IllegalLocationConstraintException"
        refused(code, 400, s3.create_bucket, Bucket="elsewhere", CreateBucketConfiguration=where)
        refused(code, 400, s3.create_bucket, Bucket="nowhere")

    def test_a_full_bucket_stays(self, s3, bucket):
        s3.put_object(Bucket=bucket, Key="key", Body=b"")
        s3.delete_object(Bucket=bucket, Key="key")
        refused("BucketNotEmpty", 409, s3.delete_bucket, Bucket=bucket)

    def test_versioning(self, s3, plain_bucket):
        assert "Status" not in s3.get_bucket_versioning(Bucket=plain_bucket)
        for status in ["Enabled", "Suspended"]:
            set_versioning(s3, plain_bucket, status)
            assert s3.get_bucket_versioning(Bucket=plain_bucket)["Status"] == status
        code = "IllegalVersioningConfigurationException"
        refused(
            code, 400, s3.put_bucket_versioning, Bucket=plain_bucket, VersioningConfiguration={}
        )

    def test_no_such_bucket(self, s3):
        for call, arguments in [
            (s3.get_object, {"Key": "key"}),
            (s3.put_object, {"Key": "key", "Body": b"body"}),
            (s3.delete_object, {"Key": "key"}),
            (s3.list_objects_v2, {}),
            (s3.list_object_versions, {}),
            (s3.list_multipart_uploads, {}),
            (s3.create_multipart_upload, {"Key": "key"}),
            (s3.get_bucket_versioning, {}),
            (s3.get_bucket_location, {}),
            (s3.delete_bucket, {}),
        ]:
            refused("NoSuchBucket", 404, call, Bucket="not-there", **arguments)

    def test_another_owner_is_denied(self, s3, bucket):
        owner = {"ExpectedBucketOwner": "210987654321"}
        refused("AccessDenied", 403, s3.put_object, Bucket=bucket, Key="k", Body=b"", **owner)
        owner = {"ExpectedBucketOwner": "123456789012"}
        s3.put_object(Bucket=bucket, Key="k", Body=b"", **owner)


class TestSignatures:
    def test_wrong_keys_are_refused(self, client, bucket):
        stranger = client("s3", aws_access_key_id="AKIASTRANGER00000000")
        refused("InvalidAccessKeyId", 403, stranger.list_objects_v2, Bucket=bucket)
        forger = client("s3", aws_secret_access_key="guessed")
        refused("SignatureDoesNotMatch", 403, forger.list_objects_v2, Bucket=bucket)

    def test_an_unsigned_request_is_denied(self, endpoint, bucket):
        host = urllib.parse.urlsplit(endpoint).netloc
        connection = http.client.HTTPConnection(host, timeout=30)
        connection.request("GET", f"/{bucket}?list-type=2")
        assert connection.getresponse().status == 403

    def test_a_presigned_url_is_good(self, s3, endpoint, bucket):
        s3.put_object(Bucket=bucket, Key="key", Body=b"body")
        url = urllib.parse.urlsplit(
            s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "key"})
        )
        connection = http.client.HTTPConnection(url.netloc, timeout=30)
        connection.request("GET", f"{url.path}?{url.query}")
        assert connection.getresponse().read() == b"body"

    def test_a_body_that_was_not_signed_is_refused(self, s3, bucket):
        def swap(request, **_):
            request.body = b"other"

        s3.meta.events.register("before-send.s3.PutObject", swap)
        code = "XAmzContentSHA256Mismatch"
        options = {"ChecksumCRC32": crc32(b"other")}
        refused(code, 400, s3.put_object, Bucket=bucket, Key="key", Body=b"sound", **options)


class TestObjects:
    def test_put_get_head(self, s3, bucket):
        headers = {
            "CacheControl": "no-store",
            "ContentDisposition": "attachment",
            "ContentLanguage": "en",
            "ContentType": "application/zip",
        }
        metadata = {"branch": "feature/a", "codepipeline-artifact-revision-summary": "Fix it"}
        put = s3.put_object(Bucket=bucket, Key="a/b c+d.zip", Body=b"body", Metadata=metadata, **headers)
        assert put["ETag"] == f'"{md5(b"body")}"'
        assert re.fullmatch(r"[A-Za-z0-9._-]{32}", put["VersionId"])
        assert put["ServerSideEncryption"] == "AES256"

        got = s3.get_object(Bucket=bucket, Key="a/b c+d.zip")
        assert got["Body"].read() == b"body"
        head = s3.head_object(Bucket=bucket, Key="a/b c+d.zip", VersionId=put["VersionId"])
        for answer in (got, head):
            assert {name: answer[name] for name in headers} == headers
            assert answer["Metadata"] == metadata
            assert answer["ContentLength"] == 4
            assert answer["ETag"] == put["ETag"]
            assert answer["VersionId"] == put["VersionId"]
            assert answer["AcceptRanges"] == "bytes"
            assert abs(answer["LastModified"] - datetime.now(timezone.utc)) < timedelta(minutes=5)

    def test_an_empty_object(self, s3, bucket):
        s3.put_object(Bucket=bucket, Key="key", Body=b"")
        got = s3.get_object(Bucket=bucket, Key="key")
        assert (got["Body"].read(), got["ContentLength"]) == (b"", 0)
        assert got["ContentType"] == "binary/octet-stream"
        refused("InvalidRange", 416, s3.get_object, Bucket=bucket, Key="key", Range="bytes=-1")

    def test_encryption_is_echoed(self, s3, bucket):
        kms = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "alias/own", "BucketKeyEnabled": True}
        put = s3.put_object(Bucket=bucket, Key="key", Body=b"body", **kms)
        head = s3.head_object(Bucket=bucket, Key="key")
        upload = s3.create_multipart_upload(Bucket=bucket, Key="key", **kms)
        for answer in (put, head, upload):
            assert {name: answer[name] for name in kms} == kms

    def test_ranges(self, s3, bucket):
        body = bytes(range(256)) * 4096
        size = len(body)
        s3.put_object(Bucket=bucket, Key="key", Body=body)
        for asked, start, end in [
            ("bytes=0-0", 0, 1),
            ("bytes=3-300000", 3, 300_001),
            ("bytes=1000000-", 1_000_000, size),
            ("bytes=5-99999999", 5, size),
            ("bytes=-22", size - 22, size),
            ("bytes=-99999999", 0, size),
        ]:
            got = s3.get_object(Bucket=bucket, Key="key", Range=asked)
            assert got["ResponseMetadata"]["HTTPStatusCode"] == 206
            assert got["ContentRange"] == f"bytes {start}-{end - 1}/{size}"
            assert got["ContentLength"] == end - start
            assert got["Body"].read() == body[start:end]
            head = s3.head_object(Bucket=bucket, Key="key", Range=asked)
            assert (head["ContentLength"], head["ContentRange"]) == (end - start, got["ContentRange"])
        for asked in [f"bytes={size}-", "bytes=-0"]:
            refused("InvalidRange", 416, s3.get_object, Bucket=bucket, Key="key", Range=asked)

    def test_conditional_reads(self, s3, bucket):
        e_tag = s3.put_object(Bucket=bucket, Key="key", Body=b"body")["ETag"]
        past, future = (datetime.now(timezone.utc) + timedelta(hours=hours) for hours in (-1, 1))
        key = {"Bucket": bucket, "Key": "key"}
        for call in (s3.get_object, s3.head_object):
            precondition = "PreconditionFailed" if call == s3.get_object else "412"
            for good in [
                {"IfMatch": e_tag},
                {"IfMatch": "*"},
                {"IfNoneMatch": '"other"'},
                {"IfModifiedSince": past},
                {"IfUnmodifiedSince": future},
                {"IfMatch": e_tag, "IfUnmodifiedSince": past},
                {"IfNoneMatch": '"other"', "IfModifiedSince": datetime.now(timezone.utc)},
            ]:
                assert call(**key, **good)["ETag"] == e_tag
            refused(precondition, 412, call, **key, IfMatch='"other"')
            refused(precondition, 412, call, **key, IfUnmodifiedSince=past)
            for same in [{"IfNoneMatch": e_tag}, {"IfModifiedSince": datetime.now(timezone.utc)}]:
                error = refused("304", 304, call, **key, **same)
                assert error["ResponseMetadata"]["HTTPHeaders"]["etag"] == e_tag
            assert call(**key)["ETag"] == e_tag

    def test_conditional_writes(self, s3, bucket):
        key = {"Bucket": bucket, "Key": "key", "Body": b"body"}
        refused("NoSuchKey", 404, s3.put_object, **key, IfMatch='"other"')
        e_tag = s3.put_object(**key, IfNoneMatch="*")["ETag"]
        refused("PreconditionFailed", 412, s3.put_object, **key, IfNoneMatch="*")
        refused("PreconditionFailed", 412, s3.put_object, **key, IfMatch='"other"')
        refused("NotImplemented", 501, s3.put_object, **key, IfNoneMatch='"other"')
        s3.put_object(**key, IfMatch=e_tag)

    def test_metadata_of_2_kb(self, s3, bucket):
        key = {"Bucket": bucket, "Key": "key", "Body": b""}
        s3.put_object(**key, Metadata={"name": "x" * 2044})
        too_large = {"name": "x" * 2045}
        refused("MetadataTooLarge", 400, s3.put_object, **key, Metadata=too_large)
        del key["Body"]
        refused("MetadataTooLarge", 400, s3.create_multipart_upload, **key, Metadata=too_large)

    def test_what_is_not_modeled(self, s3, bucket):
        key = {"Bucket": bucket, "Key": "key"}
        s3.put_object(**key, Body=b"")
        for options in [{"ACL": "public-read"}, {"Tagging": "a=b"}, {"ObjectLockLegalHoldStatus": "ON"}]:
            refused("NotImplemented", 501, s3.put_object, **key, Body=b"", **options)
        refused("NotImplemented", 501, s3.get_object_tagging, **key)
        refused("NotImplemented", 501, s3.get_bucket_policy, Bucket=bucket)
        source = {"Bucket": bucket, "Key": "key"}
        copy = {"Bucket": bucket, "Key": "to", "CopySource": source}
        refused("NotImplemented", 501, s3.copy_object, **copy, Tagging="a=b", TaggingDirective="REPLACE")


class TestChecksums:
    @pytest.mark.parametrize("algorithm", ALGORITHMS)
    def test_a_checksum_is_checked_and_kept(self, s3, bucket, algorithm):
        field = f"Checksum{algorithm}"
        key = {"Bucket": bucket, "Key": "key"}
        try:
            put = s3.put_object(**key, Body=b"123456789", ChecksumAlgorithm=algorithm)
        except Exception as error:  # CRC32C and CRC64NVME need a package that boto3 does not bring
            if "CRT" not in str(error) and "crt" not in str(error):
                raise
            put = s3.put_object(**key, Body=b"123456789", **{field: KNOWN[algorithm]})
        assert put[field] == KNOWN[algorithm]
        assert put["ChecksumType"] == "FULL_OBJECT"
        head = s3.head_object(**key, ChecksumMode="ENABLED")
        assert head[field] == KNOWN[algorithm]
        assert field not in s3.head_object(**key)
        wrong = base64.b64encode(bytes(len(base64.b64decode(KNOWN[algorithm])))).decode()
        refused("BadDigest", 400, s3.put_object, **key, Body=b"123456789", **{field: wrong})
        refused("InvalidRequest", 400, s3.put_object, **key, Body=b"", **{field: "AAAA"})

    def test_none_given_means_crc64nvme(self, client, bucket):
        s3 = client("s3", config=Config(request_checksum_calculation="when_required"))
        put = s3.put_object(Bucket=bucket, Key="key", Body=b"123456789")
        assert put["ChecksumCRC64NVME"] == KNOWN["CRC64NVME"]

    def test_content_md5(self, s3, bucket):
        key = {"Bucket": bucket, "Key": "key", "Body": b"body"}
        digest = base64.b64encode(hashlib.md5(b"body").digest()).decode()
        s3.put_object(**key, ContentMD5=digest)
        other = base64.b64encode(hashlib.md5(b"other").digest()).decode()
        refused("BadDigest", 400, s3.put_object, **key, ContentMD5=other)
        refused("InvalidDigest", 400, s3.put_object, **key, ContentMD5="AAAA")

    def test_two_checksums_are_too_many(self, s3, bucket):
        both = {"ChecksumCRC32": KNOWN["CRC32"], "ChecksumSHA1": KNOWN["SHA1"]}
        key = {"Bucket": bucket, "Key": "key"}
        refused("InvalidRequest", 400, s3.put_object, **key, Body=b"123456789", **both)

    def test_a_trailing_checksum(self, s3, bucket):
        """boto3 sends trailers over TLS only, so this test builds the chunks."""
        chunked(s3, b"123456789", KNOWN["CRC32"])
        put = s3.put_object(Bucket=bucket, Key="key", Body=b"placeholder")
        assert put["ChecksumCRC32"] == KNOWN["CRC32"]
        got = s3.get_object(Bucket=bucket, Key="key")
        assert got["Body"].read() == b"123456789"
        assert "ContentEncoding" not in got

    def test_a_wrong_trailing_checksum(self, s3, bucket):
        chunked(s3, b"123456789", crc32(b"other"))
        refused("BadDigest", 400, s3.put_object, Bucket=bucket, Key="key", Body=b"placeholder")
        refused("404", 404, s3.head_object, Bucket=bucket, Key="key")

    def test_a_missing_trailer(self, s3, bucket):
        chunked(s3, b"123456789", None)
        code = "MalformedTrailerError"
        refused(code, 400, s3.put_object, Bucket=bucket, Key="key", Body=b"placeholder")


KNOWN = {  # of b"123456789": the check values of the CRC catalogue, and hashlib's
    "CRC32": base64.b64encode(0xCBF43926.to_bytes(4)).decode(),
    "CRC32C": base64.b64encode(0xE3069283.to_bytes(4)).decode(),
    "CRC64NVME": base64.b64encode(0xAE8B14860A799888.to_bytes(8)).decode(),
    "SHA1": base64.b64encode(hashlib.sha1(b"123456789").digest()).decode(),
    "SHA256": base64.b64encode(hashlib.sha256(b"123456789").digest()).decode(),
}


def chunked(s3, body, checksum):
    """Changes the client's next PutObject to aws-chunked with an unsigned payload and a trailer."""
    pieces = [b"%x\r\n%s\r\n" % (len(piece), piece) for piece in (body[:4], body[4:])]
    trailer = b"" if checksum is None else f"x-amz-checksum-crc32:{checksum}\r\n".encode()
    payload = b"".join(pieces) + b"0\r\n" + trailer + b"\r\n"

    def before_sign(request, **_):
        for name in list(request.headers):
            if name.lower().startswith(("x-amz-checksum", "x-amz-sdk-checksum", "content-")):
                del request.headers[name]
        request.headers["Content-Encoding"] = "aws-chunked"
        request.headers["X-Amz-Decoded-Content-Length"] = str(len(body))
        request.headers["X-Amz-Trailer"] = "x-amz-checksum-crc32"
        request.context["checksum"] = {"request_algorithm": {"in": "trailer"}}  # the signer looks at it
        request.headers["Content-Length"] = str(len(payload))
        request.data = payload

    s3.meta.events.register("before-sign.s3.PutObject", before_sign)


class TestVersions:
    def test_versions_of_a_key(self, s3, bucket):
        key = {"Bucket": bucket, "Key": "key"}
        first = s3.put_object(**key, Body=b"first", Metadata={"n": "1"})["VersionId"]
        second = s3.put_object(**key, Body=b"second", Metadata={"n": "2"})["VersionId"]
        assert s3.get_object(**key)["VersionId"] == second
        old = s3.get_object(**key, VersionId=first)
        assert (old["Body"].read(), old["Metadata"]) == (b"first", {"n": "1"})
        unknown = "A" * 32
        refused("NoSuchVersion", 404, s3.get_object, **key, VersionId=unknown)
        refused("404", 404, s3.head_object, **key, VersionId=unknown)
        refused("InvalidArgument", 400, s3.get_object, **key, VersionId="short")
        refused("NoSuchKey", 404, s3.get_object, Bucket=bucket, Key="other")

    def test_delete_markers(self, s3, bucket):
        key = {"Bucket": bucket, "Key": "key"}
        version = s3.put_object(**key, Body=b"body")["VersionId"]
        deleted = s3.delete_object(**key)
        assert deleted["DeleteMarker"] is True
        error = refused("NoSuchKey", 404, s3.get_object, **key)
        headers = error["ResponseMetadata"]["HTTPHeaders"]
        assert headers["x-amz-delete-marker"] == "true"
        assert headers["x-amz-version-id"] == deleted["VersionId"]
        marker = {"VersionId": deleted["VersionId"]}
        refused("MethodNotAllowed", 405, s3.get_object, **key, **marker)
        assert s3.get_object(**key, VersionId=version)["Body"].read() == b"body"
        assert "Contents" not in s3.list_objects_v2(Bucket=bucket)

        gone = s3.delete_object(**key, **marker)
        assert (gone["DeleteMarker"], gone["VersionId"]) == (True, deleted["VersionId"])
        assert s3.get_object(**key)["VersionId"] == version
        gone = s3.delete_object(**key, VersionId=version)
        assert (gone.get("DeleteMarker"), gone["VersionId"]) == (None, version)
        s3.delete_object(**key, VersionId=version)
        s3.delete_bucket(Bucket=bucket)

    def test_an_unversioned_bucket(self, s3, plain_bucket):
        key = {"Bucket": plain_bucket, "Key": "key"}
        assert "VersionId" not in s3.put_object(**key, Body=b"first")
        s3.put_object(**key, Body=b"second")
        assert "VersionId" not in s3.get_object(**key)
        versions = s3.list_object_versions(Bucket=plain_bucket)["Versions"]
        assert [(it["VersionId"], it["IsLatest"]) for it in versions] == [("null", True)]
        assert "DeleteMarker" not in s3.delete_object(**key)
        s3.delete_bucket(Bucket=plain_bucket)

    def test_a_suspended_bucket(self, s3, bucket):
        key = {"Bucket": bucket, "Key": "key"}
        version = s3.put_object(**key, Body=b"kept")["VersionId"]
        set_versioning(s3, bucket, "Suspended")
        assert "VersionId" not in s3.put_object(**key, Body=b"null")
        s3.put_object(**key, Body=b"replaced")
        assert s3.get_object(**key)["VersionId"] == "null"
        versions = s3.list_object_versions(Bucket=bucket)["Versions"]
        assert [it["VersionId"] for it in versions] == ["null", version]
        deleted = s3.delete_object(**key)
        assert (deleted["DeleteMarker"], deleted["VersionId"]) == (True, "null")
        listed = s3.list_object_versions(Bucket=bucket)
        assert [it["VersionId"] for it in listed["Versions"]] == [version]
        assert [it["VersionId"] for it in listed["DeleteMarkers"]] == ["null"]

    def test_delete_objects(self, s3, bucket):
        version = s3.put_object(Bucket=bucket, Key="a", Body=b"")["VersionId"]
        s3.put_object(Bucket=bucket, Key="b", Body=b"")
        objects = [{"Key": "a", "VersionId": version}, {"Key": "b"}, {"Key": "c", "VersionId": "?"}]
        answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": objects})
        deleted = {it["Key"]: it for it in answer["Deleted"]}
        assert deleted["a"]["VersionId"] == version
        assert deleted["b"]["DeleteMarker"] is True
        assert [(it["Key"], it["Code"]) for it in answer["Errors"]] == [("c", "InvalidArgument")]
        quiet = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "b"}], "Quiet": True})
        assert "Deleted" not in quiet


class TestListings:
    def test_versions_are_paged_the_newest_first(self, s3, bucket):
        written = []
        for key in ["a", "b/1", "b/2", "ü +%&"]:
            ids = [s3.put_object(Bucket=bucket, Key=key, Body=b"")["VersionId"] for _ in range(3)]
            ids.append(s3.delete_object(Bucket=bucket, Key=key)["VersionId"])
            written += [(key, version, version == ids[-1]) for version in reversed(ids)]
        order = {version: place for place, (_, version, _) in enumerate(written)}
        for size in (1, 2, 3, 5, 1000):
            listed = []
            pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket, PaginationConfig={"PageSize": size})
            for page in pages:
                entries = page.get("Versions", []) + page.get("DeleteMarkers", [])
                assert len(entries) <= size
                entries = [(it["Key"], it["VersionId"], it["IsLatest"]) for it in entries]
                listed += sorted(entries, key=lambda entry: order[entry[1]])
            assert listed == written

    def test_versions_under_a_prefix(self, s3, bucket):
        for key in ["app/one.zip", "app/two.zip", "apple", "b"]:
            s3.put_object(Bucket=bucket, Key=key, Body=b"12345")
        listed = s3.list_object_versions(Bucket=bucket, Prefix="app/one.zip")["Versions"]
        assert [(it["Key"], it["Size"], it["StorageClass"]) for it in listed] == [("app/one.zip", 5, "STANDARD")]
        rolled = s3.list_object_versions(Bucket=bucket, Delimiter="/")
        assert [it["Prefix"] for it in rolled["CommonPrefixes"]] == ["app/"]
        assert [it["Key"] for it in rolled["Versions"]] == ["apple", "b"]
        later = s3.list_object_versions(Bucket=bucket, KeyMarker="app/two.zip")
        assert [it["Key"] for it in later["Versions"]] == ["apple", "b"]

    def test_version_markers_need_a_key(self, s3, bucket):
        refused("InvalidArgument", 400, s3.list_object_versions, Bucket=bucket, VersionIdMarker="A" * 32)
        refused("InvalidArgument", 400, s3.list_object_versions, Bucket=bucket, MaxKeys=-1)
        empty = s3.list_object_versions(Bucket=bucket, MaxKeys=0)
        assert empty["IsTruncated"] is False

    def test_objects_are_paged(self, s3, bucket):
        keys = ["a", "b", "dir/1", "dir/2", "dir/sub/3", "e f", "é"]
        for key in keys:
            s3.put_object(Bucket=bucket, Key=key, Body=b"body")
        for size in (1, 2, 7):
            pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, PaginationConfig={"PageSize": size})
            pages = list(pages)
            assert all(page["KeyCount"] == size for page in pages[:-1])
            listed = [it["Key"] for page in pages for it in page["Contents"]]
            assert listed == sorted(keys, key=str.encode)
            rolled = s3.get_paginator("list_objects_v2").paginate(
                Bucket=bucket, Delimiter="/", PaginationConfig={"PageSize": size}
            )
            rolled = list(rolled)
            listed = [it["Key"] for page in rolled for it in page.get("Contents", [])]
            assert listed == ["a", "b", "e f", "é"]
            prefixes = [it["Prefix"] for page in rolled for it in page.get("CommonPrefixes", [])]
            assert prefixes == ["dir/"]
        within = s3.list_objects_v2(Bucket=bucket, Prefix="dir/", Delimiter="/")
        assert [it["Key"] for it in within["Contents"]] == ["dir/1", "dir/2"]
        assert [it["Prefix"] for it in within["CommonPrefixes"]] == ["dir/sub/"]
        after = s3.list_objects_v2(Bucket=bucket, StartAfter="dir/2")
        assert [it["Key"] for it in after["Contents"]] == ["dir/sub/3", "e f", "é"]
        refused("InvalidArgument", 400, s3.list_objects_v2, Bucket=bucket, ContinuationToken="?")

    def test_uploads_are_paged(self, s3, bucket):
        started = []
        for key in ["a", "a", "b/c", "d"]:
            upload = s3.create_multipart_upload(Bucket=bucket, Key=key)
            started.append((key, upload["UploadId"]))
        for size in (1, 3, 10):
            pages = s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, PaginationConfig={"PageSize": size})
            assert [(it["Key"], it["UploadId"]) for it in pages.search("Uploads[]")] == started
        rolled = s3.list_multipart_uploads(Bucket=bucket, Delimiter="/")
        assert [it["Prefix"] for it in rolled["CommonPrefixes"]] == ["b/"]
        assert [it["Key"] for it in s3.list_multipart_uploads(Bucket=bucket, Prefix="b")["Uploads"]] == ["b/c"]


class TestMultipart:
    def upload(self, s3, bucket, parts, *, given=None, part_field=None, **options):
        """Sends the parts and returns the key, the upload and the arguments that complete it."""
        key = {"Bucket": bucket, "Key": "key"}
        upload = {**key, "UploadId": s3.create_multipart_upload(**key, **options)["UploadId"]}
        sent = []
        for number, body in enumerate(parts, 1):
            checksum = {given: PART_CHECKSUMS[given](body)} if given else {}
            part = s3.upload_part(**upload, PartNumber=number, Body=body, **checksum)
            assert part["ETag"] == f'"{md5(body)}"'
            entry = {"PartNumber": number, "ETag": part["ETag"]}
            if part_field:
                entry[part_field] = part[part_field]
            sent.append(entry)
        return key, upload, {"Parts": sent}

    def test_parts_become_an_object(self, s3, bucket):
        parts = [b"a" * PART, b"b" * (PART + 1), b"end"]
        key, upload, sent = self.upload(s3, bucket, parts, Metadata={"branch": "b"}, ContentType="application/zip")
        done = s3.complete_multipart_upload(**upload, MultipartUpload=sent)
        digests = b"".join(hashlib.md5(part).digest() for part in parts)
        assert done["ETag"] == f'"{md5(digests)}-3"'
        got = s3.get_object(**key)
        assert got["Body"].read() == b"".join(parts)
        assert got["VersionId"] == done["VersionId"]
        assert (got["Metadata"], got["ContentType"]) == ({"branch": "b"}, "application/zip")
        across = s3.get_object(**key, Range=f"bytes={PART - 2}-{PART + 1}")
        assert across["Body"].read() == b"aabb"
        second = s3.head_object(**key, PartNumber=2)
        assert (second["ContentLength"], second["PartsCount"]) == (PART + 1, 3)
        refused("416", 416, s3.head_object, **key, PartNumber=4)
        again = s3.complete_multipart_upload(**upload, MultipartUpload=sent)
        assert again["VersionId"] == done["VersionId"]

    def test_full_object_crc32(self, s3, bucket):
        parts = [b"a" * PART, b"b" * PART, b"end"]
        options = {"ChecksumAlgorithm": "CRC32", "ChecksumType": "FULL_OBJECT"}
        key, upload, sent = self.upload(s3, bucket, parts, **options)
        whole = crc32(b"".join(parts))
        wrong = {"ChecksumCRC32": crc32(b"other")}
        refused("BadDigest", 400, s3.complete_multipart_upload, **upload, MultipartUpload=sent, **wrong)
        size = {"MpuObjectSize": 1}
        refused("InvalidRequest", 400, s3.complete_multipart_upload, **upload, MultipartUpload=sent, **size)
        size = {"MpuObjectSize": 2 * PART + 3, "ChecksumType": "FULL_OBJECT"}
        done = s3.complete_multipart_upload(**upload, MultipartUpload=sent, ChecksumCRC32=whole, **size)
        assert (done["ChecksumCRC32"], done["ChecksumType"]) == (whole, "FULL_OBJECT")
        head = s3.head_object(**key, ChecksumMode="ENABLED")
        assert (head["ChecksumCRC32"], head["ChecksumType"]) == (whole, "FULL_OBJECT")

    @pytest.mark.parametrize("algorithm", ["CRC32", "SHA1", "SHA256"])
    def test_composite(self, s3, bucket, algorithm):
        parts = [b"a" * PART, b"end"]
        field = f"Checksum{algorithm}"
        options = {"ChecksumAlgorithm": algorithm}
        key, upload, sent = self.upload(s3, bucket, parts, given=field, part_field=field, **options)
        bare = {"Parts": [{name: it[name] for name in ("PartNumber", "ETag")} for it in sent["Parts"]]}
        refused("InvalidRequest", 400, s3.complete_multipart_upload, **upload, MultipartUpload=bare)
        wrong = {"Parts": [{**sent["Parts"][0], field: sent["Parts"][1][field]}, sent["Parts"][1]]}
        refused("InvalidPart", 400, s3.complete_multipart_upload, **upload, MultipartUpload=wrong)
        done = s3.complete_multipart_upload(**upload, MultipartUpload=sent)
        digests = b"".join(base64.b64decode(PART_CHECKSUMS[field](part)) for part in parts)
        assert done[field] == f"{PART_CHECKSUMS[field](digests)}-2"
        assert done["ChecksumType"] == "COMPOSITE"

    def test_parts_without_an_asked_checksum(self, client, bucket):
        s3 = client("s3", config=Config(request_checksum_calculation="when_required"))
        halves = [b"1" * PART, b"23456789"]
        key, upload, sent = self.upload(s3, bucket, halves)
        done = s3.complete_multipart_upload(**upload, MultipartUpload=sent)
        s3.put_object(Bucket=bucket, Key="whole", Body=b"".join(halves))
        whole = s3.head_object(Bucket=bucket, Key="whole", ChecksumMode="ENABLED")
        assert done["ChecksumCRC64NVME"] == whole["ChecksumCRC64NVME"]

    def test_checksums_that_do_not_go_together(self, s3, bucket):
        key = {"Bucket": bucket, "Key": "key"}
        for algorithm, kind in [("SHA256", "FULL_OBJECT"), ("CRC64NVME", "COMPOSITE")]:
            options = {"ChecksumAlgorithm": algorithm, "ChecksumType": kind}
            refused("InvalidRequest", 400, s3.create_multipart_upload, **key, **options)
        upload = s3.create_multipart_upload(**key, ChecksumAlgorithm="SHA256")["UploadId"]
        part = {**key, "UploadId": upload, "PartNumber": 1, "Body": b"body"}
        refused("InvalidRequest", 400, s3.upload_part, **part, ChecksumCRC32=crc32(b"body"))

    def test_a_damaged_part_is_refused(self, s3, bucket):
        key = {"Bucket": bucket, "Key": "key"}
        upload = {**key, "UploadId": s3.create_multipart_upload(**key)["UploadId"]}
        part = {**upload, "PartNumber": 1, "Body": b"body"}
        refused("BadDigest", 400, s3.upload_part, **part, ChecksumCRC32=crc32(b"other"))
        assert "Parts" not in s3.list_parts(**upload)
        for number in (0, 10_001):
            refused("InvalidArgument", 400, s3.upload_part, **{**part, "PartNumber": number})

    def test_what_complete_refuses(self, s3, bucket):
        _, upload, sent = self.upload(s3, bucket, [b"a" * PART, b"small", b"end"])
        one, two, three = sent["Parts"]
        complete = s3.complete_multipart_upload
        for code, parts in [
            ("EntityTooSmall", [one, two, three]),
            ("InvalidPartOrder", [two, one]),
            ("InvalidPartOrder", [one, one]),
            ("InvalidPart", [one, {"PartNumber": 2, "ETag": one["ETag"]}]),
            ("InvalidPart", [one, {"PartNumber": 9, "ETag": one["ETag"]}]),
            ("MalformedXML", []),
        ]:
            refused(code, 400, complete, **upload, MultipartUpload={"Parts": parts})
        complete(**upload, MultipartUpload={"Parts": [one, three]})
        got = s3.head_object(Bucket=bucket, Key="key")
        assert got["ContentLength"] == PART + 3

    def test_a_part_may_be_sent_again(self, s3, bucket):
        key, upload, _ = self.upload(s3, bucket, [b"first"])
        again = s3.upload_part(**upload, PartNumber=1, Body=b"second")["ETag"]
        parts = {"Parts": [{"PartNumber": 1, "ETag": again}]}
        s3.complete_multipart_upload(**upload, MultipartUpload=parts, IfNoneMatch="*")
        assert s3.get_object(**key)["Body"].read() == b"second"

    def test_conditions_of_complete(self, s3, bucket):
        key, upload, sent = self.upload(s3, bucket, [b"body"])
        s3.put_object(**key, Body=b"there")
        options = {"MultipartUpload": sent, "IfNoneMatch": "*"}
        refused("PreconditionFailed", 412, s3.complete_multipart_upload, **upload, **options)

    def test_list_parts(self, s3, bucket):
        _, upload, sent = self.upload(s3, bucket, [b"a", b"bb", b"ccc"])
        for size in (1, 2, 1000):
            pages = s3.get_paginator("list_parts").paginate(**upload, PaginationConfig={"PageSize": size})
            listed = [(it["PartNumber"], it["ETag"], it["Size"]) for it in pages.search("Parts[]")]
            assert listed == [(it["PartNumber"], it["ETag"], it["PartNumber"]) for it in sent["Parts"]]

    def test_abort(self, s3, bucket):
        _, upload, sent = self.upload(s3, bucket, [b"body"])
        s3.abort_multipart_upload(**upload)
        assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)
        refused("NoSuchUpload", 404, s3.abort_multipart_upload, **upload)
        refused("NoSuchUpload", 404, s3.list_parts, **upload)
        refused("NoSuchUpload", 404, s3.upload_part, **upload, PartNumber=1, Body=b"body")
        refused("NoSuchUpload", 404, s3.complete_multipart_upload, **upload, MultipartUpload=sent)

    def test_the_transfer_of_a_file(self, s3, bucket):
        body = bytes(range(256)) * (80 * MIB // 256)
        s3.upload_fileobj(io.BytesIO(body), bucket, "large")
        back = io.BytesIO()
        s3.download_fileobj(bucket, "large", back)
        assert back.getvalue() == body


PART_CHECKSUMS = {
    "ChecksumCRC32": crc32,
    "ChecksumSHA1": lambda body: base64.b64encode(hashlib.sha1(body).digest()).decode(),
    "ChecksumSHA256": lambda body: base64.b64encode(hashlib.sha256(body).digest()).decode(),
}


def test_a_refusal_reaches_a_client_that_is_still_sending(s3, client, bucket):
    large = b"x" * (8 * MIB)
    forger = client("s3", aws_secret_access_key="guessed")
    for _ in range(5):
        refused("NoSuchBucket", 404, s3.put_object, Bucket="not-there", Key="key", Body=large)
        refused("SignatureDoesNotMatch", 403, forger.put_object, Bucket=bucket, Key="key", Body=large)


class TestDetails:
    """Request IDs, error details, and requests that S3 refuses or reads in its own way."""

    def raw(self, endpoint, method, path, headers=None, body=None):
        host = endpoint.removeprefix("http://")
        connection = http.client.HTTPConnection(host, timeout=30)
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer, answer.read().decode()

    def test_every_response_has_request_ids(self, s3, bucket):
        s3.put_object(Bucket=bucket, Key="key", Body=b"body")
        for answer in (s3.get_object(Bucket=bucket, Key="key"), s3.list_buckets()):
            metadata = answer["ResponseMetadata"]
            assert re.fullmatch("[0-9A-F]{16}", metadata["RequestId"]) and metadata["HostId"]

    def test_errors_have_details(self, s3, bucket):
        with pytest.raises(ClientError) as caught:
            s3.get_object(Bucket=bucket, Key="no such key")
        error = caught.value.response
        assert error["Error"]["Key"] == "no%20such%20key" or error["Error"]["Key"] == "no such key"
        assert error["Error"]["Resource"].startswith(f"/{bucket}/")
        assert error["ResponseMetadata"]["RequestId"] and error["ResponseMetadata"]["HostId"]
        with pytest.raises(ClientError) as caught:
            s3.list_objects_v2(Bucket="no-such-bucket")
        assert caught.value.response["Error"]["BucketName"] == "no-such-bucket"

    def test_every_error_has_a_message(self, s3, bucket, endpoint):
        for method, path in [("GET", "/"), ("GET", f"/{bucket}?acl"), ("PUT", f"/{bucket}/key?tagging")]:
            answer, body = self.raw(endpoint, method, path)
            assert answer.status >= 400 and re.search("<Message>.+</Message>", body), (path, body)
        for call in (s3.get_bucket_acl, s3.get_bucket_policy, s3.get_bucket_cors):
            with pytest.raises(ClientError) as caught:
                call(Bucket=bucket)
            error = caught.value.response
            assert error["ResponseMetadata"]["HTTPStatusCode"] == 501
            assert error["Error"]["Code"] == "NotImplemented" and error["Error"]["Message"] != "Unknown"

    @pytest.mark.parametrize("range", ["bytes=2-1", "bytes=0-1,3-4", "bytes=a-b", "chars=0-1", "bytes=-"])
    def test_a_range_that_s3_ignores_gets_the_whole_object(self, client, s3, bucket, range):
        wrong_secret = client("s3", aws_secret_access_key="wrong")
        s3.put_object(Bucket=bucket, Key="key", Body=b"0123456789")
        answer = s3.get_object(Bucket=bucket, Key="key", Range=range)
        assert answer["Body"].read() == b"0123456789"
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
        assert s3.head_object(Bucket=bucket, Key="key", Range=range)["ContentLength"] == 10
        refused("SignatureDoesNotMatch", 403, wrong_secret.get_object, Bucket=bucket, Key="key", Range=range)

    def test_an_unknown_storage_class_is_refused(self, s3, bucket):
        with pytest.raises(ClientError) as caught:
            s3.put_object(Bucket=bucket, Key="key", StorageClass="COLD")
        assert caught.value.response["Error"]["Code"] == "InvalidStorageClass"

    def test_a_presigned_put_takes_no_unsigned_headers(self, s3, bucket, endpoint):
        url = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "key"})
        path = url.removeprefix(endpoint)
        answer, body = self.raw(endpoint, "PUT", path, {"x-amz-meta-added": "1"}, b"body")
        assert answer.status == 403 and "<HeadersNotSigned>x-amz-meta-added<" in body
        answer, body = self.raw(endpoint, "PUT", path, {}, b"body")
        assert answer.status == 200, body

    @pytest.mark.parametrize("key", ["\x01", "a\x1fb", "tab\tkey", "line\nkey", "\x7f", "&<>\"'", "ü 日"])
    def test_keys_of_any_characters(self, s3, bucket, key):
        version = s3.put_object(Bucket=bucket, Key=key, Body=b"body")["VersionId"]
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == b"body"
        assert [it["Key"] for it in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [key]
        assert [it["Key"] for it in s3.list_object_versions(Bucket=bucket)["Versions"]] == [key]
        with pytest.raises(ClientError) as caught:
            s3.get_object(Bucket=bucket, Key=key + "-")
        assert caught.value.response["Error"]["Code"] == "NoSuchKey"
        s3.delete_object(Bucket=bucket, Key=key, VersionId=version)


class TestRetries:
    """What a client repeats, or continues after somebody else changed the bucket."""

    def test_a_listing_continues_after_a_version_that_was_deleted(self, s3, bucket):
        versions = [s3.put_object(Bucket=bucket, Key="key")["VersionId"] for _ in range(5)][::-1]
        first = s3.list_object_versions(Bucket=bucket, MaxKeys=2)
        assert [it["VersionId"] for it in first["Versions"]] == versions[:2]
        for version in versions[:2]:
            s3.delete_object(Bucket=bucket, Key="key", VersionId=version)
        markers = {"KeyMarker": first["NextKeyMarker"], "VersionIdMarker": first["NextVersionIdMarker"]}
        rest = s3.list_object_versions(Bucket=bucket, **markers)
        assert [it["VersionId"] for it in rest["Versions"]] == versions[2:]
        with pytest.raises(ClientError):
            s3.list_object_versions(Bucket=bucket, KeyMarker="key", VersionIdMarker="A" * 32)

    def test_conditions_of_deletes_count(self, s3, bucket):
        tag = s3.put_object(Bucket=bucket, Key="key", Body=b"body")["ETag"]
        objects = [{"Key": "key", "ETag": '"' + "0" * 32 + '"'}]
        answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": objects})
        assert [it["Code"] for it in answer["Errors"]] == ["PreconditionFailed"] and "Deleted" not in answer
        with pytest.raises(ClientError) as caught:
            s3.delete_object(Bucket=bucket, Key="key", IfMatch='"' + "0" * 32 + '"')
        assert caught.value.response["Error"]["Code"] == "PreconditionFailed"
        s3.head_object(Bucket=bucket, Key="key")
        answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "key", "ETag": tag}]})
        assert [it["Key"] for it in answer["Deleted"]] == ["key"]

    def test_a_repeated_completion_gets_the_same_answer(self, s3, bucket):
        upload = s3.create_multipart_upload(Bucket=bucket, Key="key")["UploadId"]
        arguments = {"Bucket": bucket, "Key": "key", "UploadId": upload}
        part = s3.upload_part(**arguments, PartNumber=1, Body=b"body")
        parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
        first, again = (s3.complete_multipart_upload(**arguments, MultipartUpload=parts) for _ in range(2))
        for answer in (first, again):
            answer.pop("ResponseMetadata")
        assert first == again
        assert len(s3.list_object_versions(Bucket=bucket)["Versions"]) == 1
        with pytest.raises(ClientError) as caught:
            s3.list_parts(**arguments)
        assert caught.value.response["Error"]["Code"] == "NoSuchUpload"


class TestCopies:
    """CopyObject, UploadPartCopy, and the first version of ListObjects."""

    def test_a_copy_takes_bytes_and_metadata(self, s3, bucket):
        put = s3.put_object(Bucket=bucket, Key="a b/ü", Body=b"body", Metadata={"a": "1"}, ContentType="text/x")
        s3.put_object(Bucket=bucket, Key="a b/ü", Body=b"newer")
        source = {"Bucket": bucket, "Key": "a b/ü", "VersionId": put["VersionId"]}
        copied = s3.copy_object(Bucket=bucket, Key="copy", CopySource=source)
        assert copied["CopySourceVersionId"] == put["VersionId"]
        assert copied["CopyObjectResult"]["ETag"] == put["ETag"]
        got = s3.get_object(Bucket=bucket, Key="copy", VersionId=copied["VersionId"])
        assert (got["Body"].read(), got["Metadata"], got["ContentType"]) == (b"body", {"a": "1"}, "text/x")
        s3.copy_object(Bucket=bucket, Key="copy", CopySource=source, MetadataDirective="REPLACE", Metadata={"b": "2"})
        assert s3.head_object(Bucket=bucket, Key="copy")["Metadata"] == {"b": "2"}

    def test_copies_that_are_refused(self, s3, bucket):
        put = s3.put_object(Bucket=bucket, Key="key", Body=b"body")
        source = {"Bucket": bucket, "Key": "key"}
        copy = {"Bucket": bucket, "Key": "copy", "CopySource": source}
        refused("NoSuchKey", 404, s3.copy_object, **copy | {"CopySource": source | {"Key": "absent"}})
        refused("NoSuchBucket", 404, s3.copy_object, **copy | {"CopySource": source | {"Bucket": "no-such-bucket"}})
        refused("InvalidRequest", 400, s3.copy_object, **copy | {"Key": "key"})
        refused("PreconditionFailed", 412, s3.copy_object, **copy, CopySourceIfNoneMatch=put["ETag"])
        refused("PreconditionFailed", 412, s3.copy_object, **copy, CopySourceIfMatch='"0"')
        s3.copy_object(**copy, IfNoneMatch="*")
        refused("PreconditionFailed", 412, s3.copy_object, **copy, IfNoneMatch="*")

    def test_parts_are_copied(self, s3, bucket):
        content = bytes(range(256)) * (PART // 256) + b"the end"
        s3.put_object(Bucket=bucket, Key="source", Body=content)
        upload = s3.create_multipart_upload(Bucket=bucket, Key="key")["UploadId"]
        arguments = {"Bucket": bucket, "Key": "key", "UploadId": upload, "CopySource": f"{bucket}/source"}
        ranges = [f"bytes=0-{PART - 1}", f"bytes={PART}-{len(content) - 1}"]
        parts = []
        for number, piece in enumerate(ranges, 1):
            part = s3.upload_part_copy(**arguments, PartNumber=number, CopySourceRange=piece)
            parts.append({"PartNumber": number, "ETag": part["CopyPartResult"]["ETag"]})
        refused("InvalidRange", 416, s3.upload_part_copy, **arguments, PartNumber=3, CopySourceRange="bytes=0-99999999")
        refused("InvalidArgument", 400, s3.upload_part_copy, **arguments, PartNumber=3, CopySourceRange="bytes=5-")
        del arguments["CopySource"]
        s3.complete_multipart_upload(**arguments, MultipartUpload={"Parts": parts})
        assert s3.get_object(Bucket=bucket, Key="key")["Body"].read() == content

    def test_boto_copies_large_objects(self, s3, bucket):
        content = bytes(range(256)) * (40 * 4096)
        s3.upload_fileobj(io.BytesIO(content), bucket, "source")
        s3.copy({"Bucket": bucket, "Key": "source"}, bucket, "copy")
        assert s3.get_object(Bucket=bucket, Key="copy")["Body"].read() == content

    @pytest.mark.parametrize("size", [1, 2, 3, 1000])
    @pytest.mark.parametrize("delimiter", ["", "/"])
    def test_the_first_version_of_list_objects(self, s3, bucket, size, delimiter):
        keys = ["a", "b/1", "b/2", "c d", "e/f/g", "z"]
        for key in keys:
            s3.put_object(Bucket=bucket, Key=key)
        pages = s3.get_paginator("list_objects").paginate(
            Bucket=bucket, Delimiter=delimiter, PaginationConfig={"PageSize": size}
        )
        pages = list(pages)
        listed = [it["Key"] for page in pages for it in page.get("Contents", [])]
        prefixes = [it["Prefix"] for page in pages for it in page.get("CommonPrefixes", [])]
        assert listed == (["a", "c d", "z"] if delimiter else keys)
        assert prefixes == (["b/", "e/"] if delimiter else [])
