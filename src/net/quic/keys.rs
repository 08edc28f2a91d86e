//! The keys of Initial packets (RFC 9001, sections 5.2 to 5.4; RFC 9369, section 3.3).

use std::fmt;
use std::ops::Range;

use aes::Aes128;
use aes::cipher::{Array, BlockCipherEncrypt};
use aes_gcm::{AeadInOut, Aes128Gcm, KeyInit};
use hkdf::Hkdf;
use sha2::Sha256;

use super::header::{Initial, MAX_CONNECTION_ID, VERSION_2};

const SALT_2: &[u8; 20] = b"\x0d\xed\xe3\xde\xf7\x00\xa6\xdb\x81\x93\x81\xbe\x6e\x26\x9d\xcb\xf9\xbd\x2e\xd9";
/// Drafts 33 and 34 use that of version 1.
const SALT_1: &[u8; 20] = b"\x38\x76\x2c\xf7\xf5\x59\x34\xb3\x4d\x17\x9a\xe6\xa4\xc8\x0c\xad\xcc\xbb\x7f\x0a";
const SALT_29: &[u8; 20] =
    b"\xaf\xbf\xec\x28\x99\x93\xd2\x4c\x9e\x97\x86\xf1\x9c\x61\x11\xe0\x43\x90\xa8\x99";
const SALT_23: &[u8; 20] =
    b"\xc3\xee\xf7\x12\xc7\x2e\xbb\x5a\x11\xa7\xd2\x43\x2b\xb4\x63\x65\xbe\xf9\xf5\x02";
const SALT_22: &[u8; 20] =
    b"\x7f\xbc\xdb\x0e\x7c\x66\xbb\xe9\x19\x3a\x96\xcd\x21\x51\x9e\xbd\x7a\x02\x64\x4a";

/// The salt of a version; `None` if its Initial packets are not protected like this.
fn salt(version: u32) -> Option<&'static [u8; 20]> {
    match version {
        1 | 0xff00_0021 | 0xff00_0022 => Some(SALT_1),
        VERSION_2 => Some(SALT_2),
        0xff00_001d..=0xff00_0020 => Some(SALT_29),
        // Facebook's versions are drafts under another number.
        0xff00_0017..=0xff00_001c | 0xface_b002..=0xface_b00f => Some(SALT_23),
        0xff00_0016 | 0xface_b001 => Some(SALT_22),
        _ => None,
    }
}

const TAG: usize = 16;
const SAMPLE: usize = 16;

/// What a client protects its Initial packets with, under one version and one connection id.
pub(super) struct Keys {
    version: u32,
    id: [u8; MAX_CONNECTION_ID],
    id_len: usize,
    pub(super) seal: Aes128Gcm,
    pub(super) iv: [u8; 12],
    pub(super) mask: Aes128,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("version", &self.version).finish_non_exhaustive()
    }
}

impl Keys {
    /// From the destination connection id of the client's first packet, or of the first after a Retry.
    pub(super) fn of_client(version: u32, destination: &[u8]) -> Option<Self> {
        let salt = salt(version)?;
        let mut id = [0; MAX_CONNECTION_ID];
        id.get_mut(..destination.len())?.copy_from_slice(destination);
        let initial = Hkdf::<Sha256>::new(Some(salt), destination);
        let client = Hkdf::<Sha256>::from_prk(&expanded::<32>(&initial, b"client in")?).ok()?;
        let labels: [&[u8]; 3] = match version {
            VERSION_2 => [b"quicv2 key", b"quicv2 iv", b"quicv2 hp"],
            _ => [b"quic key", b"quic iv", b"quic hp"],
        };
        Some(Self {
            version,
            id,
            id_len: destination.len(),
            seal: Aes128Gcm::new(&Array::from(expanded::<16>(&client, labels[0])?)),
            iv: expanded(&client, labels[1])?,
            mask: Aes128::new(&Array::from(expanded::<16>(&client, labels[2])?)),
        })
    }

    pub(super) fn id(&self) -> &[u8] {
        self.id.get(..self.id_len).unwrap_or_default()
    }

    /// These would come out again.
    pub(super) fn are_of(&self, initial: &Initial<'_>) -> bool {
        self.version == initial.version && self.id() == initial.destination
    }

    /// Opens a packet in `buffer` and says where its frames are; `None` unless a client sealed it with these keys.
    pub(super) fn open(&self, initial: &Initial<'_>, buffer: &mut Vec<u8>) -> Option<Range<usize>> {
        if self.version != initial.version {
            return None;
        }
        let at = initial.number_at;
        let sample = initial.packet.get(at + 4..)?.first_chunk::<SAMPLE>()?;
        let mask = self.header_mask(*sample);
        buffer.clear();
        buffer.extend_from_slice(initial.packet);
        buffer[0] ^= mask[0] & 0x0f;
        let length = usize::from(buffer[0] & 3) + 1;
        let mut number = 0;
        for (byte, mask) in buffer[at..at + length].iter_mut().zip(&mask[1..]) {
            *byte ^= mask;
            number = number << 8 | u64::from(*byte);
        }
        let frames = at + length..buffer.len().checked_sub(TAG).filter(|end| *end >= at + length)?;
        let (header, body) = buffer.split_at_mut(frames.start);
        let (text, tag) = body.split_at_mut(frames.len());
        let tag = Array::from(*tag.first_chunk::<TAG>()?);
        self.seal.decrypt_inout_detached(&self.nonce(number), header, text.into(), &tag).ok()?;
        Some(frames)
    }

    /// RFC 9001, section 5.4.3.
    pub(super) fn header_mask(&self, sample: [u8; SAMPLE]) -> [u8; SAMPLE] {
        let mut block = Array::from(sample);
        self.mask.encrypt_block(&mut block);
        block.into()
    }

    /// RFC 9001, section 5.3. Numbers of Initial packets are small enough never to be cut.
    pub(super) fn nonce(&self, number: u64) -> Array<u8, aes::cipher::consts::U12> {
        let mut nonce = self.iv;
        for (byte, number) in nonce[4..].iter_mut().zip(number.to_be_bytes()) {
            *byte ^= number;
        }
        Array::from(nonce)
    }
}

/// HKDF-Expand-Label of TLS 1.3 (RFC 8446, section 7.1) without a context.
fn expanded<const N: usize>(secret: &Hkdf<Sha256>, label: &[u8]) -> Option<[u8; N]> {
    let (length, label_length) = ((N as u16).to_be_bytes(), [label.len() as u8 + 6]);
    let mut out = [0; N];
    secret.expand_multi_info(&[&length, &label_length, b"tls13 ", label, &[0]], &mut out).ok()?;
    Some(out)
}
