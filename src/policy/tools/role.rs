//! What the words of a command line are.

/// What an operand, or the value of an option, is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// Nothing that matters here.
    Skip,
    /// A local file or folder that is sent.
    File,
    /// `@path` is a file that is sent, anything else is text.
    Data,
    /// The same of a header.
    Header,
    /// Text that is sent.
    Body,
    /// `name=@path`, `name=<path`, `name@path`: a field of a form.
    Form,
    /// A file of the tool's own, such as its configuration or key: used, not sent.
    Own,
    /// A file that is written.
    Out,
    /// What is copied: a local path, or a place in the cloud.
    From,
    /// Where it is copied to.
    To,
    /// A web address, scheme or not: where it is sent.
    Url,
    /// `bucket/key` without a scheme that is copied.
    Source,
    /// The account or bucket that receives.
    Tenant,
    /// `bucket/key` or `owner/name` that receives.
    Path,
    /// `S3Bucket=name,…` that receives; `storage.googleapis.com/name`, `….googleapis.com/projects/name/…`.
    Location,
    /// Accounts, principals or a word for everybody: who is let in.
    Grantee,
    /// The same, of a directory whose objects are known by ids: those do not tell whose they are.
    Principal,
    /// A policy document: whom its statements let in.
    Policy,
    /// The same of a role that somebody may take on. It is written for a program as a rule: one that stands in a file tells
    /// nothing.
    Trust,
    /// A document of options, as a tool takes them in place of options; or the file that holds one.
    Skeleton,
    /// What a database is asked: the place that it unloads into.
    Statement,
    /// Where what it answers is written, if what it is asked reads anything: a place as [`Role::Location`] has it.
    Results,
    /// Switches that keep the public out: everybody is let in if one is off.
    Block,
    /// `add` or `remove`: whether grants are given or taken.
    Operation,
    /// For how long, or until when.
    Expiry,
    /// The server that is spoken to instead of the usual one.
    Endpoint,
    /// The project, account or folder that the command runs in: what a project owns is not let in.
    Home,
    /// An option without value that lets everybody in.
    Public,
    /// An option without value with which nothing is done, only said; a value or name that takes it back may follow.
    Dry,
    /// Commands of the tool's own, as a script writes them.
    Script,
    /// `/subscriptions/ID/…`, `arn:…:ID:…`, `projects/NAME/…`: something in a cloud that is copied from the account that it
    /// names, if it does.
    Resource,
    /// The project that what is copied lies in.
    Project,
    /// A profile or role that the command runs as: its name may tell the account.
    Profile,
}

impl Role {
    pub const ALL: [(&'static str, Self); 33] = [
        ("skip", Self::Skip),
        ("file", Self::File),
        ("data", Self::Data),
        ("header", Self::Header),
        ("body", Self::Body),
        ("form", Self::Form),
        ("own", Self::Own),
        ("out", Self::Out),
        ("from", Self::From),
        ("to", Self::To),
        ("url", Self::Url),
        ("source", Self::Source),
        ("tenant", Self::Tenant),
        ("path", Self::Path),
        ("location", Self::Location),
        ("grantee", Self::Grantee),
        ("principal", Self::Principal),
        ("policy", Self::Policy),
        ("trust", Self::Trust),
        ("skeleton", Self::Skeleton),
        ("statement", Self::Statement),
        ("results", Self::Results),
        ("block", Self::Block),
        ("operation", Self::Operation),
        ("expiry", Self::Expiry),
        ("endpoint", Self::Endpoint),
        ("home", Self::Home),
        ("public", Self::Public),
        ("dry", Self::Dry),
        ("script", Self::Script),
        ("resource", Self::Resource),
        ("project", Self::Project),
        ("profile", Self::Profile),
    ];

    /// Is it said by the option itself?
    pub(super) const fn stands_alone(self) -> bool {
        matches!(self, Self::Public | Self::Dry)
    }

    /// Is it a word that never stands for a file of this Mac, whatever it looks like?
    pub(super) const fn names_no_file(self) -> bool {
        match self {
            Self::File
            | Self::Data
            | Self::Header
            | Self::Form
            | Self::Own
            | Self::Out
            | Self::From
            | Self::To => false,
            Self::Policy | Self::Trust | Self::Block | Self::Public | Self::Script | Self::Skeleton => false,
            Self::Skip | Self::Url | Self::Source | Self::Tenant | Self::Path | Self::Location => true,
            Self::Grantee | Self::Operation | Self::Expiry | Self::Endpoint | Self::Home => true,
            Self::Body
            | Self::Principal
            | Self::Project
            | Self::Resource
            | Self::Profile
            | Self::Dry
            | Self::Statement
            | Self::Results => true,
        }
    }
}

/// A role, and whether several values in a row have it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Operand {
    pub role: Role,
    pub many: bool,
}
