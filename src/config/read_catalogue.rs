//! Reads what there is to know of files and places: `[[sensitive]]`, `[[service]]`, mail servers and `[[sync_root]]`.
//!
//! In: the merged tree. Out: the policy's sets, services and roots by number, in the order of the tree.

use std::sync::Arc;

use crate::model::Severity;
use crate::policy::{
    Category, DomainError, DomainPattern, Glob, GlobError, MailServers, Options, SensitiveSet, Service,
    ServiceId, ServiceNames, SetId, SetMask, SetPaths, SyncRoot, Volumes,
};

use super::diagnostics::{Complaint, Origin};
use super::read_process;
use super::schema;
use super::section::{Section, Value, boolean, expected, one_of, size, text, written};
use super::tree::{Kind, Node};

pub(super) const SEVERITIES: [(&str, Severity); 4] = [
    ("low", Severity::Low),
    ("medium", Severity::Medium),
    ("high", Severity::High),
    ("critical", Severity::Critical),
];

impl From<GlobError> for Complaint {
    fn from(error: GlobError) -> Self {
        let hint = error.hint();
        Self::new(error.to_string()).hint(hint)
    }
}

impl From<DomainError> for Complaint {
    fn from(error: DomainError) -> Self {
        let hint = error.hint();
        Self::new(error.to_string()).hint(hint)
    }
}

/// The sets that were read, by their ids.
#[derive(Default)]
pub(super) struct Sets {
    pub sets: Vec<SensitiveSet>,
    pub paths: Vec<SetPaths>,
    /// Built-in sets that `[builtin] disable` took away.
    pub off: Vec<String>,
}

impl Sets {
    pub(super) fn named(&self, name: &str) -> Option<SetId> {
        let index = self.sets.iter().position(|set| &*set.name == name)?;
        u8::try_from(index).ok().map(SetId)
    }

    pub(super) fn read(
        root: &mut Section<'_, '_>,
        options: &Options,
        volumes: &Volumes,
        builtin: &[String],
    ) -> Self {
        let mut all = Self::default();
        for (table, at) in root.tables("sensitive") {
            let mut section = Section::new(schema::SENSITIVE, "[[sensitive]]", &at, table, root.complaints);
            if all.sets.len() == SetMask::LIMIT {
                let message = format!("more than {} sensitive sets", SetMask::LIMIT);
                section.complaints.error(&at, Complaint::new(message).hint("melt some of them together"));
                break;
            }
            all.read_one(&mut section, options, volumes, builtin);
            section.finish();
        }
        all.off = builtin.iter().filter(|name| all.named(name).is_none()).cloned().collect();
        all
    }

    fn read_one(
        &mut self,
        section: &mut Section<'_, '_>,
        options: &Options,
        volumes: &Volumes,
        builtin: &[String],
    ) {
        let name = name(section, "sensitive");
        section.extends();
        let severity = section.read("severity", one_of(&SEVERITIES));
        let glob = |node: &Node| Ok(Glob::parse(written(node)?, volumes)?);
        let include = section.filled("paths", glob);
        let exclude = section.list("exclude", glob);
        let window = section.window("window");
        let min_bytes = section.read("min_bytes", size);
        if include.is_none() {
            section.missing("paths", "name the files: paths = [\"~/Documents/secret/**\"]");
        }
        let (Some(name), Ok(set)) = (name, u8::try_from(self.sets.len())) else { return };
        self.sets.push(SensitiveSet {
            builtin: builtin.contains(&name),
            name: Arc::from(name),
            severity: severity.map_or(Severity::Medium, |value| value.value),
            window: window.map_or(options.window_default, |value| value.value),
            min_bytes: min_bytes.map_or(options.min_bytes, |value| value.value),
        });
        self.paths.push(SetPaths { set: SetId(set), include: plain(include), exclude: plain(exclude) });
    }
}

/// The values alone.
pub(super) fn plain<T>(list: Option<Value<Vec<Value<T>>>>) -> Vec<T> {
    list.map(|list| list.value.into_iter().map(|value| value.value).collect()).unwrap_or_default()
}

/// The entry's name, which its messages bear from now on.
pub(super) fn name(section: &mut Section<'_, '_>, list: &str) -> Option<String> {
    let name = section.require("name", "every entry has a name of its own", own_name)?.value;
    section.set_title(format!("[[{list}]] \"{name}\""));
    Some(name)
}

fn own_name(node: &Node) -> Result<String, Complaint> {
    match text(node)? {
        star if star == "*" => {
            Err(Complaint::new("`*` is no name: where names are asked for it stands for all of them")
                .hint("give the entry a name of its own"))
        }
        name => Ok(name),
    }
}

pub(super) fn services(root: &mut Section<'_, '_>) -> Vec<ServiceNames> {
    let mut services = Vec::new();
    for (table, at) in root.tables("service") {
        let mut section = Section::new(schema::SERVICE, "[[service]]", &at, table, root.complaints);
        services.extend(service(&mut section));
        section.finish();
    }
    services
}

fn service(section: &mut Section<'_, '_>) -> Option<ServiceNames> {
    let name = name(section, "service");
    section.extends();
    let categories = Category::ALL.map(|category| (category.as_str(), category));
    let hint = "file-sync, object-store, file-transfer, paste, code-host, messaging, tunnel or backup";
    let category = section.require("category", hint, one_of(&categories));
    let domain = |node: &Node| Ok(DomainPattern::parse(written(node)?)?);
    let tenant = |node: &Node| Ok(DomainPattern::parse_tenant(written(node)?)?);
    let before = section.complaints.count();
    let domains = section.list("domains", domain);
    let tenants = section.list("tenants", tenant);
    let except = section.list("except", domain);
    let upload = section.read("upload", boolean);
    let names = ServiceNames {
        service: Service {
            name: Arc::from(name?),
            category: category?.value,
            upload: upload.is_none_or(|value| value.value),
        },
        domains: plain(domains),
        tenants: plain(tenants),
        except: plain(except),
    };
    // Of those that are there and cannot be used it has been said what is wrong with them.
    let sound = section.complaints.is_sound_since(before);
    if sound && names.domains.is_empty() && names.tenants.is_empty() {
        section.missing("domains", "name the hosts: domains = [\"storage.example.com\"]");
    }
    Some(names)
}

pub(super) fn mail(root: &mut Section<'_, '_>) -> Vec<MailServers> {
    let mut all = Vec::new();
    for (table, at) in root.tables("mail") {
        let mut section = Section::new(schema::MAIL, "[[mail]]", &at, table, root.complaints);
        name(&mut section, "mail");
        section.extends();
        let host = |node: &Node| Ok(DomainPattern::parse(written(node)?)?);
        let label = |node: &Node| Ok(text(node)?.to_lowercase().into_boxed_str());
        all.push(MailServers {
            hosts: plain(section.list("hosts", host)),
            labels: plain(section.list("labels", label)),
            ports: plain(section.list("ports", port)),
        });
        section.finish();
    }
    all
}

fn port(node: &Node) -> Result<u16, Complaint> {
    let wrong = || Complaint::new("a port is a number from 1 to 65535");
    match node.kind {
        Kind::Integer(number) => u16::try_from(number).ok().filter(|port| *port > 0).ok_or_else(wrong),
        _ => Err(expected("a port", node).hint("for example 587")),
    }
}

/// The id of a service by its name.
pub(super) fn service_named(services: &[ServiceNames], name: &str) -> Option<ServiceId> {
    let index = services.iter().position(|names| &*names.service.name == name)?;
    u16::try_from(index).ok().map(ServiceId)
}

pub(super) fn sync_roots(
    root: &mut Section<'_, '_>,
    services: &[ServiceNames],
    volumes: &Volumes,
) -> Vec<SyncRoot> {
    let mut roots = Vec::new();
    for (table, at) in root.tables("sync_root") {
        let mut section = Section::new(schema::SYNC_ROOT, "[[sync_root]]", &at, table, root.complaints);
        roots.extend(sync_root(&mut section, services, volumes));
        section.finish();
    }
    roots
}

fn sync_root(
    section: &mut Section<'_, '_>,
    services: &[ServiceNames],
    volumes: &Volumes,
) -> Option<SyncRoot> {
    section.extends();
    let builtin = section.at().origin == Origin::BuiltIn;
    let name = section.read("name", text);
    let glob = |node: &Node| {
        let text = text(node)?;
        Ok((Glob::parse_with_tenant(&text, volumes)?, text))
    };
    let path =
        section.require("path", "the folder: path = \"~/Library/CloudStorage/GoogleDrive-{tenant}\"", glob);
    let known = |node: &Node| {
        let name = text(node)?;
        service_named(services, &name).ok_or_else(|| unknown_service(&name, services))
    };
    let client = read_process::list(section, "client", volumes);
    // A built-in root goes with its service when that is switched off.
    let service = match section.node("service") {
        Some(node) if builtin => known(node).ok(),
        _ => section
            .require("service", "name the service that the folder goes to", known)
            .map(|value| value.value),
    };
    let (path, text) = path?.value;
    let name = name.map_or(text, |name| name.value);
    Some(SyncRoot {
        name: Arc::from(name),
        service: service?,
        path,
        client: client.unwrap_or_default(),
        builtin,
    })
}

pub(super) fn unknown_service(name: &str, services: &[ServiceNames]) -> Complaint {
    let complaint = Complaint::new(format!("no service is named `{name}`"));
    complaint.did_you_mean(name, services.iter().map(|names| &*names.service.name))
}
