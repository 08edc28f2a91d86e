//! Volumes that come and go.

use crate::model::{Backing, FilePath, What};

use super::events::{Context, Read};
use super::kind::Kind;
use super::scan::Scanner;
use super::text::Text;

/// `{"statfs":{"f_mntonname":"/Volumes/x","f_mntfromname":"/dev/disk5s1",...},...}`
pub(super) fn read<G: ?Sized>(
    kind: Kind,
    scanner: &mut Scanner<'_>,
    context: &mut Context<'_, G>,
) -> Read<Option<What>> {
    let (mut on, mut from, mut named) = (None, None, None);
    scanner.fields(|scanner, key| {
        match key {
            b"statfs" => {
                scanner.fields(|scanner, key| {
                    match key {
                        b"f_mntonname" => on = scanner.text()?,
                        b"f_mntfromname" => from = scanner.text()?,
                        b"f_fstypename" => named = scanner.text()?,
                        _ => scanner.skip()?,
                    }
                    Ok(())
                })?;
            }
            _ => scanner.skip()?,
        }
        Ok(())
    })?;
    let mut bytes = |text: Option<Text<'_>>| match text {
        Some(text) => text.bytes(context.tools.scratch).to_vec(),
        None => Vec::new(),
    };
    let (named, from) = (bytes(named), bytes(from));
    let at = on.map(|on| FilePath::new(&bytes(Some(on))));
    Ok(at.map(|at| match kind {
        Kind::Unmount => What::Unmounted { at },
        _ => What::Mounted { at, backing: Backing::of(&named, &from) },
    }))
}
