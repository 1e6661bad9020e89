//! Tests of reading configuration: lines, their errors in Redis's words, and includes.
//!
//! Files are written to a directory of their own for each test.

use super::*;
use crate::config::Rewriting;

fn load(text: &str) -> Result<Config, String> {
    let config = Config::detached();
    match config.load_text(text.as_bytes(), &mut Collected::default()) {
        Ok(()) => Ok(config),
        Err(error) => Err(error.to_string()),
    }
}

fn get(config: &Config, name: &str) -> String {
    String::from_utf8(config.get(name).expect("known")).expect("text")
}

#[test]
fn lines_are_read_with_quotes_comments_and_units() {
    let config = load(
        "# a comment\n\n  PORT 7000 \r\nmaxmemory 2gb\nrequirepass \"a b\\x21\"\n\
                       unixsocket ''\nsave 900 1\nsave 60 10000\nclient-output-buffer-limit \
                       normal 1 2 3 replica 4 5 6\nlist-max-ziplist-value 7\n",
    )
    .expect("valid");
    assert_eq!(config.int("port"), 7000);
    assert_eq!(config.unsigned("maxmemory"), 2 << 30);
    assert_eq!(config.text("requirepass"), "a b!");
    assert_eq!(config.bytes("unixsocket"), None);
    assert_eq!(config.save_points(), [(900, 1), (60, 10000)]);
    assert_eq!(
        get(&config, "client-output-buffer-limit"),
        "normal 1 2 3 slave 4 5 6 pubsub 33554432 8388608 60"
    );
}

#[test]
fn the_first_save_replaces_the_default_and_an_empty_one_clears() {
    assert_eq!(
        get(&load("port 1").expect("valid"), "save"),
        "3600 1 300 100 60 10000"
    );
    assert_eq!(
        get(&load("save 900 1\nsave \"\"").expect("valid"), "save"),
        ""
    );
    assert_eq!(
        get(&load("save \"\"\nsave 5 6").expect("valid"), "save"),
        "5 6"
    );
    assert_eq!(
        get(&load("save \"5 6 7 8\"").expect("valid"), "save"),
        "5 6 7 8"
    );
}

#[test]
fn refused_lines_are_reported_as_redis_reports_them() {
    let cases = [
        ("port", "wrong number of arguments"),
        ("port 1 2", "wrong number of arguments"),
        ("port x", "argument couldn't be parsed into an integer"),
        ("nonsense 1", "Bad directive or wrong number of arguments"),
        ("port \"1", "Unbalanced quotes in configuration line"),
        ("save \"'1\"", "Unbalanced quotes in configuration line"),
        ("replicaof h abc", "Invalid master port"),
        ("replicaof --127.0.0.1", "wrong number of arguments"),
        (
            "loadmodule /x.so",
            "Modules are not supported: loadmodule cannot load native code",
        ),
        (
            "sentinel monitor a b",
            "sentinel directive while not in sentinel mode",
        ),
        ("module.option", "Module config specified without value"),
        (
            "module.option 1",
            "Module Configuration detected without loadmodule directive",
        ),
        ("user", "Bad directive or wrong number of arguments"),
        ("include a b", "Bad directive or wrong number of arguments"),
    ];
    for (line, reason) in cases {
        let text = format!("timeout 1\n {line} \n");
        let expected = format!(
            "\n*** FATAL CONFIG FILE ERROR (Redis 7.0.15) ***\nReading the configuration file, \
             at line 2\n>>> '{line}'\n{reason}"
        );
        assert_eq!(load(&text).map(drop), Err(expected));
    }
}

#[test]
fn what_only_the_whole_shows_has_no_line() {
    let error = load("cluster-enabled yes\nreplicaof h 1")
        .map(drop)
        .expect_err("refused");
    assert_eq!(
        error,
        "\n*** FATAL CONFIG FILE ERROR (Redis 7.0.15) ***\n\
                       replicaof directive not allowed in cluster mode"
    );
}

#[test]
fn renames_and_users_reach_the_extras() {
    let mut extras = Collected::default();
    let text = b"rename-command CONFIG \"\"\nuser alice on >\"p w\" +@all\n";
    Config::detached()
        .load_text(text, &mut extras)
        .expect("valid");
    assert_eq!(extras.renames, [(b"CONFIG".to_vec(), Vec::new())]);
    assert_eq!(extras.users[0][0], b"alice");
}

#[test]
fn the_text_of_an_extra_is_reported_with_its_line() {
    struct Refusing;
    impl Extras for Refusing {
        fn rename_command(&mut self, _: &[u8], _: &[u8]) -> Result<(), String> {
            Err("No such command in rename-command".to_owned())
        }
        fn user(&mut self, _: &[Vec<u8>]) -> Result<(), String> {
            Ok(())
        }
    }
    let error = Config::detached().load_text(b"rename-command x y", &mut Refusing);
    let text = error.expect_err("refused").to_string();
    assert!(
        text.ends_with("at line 1\n>>> 'rename-command x y'\nNo such command in rename-command")
    );
}

/// A directory of its own for each test, removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("corewire-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("create");
        Self(dir)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).expect("write");
        path
    }

    fn load(&self, text: &str) -> Result<Config, LoadError> {
        let path = self.write(
            "main.conf",
            &text.replace("DIR", &self.0.display().to_string()),
        );
        let config = Config::detached();
        let source = Source {
            path: Some(path),
            ..Source::default()
        };
        config
            .load(&source, &mut Collected::default())
            .map(|()| config)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn includes_are_read_in_place_and_wildcards_in_order() {
    let scratch = Scratch::new("include");
    scratch.write("a1.inc", "port 1\ntimeout 1");
    scratch.write("a2.inc", "port 2");
    scratch.write(".a3.inc", "port 3");
    let config = scratch
        .load("port 9\ninclude DIR/a*.inc\nhz 20")
        .expect("valid");
    assert_eq!(
        (config.int("port"), config.int("timeout"), config.int("hz")),
        (2, 1, 20)
    );
    assert_eq!(
        scratch
            .load("include DIR/none*")
            .expect("valid")
            .int("port"),
        6379
    );
    let missing = scratch
        .load("include DIR/none")
        .map(drop)
        .expect_err("refused")
        .to_string();
    assert!(
        missing.starts_with("Fatal error, can't open config file '"),
        "{missing}"
    );
    assert!(
        missing.ends_with("none': No such file or directory"),
        "{missing}"
    );
}

#[test]
fn an_error_in_an_included_file_shows_that_files_line() {
    let scratch = Scratch::new("included-error");
    scratch.write("bad.inc", "\n\nport x");
    let error = scratch
        .load("include DIR/bad.inc")
        .map(drop)
        .expect_err("refused")
        .to_string();
    assert!(error.contains("at line 3\n>>> 'port x'\n"), "{error}");
}

#[test]
fn a_file_that_includes_itself_is_refused() {
    let scratch = Scratch::new("loop");
    let error = scratch
        .load("include DIR/main.conf")
        .map(drop)
        .expect_err("refused")
        .to_string();
    assert!(
        error.ends_with("Files include each other too deeply"),
        "{error}"
    );
}

#[test]
fn options_come_after_the_file() {
    let scratch = Scratch::new("options");
    let path = scratch.write("x.conf", "port 1\nsave 900 1");
    let options = b"port \"2\" \nsave \"100\" \"100\" ".to_vec();
    let config = Config::detached();
    let source = Source {
        path: Some(path.clone()),
        stdin: false,
        options,
    };
    config
        .load(&source, &mut Collected::default())
        .expect("valid");
    assert_eq!(
        (config.int("port"), get(&config, "save")),
        (2, "900 1 100 100".to_owned())
    );
    assert_eq!(config.path(), Some(path));
}

#[test]
fn redis_own_configuration_file_is_read() {
    // The forms that redis.conf of 7.0 uses, each once.
    let config = load(
        "bind 127.0.0.1 -::1\nprotected-mode yes\npidfile /var/run/redis_6379.pid\n\
        loglevel notice\nlogfile \"\"\nalways-show-logo no\nset-proc-title yes\n\
        proc-title-template \"{title} {listen-addr} {server-mode}\"\ndir ./\n\
        oom-score-adj-values 0 200 800\nappenddirname \"appendonlydir\"\n\
        notify-keyspace-events \"\"\nclient-output-buffer-limit replica 256mb 64mb 60\n\
        jemalloc-bg-thread yes\n",
    )
    .expect("valid");
    assert_eq!(config.bind(), ["127.0.0.1", "-::1"]);
}

#[test]
fn what_a_rewrite_wrote_is_read_back() {
    let config = load(
        "port 7\nsave 1 2\nmaxmemory 5mb\nrequirepass \"\\xff\\n\"\nunixsocketperm 700\n\
        bind 1.2.3.4\nreplicaof h 5\nshutdown-on-sigterm now force\nmaxmemory-clients 7%",
    )
    .expect("valid");
    for force_all in [false, true] {
        let text = config.rewritten(
            "",
            Rewriting {
                force_all,
                users: None,
            },
        );
        let again = load(&text).unwrap_or_else(|e| panic!("{e}\n{text}"));
        assert_eq!(
            again.get_matching(&[b"*"]),
            config.get_matching(&[b"*"]),
            "{text}"
        );
    }
}

proptest::proptest! {
    #[test]
    fn no_text_panics(text: Vec<u8>) {
        let _ = Config::detached().load_text(&text, &mut Collected::default());
    }
}
