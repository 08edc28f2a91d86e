//! Initial packets made by hand.

use aes_gcm::AeadInOut;

use super::keys::Keys;

/// A packet with this payload, sealed by the client that chose `keys_of` as the connection id of its first packet.
pub(in crate::net) fn sealed(
    version: u32,
    keys_of: &[u8],
    destination: &[u8],
    number: u32,
    payload: &[u8],
) -> Vec<u8> {
    sealed_from(version, keys_of, destination, b"", number, payload)
}

/// The same of a client that calls itself `source`.
pub(in crate::net) fn sealed_from(
    version: u32,
    keys_of: &[u8],
    destination: &[u8],
    source: &[u8],
    number: u32,
    payload: &[u8],
) -> Vec<u8> {
    let keys = Keys::of_client(version, keys_of).unwrap();
    let kind = if version == super::header::VERSION_2 { 0xd3 } else { 0xc3 };
    let mut packet = vec![kind];
    packet.extend(version.to_be_bytes());
    packet.push(destination.len() as u8);
    packet.extend(destination);
    packet.push(source.len() as u8);
    packet.extend(source);
    packet.push(0);
    packet.extend((0x4000 | (payload.len() + 20) as u16).to_be_bytes());
    let number_at = packet.len();
    packet.extend(number.to_be_bytes());
    let mut text = payload.to_vec();
    let nonce = keys.nonce(u64::from(number));
    let tag = keys.seal.encrypt_inout_detached(&nonce, &packet, text.as_mut_slice().into()).unwrap();
    packet.extend(text);
    packet.extend(&tag[..]);
    let mask = keys.header_mask(*packet[number_at + 4..].first_chunk().unwrap());
    packet[0] ^= mask[0] & 0x0f;
    for (byte, mask) in packet[number_at..].iter_mut().zip(&mask[1..5]) {
        *byte ^= mask;
    }
    packet
}

/// A CRYPTO frame.
pub(in crate::net) fn crypto(offset: usize, piece: &[u8]) -> Vec<u8> {
    let mut frame = vec![6];
    frame.extend((0x8000_0000 | offset as u32).to_be_bytes());
    frame.extend((0x4000 | piece.len() as u16).to_be_bytes());
    frame.extend(piece);
    frame
}
