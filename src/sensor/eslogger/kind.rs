//! The events that are read, by the names `eslogger` gives them. All others are counted.

/// Events with something for the engine. Numbers in comments are `es_event_type_t`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// 9
    Exec,
    /// 10
    Open,
    /// 11
    Fork,
    /// 12
    Close,
    /// 13
    Create,
    /// 14
    ExchangeData,
    /// 15
    Exit,
    /// 19
    Link,
    /// 20
    Mmap,
    /// 22
    Mount,
    /// 23
    Unmount,
    /// 25
    Rename,
    /// 27
    SetExtattr,
    /// 32
    Unlink,
    /// 33, 41
    Write,
    /// 61
    Clone,
    /// 78
    UipcConnect,
    /// 94
    CsInvalidated,
    /// 97
    RemoteThreadCreate,
    /// 110
    Copyfile,
    /// 145
    XpcConnect,
    Other,
}

impl Kind {
    pub(super) fn of(name: &[u8]) -> Self {
        match name {
            b"open" => Self::Open,
            b"close" => Self::Close,
            b"create" => Self::Create,
            b"exec" => Self::Exec,
            b"fork" => Self::Fork,
            b"exchangedata" => Self::ExchangeData,
            b"exit" => Self::Exit,
            b"link" => Self::Link,
            b"mmap" => Self::Mmap,
            b"mount" => Self::Mount,
            b"unmount" => Self::Unmount,
            b"rename" => Self::Rename,
            b"setextattr" => Self::SetExtattr,
            b"unlink" => Self::Unlink,
            b"write" | b"truncate" => Self::Write,
            b"clone" => Self::Clone,
            b"uipc_connect" => Self::UipcConnect,
            b"cs_invalidated" => Self::CsInvalidated,
            b"remote_thread_create" => Self::RemoteThreadCreate,
            b"copyfile" => Self::Copyfile,
            b"xpc_connect" => Self::XpcConnect,
            _ => Self::Other,
        }
    }
}
