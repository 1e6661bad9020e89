//! The command line: Redis's way of giving directives, and the few options of our own.
//!
//! Redis takes `[file] [--directive value ...] ... [-]`, where a value may itself begin with `--`.
//! So the arguments are split by Redis's rules here, and clap serves `--help` and `--version` only.

use super::file::Source;
use crate::version::{COREWIRE_VERSION, REDIS_VERSION, build_id};
use common::words;
use std::path::Path;

/// What the program is to be, which the name it is called by decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The server.
    Server,
    /// `redis-sentinel`, or `--sentinel` among the arguments.
    Sentinel,
}

impl Role {
    /// Why the program cannot take this role, where it cannot.
    pub fn refusal(self) -> Option<&'static str> {
        match self {
            Self::Server => None,
            Self::Sentinel => Some("Corewire cannot run as a Sentinel yet: use redis-sentinel."),
        }
    }
}

/// How to start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// The configuration to read.
    pub source: Source,
    /// Whether there were any arguments: without them Redis warns that it uses defaults.
    pub configured: bool,
}

/// What the command line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandLine {
    /// Run in this role.
    Run(Role, Start),
    /// Print this to standard output and end with status 0.
    Print(String),
    /// Run the system checks.
    CheckSystem,
    /// Run `redis-check-rdb` with these arguments.
    CheckRdb(Vec<Vec<u8>>),
    /// `redis-check-aof`, with its arguments.
    CheckAof(Vec<Vec<u8>>),
    /// Print this to standard error and end with status 1.
    Fail(String),
}

const AFTER_HELP: &str = "\
Directives of redis.conf may follow, each as --<directive> <value> ...:

  corewire-server /etc/redis/redis.conf
  corewire-server --port 7777 --save \"\" --loglevel verbose
  corewire-server /etc/redis/redis.conf --replicaof 127.0.0.1 8888
  echo 'maxmemory 128mb' | corewire-server -
  corewire-server check-rdb dump.rdb

redis.conf.example lists all directives with their defaults.";

fn command() -> clap::Command {
    use clap::{Arg, ArgAction, Command};
    Command::new("corewire-server")
        .about("A Redis-compatible in-memory server")
        .override_usage("corewire-server [/path/to/redis.conf] [--<directive> <value>...]... [-]")
        .after_help(AFTER_HELP)
        .disable_version_flag(true)
        .arg(
            Arg::new("config")
                .value_name("FILE")
                .help("Configuration file"),
        )
        .arg(
            Arg::new("version")
                .short('v')
                .long("version")
                .action(ArgAction::SetTrue)
                .help("Print version"),
        )
        .arg(
            Arg::new("log-format")
                .long("log-format")
                .value_name("FORMAT")
                .help("Form of log lines: legacy, logfmt or json"),
        )
        .arg(
            Arg::new("check-system")
                .long("check-system")
                .action(ArgAction::SetTrue)
                .help("Check the system's settings and end"),
        )
        .arg(
            Arg::new("sentinel")
                .long("sentinel")
                .action(ArgAction::SetTrue)
                .help("Run as a Sentinel"),
        )
}

/// The version line, in the form that clients and tools look for, with our own name after it.
fn version() -> String {
    format!(
        "Redis server v={REDIS_VERSION} sha=00000000:0 malloc=mimalloc bits={} build={:x} \
         (Corewire {COREWIRE_VERSION})\n",
        usize::BITS,
        build_id(),
    )
}

/// Understands the arguments, of which the first is the program's name.
pub fn parse_command_line(args: &[Vec<u8>]) -> CommandLine {
    let program = args
        .first()
        .map(|a| String::from_utf8_lossy(a).into_owned())
        .unwrap_or_default();
    let program = Path::new(&program)
        .file_name()
        .unwrap_or_default()
        .to_string_lossy();
    let args = args.get(1..).unwrap_or_default();
    let role = match () {
        () if program.contains("redis-check-rdb") => return CommandLine::CheckRdb(args.to_vec()),
        () if args.first().is_some_and(|arg| arg == b"check-rdb") => {
            return CommandLine::CheckRdb(args[1..].to_vec());
        }
        () if program.contains("redis-check-aof") => return CommandLine::CheckAof(args.to_vec()),
        () if args.first().is_some_and(|arg| arg == b"check-aof") => {
            return CommandLine::CheckAof(args[1..].to_vec());
        }
        () if program.contains("redis-sentinel") => Role::Sentinel,
        () if args.iter().any(|a| a == b"--sentinel") => Role::Sentinel,
        () => Role::Server,
    };
    match args.first().map(Vec::as_slice) {
        Some(b"-v" | b"--version") => CommandLine::Print(version()),
        Some(b"-h" | b"--help") => CommandLine::Print(command().render_long_help().to_string()),
        Some(b"--check-system") => CommandLine::CheckSystem,
        Some(b"--test-memory") => CommandLine::Fail(
            "--test-memory is not supported: use a tool that tests all of the machine's memory, \
             such as memtest86+.\n"
                .to_owned(),
        ),
        first => {
            let start = Start {
                source: source(args),
                configured: first.is_some(),
            };
            CommandLine::Run(role, start)
        }
    }
}

/// The configuration that the arguments name. Each option becomes a line to be read after the file.
fn source(args: &[Vec<u8>]) -> Source {
    let mut source = Source::default();
    let mut args = args;
    if let [first, rest @ ..] = args
        && first.first().is_some_and(|b| *b != b'-')
    {
        source.path = Some(std::ffi::OsString::from(os(first)).into());
        args = rest;
    }
    let options = &mut source.options;
    // Whether the option before has a value, so that `--` begins another one.
    let mut complete = true;
    let on_command_line_first = source.path.is_none();
    for (at, arg) in args.iter().enumerate() {
        let (is_first, is_last) = (at == 0 && on_command_line_first, at + 1 == args.len());
        if arg == b"-" && (is_first || is_last) {
            source.stdin = true;
        } else if complete && arg.starts_with(b"--") {
            if !options.is_empty() {
                options.push(b'\n');
            }
            options.extend(&arg[2..]);
            options.push(b' ');
            let next_is_option = args.get(at + 1).is_some_and(|next| next.starts_with(b"--"));
            let alone = words::split(arg).is_some_and(|words| words.len() == 1);
            complete = !alone;
            // Up to Redis 6 options could be empty; for these two that still holds.
            if alone && arg.eq_ignore_ascii_case(b"--save") && (next_is_option || is_last) {
                options.extend(b"\"\"");
                complete = next_is_option;
            } else if alone && arg.eq_ignore_ascii_case(b"--sentinel") {
                complete = next_is_option;
            }
        } else {
            options.extend(words::quote(arg).into_bytes());
            options.push(b' ');
            complete = true;
        }
    }
    source
}

fn os(bytes: &[u8]) -> &std::ffi::OsStr {
    std::os::unix::ffi::OsStrExt::from_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(args: &[&str]) -> Start {
        let args: Vec<Vec<u8>> = ["corewire-server"]
            .iter()
            .chain(args)
            .map(|a| a.as_bytes().to_vec())
            .collect();
        match parse_command_line(&args) {
            CommandLine::Run(Role::Server, start) => start,
            other => panic!("{other:?}"),
        }
    }

    fn options(args: &[&str]) -> String {
        String::from_utf8(run(args).source.options).expect("text")
    }

    #[test]
    fn options_become_lines_as_redis_makes_them() {
        let cases: [(&[&str], &str); 9] = [
            (
                &["--port", "7000", "--save", ""],
                "port \"7000\" \nsave \"\" ",
            ),
            (&["--save", "60", "100"], "save \"60\" \"100\" "),
            (&["--save", "--port", "1"], "save \"\"\nport \"1\" "),
            (&["--port", "1", "--save"], "port \"1\" \nsave \"\""),
            (
                &["--port", "--bla", "--loglevel", "x"],
                "port \"--bla\" \nloglevel \"x\" ",
            ),
            (
                &["--maxmemory 700mb", "--port", "1"],
                "maxmemory 700mb \nport \"1\" ",
            ),
            (&["--port"], "port "),
            (
                &["--proc-title-template", "--save", "--save", ""],
                "proc-title-template \"--save\" \nsave \"\" ",
            ),
            (&["--a", "b", "c"], "a \"b\" \"c\" "),
        ];
        for (args, expected) in cases {
            assert_eq!(options(args), expected, "{args:?}");
        }
    }

    #[test]
    fn file_and_standard_input_are_told_from_options() {
        let start = run(&["/etc/redis.conf", "--port", "1", "-"]);
        assert_eq!(
            start.source.path.as_deref(),
            Some(Path::new("/etc/redis.conf"))
        );
        assert!(start.source.stdin);
        assert_eq!(start.source.options, b"port \"1\" ");
        assert!(run(&["-"]).source.stdin);
        assert!(!run(&[]).configured);
    }

    #[test]
    fn the_name_decides_the_role() {
        let role = |args: &[&str]| {
            let args: Vec<Vec<u8>> = args.iter().map(|a| a.as_bytes().to_vec()).collect();
            match parse_command_line(&args) {
                CommandLine::Run(role, _) => role,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(role(&["/usr/bin/redis-sentinel", "x.conf"]), Role::Sentinel);
        let check = parse_command_line(&[b"redis-check-rdb".to_vec(), b"x".to_vec()]);
        assert_eq!(check, CommandLine::CheckRdb(vec![b"x".to_vec()]));
        let check = parse_command_line(&["corewire-server", "check-aof", "x"].map(|a| a.into()));
        assert_eq!(check, CommandLine::CheckAof(vec![b"x".to_vec()]));
        assert_eq!(
            role(&["redis-server", "x.conf", "--sentinel"]),
            Role::Sentinel
        );
        assert_eq!(role(&["/redis-sentinel/redis-server"]), Role::Server);
    }

    #[test]
    fn version_and_help_are_printed() {
        let ask = |arg: &str| parse_command_line(&[b"x".to_vec(), arg.as_bytes().to_vec()]);
        let CommandLine::Print(version) = ask("--version") else {
            panic!("no version")
        };
        assert!(
            version.starts_with("Redis server v=7.0.15 sha="),
            "{version}"
        );
        let CommandLine::Print(help) = ask("-h") else {
            panic!("no help")
        };
        assert!(help.contains("--log-format"), "{help}");
        assert!(matches!(ask("--test-memory"), CommandLine::Fail(_)));
    }
}
