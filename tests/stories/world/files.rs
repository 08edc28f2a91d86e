//! What programs do with files.

use super::{Proc, World, file, quoted};

impl World {
    pub fn open(&mut self, at: f64, who: &Proc, path: &str) {
        self.open_flags(at, who, path, 1);
    }

    pub fn open_flags(&mut self, at: f64, who: &Proc, path: &str, flags: u32) {
        self.inode += 1;
        let body = format!("\"open\":{{\"fflag\":{flags},\"file\":{}}}", file(path, self.inode, 1));
        self.event(at, who, 10, &body);
    }

    pub fn open_inode(&mut self, at: f64, who: &Proc, path: &str, inode: u64) {
        let body = format!("\"open\":{{\"fflag\":1,\"file\":{}}}", file(path, inode, 2));
        self.event(at, who, 10, &body);
    }

    /// Opens a named pipe.
    pub fn open_fifo(&mut self, at: f64, who: &Proc, (path, inode): (&str, u64), flags: u32) {
        let fifo = file(path, inode, 1).replace("\"st_mode\":33188", "\"st_mode\":4516");
        let body = format!("\"open\":{{\"fflag\":{flags},\"file\":{fifo}}}");
        self.event(at, who, 10, &body);
    }

    /// Creates a file, writes it and closes it.
    pub fn write(&mut self, at: f64, who: &Proc, path: &str) {
        self.inode += 1;
        self.write_inode(at, who, path, self.inode);
    }

    /// Creates this file, writes it and closes it.
    pub fn write_inode(&mut self, at: f64, who: &Proc, path: &str, inode: u64) {
        self.create(at, who, path);
        self.close_changed(at + 0.01, who, path, inode);
    }

    /// Gives a file an extended attribute.
    pub fn set_attribute(&mut self, at: f64, who: &Proc, (path, inode): (&str, u64), name: &str) {
        let target = file(path, inode, 1);
        let body = format!("\"setextattr\":{{\"target\":{target},\"extattr\":{}}}", quoted(name));
        self.event(at, who, 27, &body);
    }

    pub fn create(&mut self, at: f64, who: &Proc, path: &str) {
        let (dir, name) = path.rsplit_once('/').unwrap();
        let created = format!(
            "\"create\":{{\"destination_type\":1,\"destination\":{{\"new_path\":{{\"dir\":{},\"filename\":{},\"mode\":420}}}},\"acl\":null}}",
            file(dir, 0, 1),
            quoted(name)
        );
        self.event(at, who, 13, &created);
    }

    /// Opens a file that there is, writes it and closes it.
    pub fn rewrite(&mut self, at: f64, who: &Proc, path: &str, inode: u64, flags: u32) {
        let body = format!("\"open\":{{\"fflag\":{flags},\"file\":{}}}", file(path, inode, 1));
        self.event(at, who, 10, &body);
        self.close_changed(at + 0.01, who, path, inode);
    }

    pub fn close_changed(&mut self, at: f64, who: &Proc, path: &str, inode: u64) {
        let closed = format!(
            "\"close\":{{\"modified\":true,\"target\":{},\"was_mapped_writable\":false}}",
            file(path, inode, 1)
        );
        self.event(at, who, 12, &closed);
    }

    /// The name that it gets was that of `replaced`, if that is one.
    pub fn rename_inode(
        &mut self,
        at: f64,
        who: &Proc,
        (from, inode): (&str, u64),
        to: &str,
        replaced: Option<u64>,
    ) {
        let (dir, name) = to.rsplit_once('/').unwrap();
        let destination = match replaced {
            Some(replaced) => format!("\"existing_file\":{}", file(to, replaced, 1)),
            None => format!("\"new_path\":{{\"dir\":{},\"filename\":{}}}", file(dir, 0, 1), quoted(name)),
        };
        let kind = u8::from(replaced.is_none());
        let body = format!(
            "\"rename\":{{\"source\":{},\"destination_type\":{kind},\"destination\":{{{destination}}}}}",
            file(from, inode, 1)
        );
        self.event(at, who, 25, &body);
    }

    pub fn unlink(&mut self, at: f64, who: &Proc, (path, inode): (&str, u64)) {
        let (dir, _) = path.rsplit_once('/').unwrap();
        let (target, parent) = (file(path, inode, 1), file(dir, 0, 1));
        self.event(at, who, 32, &format!("\"unlink\":{{\"target\":{target},\"parent_dir\":{parent}}}"));
    }

    /// Two files change places.
    pub fn exchange(&mut self, at: f64, who: &Proc, one: (&str, u64), other: (&str, u64)) {
        let [one, other] = [one, other].map(|(path, inode)| file(path, inode, 1));
        self.event(at, who, 14, &format!("\"exchangedata\":{{\"file1\":{one},\"file2\":{other}}}"));
    }

    /// Two folders do.
    pub fn exchange_folders(&mut self, at: f64, who: &Proc, one: &str, other: &str) {
        self.exchange(at, who, (one, 0), (other, 0));
        self.as_folder();
    }

    pub fn rename(&mut self, at: f64, who: &Proc, from: &str, to: &str) {
        let (dir, name) = to.rsplit_once('/').unwrap();
        let body = format!(
            "\"rename\":{{\"source\":{},\"destination_type\":1,\"destination\":{{\"new_path\":{{\"dir\":{},\"filename\":{}}}}}}}",
            file(from, 0, 1),
            file(dir, 0, 1),
            quoted(name)
        );
        self.event(at, who, 25, &body);
    }

    /// The same for a folder.
    pub fn rename_folder(&mut self, at: f64, who: &Proc, from: &str, to: &str) {
        self.rename(at, who, from, to);
        self.as_folder();
    }

    /// A folder is copied by the system: `clone` or `copyfile`.
    pub fn copy_folder(&mut self, at: f64, who: &Proc, kind: &str, from: &str, to: &str) {
        self.copy_file(at, who, kind, from, to);
        self.as_folder();
    }

    /// The same of a file.
    pub fn copy_file(&mut self, at: f64, who: &Proc, kind: &str, from: &str, to: &str) {
        let (dir, name) = to.rsplit_once('/').unwrap();
        let number = if kind == "clone" { 61 } else { 110 };
        let body = format!(
            "\"{kind}\":{{\"source\":{},\"target_dir\":{},\"target_name\":{}}}",
            file(from, 0, 1),
            file(dir, 0, 1),
            quoted(name)
        );
        self.event(at, who, number, &body);
    }

    /// A symbolic link, told of when it is there.
    pub fn symlink(&mut self, at: f64, who: &Proc, path: &str) {
        let body = format!(
            "\"create\":{{\"destination_type\":0,\"destination\":{{\"existing_file\":{}}},\"acl\":null}}",
            file(path, 77, 1).replace("\"st_mode\":33188", "\"st_mode\":41453")
        );
        self.event(at, who, 13, &body);
    }

    /// The last event spoke of a folder.
    fn as_folder(&mut self) {
        if let Some((_, line)) = self.lines.last_mut() {
            *line = line.replacen("\"st_mode\":33188", "\"st_mode\":16877", usize::MAX);
        }
    }

    /// A volume appears.
    pub fn mount(&mut self, at: f64, who: &Proc, on: &str) {
        self.mount_from(at, who, "/dev/disk5s1", on);
    }

    pub fn mount_from(&mut self, at: f64, who: &Proc, from: &str, on: &str) {
        self.mount_kind(at, who, ("apfs", from), on);
    }

    /// A volume of this type, mounted from there, appears.
    pub fn mount_kind(&mut self, at: f64, who: &Proc, of: (&str, &str), on: &str) {
        let body = format!("\"mount\":{{{},\"disposition\":1}}", statfs(of, on));
        self.event(at, who, 22, &body);
    }

    pub fn unmount(&mut self, at: f64, who: &Proc, of: (&str, &str), on: &str) {
        let body = format!("\"unmount\":{{{}}}", statfs(of, on));
        self.event(at, who, 23, &body);
    }

    pub fn link(&mut self, at: f64, who: &Proc, from: &str, to: &str, inode: u64) {
        let (dir, name) = to.rsplit_once('/').unwrap();
        let body = format!(
            "\"link\":{{\"source\":{},\"target_dir\":{},\"target_filename\":{}}}",
            file(from, inode, 2),
            file(dir, 0, 1),
            quoted(name)
        );
        self.event(at, who, 19, &body);
    }

    /// An open that another product's client refused.
    pub fn open_refused(&mut self, at: f64, who: &Proc, path: &str) {
        self.open(at, who, path);
        if let Some((_, line)) = self.lines.last_mut() {
            *line = line.replace(
                "\"result\":{\"auth\":0},\"result_type\":0",
                "\"result\":{\"flags\":0},\"result_type\":1",
            );
        }
    }

    /// A path so long that the system cut it.
    pub fn open_cut(&mut self, at: f64, who: &Proc, path: &str) {
        self.open(at, who, path);
        if let Some((_, line)) = self.lines.last_mut() {
            let cut = line.replacen("\"path_truncated\":false", "\"path_truncated\":true", usize::MAX);
            *line = cut;
        }
    }
}

fn statfs((kind, from): (&str, &str), on: &str) -> String {
    let (kind, from, on) = (quoted(kind), quoted(from), quoted(on));
    format!("\"statfs\":{{\"f_mntfromname\":{from},\"f_mntonname\":{on},\"f_fstypename\":{kind}}}")
}
