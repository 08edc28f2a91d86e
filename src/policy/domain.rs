//! Host name patterns.
//!
//! Labels are compared from the right. `{x}` stands for one label or for a part of one; `{tenant}` does too, and as a
//! whole label at the front it takes every label to the left.

use std::borrow::Cow;
use std::net::IpAddr;

/// Why a domain pattern cannot be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DomainError {
    #[error("the pattern is empty")]
    Empty,
    #[error("`{0}` is no host name")]
    NotAName(String),
    #[error("`{0}` is an address, not a name, and would never match")]
    Address(String),
    #[error("`{0}` would match every name below a top-level domain")]
    TopLevel(String),
    #[error("`{0}`: braces are opened and closed around one word, at most once a label")]
    Braces(String),
    #[error("`*` does not belong in a host name")]
    Star,
    #[error("a tenant pattern without `{{tenant}}`")]
    NoTenant,
    #[error("`{{tenant}}` tells a tenant: it belongs in `tenants`")]
    TenantInDomain,
}

impl DomainError {
    /// What to write instead.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Empty => "leave the entry out",
            Self::NotAName(_) => "write the bare name, without scheme, port or path: \"storage.example.com\"",
            Self::Address(_) => {
                "name the host; [upload].unknown decides what an upload to a bare address means"
            }
            Self::TopLevel(_) => "name at least two labels, such as \"example.com\"",
            Self::Braces(_) => "write for example \"s3.{region}.example.com\" or \"s3-{region}.example.com\"",
            Self::Star => "a name covers everything below it already; `{x}` stands for exactly one label",
            Self::NoTenant => "write for example \"{tenant}.example.com\", or move it to `domains`",
            Self::TenantInDomain => "move it to `tenants`, or use another word such as `{region}`",
        }
    }
}

/// One label of a pattern.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Label {
    Literal(Box<str>),
    /// `front{x}back`; `tenant` if the word says so.
    Hole {
        front: Box<str>,
        back: Box<str>,
        tenant: bool,
    },
}

/// A host name pattern, canonical.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DomainPattern {
    /// From the right.
    labels: Vec<Label>,
    tenant: bool,
}

impl DomainPattern {
    /// A name that covers itself and everything below it. Fails where the text is no host name, or holds `{tenant}`.
    pub fn parse(text: &str) -> Result<Self, DomainError> {
        let pattern = Self::read(text)?;
        if pattern.tenant { Err(DomainError::TenantInDomain) } else { Ok(pattern) }
    }

    /// A name that tells whose storage it is.
    pub fn parse_tenant(text: &str) -> Result<Self, DomainError> {
        let pattern = Self::read(text)?;
        if pattern.tenant { Ok(pattern) } else { Err(DomainError::NoTenant) }
    }

    fn read(text: &str) -> Result<Self, DomainError> {
        let trimmed = text.strip_suffix('.').unwrap_or(text);
        if trimmed.is_empty() {
            return Err(DomainError::Empty);
        }
        if trimmed.contains('*') {
            return Err(DomainError::Star);
        }
        if trimmed.parse::<IpAddr>().is_ok() {
            return Err(DomainError::Address(trimmed.to_owned()));
        }
        let labels = trimmed.rsplit('.').map(|part| label(part, text)).collect::<Result<Vec<_>, _>>()?;
        let literal = |label: &Label| matches!(label, Label::Literal(_));
        if labels.len() < 2 || !literal(&labels[0]) {
            return Err(DomainError::TopLevel(text.to_owned()));
        }
        let tenants = labels.iter().filter(|label| matches!(label, Label::Hole { tenant: true, .. })).count();
        if tenants > 1 {
            return Err(DomainError::Braces(text.to_owned()));
        }
        Ok(Self { labels, tenant: tenants == 1 })
    }

    /// From the right.
    pub(super) fn labels(&self) -> &[Label] {
        &self.labels
    }

    /// How much of a name the pattern spells out: the larger, the more specific. Telling a tenant breaks a tie.
    pub(super) fn rank(&self) -> (usize, bool) {
        let length = |label: &Label| match label {
            Label::Literal(text) => text.len() + 1,
            Label::Hole { front, back, .. } => front.len() + back.len(),
        };
        (self.labels.iter().map(length).sum(), self.tenant)
    }

    /// Matches a canonical name; tells the tenant if the pattern has one. What the tree of names is held against.
    #[cfg(test)]
    pub(super) fn matches<'n>(&self, name: &'n str) -> Option<Option<&'n str>> {
        let mut tenant = None;
        // `end` is where the labels not yet compared end; `None` once all are.
        let mut end = Some(name.len());
        for (index, pattern) in self.labels.iter().enumerate() {
            let rest = &name[..end?];
            let start = rest.rfind('.').map_or(0, |dot| dot + 1);
            match pattern {
                Label::Literal(text) if **text == rest[start..] => {}
                Label::Literal(_) => return None,
                Label::Hole { front, back, tenant: named } => {
                    let first = index + 1 == self.labels.len();
                    let whole = *named && first && front.is_empty() && back.is_empty();
                    let label = if whole { rest } else { &rest[start..] };
                    let held = label.strip_prefix(&**front)?.strip_suffix(&**back)?;
                    if held.is_empty() {
                        return None;
                    }
                    tenant = tenant.or(named.then_some(held));
                }
            }
            end = start.checked_sub(1);
        }
        Some(tenant)
    }
}

/// `whole` is the pattern, which messages name.
fn label(text: &str, whole: &str) -> Result<Label, DomainError> {
    // Nearly all are canonical already.
    let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_');
    if (1..=63).contains(&text.len()) && text.bytes().all(is_plain) {
        return Ok(Label::Literal(text.into()));
    }
    let Some((front, rest)) = text.split_once('{') else {
        return if text.contains('}') {
            Err(DomainError::Braces(text.to_owned()))
        } else {
            Ok(Label::Literal(host_label(text, whole)?))
        };
    };
    let (word, back) = rest.split_once('}').ok_or_else(|| DomainError::Braces(text.to_owned()))?;
    let plain = |part: &str| part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    if word.is_empty() || !plain(word) || !plain(front) || !plain(back) {
        return Err(DomainError::Braces(text.to_owned()));
    }
    let lower = |part: &str| part.to_ascii_lowercase().into_boxed_str();
    Ok(Label::Hole { front: lower(front), back: lower(back), tenant: word == "tenant" })
}

fn host_label(text: &str, whole: &str) -> Result<Box<str>, DomainError> {
    let name = canonical_name(text);
    let clean = name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    if name.is_empty() || name.len() > 63 || !clean {
        return Err(DomainError::NotAName(whole.to_owned()));
    }
    Ok(name.into_owned().into_boxed_str())
}

/// Lower-case A-labels without a trailing dot. What is no valid name comes back lower-cased, and matches nothing but itself.
pub fn canonical_name(name: &str) -> Cow<'_, str> {
    let name = name.strip_suffix('.').unwrap_or(name);
    let is_plain =
        |b: u8| b.is_ascii_lowercase() | b.is_ascii_digit() | (b == b'-') | (b == b'.') | (b == b'_');
    // No early exit: the compiler vectorises a loop that always runs to its end.
    if name.bytes().fold(true, |plain, b| plain & is_plain(b)) {
        return Cow::Borrowed(name);
    }
    if name.is_ascii() {
        return Cow::Owned(name.to_ascii_lowercase());
    }
    match idna::domain_to_ascii(name) {
        Ok(ascii) => Cow::Owned(ascii.strip_suffix('.').map(str::to_owned).unwrap_or(ascii)),
        Err(_) => Cow::Owned(name.to_lowercase()),
    }
}
