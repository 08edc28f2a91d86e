//! The vocabulary of the model and of the policy, as it is kept.

use crate::model::{
    Actor, Alert, AlertId, Attribution, AuditEvent, AuditLog, Backing, CdHash, ClientHello, CloudAccount,
    CodeSigning, CommName, Confidence, Coverage, CoverageKind, DomainName, Endpoint, Evidence, FileId,
    FilePath, FlowEvidence, FlowFacts, FlowId, Hop, HopKind, NameScope, NameSource, Owner, Pid, PipeEnd,
    ProcessEvidence, ProcessInfo, ProcessKey, Program, ReadEvidence, Reason, ReasonCode, RuleRef, Script,
    Severity, Span, TenantVerdict, Timestamp, Transport, Uid, UnknownName,
};
use crate::policy::{CommandKind, Identity, Leaving, SetId};

use super::codec::{Kept, Reader, Unreadable, Writer, kept, newtypes, variants, words};

newtypes! { Pid Uid CodeSigning CdHash AlertId FlowId SetId }

kept! {
    ProcessKey { pid, version }
    Program { path, path_truncated, signing_id, team_id, cdhash, platform, flags }
    ProcessEvidence { info, args, cwd, script, runs_other_code, older_than_sensor, invalidated }
    Script { path }
    Identity { program, script, script_sha256, runs_other_code, invalidated }
    FileId { device, inode }
    PipeEnd { fd, id }
    Hop { kind, time, process, path }
    Endpoint { ip, port }
    ClientHello { version, alpn, ech, ja4 }
    FlowFacts { transport, client, server, interface, midstream }
    FlowEvidence {
        transport, client, server, domain, source, disputed, unknown, hello, bytes_out, bytes_in, start, end,
    }
    Owner { pid, name, effective }
    Reason { code, text }
    RuleRef { id, name, version, severity, techniques }
    ReadEvidence { path, sets, time, process, evidence }
    Coverage { kind, start, end, count, text }
    CloudAccount { log, user, principal, account, address, agent }
    AuditEvent { time, record, operation, by, kind, service, with, into, items }
    Alert {
        time, id, revision, count, severity, confidence, rules, reasons, user, user_name, uploader, reads, reads_omitted,
        hops, chain, flows, audit, service, category, tenant, tenant_verdict, attribution, window, bytes_out, bytes_in, degraded,
        config_hash,
    }
}

words! {
    Severity { Low, Medium, High, Critical }
    Confidence { Low, Medium, High }
    Evidence { Open, Argv, Taint }
    HopKind { Fork, Exec, Pipe, Stage, Rename, Link, Clone, Copy, Sync }
    Attribution { Process, EffectiveProcess, ResponsibleProcess }
    TenantVerdict { Allowed, Foreign, Unknown }
    Transport { Tcp, Udp, Quic }
    NameSource { TlsSni, QuicSni, Dns, DnsCname }
    NameScope { SameProcess, HostWide }
    UnknownName { EncryptedHello, NoServerName, PlainAddress, Unread, Relay, PeerToPeer, Nearby }
    CoverageKind {
        EventLoss, CaptureLoss, NameHidden, UnattributedFlow, TableFull, ConfigRejected, PermissionLost, Gap, EngineStalled,
        LateEvent, ClockStep, IpcPossible, Relay, Proxy, PeerToPeer, Airdrop, Mail, NestedVolume, CaptureDropRecord, ExecNotSeen,
        RatioNotJudged, OutputDropped, SpoolFailing,
    }
    ReasonCode {
        SensitiveRead, StagedCopy, Uploaded, NotAllowed, ForeignTenant, ArgumentsNameFile, SyncDrop, ControlPlane,
        IdentityInvalid, RunsOtherCode, TenantUnknown, PathTruncated, NamedFork, SecondHop, Tunnel, NameByAddress,
        FrontingSuspected, OrderUncertain, BytesUnknown, NestedVolume, AppleEvents, ExecNotSeen, AttributionIndirect,
        NameHostWide, BearerLink, FirstSeen, UnusualVolume, SeenInAuditLog,
    }
    CommandKind { Share, Copy, Link }
    AuditLog { CloudTrail, Microsoft365, GoogleWorkspace, GoogleCloud, Azure }
}

variants! {
    Leaving { 0 = Upload, 1 = Nameless, 2 = SyncDrop, 3 = Command(kind), 4 = Audit(kind) }
    Actor { 0 = Process(process), 1 = Account(account) }
    Backing { 0 = Stored, 1 = Snapshot, 2 = Fuse, 3 = LocalServer, 4 = WebDav(host) }
}

impl Kept for Timestamp {
    fn keep(&self, to: &mut Writer) {
        self.set(to.step).as_nanos().keep(to);
    }

    fn give(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
        i64::give(from).map(Self::from_nanos)
    }
}

impl Kept for ProcessInfo {
    fn keep(&self, to: &mut Writer) {
        let Self { key, program, parent, responsible, ppid, original_ppid, group_id, session_id, .. } = self;
        let Self { euid, ruid, auid, started, has_tty, is_es_client, .. } = self;
        key.keep(to);
        program.keep(to);
        parent.keep(to);
        responsible.keep(to);
        ppid.keep(to);
        original_ppid.keep(to);
        group_id.keep(to);
        session_id.keep(to);
        euid.keep(to);
        ruid.keep(to);
        auid.keep(to);
        // As the kernel goes on telling it, whatever becomes of the clock: by that one process is known again.
        started.map(Timestamp::as_nanos).keep(to);
        has_tty.keep(to);
        is_es_client.keep(to);
    }

    fn give(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
        Ok(Self {
            key: Kept::give(from)?,
            program: Kept::give(from)?,
            parent: Kept::give(from)?,
            responsible: Kept::give(from)?,
            ppid: Kept::give(from)?,
            original_ppid: Kept::give(from)?,
            group_id: Kept::give(from)?,
            session_id: Kept::give(from)?,
            euid: Kept::give(from)?,
            ruid: Kept::give(from)?,
            auid: Kept::give(from)?,
            started: Kept::give(from)?,
            has_tty: Kept::give(from)?,
            is_es_client: Kept::give(from)?,
        })
    }
}

impl Kept for Span {
    fn keep(&self, to: &mut Writer) {
        self.as_nanos().keep(to);
    }

    fn give(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
        u64::give(from).map(Self::from_nanos)
    }
}

impl Kept for FilePath {
    fn keep(&self, to: &mut Writer) {
        to.text(self.as_bytes());
    }

    fn give(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
        from.text().map(Self::new)
    }
}

impl Kept for CommName {
    fn keep(&self, to: &mut Writer) {
        to.text(self.as_bytes());
    }

    fn give(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
        from.text().map(Self::new)
    }
}

impl Kept for DomainName {
    fn keep(&self, to: &mut Writer) {
        to.text(self.as_str().as_bytes());
    }

    fn give(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
        Self::from_wire(from.text()?).ok_or(Unreadable::Value)
    }
}
