//! CSV (RFC 4180): that of Purview and `Export-Csv`, in which each row's `AuditData` is a record, and that of Log Analytics'
//! table `AzureActivity`, in which each row is one.

use serde_json::{Map, Value};

use super::Audit;

/// The column of records, in lower case.
const COLUMN: &str = "auditdata";
/// A column that only rows which are records have.
const OPERATION: &str = "OperationNameValue";

pub(super) fn read(bytes: &[u8], audit: &mut Audit) {
    let text = String::from_utf8_lossy(bytes);
    let mut rows = Rows { rest: &text, line: 1 };
    // `Export-Csv` may write its type in a line before the header.
    let header = loop {
        match rows.next() {
            Some((_, row)) if row.len() == 1 && row[0].starts_with('#') => {}
            Some((_, row)) => break row,
            None => return,
        }
    };
    // The portal adds the zone: `TimeGenerated [UTC]`.
    let name = |cell: &String| cell.trim().trim_end_matches(" [UTC]").to_owned();
    let header: Vec<String> = header.iter().map(name).collect();
    let rows = rows.filter(|(_, row)| !row.iter().all(String::is_empty));
    if let Some(column) = header.iter().position(|name| name.eq_ignore_ascii_case(COLUMN)) {
        for (line, row) in rows {
            match row.get(column).map(|cell| serde_json::from_str(cell)) {
                Some(Ok(record)) => audit.take(&record, line),
                Some(Err(error)) => audit.complain(line, format!("broken JSON in AuditData: {error}")),
                None => audit.complain(line, "a row without AuditData"),
            }
        }
    } else if header.iter().any(|name| name == OPERATION) {
        for (line, row) in rows {
            let cells = header.iter().cloned().zip(row.into_iter().map(Value::String));
            audit.take(&Value::Object(cells.collect::<Map<_, _>>()), line);
        }
    }
}

/// Rows with the line that each begins in.
struct Rows<'a> {
    rest: &'a str,
    line: u64,
}

impl Iterator for Rows<'_> {
    type Item = (u64, Vec<String>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let (begins, mut row) = (self.line, Vec::new());
        loop {
            let (cell, ends) = self.cell();
            row.push(cell);
            if ends {
                return Some((begins, row));
            }
        }
    }
}

impl Rows<'_> {
    /// One cell, and whether its row ends with it.
    fn cell(&mut self) -> (String, bool) {
        let mut cell = String::new();
        if let Some(mut inside) = self.rest.strip_prefix('"') {
            while let Some(at) = inside.find('"') {
                cell.push_str(&inside[..at]);
                inside = &inside[at + 1..];
                match inside.strip_prefix('"') {
                    Some(rest) => inside = rest,
                    None => break,
                }
                cell.push('"');
            }
            // A quote that is never closed takes the rest.
            if !inside.is_empty() && self.rest.len() > 1 && !self.rest[1..].contains('"') {
                cell.push_str(inside);
                inside = "";
            }
            self.line += cell.bytes().filter(|byte| *byte == b'\n').count() as u64;
            self.rest = inside;
        }
        let end = self.rest.find([',', '\n']).unwrap_or(self.rest.len());
        cell.push_str(self.rest[..end].trim_end_matches('\r'));
        let comma = self.rest[end..].starts_with(',');
        self.line += u64::from(self.rest[end..].starts_with('\n'));
        self.rest = self.rest.get(end + 1..).unwrap_or_default();
        (cell, !comma)
    }
}
