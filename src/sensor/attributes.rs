//! Extended attributes as places for data, whichever sensor saw one set.

use crate::model::Mark;

const APPLE: &[u8] = b"com.apple.";
/// What follows it in the name of the resource fork.
const FORK: &[u8] = b"ResourceFork";
/// The kernel lets nobody set these but by calls of their own (`xattr_protected` in xnu).
const OF_THE_KERNEL: &[u8] = b"com.apple.system.";
/// What follows [`APPLE`] in the names of those that frameworks set in whichever app uses them.
const USUAL: [&[u8]; 11] = [
    b"quarantine",
    b"provenance",
    b"lastuseddate#PS",
    b"macl",
    b"FinderInfo",
    b"TextEncoding",
    b"progress.fractionCompleted",
    b"metadata:_kMDItemUserTags",
    b"metadata:_kMDItemFavoriteRank",
    b"metadata:kMDItemWhereFroms",
    b"metadata:kMDItemDownloadedDate",
];
/// The same, of those whose names go on.
const USUAL_KINDS: [&[u8]; 8] = [
    b"diskimages.",
    b"cs.",
    b"fileprovider.",
    b"file-provider-domain-id",
    b"icloud.",
    b"genstore.",
    b"ubd.",
    b"LaunchServices.",
];

/// What the name of an attribute says; `None` if no data can be put into it.
pub fn mark(name: &[u8]) -> Option<Mark> {
    match name.strip_prefix(APPLE) {
        None => Some(Mark::Free),
        Some(_) if name.starts_with(OF_THE_KERNEL) => None,
        Some(rest) if rest == FORK => Some(Mark::Free),
        Some(rest) if is_usual(rest) => Some(Mark::Usual),
        Some(_) => Some(Mark::Apple),
    }
}

fn is_usual(rest: &[u8]) -> bool {
    USUAL.contains(&rest) || USUAL_KINDS.iter().any(|kind| rest.starts_with(kind))
}
