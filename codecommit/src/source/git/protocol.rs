//! Git's smart protocol on the wire (gitprotocol-pack, version 0 or 1): decodes packet lines, without I/O.

use bytes::{Bytes, BytesMut};
use gix_packetline::decode::Stream;
use gix_packetline::{BandRef, PacketLineRef, decode};

use super::error::GitError;
use git_archive::object::ObjectId;

const AGENT: &str = concat!("codecommit-multibranch/", env!("CARGO_PKG_VERSION"));

/// Packet lines of a body that arrives in pieces.
#[derive(Debug, Default)]
pub struct Lines(BytesMut);

/// One packet line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// Its data, without the length.
    Data(Bytes),
    /// The end of a part.
    Flush,
}

impl Lines {
    /// Adds bytes that have arrived.
    pub fn push(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// Returns the next line, if it has arrived completely. An `ERR` line ends the exchange with an error.
    pub fn read(&mut self) -> Result<Option<Line>, GitError> {
        let length =
            match decode::streaming(&self.0).map_err(|_| GitError::Protocol("a packet line has no valid length"))? {
                Stream::Incomplete { .. } => return Ok(None),
                Stream::Complete { line: PacketLineRef::Data(_), bytes_consumed } => bytes_consumed,
                Stream::Complete { line: PacketLineRef::Flush, .. } => {
                    let _flush = self.0.split_to(4);
                    return Ok(Some(Line::Flush));
                }
                Stream::Complete { .. } => {
                    return Err(GitError::Protocol("a packet line is of protocol version 2"));
                }
            };
        let data = self.0.split_to(length).freeze().slice(4..);
        match data.strip_prefix(b"ERR ") {
            Some(message) => Err(GitError::remote(message)),
            None => Ok(Some(Line::Data(data))),
        }
    }
}

/// The server's advertisement: its capabilities, and whether the wanted commit is the tip of a reference.
#[derive(Debug, Default)]
pub struct Advertisement {
    part: AdvertisementPart,
    capabilities: Vec<String>,
    refs: u64,
    has_tip: bool,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum AdvertisementPart {
    #[default]
    Service,
    ServiceFlush,
    References,
    Done,
}

impl Advertisement {
    /// Reads the next line, and looks for `wanted` among the tips.
    pub fn line(&mut self, line: &Line, wanted: ObjectId) -> Result<(), GitError> {
        match (&self.part, line) {
            (AdvertisementPart::Service, Line::Data(data)) if data.trim_ascii_end() == b"# service=git-upload-pack" => {
                self.part = AdvertisementPart::ServiceFlush;
            }
            (AdvertisementPart::ServiceFlush, Line::Flush) => self.part = AdvertisementPart::References,
            (AdvertisementPart::References, Line::Data(data)) => self.reference(data, wanted)?,
            (AdvertisementPart::References, Line::Flush) => self.part = AdvertisementPart::Done,
            _ => {
                return Err(GitError::Protocol("the advertisement is not that of git-upload-pack"));
            }
        }
        Ok(())
    }

    /// Returns whether the last line was read.
    pub fn is_done(&self) -> bool {
        self.part == AdvertisementPart::Done
    }

    /// Returns the body of the request for one commit without its history, if the server would serve it.
    pub fn request(&self, wanted: ObjectId) -> Result<Bytes, GitError> {
        self.body(wanted, None)
    }

    /// Returns the body of the request for the objects of `wanted` that `had` does not have. Returns `None` if the
    /// server cannot send a thin pack, whose deltas have bases that are not in it.
    pub fn difference(&self, wanted: ObjectId, had: ObjectId) -> Result<Option<Bytes>, GitError> {
        if self.offers("thin-pack") { self.body(wanted, Some(had)).map(Some) } else { Ok(None) }
    }

    fn body(&self, wanted: ObjectId, had: Option<ObjectId>) -> Result<Bytes, GitError> {
        if self.refs == 0 {
            return Err(GitError::Empty);
        }
        for capability in ["shallow", "side-band-64k"] {
            if !self.offers(capability) {
                return Err(GitError::Unsupported(capability));
            }
        }
        if !self.has_tip && !self.offers("allow-tip-sha1-in-want") && !self.offers("allow-reachable-sha1-in-want") {
            return Err(GitError::WantRefused { commit: wanted });
        }
        let mut want = format!("want {wanted} side-band-64k");
        for capability in ["ofs-delta", "no-progress"] {
            if self.offers(capability) {
                want = format!("{want} {capability}");
            }
        }
        if self.capabilities.iter().any(|offered| offered.starts_with("agent=")) {
            want = format!("{want} agent={AGENT}");
        }
        let line = |text: &str| format!("{:04x}{text}\n", text.len() + 5);
        let (deepen, done) = (line("deepen 1"), line("done"));
        Ok(Bytes::from(match had {
            None => format!("{}{deepen}0000{done}", line(&want)),
            Some(had) => {
                let [want, shallow, have] =
                    [format!("{want} thin-pack"), format!("shallow {had}"), format!("have {had}")]
                        .map(|text| line(&text));
                format!("{want}{shallow}{deepen}0000{have}{done}")
            }
        }))
    }

    fn offers(&self, capability: &str) -> bool {
        self.capabilities.iter().any(|offered| offered == capability)
    }

    /// Reads `<id> <name>`. On the first line, a NUL and the capabilities follow. An empty repository has one such
    /// line with the null id, which names no reference.
    fn reference(&mut self, data: &[u8], wanted: ObjectId) -> Result<(), GitError> {
        let line = data.trim_ascii_end();
        if line == b"version 1" || line.starts_with(b"shallow ") {
            return Ok(());
        }
        if self.capabilities.is_empty() {
            let nul = line.iter().position(|byte| *byte == 0).unwrap_or(line.len());
            let words = String::from_utf8_lossy(&line[nul..]);
            let words = words.split(['\0', ' ']).filter(|word| !word.is_empty());
            self.capabilities.extend(words.map(str::to_owned));
        }
        let id = line.get(..40).and_then(|id| ObjectId::from_hex(id).ok());
        let id = id.ok_or(GitError::Protocol("the advertisement has a line that is no reference"))?;
        if !id.is_null() {
            self.refs += 1;
            self.has_tip |= id == wanted;
        }
        Ok(())
    }
}

/// The next part of the answer to a fetch: shallow lines, an acknowledgement, or the pack in a side band.
#[derive(Debug, Default, PartialEq, Eq)]
pub enum FetchResponse {
    #[default]
    /// The commits whose parents are not sent.
    Shallow,
    /// The server's answer to our `have` lines.
    Acknowledgement,
    /// The pack.
    Pack,
    /// The answer has ended.
    Done,
}

impl FetchResponse {
    /// Takes the next line of the answer. Returns the bytes of the pack in it, or `None` if it has none.
    pub fn line(&mut self, line: &Line) -> Result<Option<Bytes>, GitError> {
        match (&self, line) {
            (Self::Shallow, Line::Data(data)) if data.starts_with(b"shallow ") || data.starts_with(b"unshallow ") => {}
            (Self::Shallow, Line::Flush) => *self = Self::Acknowledgement,
            (Self::Acknowledgement | Self::Pack, Line::Data(data)) if is_acknowledgement(data) => {
                *self = Self::Pack;
            }
            (Self::Pack, Line::Data(data)) => return band(data),
            (Self::Pack, Line::Flush) => *self = Self::Done,
            _ => {
                return Err(GitError::Protocol("the answer to a fetch has a line out of place"));
            }
        }
        Ok(None)
    }

    /// Returns whether the last line was read.
    pub fn is_done(&self) -> bool {
        *self == Self::Done
    }
}

/// Returns whether a line is the server's answer about the commits that we have. A line of a side band never looks like
/// this, because its first byte is the number of the band.
fn is_acknowledgement(data: &[u8]) -> bool {
    data.trim_ascii_end() == b"NAK" || data.starts_with(b"ACK ")
}

/// Reads a side band: 1 has the pack, 2 is progress for a person, 3 ends the exchange with an error.
fn band(data: &Bytes) -> Result<Option<Bytes>, GitError> {
    match PacketLineRef::Data(data).decode_band() {
        Ok(BandRef::Data(pack)) => Ok(Some(data.slice_ref(pack)).filter(|pack| !pack.is_empty())),
        Ok(BandRef::Progress(_)) => Ok(None),
        Ok(BandRef::Error(message)) => Err(GitError::remote(message)),
        Err(_) => Err(GitError::Protocol("a side band has an unknown number")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIP: &str = "1111111111111111111111111111111111111111";
    const OTHER: &str = "2222222222222222222222222222222222222222";

    fn id(hex: &str) -> ObjectId {
        ObjectId::from_hex(hex.as_bytes()).unwrap()
    }

    fn line(text: &str) -> String {
        format!("{:04x}{text}", text.len() + 4)
    }

    /// Returns the request for an advertisement with these reference lines, which arrives byte by byte.
    fn request(references: &[&str], wanted: &str) -> Result<String, GitError> {
        let references: String = references.iter().map(|text| line(text)).collect();
        let text = format!("{}0000{references}0000", line("# service=git-upload-pack\n"));
        let mut lines = Lines::default();
        let mut advertisement = Advertisement::default();
        for byte in text.as_bytes() {
            lines.push(&[*byte]);
            while let Some(line) = lines.read()? {
                advertisement.line(&line, id(wanted))?;
            }
        }
        assert!(advertisement.is_done());
        advertisement.request(id(wanted)).map(|body| String::from_utf8(body.into()).unwrap())
    }

    /// These are CodeCommit's capabilities, as recorded, and git's.
    #[test]
    fn a_request_names_only_what_was_offered() {
        let codecommit =
            "multi_ack_detailed shallow side-band-64k thin-pack allow-tip-sha1-in-want allow-reachable-sha1-in-want";
        let first = format!("{TIP} HEAD\0{codecommit}");
        let body = request(&[&first, &format!("{TIP} refs/heads/main\n")], OTHER).unwrap();
        assert_eq!(body, format!("0040want {OTHER} side-band-64k\n000ddeepen 1\n00000009done\n"));
        let git = format!("{OTHER} HEAD\0multi_ack shallow ofs-delta no-progress side-band-64k agent=git/2.47\n");
        let body =
            request(&["version 1\n", &git, &format!("{TIP} refs/heads/main"), &format!("shallow {TIP}")], TIP).unwrap();
        assert!(body[4..].starts_with(&format!("want {TIP} side-band-64k ofs-delta no-progress agent={AGENT}\n")));
    }

    #[test]
    fn a_difference_names_what_we_have() {
        let (wanted, had) = (id(TIP), id(OTHER));
        let mut advertisement = Advertisement { part: AdvertisementPart::References, ..Advertisement::default() };
        let first = format!("{TIP} HEAD\0shallow side-band-64k thin-pack");
        advertisement.line(&Line::Data(first.into()), wanted).unwrap();
        let body = advertisement.difference(wanted, had).unwrap().expect("thin packs are offered");
        let lines = ["004awant 1111111111111111111111111111111111111111 side-band-64k thin-pack\n".to_owned()];
        let rest = format!("0035shallow {OTHER}\n000ddeepen 1\n00000032have {OTHER}\n0009done\n");
        assert_eq!(body, lines.concat() + &rest);
        advertisement.capabilities.retain(|capability| capability != "thin-pack");
        assert_eq!(advertisement.difference(wanted, had).unwrap(), None);
    }

    #[test]
    fn what_cannot_be_wanted_is_not_asked_for() {
        let first = format!("{TIP} HEAD\0shallow side-band-64k");
        assert!(matches!(request(&[&first], OTHER), Err(GitError::WantRefused { .. })));
        assert!(request(&[&first], TIP).is_ok());
        let none = format!("{} capabilities^{{}}\0shallow side-band-64k", "0".repeat(40));
        assert!(matches!(request(&[&none], TIP), Err(GitError::Empty)));
        assert!(matches!(request(&[], TIP), Err(GitError::Empty)));
        assert!(matches!(request(&["nonsense\0shallow"], TIP), Err(GitError::Protocol(_))));
    }

    #[test]
    fn bands_become_the_pack() {
        let mut lines = Lines::default();
        lines.push(b"0034shallow 1111111111111111111111111111111111111111");
        lines.push(
            b"00000038ACK 2222222222222222222222222222222222222222 common\n0008NAK\n000c\x02so \
              far\n0009\x01PACK0005\x010007\x01xy0000",
        );
        let mut answer = FetchResponse::default();
        let mut pack = Vec::new();
        while let Some(line) = lines.read().unwrap() {
            pack.extend(answer.line(&line).unwrap().into_iter().flatten());
        }
        assert!(answer.is_done());
        assert_eq!(pack, b"PACKxy");
        assert!(matches!(answer.line(&Line::Flush), Err(GitError::Protocol(_))));
    }
}
