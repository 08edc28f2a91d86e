//! Programs whose options carry secrets under names that others use for something else.

/// Options of one program whose meaning others do not share.
pub struct Program {
    pub names: &'static [&'static str],
    /// A secret follows, as the next word or attached.
    pub secret: &'static [&'static str],
    /// A secret may be attached: `-pSECRET`. The next word is something else.
    pub attached: &'static [&'static str],
    /// `user:password` follows.
    pub login: &'static [&'static str],
    /// `file:password` follows.
    pub certificate: &'static [&'static str],
    /// Behind this verb, so many words are kept and so many hidden.
    pub verbs: &'static [(&'static str, usize, usize)],
    /// Behind one of these verbs `password` are followed by a secret; elsewhere they are something else.
    pub behind: &'static [&'static str],
    pub password: &'static [&'static str],
}

pub const NONE: Program = Program {
    names: &[],
    secret: &[],
    attached: &[],
    login: &[],
    certificate: &[],
    verbs: &[],
    behind: &[],
    password: &["-p"],
};

pub const PROGRAMS: [Program; 24] = [
    Program {
        names: &["curl", "wget", "wget2", "aria2c"],
        secret: &["-b", "--cookie"],
        login: &["-u", "-U"],
        certificate: &["-E", "--cert", "--proxy-cert"],
        ..NONE
    },
    Program {
        names: &["dscl"],
        secret: &["-P"],
        verbs: &[
            ("authonly", 1, 1),
            ("-authonly", 1, 1),
            ("auth", 1, 1),
            ("-auth", 1, 1),
            ("passwd", 1, 2),
            ("-passwd", 1, 2),
        ],
        ..NONE
    },
    Program { names: &["http", "https", "httpie", "xh", "xhs"], secret: &["-a"], ..NONE },
    Program { names: &["az"], behind: &["login", "sql", "mysql", "postgres", "mariadb", "synapse"], ..NONE },
    Program {
        names: &["docker", "podman", "nerdctl", "finch", "helm", "oras", "crane", "skopeo", "oc", "cf"],
        behind: &["login"],
        ..NONE
    },
    Program { names: &["twine"], secret: &["-p"], ..NONE },
    Program {
        names: &[
            "megatools",
            "megacopy",
            "megadf",
            "megaget",
            "megals",
            "megamkdir",
            "megaput",
            "megareg",
            "megarm",
        ],
        secret: &["-p"],
        ..NONE
    },
    Program {
        names: &["mega-exec", "mega-cmd", "mega-login", "mega-signup", "mega-confirm", "mega-passwd"],
        verbs: &[
            ("login", 1, 1),
            ("mega-login", 1, 1),
            ("signup", 1, 1),
            ("mega-signup", 1, 1),
            ("confirm", 2, 1),
            ("mega-confirm", 2, 1),
            ("passwd", 0, 2),
            ("mega-passwd", 0, 2),
        ],
        ..NONE
    },
    Program {
        names: &["mysql", "mysqldump", "mysqladmin", "mysqlimport", "mysqlsh", "mariadb", "mariadb-dump"],
        attached: &["-p"],
        ..NONE
    },
    Program { names: &["sshpass"], secret: &["-p"], ..NONE },
    Program { names: &["7z", "7za", "7zz", "7zr"], attached: &["-p"], ..NONE },
    Program { names: &["rar", "unrar"], attached: &["-hp", "-p"], ..NONE },
    Program { names: &["zip", "unzip"], secret: &["-P"], ..NONE },
    Program { names: &["openssl"], secret: &["-k", "-K"], ..NONE },
    Program {
        names: &["security"],
        secret: &["-p", "-w", "-P", "-X"],
        behind: &["set-keychain-password"],
        password: &["-o"],
        ..NONE
    },
    Program { names: &["redis-cli"], secret: &["-a"], ..NONE },
    Program { names: &["ldapsearch", "ldapmodify", "ldapadd"], secret: &["-w"], ..NONE },
    Program {
        names: &["lftp", "smbclient", "ncftpput", "ncftp"],
        secret: &["-p"],
        login: &["-u", "-U"],
        ..NONE
    },
    Program { names: &["mosquitto_pub", "sqlcmd", "bcp"], secret: &["-P"], ..NONE },
    Program { names: &["doctl"], secret: &["-t"], ..NONE },
    Program { names: &["swift"], secret: &["-K"], ..NONE },
    Program { names: &["mc", "mcli"], verbs: &[("set", 2, 2)], ..NONE },
    Program {
        names: &["b2"],
        verbs: &[("authorize-account", 1, 1), ("authorize_account", 1, 1), ("authorize", 1, 1)],
        ..NONE
    },
    Program { names: &["rclone"], verbs: &[("obscure", 0, 1), ("pass", 0, 1), ("token", 0, 1)], ..NONE },
];
