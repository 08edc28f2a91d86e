//! How interpreters read their command lines, by their manuals. Options that are not listed have no value and bring no
//! code, and what is taken for an option with a value hides the word behind it: those must be complete above all.

use super::{Brings, Grammar, NONE, Operand, Takes, runtimes};

use Takes::{
    Alone, Beside, Code, Deaf, Folders, Isolated, Module, Next, Part, Rest, Script, Setting, Skip, Stop,
    Value,
};

pub(super) const GRAMMARS: [Grammar; 20] = [
    Grammar {
        names: &["python", "pythonw", "python3-intel", "pypy"],
        options: &[
            ("-c", Code),
            ("-m", Module),
            ("-i", Alone),
            ("-E", Deaf),
            ("-I", Isolated),
            ("-W", Value),
            ("-X", Setting),
            ("--check-hash-based-pycs", Value),
        ],
        env: &[
            ("PYTHONPATH", Brings::Folders),
            ("PYTHONHOME", Brings::Folders),
            ("PYTHONUSERBASE", Brings::Folders),
            ("PYTHONINSPECT", Brings::Code),
            ("PYTHONSTARTUP", Brings::Prompt),
            // Compiled modules, which are believed by the date and size of their source.
            ("PYTHONPYCACHEPREFIX", Brings::Folders),
            ("PYTHONEXECUTABLE", Brings::Launcher),
            ("__PYVENV_LAUNCHER__", Brings::Launcher),
        ],
        by_launcher: true,
        ..NONE
    },
    Grammar {
        names: &["perl"],
        options: &[
            ("-e", Code),
            ("-E", Code),
            ("-M", Beside),
            ("-m", Beside),
            ("-I", Folders),
            ("-d", Stop),
            ("-S", Alone),
            ("-x", Rest),
            ("-i", Rest),
            ("-F", Rest),
            ("-D", Rest),
            ("-V", Rest),
            ("-0", Skip("01234567")),
            ("-l", Skip("01234567")),
            ("-C", Skip("0123456789IOESioDALa")),
            ("-T", Deaf),
        ],
        env: &[
            ("PERL5OPT", Brings::Switches),
            ("PERL5LIB", Brings::Folders),
            ("PERLLIB", Brings::Folders),
            ("PERL5DB", Brings::Code),
        ],
        ..NONE
    },
    Grammar {
        names: &["ruby"],
        options: &[
            ("-e", Code),
            ("-r", Beside),
            ("-I", Folders),
            // Other folders to look for the script in.
            ("-C", Beside),
            ("-X", Beside),
            ("-S", Alone),
            ("-E", Value),
            ("--encoding", Value),
            ("--external-encoding", Value),
            ("--internal-encoding", Value),
            ("-x", Rest),
            ("-i", Rest),
            ("-F", Rest),
            ("-K", Rest),
            ("-T", Rest),
            ("-0", Skip("01234567")),
            ("-W", Skip("0123456789")),
        ],
        env: &[("RUBYOPT", Brings::Switches), ("RUBYLIB", Brings::Folders)],
        ..NONE
    },
    Grammar {
        names: &["php"],
        options: &[
            // What follows it is for code from standard input.
            ("--", Code),
            ("-r", Code),
            ("--run", Code),
            ("-B", Code),
            ("--process-begin", Code),
            ("-R", Code),
            ("--process-code", Code),
            ("-E", Code),
            ("--process-end", Code),
            ("-F", Beside),
            ("--process-file", Beside),
            ("-a", Alone),
            ("--interactive", Alone),
            ("-d", Setting),
            ("--define", Setting),
            ("-c", Folders),
            ("--php-ini", Folders),
            ("-z", Beside),
            ("--zend-extension", Beside),
            ("-f", Part),
            ("--file", Part),
            ("-S", Value),
            ("--server", Value),
            ("-t", Value),
            ("--docroot", Value),
        ],
        env: &[("PHPRC", Brings::Folders), ("PHP_INI_SCAN_DIR", Brings::Folders)],
        ..NONE
    },
    runtimes::NODE,
    runtimes::BUN,
    runtimes::DENO,
    runtimes::JAVA,
    Grammar {
        names: &["bash"],
        options: &[
            ("-c", Code),
            ("-s", Code),
            ("-o", Next),
            ("-O", Next),
            ("--rcfile", Beside),
            ("--init-file", Beside),
            ("-p", Deaf),
        ],
        env: &[("BASH_ENV", Brings::Code)],
        ..NONE
    },
    // The `sh` of macOS is bash by default, and any of these may read `ENV`.
    Grammar {
        names: &["sh", "dash", "ksh", "mksh"],
        distinct: false,
        options: &[
            ("-c", Code),
            ("-s", Code),
            ("-o", Next),
            ("--rcfile", Beside),
            ("--init-file", Beside),
            ("-p", Deaf),
        ],
        env: &[("ENV", Brings::File), ("BASH_ENV", Brings::Code)],
        ..NONE
    },
    Grammar {
        names: &["zsh"],
        options: &[("-c", Code), ("-s", Code), ("-o", Next), ("--emulate", Value)],
        ..NONE
    },
    Grammar { names: &["csh", "tcsh"], options: &[("-c", Code), ("-s", Code)], ..NONE },
    Grammar {
        names: &["fish"],
        distinct: false,
        options: &[
            ("-c", Code),
            ("--command", Code),
            ("-C", Beside),
            ("--init-command", Beside),
            ("-d", Value),
            ("--debug", Value),
            ("-o", Value),
            ("--debug-output", Value),
            ("-f", Value),
            ("--features", Value),
            ("--profile", Value),
            ("--profile-startup", Value),
        ],
        ..NONE
    },
    Grammar {
        names: &["pwsh", "powershell"],
        whole: true,
        options: &[
            ("-custompipename", Value),
            ("-configurationname", Value),
            ("-c*", Code),
            ("-ex*", Value),
            ("-ep", Value),
            ("-e*", Code),
            ("-f*", Script),
            ("-noe*", Alone),
            ("-settings*", Beside),
            ("-in*", Value),
            ("-o*", Value),
            ("-w*", Value),
        ],
        ..NONE
    },
    Grammar {
        names: &["osascript"],
        options: &[("-e", Code), ("-l", Value), ("-s", Value), ("-i", Alone)],
        ..NONE
    },
    Grammar {
        names: &["awk", "gawk", "mawk", "nawk"],
        distinct: false,
        operand: Operand::Text,
        options: &[
            ("-e", Code),
            ("--source", Code),
            ("-i", Beside),
            ("--include", Beside),
            ("-l", Beside),
            ("--load", Beside),
            ("-f", Part),
            ("--file", Part),
            ("-E", Script),
            ("--exec", Script),
            ("-v", Value),
            ("--assign", Value),
            ("-F", Value),
            ("--field-separator", Value),
        ],
        ..NONE
    },
    Grammar {
        names: &["lua", "luajit"],
        distinct: false,
        options: &[("-e", Beside), ("-l", Beside), ("-i", Alone), ("-E", Deaf)],
        env: &[("LUA_INIT", Brings::Code), ("LUA_PATH", Brings::Code), ("LUA_CPATH", Brings::Code)],
        ..NONE
    },
    Grammar {
        names: &["expect"],
        distinct: false,
        options: &[("-c", Beside), ("-f", Part), ("-b", Part), ("-i", Alone), ("-D", Stop)],
        ..NONE
    },
    Grammar {
        names: &["tclsh", "wish"],
        distinct: false,
        whole: true,
        options: &[("-encoding", Value)],
        env: &[("TCLLIBPATH", Brings::Code)],
        ..NONE
    },
    Grammar {
        names: &["swift", "swift-frontend"],
        distinct: false,
        whole: true,
        options: &[
            ("-e", Code),
            ("-I*", Alone),
            ("-L*", Alone),
            ("-F*", Alone),
            ("-l*", Alone),
            ("-load-plugin*", Alone),
            ("-sdk", Beside),
            ("-vfsoverlay", Beside),
            ("-Xcc", Beside),
            ("-Xfrontend", Beside),
            ("-target", Value),
            ("-module-name", Value),
            ("-D", Value),
        ],
        verbs: &["run", "build", "test", "package", "repl"],
        ..NONE
    },
];
