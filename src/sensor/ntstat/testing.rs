//! The kernel's side, for the unit tests: messages as `ntstat.h` lays them out.

pub const TCP_DESCRIPTOR: usize = 344;
pub const UDP_DESCRIPTOR: usize = 280;

/// What the kernel has to say of one connection.
#[derive(Clone)]
pub struct Kernel {
    pub source: u64,
    pub provider: u32,
    pub pid: u32,
    pub effective: u32,
    pub sent: u64,
    pub received: u64,
    pub name: &'static str,
    /// `sockaddr`s.
    pub local: Vec<u8>,
    pub remote: Vec<u8>,
    /// Bytes added at the end of the descriptor.
    pub grown: usize,
    /// Bytes put in before the addresses, as a kernel with another layout would.
    pub moved: usize,
}

/// curl from 192.168.1.5:50000 to 203.0.113.9:443.
pub fn tcp() -> Kernel {
    Kernel {
        source: 1,
        provider: 2,
        pid: 501,
        effective: 501,
        sent: 0,
        received: 0,
        name: "curl",
        local: v4([192, 168, 1, 5], 50_000),
        remote: v4([203, 0, 113, 9], 443),
        grown: 0,
        moved: 0,
    }
}

/// The same over datagrams, to 2001:db8::9.
pub fn udp() -> Kernel {
    let (from, to) = ("2001:db8::5", "2001:db8::9");
    Kernel { provider: 4, local: v6(from, 50_001), remote: v6(to, 443), ..tcp() }
}

pub fn v4(ip: [u8; 4], port: u16) -> Vec<u8> {
    let mut address = vec![16, 2];
    address.extend(port.to_be_bytes());
    address.extend(ip);
    address.resize(28, 0);
    address
}

fn v6(ip: &str, port: u16) -> Vec<u8> {
    let ip: std::net::Ipv6Addr = ip.parse().unwrap();
    let mut address = vec![28, 30];
    address.extend(port.to_be_bytes());
    address.extend([0; 4]);
    address.extend(ip.octets());
    address.resize(28, 0);
    address
}

impl Kernel {
    pub fn update(&self) -> Vec<u8> {
        let datagrams = matches!(self.provider, 4 | 5);
        let (size, [pid, effective, local, remote, name]) = if datagrams {
            (UDP_DESCRIPTOR, [128, 196, 56, 84, 132])
        } else {
            (TCP_DESCRIPTOR, [116, 120, 124, 152, 196])
        };
        let mut message = vec![0; 152 + size + self.grown + self.moved];
        let mut put = |place: usize, bytes: &[u8]| message[place..place + bytes.len()].copy_from_slice(bytes);
        put(16, &self.source.to_le_bytes());
        put(40, &self.received.to_le_bytes());
        put(56, &self.sent.to_le_bytes());
        put(144, &self.provider.to_le_bytes());
        let descriptor = 152 + self.moved;
        put(descriptor + pid, &self.pid.to_le_bytes());
        put(descriptor + effective, &self.effective.to_le_bytes());
        put(descriptor + local, &self.local);
        put(descriptor + remote, &self.remote);
        put(descriptor + name, self.name.as_bytes());
        headed(10_006, 0, 0, message)
    }

    pub fn removed(&self, flags: u16) -> Vec<u8> {
        let mut message = vec![0; 24];
        message[16..].copy_from_slice(&self.source.to_le_bytes());
        headed(10_002, 0, flags, message)
    }
}

/// An answer without content.
pub fn answered(context: u64, flags: u16) -> Vec<u8> {
    headed(0, context, flags, vec![0; 16])
}

pub fn refused(context: u64, errno: u32) -> Vec<u8> {
    let mut message = vec![0; 24];
    message[16..20].copy_from_slice(&errno.to_le_bytes());
    headed(1, context, 0, message)
}

fn headed(kind: u32, context: u64, flags: u16, mut message: Vec<u8>) -> Vec<u8> {
    let length = message.len() as u16;
    message[..8].copy_from_slice(&context.to_le_bytes());
    message[8..12].copy_from_slice(&kind.to_le_bytes());
    message[12..14].copy_from_slice(&length.to_le_bytes());
    message[14..16].copy_from_slice(&flags.to_le_bytes());
    message
}
